"""The figures of a training: what is drawn is what the trajectory holds."""

from __future__ import annotations

import numpy as np
import pytest

from heschl.report.dynamics.course import gather
from heschl.report.dynamics.course_figure import plot_course
from heschl.report.dynamics.depth_colors import depth_colors
from heschl.report.dynamics.heat_maps import plot_heat_maps
from heschl.report.dynamics.layer_axis import numbered
from heschl.report.dynamics.layer_grid import layer_grids
from heschl.report.dynamics.losses import MAX_POINTS, losses_of
from heschl.report.dynamics.measures import measures, regions, targets
from heschl.report.dynamics.page import axis_of
from heschl.report.dynamics.panel_places import places
from heschl.report.dynamics.panels import panel
from heschl.report.dynamics.reference_lines import far_ceiling, spread
from heschl.report.dynamics.rise_dots import plot_rises
from heschl.report.dynamics.rises import rises_of
from heschl.report.dynamics.sketches import whole_panels
from heschl.report.dynamics.steps_axis import step_tick, steps_axis
from heschl.report.palette import color
from heschl.report.style import NARROW, WIDE
from made_up_training import COMPONENTS, REGIONS, STEPS, similarity, training
from test_report import contrast


def drawn(ax, paint):
    """Points of the curves of a colour, level lines left out."""
    lines = [line for line in ax.lines if line.get_color() == paint and len(line.get_xdata()) > 2]
    return [np.column_stack(line.get_data()) for line in lines]


def main_figure(*trajectories, width=WIDE):
    course = gather(trajectories)
    axis = axis_of(course)
    panels = whole_panels(course, measures(course))
    return plot_course(
        panels, course.layers, axis, losses=losses_of(course, axis), width=width
    ).axes


# --- curves ---------------------------------------------------------------------------------


def test_curves_are_the_values_of_the_layers_and_the_score():
    ax, components, loss = main_figure(training())
    for i, paint in enumerate(depth_colors(3)):
        (curve,) = drawn(ax, paint)
        expected = [similarity(step, i) for step in STEPS]
        np.testing.assert_allclose(curve, np.column_stack([STEPS, expected]))
    (score,) = drawn(ax, color("ink"))
    np.testing.assert_allclose(score[:, 1], [0.09, 0.29, 0.29, 0.29, 0.29])
    (band,) = ax.collections
    ends = band.get_paths()[0].vertices
    assert ends[:, 1].min() == pytest.approx(0.06)
    assert ends[:, 1].max() == pytest.approx(0.32)
    (mean,) = drawn(components, color("ink"))
    np.testing.assert_allclose(mean[:, 1], [0.2, 0.3, 0.4, 0.5, 0.6])
    assert not drawn(components, depth_colors(3)[0])
    (curve,) = drawn(loss, color("ink"))
    np.testing.assert_allclose(curve[:, 1], 5 - curve[:, 0] / 100)
    assert ax.get_xlim() == loss.get_xlim()
    assert ax.get_xlim()[0] < 0 < 400 < ax.get_xlim()[1]


def test_seeds_are_thin_lines_and_their_mean_a_thick_one():
    ax, loss = main_figure(*(training(run=str(i), seed=i, components=False) for i in range(3)))
    lines = [line for line in ax.lines if line.get_color() == color("ink")]
    values = {line.get_linewidth(): [] for line in lines}
    for line in lines:
        values[line.get_linewidth()].append(np.asarray(line.get_ydata()))
    thin, thick = values[min(values)], values[max(values)]
    assert len(thin) == 3
    np.testing.assert_allclose(thick[0], np.mean(thin, axis=0))
    np.testing.assert_allclose(thin[2], np.array([0.09, 0.29, 0.29, 0.29, 0.29]) + 0.02)
    assert len(drawn(loss, color("ink"))) == 4
    assert not ax.collections  # intervals are of one run


