"""Costs of jobs: their arithmetic by hand, and bytes beside what is really written."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

import heschl
import sound_folders
from heschl import store
from heschl.brain import DATASETS
from heschl.sounds import Clip, Sounds
from heschl.studies import costs
from heschl.studies.costs import Cost, Pace
from heschl.studies.description import ModelEntry
from heschl.studies.sizes import DataSize, ModelSize, data_size, model_size
from heschl.studies.steps import PROBE, Step

MODEL = ModelSize(parameters=10**6, layers=4, features=4000, gflop=2.0)
VOXELS = DataSize(165, 330.0, n_targets=1000, audio_bytes=3e7, response_bytes=4e6, n_brains=8)
TASK = DataSize(400, 2000.0, n_train=240, n_classes=10, n_rounds=5, audio_bytes=1e7)


def step(metric, protocol="pepino2025"):
    return Step("m", ModelEntry(name="m"), "d", "d", metric, protocol, 0)


def test_seconds_are_what_each_part_takes_where_it_runs():
    cost = Cost(serial=2, parallel=12, operations=60)
    assert cost.seconds_at(Pace(cores=1, core_speed=10)) == 2 + 12 + 6
    assert cost.seconds_at(Pace(cores=3, core_speed=10)) == 2 + 4 + 2
    assert cost.seconds_at(Pace(cores=3, core_speed=10, gpu_speed=120)) == 2 + 4 + 0.5
    assert cost.network_seconds_at(Pace(cores=3, core_speed=10, gpu_speed=120)) == 0.5


def test_one_after_the_other_adds_up_but_for_memory():
    both = Cost(1, 2, 3, 40, 5, 6) + Cost(10, 20, 30, 4, 50, 60)
    assert both == Cost(11, 22, 33, 40, 55, 66)
    assert both.network == 55 + 66
    assert Cost() + both == both


def test_an_extraction_is_a_forward_pass_over_every_second():
    found = costs.extraction(MODEL, VOXELS)
    assert found.operations == pytest.approx(2e9 * 330 / 0.7)
    assert found.disk == 4 * 4000 * 165
    assert found.read == 3e7
    twice = costs.extraction(MODEL, dataclasses.replace(VOXELS, n_sounds=330, seconds=660.0))
    assert twice.operations == pytest.approx(2 * found.operations)
    assert twice.disk == 2 * found.disk


def test_models_without_parameters_run_on_cores():
    by_hand = costs.extraction(dataclasses.replace(MODEL, parameters=0), VOXELS)
    assert by_hand.operations == 0
    assert by_hand.parallel == pytest.approx((0.07 * 0.28 + 0.0125 * (2 - 0.28)) * 330)


def test_weights_are_read_by_whoever_has_another_model_at_hand():
    found = costs.loading(MODEL)
    assert found.read == 4e6
    assert found.disk == 0
    assert costs.loading(dataclasses.replace(MODEL, parameters=0)).read == 0
    assert costs.opening(VOXELS).read == 3e7 + 4e6


@pytest.mark.parametrize(
    "one", [step("regression"), step("rsa"), step("regression", "tuckute2023")]
)
def test_analyses_read_activations_and_share_cores(one):
    found = costs.analysis(one, MODEL, VOXELS)
    assert found.read == 4 * 4000 * 165
    assert found.operations == 0
    assert found.parallel > found.serial
    more = costs.analysis(one, MODEL, dataclasses.replace(VOXELS, n_targets=2000, n_brains=16))
    assert more.parallel > 1.4 * found.parallel
    assert more.disk > 1.9 * found.disk - 1e5


def test_a_regression_by_hand():
    found = costs.analysis(step("regression"), MODEL, VOXELS)
    assert found.parallel == pytest.approx(4 * 0.11 + 1000 * 2e-4 + 4 * 1000 * 2.4e-4)
    assert found.disk == 16 * 165 * 1000 + 8 * 4 * 1000 + 1.5e4 + 1400 * 1000


def test_probes_by_hand():
    linear = costs.analysis(step(PROBE, "linear"), MODEL, TASK)
    assert linear.operations == 0
    assert linear.read == 4 * 4000 * 400
    mlp = costs.analysis(step(PROBE), MODEL, TASK)
    # forward and backward, three products of (clips, in) and (in, out): 16 networks of 1000-1024
    # inputs and units; 60 epochs, and a sixteenth of them for each further fold
    weights = 16 * 1000 * 1024 + 8 * 1024**2
    assert mlp.operations == pytest.approx(6 * 240 * weights * 60 * (1 + 4 / 16) / 0.6)
    assert mlp.disk == linear.disk == 1.5e4 + 4 * 400 * 10


@pytest.fixture
def small():
    """Sixty short noises, and a hundred voxels of three listeners."""
    rng = np.random.default_rng(0)
    noises = 0.1 * rng.standard_normal((60, 8000)).astype(np.float32)
    targets = {
        "target": [f"v{i}" for i in range(100)],
        "listener": [f"l{i % 3}" for i in range(100)],
    }
    return heschl.BrainDataset(
        name="small",
        kind="voxels",
        sounds=Sounds([Clip(f"s{i}", (one, 16_000)) for i, one in enumerate(noises)], duration=0.5),
        responses=rng.standard_normal((60, 100, 2)),
        targets=pd.DataFrame(targets),
        folds=np.arange(60) % 5,
    )


def n_bytes(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_disk_is_what_is_written(small, tmp_path, monkeypatch):
    monkeypatch.setenv("HESCHL_HOME", str(tmp_path / "home"))
    data, model = data_size(small), model_size("melspectrogram")
    assert (data.n_sounds, data.n_targets, data.n_brains, data.audio_bytes) == (60, 100, 3, 0)
    for metric in ("regression", "rsa"):
        options = {"metric": metric, "n_bootstrap": 100, "layer_profiles": metric == "regression"}
        found = heschl.score("melspectrogram", small, **options, n_jobs=1, show_progress=False)
        written = n_bytes(found.save(tmp_path / metric))
        planned = costs.analysis(step(metric), model, data).disk
        assert written == pytest.approx(planned, rel=0.15), metric
    written = n_bytes(store.home() / "activations")
    assert written == pytest.approx(costs.extraction(model, data).disk, rel=0.2)


def test_the_size_of_data_of_files_and_of_a_table(small, tmp_path):
    paths = [sound_folders.write(tmp_path / f"{i}.wav", 1000 + 100 * i) for i in range(5)]
    sounds = Sounds([Clip(path.stem, path) for path in paths], duration=None)
    data = dataclasses.replace(
        small, sounds=sounds, responses=np.ones((5, 100, 2)), folds=np.arange(5)
    )
    found = data_size(data)
    assert found.audio_bytes == pytest.approx(sum(path.stat().st_size for path in paths))
    assert found.seconds == pytest.approx(sum(1000 + 100 * i for i in range(5)) / 16_000)
    assert found.response_bytes == 8 * 5 * 100 * 2
    spec = DATASETS["nh2015"]
    found = data_size(spec)
    assert found.audio_bytes == spec.n_sounds * 2 * 44_100 * 2
    assert found.response_bytes == 8 * spec.n_sounds * spec.n_targets * 3
