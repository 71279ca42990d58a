"""A training that is measured ends as one that is not: to the bit."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from torch import nn

import heschl
import small_training
from heschl.dynamics import measure, undisturbed
from small_training import Net, assert_same, train


class Caching(nn.Module):
    """Keeps a table of positions once it is called, counts its calls, moves its own buffer."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3))
        self.register_buffer("seen", torch.zeros(2))
        self.register_buffer("none", None)
        self._table = None
        self.calls = 0

    def forward(self, x):
        if self._table is None:
            self._table = torch.arange(3.0)
        self.calls += 1
        self.seen += 1  # in evaluation, too
        self.none = torch.ones(1)
        self.extra = self._table
        return (x + self._table) * self.weight


def test_random_states_modes_buffers_and_gradients_are_put_back():
    torch.manual_seed(1)
    net = nn.Sequential(Net(), Caching(), nn.Dropout())
    net[0].drop.eval()  # modes are not all the same
    net[0].head.weight.requires_grad = False
    before = {key: value.clone() for key, value in net.state_dict().items()}
    modes = [part.training for part in net.modules()]
    states = random.getstate(), np.random.get_state()[1].copy(), torch.get_rng_state()  # noqa: NPY002
    with undisturbed(net):
        net.train()
        net.requires_grad_(True)
        net[0](torch.randn(4, 800))
        net[1](torch.randn(4, 3))
        torch.set_grad_enabled(False)
        random.random()
        np.random.normal()  # noqa: NPY002
        net.eval()
    assert torch.is_grad_enabled()
    assert [part.training for part in net.modules()] == modes
    assert not net[0].head.weight.requires_grad
    assert net[0].head.bias.requires_grad
    assert_same(net.state_dict(), before)
    assert net[1].calls == 0
    assert net[1]._table is None
    assert net[1].none is None
    assert not hasattr(net[1], "extra")
    assert random.getstate() == states[0]
    assert np.array_equal(np.random.get_state()[1], states[1])  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), states[2])


def test_it_is_put_back_after_an_error():
    net = Net()
    state = torch.get_rng_state()

    def fail():
        with undisturbed(net):
            net.eval()
            torch.rand(1)
            raise ValueError("inside")

    with pytest.raises(ValueError, match="inside"):
        fail()
    assert net.training
    assert torch.equal(torch.get_rng_state(), state)


def test_mixed_precision_is_off_inside():
    x = torch.ones(2, 2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        with undisturbed():
            assert (x @ x).dtype == torch.float32
        assert (x @ x).dtype == torch.bfloat16


def test_a_backward_pass_under_way_goes_on():
    """BatchNorm's buffers are not written to where nothing changed them."""
    net, other = Net(), Net()
    other.load_state_dict(net.state_dict())
    x, _ = small_training.batch(0)
    for one, watched in ((net, True), (other, False)):
        torch.manual_seed(0)
        loss = one(x).pow(2).sum()
        if watched:
            with undisturbed(one):
                one.eval()
                with torch.inference_mode():
                    one(x[:2])
        loss.backward()
    for mine, theirs in zip(net.parameters(), other.parameters(), strict=True):
        assert torch.equal(mine.grad, theirs.grad)


def test_a_training_measured_at_every_step_ends_with_the_same_weights():
    data = small_training.components()
    values = []

    def follow(net, step, loss=None):
        with undisturbed(net):
            model = heschl.wrap(net, name="net")
            values.append(measure(model, data, metrics=["rsa"])["value"].to_numpy())

    plain, losses = train()
    watched, same = train(follow)
    assert_same(watched, plain)
    assert same == losses
    assert not np.allclose(values[0], values[-1])  # it is the moving network that was measured


def test_a_table_made_while_measuring_can_be_trained_with():
    net = Caching()
    with undisturbed(net), torch.inference_mode():
        net(torch.zeros(2, 3))
    net(torch.zeros(2, 3)).sum().backward()
    assert torch.equal(net.weight.grad, 2 * torch.arange(3.0))