def test_ceiling_and_other_models_are_level_lines_with_names():
    ax, *_ = main_figure(training())
    level = sorted(float(line.get_ydata()[0]) for line in ax.lines if len(line.get_xdata()) == 2)
    assert level == [0.08, 0.36, 0.5]
    names = [text.get_text() for text in ax.texts]
    assert names == ["ceiling 0.500", "published 0.360", "random 0.080"]


def test_on_a_phone_level_lines_are_named_in_the_legend():
    axes = main_figure(training(), width=NARROW)
    assert not axes[0].texts
    (legend,) = axes[0].figure.legends
    names = [text.get_text() for text in legend.get_texts()]
    assert names[-3:] == ["ceiling", "published", "random"]
    assert "layer 2: c" in names
    assert numbered(2, "2") == "layer 2"


def test_a_far_ceiling_is_written_and_does_not_press_the_curves():
    trajectory = training(ceiling=5.0, components=False, losses=False)
    (ax,) = main_figure(trajectory)
    assert "ceiling 5.000, above" in [text.get_text() for text in ax.texts]
    assert ax.get_ylim()[1] < 0.5
    course = gather([trajectory])
    assert far_ceiling(panel(course, measures(course)[0], title=""))


def test_a_small_change_does_not_fill_the_axis():
    trajectory = training(constant=True, components=False, losses=False, baselines=False)
    flat = trajectory.scores.assign(ceiling=np.nan, low=np.nan, high=np.nan)
    (ax,) = main_figure(type(trajectory)("small", flat, None, None, {}))
    low, high = ax.get_ylim()
    assert high - low >= 0.05
    assert (low + high) / 2 == pytest.approx((0.24 + 0.25) / 2)


def test_regions_and_components_have_panels_of_their_own():
    course = gather([training()])
    rsa, regression = measures(course)
    assert regions(course, rsa) == REGIONS
    assert targets(course, rsa) == ()
    assert targets(course, regression) == COMPONENTS
    one = panel(course, rsa, region="Primary", title="Primary")
    np.testing.assert_allclose(
        one.layers[2].values, [similarity(step, 2, "Primary") for step in STEPS]
    )
    assert one.baselines == ()
    music = panel(course, regression, target="music", title="music")
    np.testing.assert_allclose(music.main.values, 0.3 + 0.001 * np.array(STEPS))
    assert panel(course, rsa, region="nowhere", title="") is None


# --- layers by steps ------------------------------------------------------------------------


def test_colours_of_the_map_are_the_values():
    course = gather([training()])
    grids = layer_grids(course, measures(course)[0])
    figure = plot_heat_maps(grids, axis_of(course))
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == ["a", "b", "c"]
    for ax, region in zip(figure.axes, ("", *REGIONS), strict=False):
        (mesh,) = ax.collections
        expected = [[similarity(step, i, region) for step in STEPS] for i in range(3)]
        np.testing.assert_allclose(mesh.get_array(), expected)
        edges = np.asarray(mesh.get_coordinates())[0, :, 0]
        np.testing.assert_allclose(edges, [-50, 50, 150, 250, 350, 450])
        assert 0 <= min(ax.get_xticks()) < max(ax.get_xticks()) <= 400


def test_dots_are_where_half_of_the_rise_is_reached():
    course = gather([training(components=False)])
    rises = rises_of(course, measures(course))
    assert [one.label for one in rises] == ["all of auditory cortex", *REGIONS]
    # a layer rises evenly over 100, 200 and 300 steps
    for one in rises:
        assert one.steps == pytest.approx({"a": 50, "b": 100, "c": 150})
    (ax,) = plot_rises(rises, course.layers, axis_of(course)).axes
    for line, aside in zip(ax.lines, (-0.18, 0, 0.18), strict=True):
        np.testing.assert_allclose(line.get_xdata(), np.arange(3) + aside)
        np.testing.assert_allclose(line.get_ydata(), [50, 100, 150])


# --- the axis of steps ----------------------------------------------------------------------


