"""How sure a score is: what is resampled, and how often."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heschl import stats
from heschl.errors import UsageError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Uncertainty:
    """Intervals by the bootstrap, p by permutation of the sounds.

    Sounds are resampled for the score of one target or listener; sounds and listeners together for
    a mean over listeners.

    Attributes
    ----------
    n_bootstrap : int
        Resamples; 0: no intervals.
    n_permutations : int
        Permutations of the sounds; 0: no p.
    seed : int
        The same seed draws the same sounds and listeners for every model.
    level : float
        Of the intervals.
    """

    n_bootstrap: int = 1000
    n_permutations: int = 0
    seed: int = 0
    level: float = 0.95

    def __post_init__(self) -> None:
        for name in ("n_bootstrap", "n_permutations", "seed"):
            if getattr(self, name) < 0:
                raise UsageError(f"{name} is {getattr(self, name)}; expected 0 or more")
        if 0 < self.n_bootstrap < 100:
            raise UsageError(
                f"n_bootstrap is {self.n_bootstrap}; expected at least 100 for the ends of an "
                "interval, or 0 for none"
            )
        if not 0 < self.level < 1:
            raise UsageError(f"the level is {self.level}; expected a number between 0 and 1")

    def record(self, n_sounds: int, n_listeners: int) -> dict[str, Any]:
        """Describe what is done, and what is refused in words, for the provenance."""
        reasons = (stats.why_not(n_sounds, "sounds"), stats.why_not(n_listeners, "listeners"))
        return {
            "n_bootstrap": self.n_bootstrap,
            "n_permutations": self.n_permutations,
            "seed": self.seed,
            "level": self.level,
            "resampled": "sounds; of means over listeners, sounds and listeners",
            "refused": [reason for reason in reasons if reason is not None],
        }

    def sounds(self, n_sounds: int) -> IntArray | None:
        """How often each sound is drawn, (n_bootstrap, n_sounds); None if there are too few."""
        if not self.n_bootstrap or stats.why_not(n_sounds, "sounds"):
            return None
        return stats.resamples(n_sounds, self.n_bootstrap, self.seed)

    def over_sounds(
        self, samples: FloatArray, estimate: FloatArray, n_sounds: int
    ) -> tuple[FloatArray, FloatArray]:
        """Return the ends of the interval of each estimate (n,); samples are (n_bootstrap, n)."""
        low, high = np.full(len(estimate), np.nan), np.full(len(estimate), np.nan)
        known = ~np.isnan(estimate)
        if known.any():
            found = stats.interval(
                samples[:, known], estimate[known], n_sounds, kind="sounds", level=self.level
            )
            low[known], high[known] = found.low, found.high
        return low, high

    def of_mean(self, samples: FloatArray, estimate: FloatArray) -> tuple[float, float]:
        """Return the ends of the interval of a mean over listeners; nan if there are too few.

        Parameters
        ----------
        samples : ndarray, shape (n_bootstrap, n_listeners) or (n_listeners,)
            Values in resamples of sounds, or on all sounds.
        estimate : ndarray, shape (n_listeners,)
            Values on all sounds; nan for listeners without any.
        """
        known = ~np.isnan(estimate)
        n_listeners = int(known.sum())
        if not self.n_bootstrap or stats.why_not(n_listeners, "listeners"):
            return float("nan"), float("nan")
        counts = stats.resamples(n_listeners, self.n_bootstrap, self.seed + 1)
        means = stats.bootstrap_mean(np.atleast_2d(samples)[:, known], counts)
        found = stats.interval(means, estimate[known].mean(), n_listeners, level=self.level)
        return float(found.low), float(found.high)
