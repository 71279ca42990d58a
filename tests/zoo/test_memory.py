"""Memory of a batch, before it runs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from heschl.activations import extract, plan_memory
from heschl.activations.memory import HELD_BACK, LARGEST_ON_CPU, USABLE, _cgroup
from heschl.errors import InputError
from heschl.models import load_model
from heschl.models.memory import LiveBytes
from heschl.models.network import Layer, NetworkModel
from heschl.sounds import Clip, Sounds

RATE = 1000
KB = 1024


class Wide(nn.Module):
    """Every sound needs two tensors of 400 KB at once, and later one of 4 KB."""

    def __init__(self):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(1))
        self.out = nn.Identity()

    def forward(self, x):
        large = x[:, None, :] + torch.zeros(100, 1)  # 100 x 1000 values
        larger = large * 2
        del large
        return self.out(larger[:, :1].clone())


def make():
    layers = {"out": Layer("out", lambda output: output)}
    return NetworkModel(
        name="wide", network=Wide(), sample_rate=RATE, layers=layers, architecture={"model": "wide"}
    )


def sounds(n=20, seconds=1.0):
    rng = np.random.default_rng(0)
    clips = [Clip(str(i), (rng.standard_normal(RATE).astype(np.float32), RATE)) for i in range(n)]
    return Sounds(clips, duration=seconds)


def test_live_bytes_by_hand():
    x = torch.zeros(256)
    with LiveBytes() as live:
        a = x + 1  # 1 KB
        b = torch.cat([a, a])  # 2 KB
        view = b[10:]
        del b
        assert live.now == 3 * KB  # the view holds it
        del view, a
        assert live.now == 0
        c = x * 2
        c.add_(1)  # in place: nothing new
    assert live.peak == 3 * KB
    assert live.now == KB
    del c
    assert live.now == 0


def test_the_estimate_grows_with_every_sound():
    model = make()
    x = np.zeros((4, RATE), np.float32)
    each = 2 * 100 * RATE * 4
    for n in (1, 2, 4):
        assert model.peak_bytes(x[:n]) == pytest.approx(n * each, rel=0.01)


def test_the_batch_is_fitted_to_what_is_free():
    model, each = make(), 2 * 100 * RATE * 4
    assert plan_memory(model, sounds()).batch_size == LARGEST_ON_CPU
    assert plan_memory(model, sounds(3)).batch_size == 3
    assert plan_memory(model, sounds(), batch_size=5).batch_size == 5
    plan = plan_memory(model, sounds(), free_bytes=round(4.2 * each / USABLE))
    assert plan.batch_size == 4


def test_the_estimate_is_what_is_held_and_what_the_allocator_holds_back(monkeypatch):
    monkeypatch.setattr("heschl.activations.memory._held", lambda _device: 1000)
    each = 2 * 100 * RATE * 4
    for n in (2, 6):
        plan = plan_memory(make(), sounds(), batch_size=n)
        assert plan.peak_bytes == pytest.approx(1000 + (1 + HELD_BACK) * n * each, rel=0.01)
    monkeypatch.setattr("heschl.activations.memory.MOST_HELD_BACK", each)
    plan = plan_memory(make(), sounds(), batch_size=6)
    assert plan.peak_bytes == pytest.approx(1000 + 7 * each, rel=0.01)


def test_what_does_not_fit_is_refused_before_the_run(monkeypatch):
    with pytest.raises(InputError, match=r"wide: one sound of 1 s needs 0.00 GB on cpu, where"):
        plan_memory(make(), sounds(), free_bytes=100 * KB)


def test_models_that_cannot_tell():
    plan = plan_memory(load_model("melspectrogram"), sounds())
    assert (plan.batch_size, plan.peak_bytes) == (LARGEST_ON_CPU, None)


def test_one_at_a_time():
    model = make()
    model.one_at_a_time = True
    assert plan_memory(model, sounds(), batch_size=8).batch_size == 1


def test_the_plan_is_followed(monkeypatch):
    seen = []
    model = make()
    vectors = model.vectors

    def spy(waveforms, layers=None):
        seen.append(len(waveforms))
        return vectors(waveforms, layers)

    monkeypatch.setattr(model, "vectors", spy)
    extract(model, sounds(), batch_size=6, use_store=False)
    assert seen == [1, 6, 6, 6, 2]  # a trial, then the sounds
    seen.clear()
    each = 2 * 100 * RATE * 4
    monkeypatch.setattr("heschl.activations.memory.bytes_free", lambda _device: 4.2 * each / USABLE)
    extract(model, sounds(), batch_size=6, use_store=False)
    assert seen == [1, 1, 2, 4, 4, 4, 4, 4]  # one trial does not tell: two more do


def test_limits_of_a_container(tmp_path):
    (tmp_path / "memory.max").write_text("1000\n")
    assert _cgroup("memory.max", tmp_path) == 1000
    (tmp_path / "memory.max").write_text("max\n")
    assert _cgroup("memory.max", tmp_path) is None
    assert _cgroup("memory.current", tmp_path) is None
