"""Colours of layers by depth: one sequence, on light and on dark ground."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
from markupsafe import Markup
from matplotlib.colors import to_hex

from heschl.report.drawings import Drawing, Sketch, draw
from heschl.report.style import shown

#: The part of the sequence that stands out from light and from dark paper (contrast 3 and more).
#: It is not that of values (`heschl.report.scales.COLORS`): depth is something else.
_COLORS, _LIGHT, _DARK = "plasma", (0.02, 0.63), (0.43, 0.96)
_COLOR = re.compile(r"#[0-9a-f]{6}\b")
_LONG = re.compile(r"\d+\.\d{3,}")


def depth_colors(n_layers: int, *, dark: bool = False) -> list[str]:
    """Return a colour for each layer, from the first to the last."""
    places = np.linspace(*(_DARK if dark else _LIGHT), n_layers)
    return [to_hex(color) for color in mpl.colormaps[_COLORS](places)]


def css_variables(n_layers: int, *, dark: bool) -> str:
    """Return the declarations of the colours as CSS variables: depth0, depth1, ..."""
    colors = depth_colors(n_layers, dark=dark)
    return "".join(f"--depth{i}:{color};" for i, color in enumerate(colors))


def draw_layers(sketch: Sketch, n_layers: int) -> Drawing:
    """Draw a figure for a page and for a phone, its layers light or dark with the page."""
    # what XML cannot hold may stand in a name
    drawing = draw(replace(sketch, label=shown(sketch.label, len(sketch.label))))
    names = {color: f"var(--depth{i})" for i, color in enumerate(depth_colors(n_layers))}
    wide, narrow = (_restyled(text, names) for text in (drawing.wide, drawing.narrow))
    return replace(drawing, wide=wide, narrow=narrow)


def _restyled(text: str, names: dict[str, str]) -> Markup:
    root = ElementTree.fromstring(text)  # noqa: S314 - written by heschl.report.svg
    for element in root.iter():
        style = element.get("style")
        if style is not None:
            element.set("style", _COLOR.sub(lambda found: names.get(found[0], found[0]), style))
        path = element.get("d")
        if path is not None:  # thousands of points: a hundredth of a point is as good
            element.set(
                "d", " ".join(_LONG.sub(lambda found: f"{float(found[0]):.2f}", path).split())
            )
    return Markup(ElementTree.tostring(root, encoding="unicode"))  # noqa: S704 - escaped as XML
