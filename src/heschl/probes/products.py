"""Matrix products on a CPU, by the faster of two libraries that come with torch.

torch multiplies float32 matrices with MKL, which on processors of AMD does not use all of them:
oneDNN is twice as fast there and as exact (measured on Zen 5: 110 and 215 GFLOPS a core). On
processors of Intel both are equally fast.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor


class _Linear(torch.autograd.Function):
    """Linear layer without bias, whose gradients are products by oneDNN, too."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return _by_onednn(x, weight)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None]:
        (gradient,) = gradients
        x, weight = ctx.saved_tensors
        of_x = _by_onednn(gradient, weight.T) if ctx.needs_input_grad[0] else None
        of_weight = _by_onednn(gradient.T, x.T) if ctx.needs_input_grad[1] else None
        return of_x, of_weight


def linear(x: Tensor, weight: Tensor) -> Tensor:
    """Multiply stacked rows by weights: (n_stacked, n, n_in) and (n_stacked, n_out, n_in)."""
    if len(x) == 1 and x.device.type == "cpu" and x.dtype == torch.float32 and _has_onednn():
        return _Linear.apply(x[0], weight[0])[None]  # type: ignore[no-untyped-call]
    return x @ weight.transpose(1, 2)


def _has_onednn() -> bool:
    return bool(torch.backends.mkldnn.is_available())  # type: ignore[no-untyped-call]


def _by_onednn(x: Tensor, weight: Tensor) -> Tensor:
    """Multiply (n, n_in) by the transpose of (n_out, n_in)."""
    if hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        # what torch.compile makes of a linear layer: without the copies between layouts, a tenth
        # of the time; its leading underscore promises nothing, hence the other way
        return torch.ops.mkldnn._linear_pointwise(x, weight, None, "none", [], "")
    return F.linear(x.contiguous().to_mkldnn(), weight).to_dense()
