"""The axis of the steps: even, or like a logarithm where most steps are early; 0 is on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

#: The steps span decades from this ratio of the last to the first one on ...
_DECADES = 50
#: ... and are dense early where half of them come before this share of the last.
_EARLY = 0.2


@dataclass(frozen=True)
class StepsAxis:
    """How steps are placed.

    Attributes
    ----------
    last : float
        The last step that is shown.
    first : float
        The first one after 0.
    log : bool
        Whether step s is at log(1 + s / first), which is 0 at step 0.
    """

    last: float
    first: float
    log: bool

    def place(self, steps: FloatArray) -> FloatArray:
        """Return where steps are."""
        # beside the axis nothing is drawn, but matplotlib asks: nothing below -first is finite
        return np.log1p(np.maximum(steps / self.first, -0.999)) if self.log else steps

    def at(self, places: FloatArray) -> FloatArray:
        """Return which steps are at places, the inverse of `place`."""
        return np.expm1(places) * self.first if self.log else places

    def edges(self, steps: FloatArray) -> FloatArray:
        """Return the ends of cells around steps, shape (n_steps + 1,): halfway between them."""
        places = self.place(steps)
        if len(places) == 1:
            return self.at(places[0] + np.array([-0.5, 0.5]))
        middle = (places[1:] + places[:-1]) / 2
        ends = (places[0] - (middle[0] - places[0]), places[-1] + (places[-1] - middle[-1]))
        return self.at(np.array([ends[0], *middle, ends[1]]))

    def apply(self, ax: Axes, *, n_ticks: int, upright: bool = False) -> None:
        """Let an axis of a figure show steps: the lower one, or the one at the left."""
        axis = ax.yaxis if upright else ax.xaxis
        if self.log:
            set_scale = ax.set_yscale if upright else ax.set_xscale
            set_scale("function", functions=(self.place, self.at))
            axis.set_major_locator(FixedLocator(self._ticks(n_ticks)))
        else:
            axis.set_major_locator(MaxNLocator(n_ticks, steps=[1, 2, 2.5, 5, 10], integer=True))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda step, _: step_tick(step)))
        (ax.set_ylim if upright else ax.set_xlim)(*self.limits())

    def limits(self) -> tuple[float, float]:
        """Return the first and last step of the axis, with a little room."""
        if self.last == 0:
            return -1.0, 1.0
        end = float(self.place(np.array([self.last]))[0])
        low, high = self.at(np.array([-0.015 * end, 1.015 * end]))
        return float(low), float(high)

    def _ticks(self, n_ticks: int) -> list[float]:
        """Return 0 and round numbers from the first to the last step, powers of ten if many."""
        exponents = range(int(np.floor(np.log10(self.first))), int(np.log10(self.last)) + 1)
        for factors in ((1, 2, 5), (1,)):
            found = [factor * 10.0**exponent for exponent in exponents for factor in factors]
            found = [step for step in found if self.first <= step <= self.last]
            if len(found) <= n_ticks + 1:
                break
        every = max(1, -(-len(found) // max(n_ticks, 1)))
        return [0.0, *found[::-1][::every][::-1]]


def steps_axis(measured: Sequence[float], others: Sequence[float] = ()) -> StepsAxis:
    """Choose the axis.

    Parameters
    ----------
    measured : sequence of float
        Steps at which similarity was measured: they decide how it is scaled.
    others : sequence of float
        Steps of losses: they have a place on it.
    """
    steps = np.unique(np.asarray(measured, np.float64))
    after = steps[steps > 0]
    last = float(max([*steps, *others], default=0.0))
    if not len(after):
        return StepsAxis(last, max(last, 1.0), log=False)
    spans = after[-1] / after[0] >= _DECADES
    early = float(np.median(after)) < _EARLY * after[-1]
    return StepsAxis(last, float(after[0]), log=bool(spans and early))


def step_tick(step: float) -> str:
    """Return a step as it stands under an axis: 500, 20k, 1.5M."""
    for unit, name in ((1e6, "M"), (1e3, "k")):
        if abs(step) >= unit * (10 if name == "k" else 1):
            return f"{step / unit:g}{name}"
    return f"{step:g}"
