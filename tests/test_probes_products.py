"""Products of the probes: each way, forwards and backwards, beside numpy in double precision."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from heschl.probes import products


@pytest.fixture(params=["as torch.compile", "by layouts", "without oneDNN"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "by layouts":
        monkeypatch.setattr(torch.ops, "mkldnn", object())
    if request.param == "without oneDNN":
        monkeypatch.setattr(products, "_has_onednn", lambda: False)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(("n", "n_in", "n_out"), [(5, 3, 4), (1, 7, 2), (130, 64, 33)])
def test_linear_and_its_gradients(n: int, n_in: int, n_out: int) -> None:
    rng = np.random.default_rng(0)
    x, weight, back = (rng.standard_normal(s) for s in ((n, n_in), (n_out, n_in), (n, n_out)))
    given, weights = (
        torch.tensor(a[None], dtype=torch.float32, requires_grad=True) for a in (x, weight)
    )
    out = products.linear(given, weights)
    out.backward(torch.tensor(back[None], dtype=torch.float32))
    assert given.grad is not None
    assert weights.grad is not None
    for found, expected in (
        (out.detach(), x @ weight.T),
        (given.grad, back @ weight),
        (weights.grad, back.T @ x),
    ):
        np.testing.assert_allclose(found[0].numpy(), expected, rtol=0, atol=1e-4)
