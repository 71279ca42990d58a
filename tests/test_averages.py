"""Mean and standard error over listeners, by hand and against scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import sem

from heschl.averages import mean_and_stderr


def test_by_hand():
    """1, 2, 6: mean 3, squares 4 + 1 + 9 = 14, sd 0 of sqrt(14 / 3), over sqrt(2)."""
    mean, stderr = mean_and_stderr(np.array([1.0, 2.0, 6.0]))
    assert mean == 3
    assert stderr == pytest.approx(np.sqrt(14 / 3) / np.sqrt(2))


def test_equals_scipys_standard_error():
    values = np.random.default_rng(0).standard_normal((9, 4))
    mean, stderr = mean_and_stderr(values)
    np.testing.assert_allclose(mean, values.mean(axis=0))
    np.testing.assert_allclose(stderr, sem(values, axis=0))


def test_listeners_without_a_value_are_left_out():
    values = np.array([[1.0, np.nan, np.nan], [3.0, 5.0, np.nan], [np.nan, np.nan, np.nan]])
    mean, stderr = mean_and_stderr(values)
    np.testing.assert_array_equal(mean, [2, 5, np.nan])
    np.testing.assert_array_equal(stderr, [1, np.nan, np.nan])
