"""Maps of voxels: what is drawn is what was given, flat and on the cortical surface."""

from __future__ import annotations

import itertools
import re
import sys

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection, PolyCollection

from heschl.errors import InputError, MissingDependencyError, UsageError
from heschl.report import palette, surface
from heschl.report.maps import map_positions, places, plot_maps, spacing
from heschl.report.outlines import border, cells_of, region_positions
from heschl.report.scales import COLORS, scale
from heschl.report.style import NARROW, WIDE
from heschl.report.svg import inline_svg

NAN = np.nan


def voxels():
    """Two hemispheres on a grid of 2 mm; listeners have some positions, one has one twice."""
    rng = np.random.default_rng(0)
    rows = []
    for side, start in (("lh", -31), ("rh", 5)):
        for i in range(6):
            for j in range(4):
                region = ("Primary", "Lateral", None)[i // 2]
                for listener in ("s1", "s2", "s3"):
                    if rng.random() < 0.7:
                        rows.append((side, start + 2.0 * i, 7 + 2.0 * j, listener, region))
    rows.append(rows[0])
    table = pd.DataFrame(rows, columns=["hemisphere", "x_ras", "y_ras", "listener", "region"])
    values = rng.uniform(0.1, 0.8, len(table))
    values[[3, 10, 11]] = NAN
    return table, values


def median_by_hand(table, values):
    """Median of each listener at each position, then over listeners; in plain loops."""
    found = {}
    for i, row in enumerate(table.itertuples()):
        if not np.isnan(values[i]):
            place = found.setdefault((row.hemisphere, row.x_ras, row.y_ras), {})
            place.setdefault(row.listener, []).append(values[i])
    return {
        place: float(np.median([np.median(own) for own in mine.values()]))
        for place, mine in found.items()
    }


def cells_drawn(ax):
    """Values by the middle of their square, and the sides of the squares."""
    (cells,) = [one for one in ax.collections if isinstance(one, PolyCollection)]
    corners = [path.vertices[:4] for path in cells.get_paths()]
    middles = [tuple(np.round(c.mean(axis=0), 6)) for c in corners]
    sides = {float(x) for c in corners for x in np.round(np.ptp(c, axis=0), 6)}
    return dict(zip(middles, cells.get_array(), strict=True)), sides, cells


# --- positions ------------------------------------------------------------------------------


def test_positions_have_the_median_over_listeners_of_their_medians():
    table, values = voxels()
    found = map_positions(values, table)
    ours = {(r.side, r.x, r.y): r.value for r in found.itertuples()}
    assert ours == pytest.approx(median_by_hand(table, values))
    assert found["n_listeners"].max() == 3


def test_a_listener_with_many_voxels_at_a_position_counts_once():
    table = pd.DataFrame({"x_ras": [0.0] * 4, "y_ras": [0.0] * 4, "listener": list("aaab")})
    (row,) = map_positions(np.array([1.0, 2.0, 9.0, 4.0]), table).itertuples()
    assert (row.side, row.value, row.n_listeners) == ("", 3.0, 2)


def test_coordinates_equal_up_to_rounding_are_one_position():
    x = np.array([0.1, np.float32(0.1), -0.0001])
    table = pd.DataFrame({"x": x, "y": [5.0, 5.00001, 5.0], "listener": list("abc")})
    found = map_positions(np.array([1.0, 3.0, 7.0]), table)
    assert list(found["value"]) == [7.0, 2.0]
    assert not np.signbit(found["x"]).any()


def test_voxels_without_coordinates_or_values_are_blank():
    table = pd.DataFrame({"x_ras": [0.0, NAN, 2.0], "y_ras": [0.0, 0.0, 0.0]})
    assert len(map_positions(np.array([1.0, 2.0, NAN]), table)) == 1


@pytest.mark.parametrize(
    ("values", "columns", "message"),
    [
        ([1.0], {}, r"values of shape \(1,\) for 2 targets"),
        ([[1.0, 2.0]], {}, r"values of shape \(1, 2\)"),
        ([1.0, np.inf], {}, "a value is infinite"),
        ([1.0, 2.0], {"y_ras": "y_other"}, "has the columns x_ras, y_other; a map needs"),
    ],
)
def test_wrong_maps_are_refused(values, columns, message):
    table = pd.DataFrame({"x_ras": [0.0, 1.0], "y_ras": [0.0, 1.0]}).rename(columns=columns)
    with pytest.raises(InputError, match=message):
        plot_maps({"m": np.array(values)}, table, label="r²")


def test_a_map_of_nothing_is_refused():
    table, values = voxels()
    with pytest.raises(InputError, match="no target has both a value and coordinates"):
        plot_maps({"m": np.full_like(values, NAN)}, table, label="r²")


# --- drawing --------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_squares_stand_where_the_voxels_are_with_their_values(width):
    table, values = voxels()
    figure = plot_maps({"one": values, "two": values / 2}, table, label="r²", width=width)
    panels = figure.axes[:4]
    expected = median_by_hand(table, values)
    for i, ax in enumerate(panels):
        side, part = ("lh", "rh")[i % 2], (1, 2)[i // 2]
        drawn, sides, _ = cells_drawn(ax)
        mine = {place[1:]: value / part for place, value in expected.items() if place[0] == side}
        assert drawn == pytest.approx(mine)
        assert sides == {2.0}
        assert ax.get_aspect() == 1
        for (left, right), at in ((ax.get_xlim(), 0), (ax.get_ylim(), 1)):
            assert left <= min(place[at] for place in mine) - 1
            assert right >= max(place[at] for place in mine) + 1
    titles = [ax.get_title(loc="left") for ax in panels]
    assert titles == [
        f"{name}, {side} hemisphere" for name in ("one", "two") for side in ("left", "right")
    ]
    assert panels[-1].get_xlabel() == "x_ras (mm)"
    assert panels[0].get_ylabel() == "y_ras (mm)"
    bar = figure.axes[-1]
    assert "r²" in (bar.get_xlabel(), bar.get_ylabel())


def test_all_panels_have_the_same_mm_an_inch():
    table, values = voxels()
    table.loc[table["hemisphere"] == "rh", "y_ras"] *= 3
    figure = plot_maps({"m": values}, table, label="r²")
    figure.draw_without_rendering()
    spans = [np.ptp(ax.get_xlim()) / ax.get_window_extent().width for ax in figure.axes[:2]]
    assert spans[0] == pytest.approx(spans[1])


def test_colours_are_those_of_the_scale():
    table, values = voxels()
    figure = plot_maps({"m": values}, table, label="r²", limits=(0.2, 0.6))
    figure.draw_without_rendering()
    drawn, _, cells = cells_drawn(figure.axes[0])
    norm = mpl.colors.Normalize(0.2, 0.6)
    expected = mpl.colormaps["viridis"](norm(np.array(list(drawn.values()))))
    np.testing.assert_allclose(cells.get_facecolor(), expected)
    assert figure.axes[-1]._colorbar.extend == "both"


def test_lightness_rises_along_the_scale_and_no_colour_of_it_is_one_of_the_page():
    colors = mpl.colormaps[COLORS](np.arange(256))[:, :3]
    linear = np.where(colors <= 0.04045, colors / 12.92, ((colors + 0.055) / 1.055) ** 2.4)
    assert (np.diff(linear @ [0.2126, 0.7152, 0.0722]) > 0).all()
    # or it would change in the dark
    page = {light for light, _ in palette.ALL.values()}
    assert not page & {mpl.colors.to_hex(c) for c in colors}


def test_the_svg_has_pictures_of_squares_and_text_as_text():
    table, values = voxels()
    figure = plot_maps({"$m$": values}, table, label="r²", outlines=True)
    text = inline_svg(figure, prefix="map", label="a map")
    assert text.count("<image") >= 2
    assert all(found.startswith("data:") for found in re.findall(r'<image[^>]*href="([^"]*)', text))
    assert ">left hemisphere<" in text
    assert ">Primary<" in text
    assert "var(--ink)" in text


@pytest.mark.parametrize(
    ("values", "limits", "expected"),
    [
        ([0.1, 0.5], None, (0, 0.5, "neither")),
        ([-0.2, 0.5, NAN], None, (-0.2, 0.5, "neither")),
        ([-0.5, -0.1], None, (-0.5, 0, "neither")),
        ([0.0, 0.0], None, (0, 1, "neither")),
        ([0.1, 0.5], (0, 1), (0, 1, "neither")),
        ([-0.1, 0.5], (0, 1), (0, 1, "min")),
        ([0.1, 1.5], (0, 1), (0, 1, "max")),
        ([-1.0, 1.5], (0, 1), (0, 1, "both")),
        ([*[0.4] * 995, 0.5, 9, 9, 9, 9], None, (0, 0.5, "max")),
    ],
)
def test_scales_begin_at_0_and_say_what_lies_beyond(values, limits, expected):
    assert scale(np.array(values), limits) == expected


@pytest.mark.parametrize("limits", [(1, 0), (0.5, 0.5), (0, NAN)])
def test_limits_out_of_order_are_refused(limits):
    with pytest.raises(UsageError, match="expected two numbers, the smaller first"):
        scale(np.array([0.5]), limits)


def test_spacing_is_the_distance_of_neighbours():
    grid = np.array([(x, y) for x in range(0, 12, 3) for y in range(0, 9, 3)], float)
    assert spacing(grid) == 3
    assert spacing(grid[:1]) == 2


# --- outlines -------------------------------------------------------------------------------


def as_set(segments):
    return {frozenset(map(tuple, np.round(one, 6))) for one in segments}


def test_the_border_of_an_l_by_hand():
    # two cells above each other, and one to the right of the lower: eight sides
    found = as_set(border(np.array([(0, 0), (0, 1), (1, 0)])))
    corners = [(-.5, -.5), (.5, -.5), (1.5, -.5), (1.5, .5), (.5, .5), (.5, 1.5), (-.5, 1.5),
               (-.5, .5), (-.5, -.5)]  # fmt: skip
    assert found == {frozenset(pair) for pair in itertools.pairwise(corners)}
    assert border(np.empty((0, 2), int)).shape == (0, 2, 2)


def test_outlines_stand_around_the_positions_of_their_region():
    table, values = voxels()
    figure = plot_maps({"m": values}, table, label="r²", outlines=True)
    for ax, side in zip(figure.axes, ("lh", "rh"), strict=False):
        lines = [one for one in ax.collections if isinstance(one, LineCollection)]
        assert len(lines) == 4  # two regions, each light under dark
        names = [text.get_text() for text in ax.texts]
        assert names == ["Lateral", "Primary"]
        for name, line in zip(names, lines[1::2], strict=True):
            mine = table[(table["hemisphere"] == side) & (table["region"] == name)]
            taken = set(zip(mine["x_ras"], mine["y_ras"], strict=True))
            expected = set()
            for x, y in taken:
                for dx, dy in ((2, 0), (-2, 0), (0, 2), (0, -2)):
                    if (x + dx, y + dy) not in taken:
                        across = np.array((dy, dx)) / 2
                        middle = np.array((x + dx / 2, y + dy / 2))
                        expected.add(frozenset((tuple(middle - across), tuple(middle + across))))
            assert as_set(line.get_segments()) == expected
            (text,) = [one for one in ax.texts if one.get_text() == name]
            assert tuple(np.round(text.get_position(), 6)) in taken


def test_a_position_has_the_region_of_most_of_its_voxels():
    table = pd.DataFrame(
        {
            "hemisphere": ["lh"] * 6,
            "x_ras": [0.0, 0.0, 0.0, 2.0, 2.0, 4.0],
            "y_ras": [0.0] * 6,
            "region": ["A", "B", "B", "B", "A", None],
        }
    )
    found = region_positions(places(table), table)
    assert list(found["region"]) == ["B", "B"]  # of equals the first
    assert list(found["x"]) == [0.0, 2.0]


def test_cells_are_the_places_on_the_grid():
    cells, origin, step = cells_of(np.array([(-3.0, 5.0), (1.0, 5.0), (-1.0, 9.0)]))
    assert cells.tolist() == [[0, 0], [2, 0], [1, 2]]
    assert origin.tolist() == [-3, 5]
    assert step == 2


def test_outlines_need_regions_and_a_grid():
    table, values = voxels()
    with pytest.raises(InputError, match="no target has a region"):
        plot_maps({"m": values}, table.drop(columns="region"), label="r²", outlines=True)
    table["x_ras"] += np.random.default_rng(0).uniform(0, 1, len(table))
    with pytest.raises(InputError, match="positions are not on a square grid"):
        plot_maps({"m": values}, table, label="r²", outlines=True)
    plot_maps({"m": values}, table, label="r²")  # without outlines any positions will do


# --- surface --------------------------------------------------------------------------------


def test_a_vertex_has_the_mean_of_its_voxels():
    values = np.array([1.0, 3.0, 5.0, NAN, 7.0, 0.0])
    found = surface.surface_texture(
        values,
        np.array([4, 4, 10241, 8, 8, 4.0]),
        ["lh", "left", "rh", "lh", "lh", "rh"],
    )
    assert set(found) == {"left", "right"}
    assert found["left"].shape == found["right"].shape == (10242,)
    assert dict(enumerate(found["left"][[4, 8]])) == {0: 2.0, 1: 7.0}
    assert found["right"][10241] == 5
    assert found["right"][4] == 0
    assert np.isfinite(found["left"]).sum() == np.isfinite(found["right"]).sum() == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"vertices": np.array([0, 10242])},
            "vertex 10242: expected whole numbers from 0 to 10241",
        ),
        ({"vertices": np.array([-1, 0])}, "vertex -1"),
        ({"vertices": np.array([0.5, 0])}, "vertex 0.5"),
        ({"vertices": np.array([NAN, 0])}, "vertex nan"),
        ({"vertices": np.array(["a", "b"])}, "expected whole numbers"),
        ({"hemisphere": ["lh", "both"]}, "hemisphere 'both': expected left, right, lh or rh"),
        ({"hemisphere": ["lh"]}, "2 values, 2 vertices, 1 hemispheres"),
        ({"values": np.array([0.1, np.inf])}, "a value is infinite"),
        ({"values": np.array([NAN, NAN])}, "no target has a value"),
    ],
)
def test_wrong_surfaces_are_refused(change, message):
    given = {"values": np.ones(2), "vertices": np.array([0, 1]), "hemisphere": ["lh", "rh"]}
    with pytest.raises(InputError, match=message):
        surface.plot_surface(**given | change, label="r²")


