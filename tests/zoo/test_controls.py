"""Controls: fresh and shuffled weights, repeatable and of the right kind."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from heschl.errors import UsageError
from heschl.models.controls import permute, reset, seeded


class Shared(nn.Module):
    def __init__(self):
        super().__init__()
        self.one = nn.Linear(30, 20)
        self.two = nn.Linear(30, 20)
        self.two.weight = self.one.weight
        self.norm = nn.BatchNorm1d(20)
        self.register_buffer("table", torch.arange(50.0), persistent=False)


def make(seed=0):
    torch.manual_seed(seed)
    network = Shared()
    network.norm.running_mean.normal_()
    return network


def state(network):
    return {key: value.clone().numpy() for key, value in network.state_dict().items()}


def test_values_are_kept_and_their_order_is_not():
    network, before = make(), state(make())
    permute(network, 0)
    after = state(network)
    for key in before:
        assert after[key].shape == before[key].shape
        np.testing.assert_array_equal(np.sort(after[key], None), np.sort(before[key], None))
    for key in ("one.weight", "one.bias", "two.bias", "norm.running_mean"):
        assert np.mean(after[key] == before[key]) < 0.2
    assert after["norm.num_batches_tracked"] == before["norm.num_batches_tracked"]
    np.testing.assert_array_equal(network.table, torch.arange(50.0))  # no part of the state


def test_what_is_shared_stays_shared():
    network = make()
    permute(network, 0)
    assert network.two.weight is network.one.weight


def test_the_order_depends_on_seed_and_name_alone():
    first, again, other = make(), make(), make()
    torch.manual_seed(99)
    permute(first, 0)
    permute(again, 0)
    permute(other, 1)
    for key, value in state(first).items():
        np.testing.assert_array_equal(state(again)[key], value)
    assert not np.array_equal(state(other)["one.weight"], state(first)["one.weight"])
    assert not np.array_equal(
        state(first)["one.bias"].argsort(), state(first)["two.bias"].argsort()
    )


def test_every_order_is_as_likely():
    """Each of four values comes to each place in about a quarter of 2,000 shuffles."""
    counts = np.zeros((4, 4))
    for seed in range(2000):
        network = nn.Linear(4, 1, bias=False)
        network.weight.data = torch.arange(4.0)[None]
        permute(network, seed)
        counts[np.arange(4), network.weight.data[0].int().numpy()] += 1
    assert np.abs(counts / 2000 - 0.25).max() < 4 * np.sqrt(0.25 * 0.75 / 2000)


def test_fresh_weights_are_repeatable_and_leave_the_generator_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    with seeded(7):
        one = nn.Linear(4, 4)
    with seeded(7):
        other = nn.Linear(4, 4)
    assert torch.equal(one.weight, other.weight)
    assert torch.equal(torch.rand(3), expected)


def test_reset_draws_as_a_new_module_does():
    network = nn.Sequential(nn.Conv1d(8, 64, 5), nn.BatchNorm1d(64), nn.MultiheadAttention(64, 2))
    with torch.no_grad():
        for tensor in network.state_dict().values():
            tensor.fill_(7)
    reset(network, 3)
    fresh = nn.Sequential(nn.Conv1d(8, 64, 5), nn.BatchNorm1d(64), nn.MultiheadAttention(64, 2))
    for key, value in fresh.state_dict().items():
        found = network.state_dict()[key].float()
        assert not (found == 7).any()
        spread = float(value.float().std(correction=0))
        assert float(found.std(correction=0)) == pytest.approx(spread, rel=0.3)
    again = nn.Sequential(nn.Conv1d(8, 64, 5), nn.BatchNorm1d(64), nn.MultiheadAttention(64, 2))
    reset(again, 3)
    for key, value in again.state_dict().items():
        assert torch.equal(value, network.state_dict()[key])


def test_what_cannot_be_drawn_anew_is_named():
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(2, 2)
            self.scale = nn.Parameter(torch.ones(2))

    network = Own()
    before = network.linear.weight.clone()
    with pytest.raises(
        UsageError, match=r"parameter 'scale' cannot be drawn anew.*reset_parameters"
    ):
        reset(network, 0)
    assert torch.equal(network.linear.weight, before)
