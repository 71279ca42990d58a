"""When a layer has become half as brain-like as it will ever be."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from heschl.errors import InputError, UsageError

FloatArray = NDArray[np.float64]

#: A rise of less than this, in units of rho or r2, is none: noise has a maximum, too.
THRESHOLD = 0.02

#: What tells one curve from another.
CURVE = ("dataset", "metric", "protocol", "unit", "region", "layer", "layer_index", "target")


def half_rise(
    scores: pd.DataFrame, *, target: str | None = "all", threshold: float = THRESHOLD
) -> pd.DataFrame:
    """Find, for every layer and region, the step at which it has reached half of its rise.

    The rise goes from the value at the first step to the largest one; between steps the curve is
    taken as straight. The first step from which on half is reached counts, also if the curve falls
    again afterwards.

    Parameters
    ----------
    scores : DataFrame
        As `Trajectory.scores`.
    target : str, optional
        Only curves of this target; None for those of every component and listener, too.
    threshold : float, optional
        In the unit of the values: what rises by no more has no such step.

    Returns
    -------
    DataFrame
        One row a curve: ``dataset``, ``metric``, ``protocol``, ``unit``, ``region``, ``layer``,
        ``layer_index``, ``target``, ``first`` and ``highest`` (values), ``half_step`` (nan where
        the curve does not rise), ordered as the curves first appear.

    Raises
    ------
    UsageError
        If the threshold is negative.
    InputError
        If the scores are of several runs.
    """
    if not threshold >= 0:
        raise UsageError(f"threshold is {threshold}; expected a number of at least 0")
    runs = list(dict.fromkeys(scores["run"]))
    if len(runs) > 1:
        raise InputError(f"scores of the runs {', '.join(runs)}; expected those of one")
    wanted = scores if target is None else scores[scores["target"] == target]
    rows = []
    for names, curve in wanted.groupby(list(CURVE), sort=False):
        known = curve[curve["value"].notna()].sort_values("step")
        values = known["value"].to_numpy(np.float64)
        steps = known["step"].to_numpy(np.float64)
        rows.append(
            dict(zip(CURVE, names, strict=True))
            | {
                "first": values[0] if len(values) else np.nan,
                "highest": values.max() if len(values) else np.nan,
                "half_step": half_step(steps, values, threshold=threshold),
            }
        )
    return pd.DataFrame(rows, columns=[*CURVE, "first", "highest", "half_step"])


def half_step(steps: FloatArray, values: FloatArray, *, threshold: float = THRESHOLD) -> float:
    """Return the step at which a curve reaches half of its rise; nan if it does not rise.

    Parameters
    ----------
    steps : ndarray, shape (n_steps,)
        Growing.
    values : ndarray, shape (n_steps,)
        Without nan.
    threshold : float, optional
        A rise of no more than this is none.

    Examples
    --------
    >>> half_step(np.array([0.0, 10, 20]), np.array([0.0, 0.4, 1.0]), threshold=0)
    11.666666666666666
    """
    if len(values) < 2 or values.max() - values[0] <= threshold:
        return float("nan")
    half = (values[0] + values.max()) / 2
    after = int(np.argmax(values >= half))  # never the first, which is below
    fraction = (half - values[after - 1]) / (values[after] - values[after - 1])
    return float(steps[after - 1] + fraction * (steps[after] - steps[after - 1]))
