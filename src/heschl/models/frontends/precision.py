"""Double precision for front ends whose originals compute in it."""

from __future__ import annotations

import torch


def as_double(x: torch.Tensor) -> torch.Tensor:
    """Return a tensor in float64, on its own device where that has the type, else on the CPU."""
    return (x.cpu() if x.device.type == "mps" else x).double()
