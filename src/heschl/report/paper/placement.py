"""Where the names of points go: beside them, on nothing else.

Every name has a few hundred places around its point, each with a cost. Names are put down one after
the other, each at its best place among those that are there, crowds first. Then, again and again, a
name that is badly placed is taken up together with its neighbours, and they are put down in another
order, if that makes it better.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from heschl.report.paper.placement_cost import Page

FloatArray = NDArray[np.float64]

#: Gaps between a point's edge and its name, and directions, from the right counter-clockwise.
GAPS = (0.6, 2.5, 5.0, 8.0, 12.0, 17.0, 23.0, 30.0, 38.0, 48.0, 60.0, 75.0, 95.0)
N_DIRECTIONS = 36
#: How often, and how many, names are taken up again.
N_TRIES, N_TAKEN = 150, 7
_AT_ONCE = 32
#: Last round: how often at most, and what is worth moving for.
_SWEEPS, _GAIN = 5, 0.1


def place(
    points: FloatArray,
    sizes: FloatArray,
    bounds: tuple[float, float, float, float],
    *,
    radius: float = 2.0,
    blocked: FloatArray | None = None,
) -> FloatArray:
    """Return the centre of the name of each point; the same every time.

    Parameters
    ----------
    points : ndarray, shape (n_points, 2)
        In printer's points (1/72 inch), as everything here.
    sizes : ndarray, shape (n_points, 2)
        Width and height of the names.
    bounds : (left, bottom, right, top)
        Names stay within.
    radius : float, optional
        Of the marks of the points.
    blocked : ndarray, shape (n_boxes, 4), optional
        Boxes (left, bottom, right, top) that names must not touch.

    Returns
    -------
    ndarray, shape (n_points, 2)
        Names overlap only if there is no place without.
    """
    page = Page(
        points, sizes, np.array(bounds), radius, np.empty((0, 4)) if blocked is None else blocked
    )
    names = _Names(page)
    centers, _ = names.put_down(_crowded_first(points), points.astype(float), [])
    return _improve(names, centers) if len(points) > 1 else centers


class _Names:
    """The places of all names that are worth a try, those that cost least by themselves first."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.places: list[FloatArray] = []
        self.alone: list[FloatArray] = []
        for i, size in enumerate(page.sizes):
            places = page.points[i] + _offsets(size, page.radius)
            cost = page.alone(i, places)
            # what hides points, or is outside, is a last resort
            order = cost.argsort(kind="stable")
            order = order[cost[order] < cost.min() + 100]
            self.places.append(places[order])
            self.alone.append(cost[order])

    def put_down(
        self, order: Iterable[int], centers: FloatArray, there: Sequence[int]
    ) -> tuple[FloatArray, float]:
        """Put names down one after the other, where they cost least among those already there.

        Returns
        -------
        centers : ndarray, shape (n_points, 2)
        cost : float
            What they add to the cost of those that were there.
        """
        centers, down, total = centers.copy(), list(there), 0.0
        for i in order:
            centers[i], cost = self._best(i, centers, np.array(down, np.intp))
            total += cost
            down.append(i)
        return centers, total

    def _best(
        self, i: int, centers: FloatArray, others: NDArray[np.intp]
    ) -> tuple[FloatArray, float]:
        """Return the best place of a name among others, and its cost."""
        covering = self.page.covering(i, self.places[i], centers, others)
        free = np.flatnonzero(covering <= covering.min())
        best, least = self.places[i][free[0]], np.inf
        for start in range(0, len(free), _AT_ONCE):
            here = free[start : start + _AT_ONCE]
            cost = self.alone[i][here] + covering[here]
            if cost[0] >= least:
                break  # none of the rest can be better, whatever it crosses
            cost = cost + self.page.crossing(i, self.places[i][here], centers, others)
            if cost.min() < least:
                best, least = self.places[i][here[cost.argmin()]], float(cost.min())
        return best, least


def _improve(names: _Names, centers: FloatArray) -> FloatArray:
    """Take up, and put down again, what is badly placed."""
    rng = np.random.default_rng(0)
    page, everyone = names.page, np.arange(len(centers))
    costs = page.costs(centers)
    for _ in range(N_TRIES):
        worst = rng.choice(everyone, p=costs / costs.sum())
        # who is in the way of a name is near it, or near its point
        near = np.minimum(
            np.linalg.norm(centers - centers[worst], axis=1),
            np.linalg.norm(centers - page.points[worst], axis=1),
        )
        near[worst] = -1
        taken = near.argsort(kind="stable")[:N_TAKEN].tolist()
        there = np.setdiff1d(everyone, taken).tolist()
        tried, cost = names.put_down(rng.permutation(taken).tolist(), centers, there)
        if cost < page.cost_of(taken, centers, there):
            centers, costs = tried, page.costs(tried)
    return _settle(names, centers)


def _settle(names: _Names, centers: FloatArray) -> FloatArray:
    """Move each name by itself to its best place among all others, until none moves."""
    everyone = list(range(len(centers)))
    for _ in range(_SWEEPS):
        before = centers
        for i in everyone:
            there = [other for other in everyone if other != i]
            moved, cost = names.put_down([i], centers, there)
            if cost < names.page.cost_of([i], centers, there) - _GAIN:
                centers = moved
        if centers is before:
            break
    return centers


def _offsets(size: FloatArray, radius: float) -> FloatArray:
    """Offsets of the centre of a name from its point, (n_places, 2), the nearest first."""
    angle = 2 * np.pi * np.arange(N_DIRECTIONS) / N_DIRECTIONS
    way = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    # the edge of the name, not its centre, keeps the distance, whatever the direction
    edge = np.clip(way * 1.6, -1, 1) * size / 2
    return np.concatenate([edge + way * (radius + gap) for gap in GAPS])


def _crowded_first(points: FloatArray) -> list[int]:
    apart = np.linalg.norm(points[:, None] - points[None], axis=-1)
    crowd = np.exp(-apart / 25).sum(axis=1)
    return [int(i) for i in np.argsort(-crowd, kind="stable")]
