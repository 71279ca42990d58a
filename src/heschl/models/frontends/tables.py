"""Constant tables (windows, filters) as tensors."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray


def as_tensor(
    table: NDArray[np.float64], dtype: torch.dtype, device: torch.device | str = "cpu"
) -> torch.Tensor:
    """Return a table as a tensor of its own, whatever mode or default device is active.

    Tables are cached as arrays, not as tensors: a tensor made under ``torch.inference_mode`` could
    not be trained through later, and one made under ``torch.device("meta")`` has no values.
    """
    return torch.from_numpy(table.copy()).to(device=device, dtype=dtype)
