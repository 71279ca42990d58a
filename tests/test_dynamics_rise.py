"""When a curve has reached half of its rise: cases solved by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from heschl.dynamics import half_rise
from heschl.dynamics.rise import half_step
from heschl.errors import InputError, UsageError


@pytest.mark.parametrize(
    ("steps", "values", "expected"),
    [
        ([0, 10], [0.0, 1.0], 5.0),
        ([0, 10, 20], [0.2, 0.2, 0.6], 15.0),
        ([0, 100, 1000], [0.0, 0.5, 1.0], 100.0),  # half is met at a step itself
        ([0, 10, 20, 30], [0.0, 0.8, 0.1, 1.0], 6.25),  # the first time counts
        ([0, 10, 20], [0.0, 1.0, -3.0], 5.0),  # it falls afterwards
        ([0, 10, 20], [0.5, 0.0, 1.0], 17.5),  # it falls first: half is 0.75
        ([0, 10], [1.0, 0.0], math.nan),
        ([0, 10], [0.5, 0.515], math.nan),  # no more than the threshold
        ([0, 10], [0.5, 0.521], 5.0),
        ([5], [1.0], math.nan),
        ([], [], math.nan),
    ],
)
def test_half_of_a_rise(steps, values, expected):
    found = half_step(np.array(steps, float), np.array(values), threshold=0.02)
    assert found == pytest.approx(expected, nan_ok=True)


def curve(layer, values, steps=(0, 10, 20), **rest):
    shared = {
        "run": "r",
        "dataset": "d",
        "metric": "rsa",
        "protocol": "p",
        "unit": "rho",
        "region": "",
        "target": "all",
        "layer": layer,
    }
    frame = pd.DataFrame({"step": steps, "value": values, "layer_index": int(layer or -1)})
    return frame.assign(**(shared | rest))


def test_every_layer_and_region_has_its_own():
    scores = pd.concat(
        [
            curve("1", [0.0, 0.0, 1.0]),
            curve("0", [0.0, 1.0, 0.9]),
            curve("0", [0.0, math.nan, 1.0], region="belt"),
            curve("0", [math.nan, math.nan, math.nan], region="core"),
            curve("0", [0.0, 0.2, 0.3], target="anna"),
        ]
    ).sample(frac=1, random_state=0)  # the order of rows does not matter
    found = half_rise(scores).set_index(["region", "layer"])["half_step"]
    assert found["", "1"] == 15
    assert found["", "0"] == 5
    assert found["belt", "0"] == 10
    assert math.isnan(found["core", "0"])
    assert len(found) == 4
    assert len(half_rise(scores, target=None)) == 5
    (anna,) = half_rise(scores, target="anna")["half_step"]
    assert anna == pytest.approx(7.5)


def test_wrong_use():
    with pytest.raises(UsageError, match="threshold is -1"):
        half_rise(curve("0", [0, 1, 2]), threshold=-1)
    two = pd.concat([curve("0", [0, 1, 2]), curve("0", [0, 1, 2], run="s")])
    with pytest.raises(InputError, match="runs r, s"):
        half_rise(two)
