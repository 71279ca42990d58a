"""Where the panels of a figure stand."""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from heschl.report.style import MAX_NARROW


@dataclass(frozen=True)
class Places:
    """Rows and columns of panels.

    Three panels side by side would be small, and in two columns leave a gap: where ``last_wide``,
    the third lies below the others and is as wide as both.
    """

    n_panels: int
    n_rows: int
    n_columns: int
    last_wide: bool

    def axes(self, figure: Figure) -> list[Axes]:
        """Make the axes, in order of the panels."""
        if self.last_wide:
            grid = figure.add_gridspec(2, 2, height_ratios=(1.5, 1))
            return [figure.add_subplot(grid[place]) for place in ((0, 0), (0, 1), (1, slice(None)))]
        grid = figure.add_gridspec(self.n_rows, self.n_columns)
        return [figure.add_subplot(grid[i]) for i in range(self.n_panels)]

    def at_left(self, panel: int) -> bool:
        """Whether nothing is at the left of a panel."""
        return panel % self.n_columns == 0

    def lowest(self, panel: int) -> bool:
        """Whether nothing is below a panel."""
        if self.last_wide:
            return True  # the steps of the upper ones are not those below
        return panel >= self.n_panels - self.n_columns


def places(n_panels: int, n_columns: int, width: float) -> Places:
    """Place panels in up to ``n_columns`` columns; on a phone, small ones in two, others in one."""
    if width <= MAX_NARROW:
        n_columns = 2 if n_columns > 2 and n_panels > 3 else 1
    elif n_columns == 2 and n_panels == 3:
        return Places(3, 2, 2, last_wide=True)
    n_columns = min(n_panels, n_columns)
    return Places(n_panels, -(-n_panels // n_columns), n_columns, last_wide=False)
