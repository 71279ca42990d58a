"""Bootstrap resamples of sounds and of listeners, as counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from heschl.checks import checked_counts
from heschl.errors import InputError, UsageError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def resamples(n_units: int, n_samples: int, seed: int) -> IntArray:
    """Draw units with replacement, as many as there are, again and again.

    Scores that are to be compared need the same resamples: the same seed gives the same. Sounds
    and listeners that are resampled together need different seeds.

    Parameters
    ----------
    n_units : int
        Sounds or listeners.
    n_samples : int
    seed : int
        Of ``np.random.default_rng``.

    Returns
    -------
    ndarray of int, shape (n_samples, n_units)
        How often each unit was drawn; every row sums to ``n_units``.

    Raises
    ------
    UsageError
        If either number is below 1.

    Examples
    --------
    >>> resamples(4, 2, seed=0).sum(axis=1)
    array([4, 4])
    """
    for name, number in (("n_units", n_units), ("n_samples", n_samples)):
        if number < 1:
            raise UsageError(f"{name} is {number}; expected a whole number of at least 1")
    rng = np.random.default_rng(seed)
    return rng.multinomial(n_units, np.full(n_units, 1 / n_units), size=n_samples)


def drawn_counts(counts: NDArray[np.integer], n_units: int, what: str) -> IntArray:
    """Return counts (n_samples, n_units); raise InputError unless each row draws something."""
    counts = checked_counts(counts, n_units, what)
    if not len(counts):
        raise InputError(f"counts of shape {counts.shape}; expected at least one resample")
    if not counts.any(axis=1).all():
        empty = int(np.flatnonzero(~counts.any(axis=1))[0])
        raise InputError(f"row {empty} of the counts is all 0; expected {what} to be drawn in each")
    return counts


def bootstrap_mean(
    per_listener: NDArray[np.floating], listener_counts: NDArray[np.integer] | None = None
) -> FloatArray:
    """Mean over listeners in every resample of sounds, of listeners, or of both.

    What is resampled is what the interval is about: over sounds, these listeners and other sounds;
    over listeners, these sounds and other listeners; over both, others of both. Resampling both
    counts the noise of single measurements more than once: such an interval is on the safe side
    (Owen, 2007, Annals of Applied Statistics 1(2), 386-411).

    Parameters
    ----------
    per_listener : ndarray, shape (n_samples, n_listeners) or (n_listeners,)
        A value of each listener in each resample of sounds, or on all sounds. nan where a listener
        has none: it is left out.
    listener_counts : ndarray of int, shape (n_samples, n_listeners), optional
        How often each listener was drawn, from `resamples`; by default each once. Leave out
        listeners without any value before drawing, or fewer than there are will be drawn.

    Returns
    -------
    ndarray, shape (n_samples,)
        nan where no listener that was drawn has a value. One number if nothing was resampled.

    Raises
    ------
    InputError
        If shapes disagree, values are infinite, or counts are not whole numbers from 0 on.

    Examples
    --------
    >>> over_sounds = np.array([[0.2, 0.4], [0.1, 0.2]])
    >>> bootstrap_mean(over_sounds)
    array([0.3 , 0.15])
    >>> bootstrap_mean(over_sounds, np.array([[1, 1], [2, 0]]))
    array([0.3, 0.1])
    """
    values = np.asarray(per_listener, np.float64)
    if values.ndim not in (1, 2) or not values.shape[-1]:
        raise InputError(
            f"values of shape {values.shape}; expected (n_samples, n_listeners) or (n_listeners,)"
        )
    if np.isinf(values).any():
        raise InputError(
            "values of listeners are infinite; expected finite numbers, nan where there is none"
        )
    values = np.atleast_2d(values)
    n_samples, n_listeners = values.shape
    if listener_counts is None:
        weights = np.ones((1, n_listeners), np.int64)
    else:
        weights = drawn_counts(listener_counts, n_listeners, "listeners")
        if n_samples not in (1, len(weights)):
            raise InputError(
                f"{n_samples} resamples of sounds and {len(weights)} of listeners; expected as "
                "many of one as of the other"
            )
    known = ~np.isnan(values)
    total = (weights * known).sum(axis=1)
    summed = (weights * np.where(known, values, 0.0)).sum(axis=1)
    out = np.full(total.shape, np.nan)
    np.divide(summed, total, out=out, where=total > 0)
    return out
