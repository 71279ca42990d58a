"""Scalars for TensorBoard: the mean over what is measured, and components, step by step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from heschl.errors import MissingDependencyError

#: What is shown of all of auditory cortex, and of the score that chooses layers.
WHOLE, PROTOCOL = "auditory_cortex", "protocol"


class Scalars:
    """Writes to a folder that TensorBoard reads; the file is made at the first scalar.

    Parameters
    ----------
    folder : Path

    Raises
    ------
    MissingDependencyError
        If TensorBoard is not installed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._writer: Any = None
        _writer_class()

    def write(self, table: pd.DataFrame) -> None:
        """Write the scores of a step: ``DATASET/METRIC/REGION or component/LAYER``."""
        named = table["target"].to_numpy() != "all"
        listeners = (table["metric"] == "rsa").to_numpy() | (table["region"] != "").to_numpy()
        for one in table[~(named & listeners)].to_dict(orient="records"):
            where = one["region"] or (WHOLE if one["target"] == "all" else one["target"])
            tag = f"{one['dataset']}/{one['metric']}/{where}/{one['layer'] or PROTOCOL}"
            self._open().add_scalar(tag, one["value"], one["step"])
        self._open().flush()

    def write_losses(self, rows: pd.DataFrame) -> None:
        """Write the loss and further numbers of every step."""
        for one in rows.to_dict(orient="records"):
            for name in rows.columns.drop("step"):
                self._open().add_scalar(f"training/{name}", one[name], one["step"])
        self._open().flush()

    def close(self) -> None:
        """Close the file."""
        if self._writer is not None:
            self._writer.close()

    def _open(self) -> Any:
        if self._writer is None:
            self._writer = _writer_class()(str(self.folder))
        return self._writer


def _writer_class() -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise MissingDependencyError(
            "scalars for TensorBoard need tensorboard, which is not installed; install heschl with "
            'its extra "pretrain" (python -m pip install "heschl[pretrain]"), or leave '
            "tensorboard=True out"
        ) from error
    return SummaryWriter
