"""How deep in a model the best layer of each target lies, by region of cortex."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy.stats
from numpy.typing import NDArray

from heschl.averages import mean_and_stderr
from heschl.encode.signed_rank import DECIMALS, signed_rank_p
from heschl.errors import InputError, UsageError

FloatArray = NDArray[np.float64]
Statistic = Literal["mean", "median"]
Ties = Literal["first", "leave out"]

#: Listeners with both regions that a comparison needs.
FEWEST_LISTENERS = 5


def relative_depth(scores: NDArray[np.floating], *, ties: Ties = "first") -> FloatArray:
    """Place of each target's best layer in the model, from 0, the first layer, to 1, the last.

    Source: Tuckute et al. (2023), PLoS Biology 21(12), e3002366, who draw one of several equally
    good layers at random. Here the first of them counts, or the target is left out. This matters
    for scores that count negative correlations as 0: a target that no layer predicts has the same
    score, 0, in all of them, and as "first" would pass for one of the first layer.

    Parameters
    ----------
    scores : ndarray, shape (n_layers, n_targets)
        Of every layer by itself, such as `heschl.encode.layer_profiles` gives; layers in order of
        execution. nan where a layer has no score.
    ties : {"first", "leave out"}, optional
        What counts where several layers are equally good.

    Returns
    -------
    ndarray, shape (n_targets,)
        Index of the best layer / (n_layers - 1); nan where no layer has a score.

    Raises
    ------
    InputError
        If scores have another shape or are infinite, or there are fewer than two layers.
    UsageError
        If ``ties`` is neither of the two.

    Examples
    --------
    >>> relative_depth(np.array([[0.1, 0.3], [0.2, 0.3], [0.4, 0.1]]))
    array([1., 0.])
    """
    x = np.asarray(scores, np.float64)
    if ties not in ("first", "leave out"):
        raise UsageError(f"ties is {ties!r}; expected 'first' or 'leave out'")
    if x.ndim != 2 or np.isinf(x).any():
        raise InputError(
            f"scores have shape {x.shape}; expected finite numbers, or nan, (n_layers, n_targets)"
        )
    if len(x) < 2:
        raise InputError(
            f"scores of {len(x)} layer(s); expected at least 2: depth is a place between the first "
            "layer and the last"
        )
    known = np.where(np.isnan(x), -np.inf, x)
    best = known.max(axis=0)
    depth = known.argmax(axis=0) / (len(x) - 1)
    unknown = np.isneginf(best)
    if ties == "leave out":
        unknown |= (known == best).sum(axis=0) > 1
    return np.where(unknown, np.nan, depth)


@dataclass(frozen=True)
class DepthByRegion:
    """What `depth_by_region` returns.

    Attributes
    ----------
    listeners, regions : tuple of str
        In order of first appearance.
    depth : ndarray, shape (n_listeners, n_regions)
        Relative depth, 0 to 1; nan for a listener without a target in that region.
    n_targets : ndarray of int, shape (n_listeners, n_regions)
        Targets with a depth.
    mean : ndarray, shape (n_regions,)
        Over listeners.
    stderr : ndarray, shape (n_regions,)
        ``sd / sqrt(n - 1)`` with the standard deviation of the listeners at hand (ddof 0); nan for
        a single listener.
    statistic : {"mean", "median"}
        Over the targets of a listener.
    """

    listeners: tuple[str, ...]
    regions: tuple[str, ...]
    depth: FloatArray
    n_targets: NDArray[np.int64]
    mean: FloatArray
    stderr: FloatArray
    statistic: Statistic


def depth_by_region(
    depth: NDArray[np.floating],
    listeners: NDArray[np.generic],
    regions: NDArray[np.generic],
    *,
    statistic: Statistic = "mean",
) -> DepthByRegion:
    """Relative depth of each region in each listener, and its mean over listeners.

    Tuckute et al. (2023) take the median over a listener's voxels, ``statistic="median"``, then
    the mean over listeners. Of few layers a median can take few values, so that listeners are
    often equal; the default is the mean. Their error bars are of the differences from each
    listener's own mean; the standard error here is that between listeners.

    Parameters
    ----------
    depth : ndarray, shape (n_targets,)
        See `relative_depth`; targets with nan are left out.
    listeners : ndarray, shape (n_targets,)
    regions : ndarray, shape (n_targets,)
        None, nan or "" for targets outside of all regions: left out.
    statistic : {"mean", "median"}, optional
        Over the targets of a listener in a region.

    Returns
    -------
    DepthByRegion

    Raises
    ------
    InputError
        If shapes disagree, a depth is not between 0 and 1, a listener is missing, or no target is
        in a region.
    UsageError
        If there is no such statistic.
    """
    if statistic not in ("mean", "median"):
        raise UsageError(f"statistic is {statistic!r}; expected 'mean' or 'median'")
    x = np.asarray(depth, np.float64)
    if x.ndim != 1:
        raise InputError(f"depth has shape {x.shape}; expected (n_targets,)")
    for wrong in x[(x < 0) | (x > 1)][:1]:
        raise InputError(f"a depth is {wrong:g}; expected numbers from 0 to 1, or nan")
    who, where = _labels(listeners, "listeners", len(x)), _labels(regions, "regions", len(x))
    if "" in who:
        raise InputError(
            f"the listener of target {int(np.argmax(who == ''))} is missing; expected one for "
            "each target"
        )
    names, places = _names(who), _names(where)
    if not places:
        raise InputError("no target is in a region; expected the name of one for some of them")
    take = np.mean if statistic == "mean" else np.median
    found = np.full((len(names), len(places)), np.nan)
    count = np.zeros(found.shape, np.int64)
    for i, name in enumerate(names):
        for j, place in enumerate(places):
            mine = x[(who == name) & (where == place) & ~np.isnan(x)]
            count[i, j] = len(mine)
            if len(mine):
                found[i, j] = take(mine)
    mean, stderr = mean_and_stderr(found)
    return DepthByRegion(names, places, found, count, mean, stderr, statistic)


def _labels(labels: NDArray[np.generic], what: str, n_targets: int) -> NDArray[np.str_]:
    """Labels as text, "" where one is missing."""
    found = np.asarray(labels, object)
    if found.shape != (n_targets,):
        raise InputError(
            f"{what} have shape {found.shape} beside {n_targets} targets; expected one for each"
        )
    missing = [label is None or label != label for label in found]  # nan is not itself
    return np.array(["" if no else str(x) for no, x in zip(missing, found, strict=True)], np.str_)


def _names(labels: NDArray[np.str_]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(label) for label in labels if label))


@dataclass(frozen=True)
class RegionComparison:
    """What `compare_regions` returns; n_regions are all but the reference.

    Attributes
    ----------
    reference : str
    regions : tuple of str
    difference : ndarray, shape (n_listeners, n_regions)
        Depth of the region minus that of the reference; nan for a listener without both.
    mean, stderr : ndarray, shape (n_regions,)
        Of the differences, over listeners, as in `DepthByRegion`.
    n_listeners : ndarray of int, shape (n_regions,)
        With both.
    n_different : ndarray of int, shape (n_regions,)
        Of these, with a difference other than 0.
    p : ndarray, shape (n_regions,)
        Two-sided, of the Wilcoxon signed-rank test; nan where it was refused.
    q : ndarray, shape (n_regions,)
        The same, adjusted over regions for the false discovery rate (Benjamini & Hochberg, 1995).
    notes : tuple of str, (n_regions,)
        Why there is no p, or that it could not have been below 0.05; "" elsewhere.
    """

    reference: str
    regions: tuple[str, ...]
    difference: FloatArray
    mean: FloatArray
    stderr: FloatArray
    n_listeners: NDArray[np.int64]
    n_different: NDArray[np.int64]
    p: FloatArray
    q: FloatArray
    notes: tuple[str, ...]


def compare_regions(by_region: DepthByRegion, *, reference: str = "Primary") -> RegionComparison:
    """Compare the depth of every region with that of one, over listeners.

    Tuckute et al. (2023) apply the same test to pairs of regions over models; here it is over the
    listeners of one model. See ``heschl.encode.signed_rank`` for the test, and for equal depths.

    Parameters
    ----------
    by_region : DepthByRegion
    reference : str, optional

    Returns
    -------
    RegionComparison

    Raises
    ------
    InputError
        If the reference is not one of the regions, or the only one.
    """
    if reference not in by_region.regions or len(by_region.regions) < 2:
        raise InputError(
            f"the reference is {reference!r} and the regions are {', '.join(by_region.regions)}; "
            "expected one of them, and another one to compare"
        )
    at = by_region.regions.index(reference)
    others = tuple(name for name in by_region.regions if name != reference)
    difference = np.delete(by_region.depth - by_region.depth[:, [at]], at, axis=1)
    difference = np.round(difference, DECIMALS)
    n_both = (~np.isnan(difference)).sum(axis=0)
    n_different = ((difference != 0) & ~np.isnan(difference)).sum(axis=0)
    p = np.full(len(others), np.nan)
    for j, column in enumerate(difference.T):
        if n_both[j] >= FEWEST_LISTENERS:
            p[j] = signed_rank_p(column)
    q, tested = np.full(len(others), np.nan), ~np.isnan(p)
    if tested.any():
        q[tested] = scipy.stats.false_discovery_control(p[tested], method="bh")
    pairs = zip(n_both.tolist(), n_different.tolist(), strict=True)
    notes = tuple(_note(both, different) for both, different in pairs)
    mean, stderr = mean_and_stderr(difference)
    return RegionComparison(
        reference, others, difference, mean, stderr, n_both, n_different, p, q, notes
    )


def _note(n_both: int, n_different: int) -> str:
    if n_both < FEWEST_LISTENERS:
        who = f"{n_both} listener{'' if n_both == 1 else 's'} with both regions"
        return f"not tested: {who}, expected at least {FEWEST_LISTENERS} (and 6 for a p below 0.05)"
    if n_different < 6:
        return (
            f"{n_different} of {n_both} listeners differ: the smallest p there can be is "
            f"{2.0 ** (1 - max(n_different, 1)):.4g}; one below 0.05 needs 6"
        )
    return ""
