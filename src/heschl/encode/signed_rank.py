"""The Wilcoxon signed-rank test, exact with ties too."""

from __future__ import annotations

import numpy as np
import scipy.stats
from numpy.typing import NDArray

#: Decimals to which differences are taken: 0.3 - 0.1 and 0.4 - 0.2 are the same.
DECIMALS = 12


def signed_rank_p(differences: NDArray[np.floating]) -> float:
    """Two-sided p of the Wilcoxon signed-rank test, exact for any number of listeners and ties.

    Differences of 0 are left out (Wilcoxon, 1945, Biometrics Bulletin 1(6), 80-83), equal sizes
    share their mean rank, and the sum of the ranks of positive differences is compared with that of
    all patterns of signs. Without ties this is ``scipy.stats.wilcoxon(method="exact")``; with ties,
    which are common here, that one is exact for few listeners only.

    Parameters
    ----------
    differences : ndarray, shape (n_listeners,)
        nan for listeners without one: left out. Taken to 12 decimals.

    Returns
    -------
    float
        1 if no listener has a difference other than 0.

    Examples
    --------
    >>> signed_rank_p(np.array([0.2, 0.1, 0.3, 0.25, 0.4, 0.15]))
    0.03125
    """
    d = np.round(np.asarray(differences, np.float64), DECIMALS)
    d = d[~np.isnan(d) & (d != 0)]
    doubled = np.rint(2 * scipy.stats.rankdata(np.abs(d))).astype(np.int64)  # mean ranks end in .5
    share = np.zeros(doubled.sum() + 1)  # of all patterns of signs, by the sum of positive ranks
    share[0] = 1.0
    for rank in doubled:
        share[rank:] = (share[rank:] + share[: len(share) - rank]) / 2
        share[:rank] /= 2
    positive = doubled[d > 0].sum()
    tail = min(share[: positive + 1].sum(), share[positive:].sum())
    return float(min(2 * tail, 1.0))
