"""What a place of a name costs: what it hides, what its leader crosses, how far away it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from heschl.report.paper.geometry import (
    boxes,
    cross,
    distance,
    nearest_in,
    overlap,
    runs_through,
)

FloatArray = NDArray[np.float64]

#: A name farther than this from the edge of its point has a leader.
NEAR = 2.0
#: A clear strip around each name.
PAD = 0.4
#: Of each unit of area of another name, or of length outside: worse than all below together.
NEVER = 1e4
# Of one point that is hidden, or crossed; of one name, and one leader, crossed; of one unit away.
_HIDDEN, _POINT, _NAME, _LEADER, _AWAY = 300.0, 15.0, 120.0, 25.0, 0.5


@dataclass(frozen=True)
class Page:
    """Points with names, all in printer's points (1/72 inch).

    Attributes
    ----------
    points, sizes : ndarray, shape (n_points, 2)
        Sizes are width and height of the names.
    bounds : ndarray, shape (4,)
        Left, bottom, right and top: names stay within.
    radius : float
        Of the marks of the points.
    blocked : ndarray, shape (n_boxes, 4)
        Boxes that names must not touch.
    """

    points: FloatArray = field(repr=False)
    sizes: FloatArray = field(repr=False)
    bounds: FloatArray
    radius: float
    blocked: FloatArray = field(repr=False)

    def alone(self, i: int, places: FloatArray) -> FloatArray:
        """Cost of places of a name (n_places, 2) that does not depend on other names."""
        point, box = self.points[i], boxes(places, self.sizes[i])
        ends = nearest_in(box, point)
        outside = np.maximum(self.bounds[:2] - box[:, :2], 0)
        outside = outside + np.maximum(box[:, 2:] - self.bounds[2:], 0)
        marks = np.concatenate([self.points - self.radius, self.points + self.radius], axis=-1)
        away = np.linalg.norm(ends - point, axis=1) - self.radius
        others = np.delete(self.points, i, axis=0)
        under = (distance(others, point, ends) < self.radius).sum(axis=1)
        cost = NEVER * (outside.sum(axis=1) + overlap(box, self.blocked).sum(axis=1))
        cost += _HIDDEN * (overlap(box, marks) > 0).sum(axis=1)
        cost += _AWAY * np.maximum(away, 0) + _POINT * under * (away > NEAR)
        # to the right of a point is where a name is looked for
        return np.asarray(cost + 0.3 * (places[:, 0] < point[0]))

    def covering(
        self, i: int, places: FloatArray, centers: FloatArray, others: NDArray[np.intp]
    ) -> FloatArray:
        """Cost of places of a name (n_places, 2) for the names that they would cover."""
        box, theirs = boxes(places, self.sizes[i]), boxes(centers[others], self.sizes[others])
        area = overlap(box, theirs, pad=PAD)
        return np.asarray(NEVER * ((area > 0) + area).sum(axis=1))

    def crossing(
        self, i: int, places: FloatArray, centers: FloatArray, others: NDArray[np.intp]
    ) -> FloatArray:
        """Cost of places of a name (n_places, 2) for what its leader and those of others cross."""
        box, theirs = boxes(places, self.sizes[i]), boxes(centers[others], self.sizes[others])
        point, their_points = self.points[i], self.points[others]
        ends, their_ends = nearest_in(box, point), nearest_in(theirs, their_points)
        starts = np.broadcast_to(point, ends.shape)
        names = runs_through(starts, ends, theirs).sum(axis=1)
        names = names + runs_through(their_points, their_ends, box).sum(axis=0)
        leaders = cross(starts, ends, their_points, their_ends).sum(axis=1)
        return np.asarray(_NAME * names + _LEADER * leaders)

    def among(self, i: int, centers: FloatArray, others: NDArray[np.intp]) -> float:
        """Cost of the place where a name is for where some other names are."""
        here = centers[[i]], centers, others
        return float((self.covering(i, *here) + self.crossing(i, *here))[0])

    def costs(self, centers: FloatArray) -> FloatArray:
        """Cost of the place of each name (n_points,), what two names do to each other halved."""
        everyone = range(len(centers))
        return np.array(
            [
                self.alone(i, centers[[i]])[0]
                + self.among(i, centers, np.delete(np.array(everyone), i)) / 2
                for i in everyone
            ]
        )

    def cost_of(self, taken: Sequence[int], centers: FloatArray, there: Sequence[int]) -> float:
        """Cost that some names add, where they are, to that of those that are there."""
        total, down = 0.0, list(there)
        for i in taken:
            total += float(self.alone(i, centers[[i]])[0])
            total += self.among(i, centers, np.array(down, np.intp))
            down.append(i)
        return total