def test_faces_around_a_vertex_have_its_colour_and_others_are_grey():
    from nilearn.datasets import fetch_surf_fsaverage
    from nilearn.surface import load_surf_mesh

    figure = surface.plot_surface(
        np.array([0.2, 0.6, 0.9]), np.array([700, 700, 5000]), ["lh", "lh", "rh"], label="r²",
        limits=(0, 0.8),
    )  # fmt: skip
    figure.draw_without_rendering()
    mesh = fetch_surf_fsaverage("fsaverage5")
    *axes, bar = figure.axes
    for ax, side, vertex, value in zip(
        axes, ("left", "right"), (700, 5000), (0.4, 0.8), strict=True
    ):
        faces = load_surf_mesh(mesh[f"infl_{side}"]).faces
        (drawn,) = ax.collections
        assert drawn.get_rasterized()
        colors = drawn._facecolor3d[:, :3]  # in the order of the faces, not of their depth
        around = (faces == vertex).any(axis=1)
        assert 5 <= around.sum() <= 6
        expected = np.tile(mpl.colormaps[COLORS](value / 0.8)[:3], (around.sum(), 1))
        np.testing.assert_allclose(colors[around], expected, atol=1e-6)
        grey = colors[~around]
        np.testing.assert_allclose(grey, grey[:, [0, 0, 0]])
        assert np.ptp(grey) > 0.3  # sulci are darker
    assert bar.get_ylabel() == "r²"
    assert bar._colorbar.extend == "max"
    assert [text.get_text() for text in figure.texts] == ["left hemisphere", "right hemisphere"]


def test_without_nilearn_the_message_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "nilearn.plotting", None)
    with pytest.raises(MissingDependencyError, match=re.escape('pip install "heschl[surface]"')):
        surface.plot_surface(np.ones(1), np.array([0]), ["lh"], label="r²")
