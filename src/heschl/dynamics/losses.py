"""The losses of a training, beside its trajectory: kept for a while, then written together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from heschl.dynamics.table import append_losses


class Losses:
    """Losses and other numbers of steps that are not on disk yet.

    Tensors stay where they are until they are written: waiting for a GPU at every step would cost
    more than the measurements.
    """

    def __init__(self) -> None:
        self._noted: list[dict[str, Any]] = []

    def note(self, step: int, **numbers: Any) -> None:
        """Keep numbers (float or Tensor) of a step."""
        kept = {name: _detached(value) for name, value in numbers.items()}
        self._noted.append({"step": step, **kept})

    def write(self, folder: Path) -> pd.DataFrame | None:
        """Add what was noted to the losses in a folder; return it, or None if there is nothing.

        Raises
        ------
        DamagedEntryError, StoreError
            As `append_losses`; what was noted is kept.
        """
        if not self._noted:
            return None
        rows = [{name: float(value) for name, value in one.items()} for one in self._noted]
        table = pd.DataFrame(rows).astype({"step": "int64"})
        append_losses(folder, table)
        self._noted.clear()
        return table


def _detached(value: Any) -> Any:
    return value.detach() if hasattr(value, "detach") else value