def test_even_steps_are_even_and_early_steps_are_spread():
    even = steps_axis(range(0, 100_001, 1000))
    early = steps_axis([0, 10, 100, 1000, 10_000])
    assert not even.log
    assert early.log
    for axis in (even, early):
        steps = np.array([0.0, 10, 500, 10_000])
        np.testing.assert_allclose(axis.at(axis.place(steps)), steps, atol=1e-9)
        assert axis.place(np.array([0.0]))[0] == 0
        assert axis.limits()[0] < 0
    np.testing.assert_allclose(early.place(np.array([990.0])), np.log(100))


def test_cells_end_halfway_between_steps():
    np.testing.assert_allclose(
        steps_axis([0, 10, 30]).edges(np.array([0.0, 10, 30])), [-5, 5, 20, 40]
    )
    axis = steps_axis([0, 10, 100, 1000, 10_000])
    middle = axis.edges(np.array([0.0, 10, 30]))[1]
    assert middle == pytest.approx(10 * (np.sqrt(2) - 1))  # log(1 + x) is half of log(2)


def test_ticks_of_a_log_axis_are_zero_and_powers_of_ten():
    steps = (0, 10, 20, 50, 100, 200, 10_000)
    trajectory = training(steps=steps, components=False, losses=False, regions=())
    (ax,) = main_figure(trajectory)
    ax.figure.canvas.draw()
    assert [text.get_text() for text in ax.get_xticklabels()] == ["0", "10", "100", "1000", "10k"]
    assert [step_tick(step) for step in (0, 500, 20_000, 1_500_000)] == ["0", "500", "20k", "1.5M"]


# --- losses ---------------------------------------------------------------------------------


def test_many_losses_are_averaged_over_equal_stretches():
    trajectory = training(regions=(), components=False, steps=(0, 5000, 10_000))
    course = gather([trajectory])
    losses = losses_of(course, axis_of(course))
    assert losses.averaged
    sums, counts = np.zeros(MAX_POINTS), np.zeros(MAX_POINTS)
    for step, loss in trajectory.losses[["step", "loss"]].itertuples(index=False):
        stretch = min(int(step / 10_000 * MAX_POINTS), MAX_POINTS - 1)
        sums[stretch] += loss
        counts[stretch] += 1
    np.testing.assert_allclose(losses.main.values, (sums / counts)[counts > 0])
    assert [one.label for one in losses.parts] == ["masked loss"]


def test_losses_that_are_missing_are_left_out():
    trajectory = training(regions=(), components=False)
    table = trajectory.losses.copy()
    table.loc[[1, 3], "loss"] = np.nan, np.inf
    course = gather([type(trajectory)("small", trajectory.scores, table, None, {})])
    losses = losses_of(course, axis_of(course))
    assert losses.main.steps.tolist() == [10, 30, *range(50, 401, 10)]
    nothing = type(trajectory)("small", trajectory.scores, table.assign(loss=np.nan), None, {})
    assert gather([nothing]).losses == {}


# --- places and colours ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([], []),
        ([0.9, 0.5], [0.9, 0.5]),
        ([0.5, 0.5], [0.55, 0.45]),
        ([0.52, 0.5, 0.48], [0.6, 0.5, 0.4]),
        ([0.9, 0.45, 0.35, 0.33], [0.9, 0.47667, 0.37667, 0.27667]),
    ],
)
def test_names_move_apart_around_their_middle(given, expected):
    assert spread(given, 0.1) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_every_panel_has_a_place(n, width):
    for columns in (2, 3):
        there = places(n, columns, width)
        assert there.n_rows * there.n_columns >= n
        assert there.at_left(0)
        assert there.lowest(n - 1)


@pytest.mark.parametrize("dark", [False, True])
def test_colours_of_layers_stand_out_from_the_paper(dark):
    paper = "#171c23" if dark else "#fefefe"
    for n in (1, 2, 13, 40):
        assert all(contrast(paint, paper) >= 3 for paint in depth_colors(n, dark=dark))
    assert len(set(depth_colors(40, dark=dark))) == 40
    assert depth_colors(0) == []
