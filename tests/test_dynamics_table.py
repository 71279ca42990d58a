"""The folder of a trajectory: what is written is read back, what is none is refused."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest

from heschl.dynamics import COLUMNS, read_trajectory, write_baselines
from heschl.dynamics.table import (
    append_losses,
    append_scores,
    read_losses,
    write_header,
    write_scores,
)
from heschl.errors import DamagedEntryError, InputError


def row(step, value=0.1, **rest):
    return {
        "run": "a, b",
        "step": step,
        "dataset": "d",
        "metric": "rsa",
        "protocol": "pepino2025",
        "unit": "rho",
        "region": "",
        "layer": "NA",
        "layer_index": 0,
        "target": "all",
        "value": value,
        "low": math.nan,
        "high": 1 / 3,
        "ceiling": math.nan,
    } | rest


def test_what_is_written_is_read_back_to_the_bit(tmp_path):
    rng = np.random.default_rng(0)
    rows = [row(step, rng.standard_normal(), target="nan") for step in (20, 0, 10)]
    write_header(tmp_path, "a, b", {"seed": 3})
    write_scores(tmp_path, rows)
    found = read_trajectory(tmp_path)
    assert (found.run, found.provenance, found.losses, found.baselines) == (
        "a, b",
        {"seed": 3},
        None,
        None,
    )
    assert tuple(found.scores.columns) == COLUMNS
    assert found.steps == (0, 10, 20)
    by_step = {one["step"]: one for one in rows}
    for one in found.scores.to_dict(orient="records"):
        expected = by_step[one["step"]]
        assert one["value"] == expected["value"]
        assert one["high"] == 1 / 3
        assert math.isnan(one["low"])
        assert (one["layer"], one["region"], one["target"]) == ("NA", "", "nan")


def test_a_repeated_step_replaces_it_and_what_came_later(tmp_path):
    for step in (0, 10, 20, 30):
        append_scores(tmp_path, [row(step, step / 100), row(step, -step, layer="second")])
    append_scores(tmp_path, [row(20, 7.0)])
    table = pd.read_csv(tmp_path / "trajectory.csv")
    assert list(zip(table["step"], table["value"], strict=True)) == [
        (0, 0.0),
        (0, 0.0),
        (10, 0.1),
        (10, -10.0),
        (20, 7.0),
    ]


def test_rows_of_two_steps_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"steps \[1, 2\]"):
        append_scores(tmp_path, [row(1), row(2)])


def test_losses_of_one_step_are_averaged_and_repeated_ones_replaced(tmp_path):
    append_losses(tmp_path, pd.DataFrame({"step": [1, 2, 2, 3], "loss": [4.0, 3.0, 1.0, 5.0]}))
    append_losses(tmp_path, pd.DataFrame({"step": [3, 4], "loss": [0.5, 0.25], "lr": [1.0, 2.0]}))
    found = read_losses(tmp_path)
    assert list(found.columns) == ["step", "loss", "lr"]
    assert list(found["step"]) == [1, 2, 3, 4]
    assert list(found["loss"]) == [4.0, 2.0, 0.5, 0.25]
    assert list(found["lr"].iloc[2:]) == [1.0, 2.0]
    assert found["lr"].iloc[:2].isna().all()


def test_baselines_have_no_step(tmp_path):
    write_header(tmp_path, "r", {})
    write_scores(tmp_path, [row(0)])
    write_baselines(tmp_path, [row(0, run="other")])
    found = read_trajectory(tmp_path).baselines
    assert list(found.columns) == [column for column in COLUMNS if column != "step"]
    assert list(found["run"]) == ["other"]


def test_what_is_none_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"no trajectory here \(trajectory.json is missing\)"):
        read_trajectory(tmp_path)
    write_header(tmp_path, "r", {})
    with pytest.raises(InputError, match="no measurement yet"):
        read_trajectory(tmp_path)
    (tmp_path / "trajectory.csv").write_text("step,value\n1,2\n")
    with pytest.raises(DamagedEntryError, match="'run' is missing"):
        read_trajectory(tmp_path)
    (tmp_path / "trajectory.csv").write_text(",".join(COLUMNS) + "\n" + "x," * 13 + "x\n")
    with pytest.raises(DamagedEntryError, match=r"trajectory\.csv"):
        read_trajectory(tmp_path)
    (tmp_path / "trajectory.json").write_text(json.dumps({"format": 9}))
    with pytest.raises(InputError, match="format 9"):
        read_trajectory(tmp_path)
    (tmp_path / "trajectory.json").write_text("[]")
    with pytest.raises(DamagedEntryError, match="not as heschl wrote it"):
        read_trajectory(tmp_path)
