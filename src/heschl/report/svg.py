"""Figures as SVG that stands inside a page: text as text, colours that follow the page."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from xml.etree import ElementTree

from matplotlib.figure import Figure

from heschl.report.palette import ALL
from heschl.report.style import style

_VARIABLES = {light: f"var(--{name})" for name, (light, _) in ALL.items()}
_COLOR = re.compile(r"#[0-9a-f]{6}\b")
_REFERENCE = re.compile(r"^#|url\(#")
_SIZE = re.compile(r"([\d.]+)pt")


def inline_svg(figure: Figure, *, prefix: str, label: str) -> str:
    """Draw a figure as the text of an ``<svg>`` element.

    The same figure gives the same text. Colours of `heschl.report.palette` become CSS variables,
    so that the figure is light or dark with its page; every ``id`` gets a prefix, so that
    several figures can share a page; nothing in it refers to the outside.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    prefix : str
        Letters, digits and hyphens; unique on the page.
    label : str
        What the figure shows, for those who cannot see it.
    """
    return inline_text(svg_text(figure), prefix=prefix, label=label)


def inline_text(text: str, *, prefix: str, label: str) -> str:
    """Turn what `svg_text` returned into the text of an ``<svg>`` element: see `inline_svg`."""
    root = ElementTree.fromstring(text)  # noqa: S314 - written by matplotlib
    _strip(root)
    _number_clips(root)
    for element in root.iter():
        _adapt(element, prefix)
    width = _SIZE.fullmatch(root.attrib.pop("width"))
    root.attrib.pop("height")
    root.attrib.pop("version", None)
    if width:
        root.set("style", f"max-width:{float(width[1]) * 96 / 72:.0f}px")
    root.set("role", "img")
    root.set("aria-label", label)
    return ElementTree.tostring(root, encoding="unicode")


def svg_text(figure: Figure) -> str:
    """Draw a figure as the text of an SVG file of its own."""
    buffer = io.StringIO()
    with style(), any_glyph():
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    return buffer.getvalue()


@contextmanager
def any_glyph() -> Iterator[None]:
    """Draw without a warning for glyphs that matplotlib's font lacks.

    In an SVG they are not missing: who opens it draws the text, with fonts of its own.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph \d+ .*missing from font", UserWarning)
        yield


def _strip(root: ElementTree.Element) -> None:
    """Remove what a page does not need: namespaces, metadata, a style sheet for all of it."""
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag.endswith(("}metadata", "}style")):
                parent.remove(child)
    for element in root.iter():
        if element.text and not element.text.strip():
            element.text = None
        element.tail = None
        element.tag = element.tag.rpartition("}")[2]
        for name in [name for name in element.attrib if name.startswith("{")]:
            element.set(name.rpartition("}")[2], element.attrib.pop(name))


def _number_clips(root: ElementTree.Element) -> None:
    """Give the areas that lines are cut off at numbers for names.

    Matplotlib names them after their corners to the last bit, and that bit of a layout depends on
    the addresses of objects in memory; what is drawn is rounded and does not.
    """
    found = [element.get("id", "") for element in root.iter("clipPath")]
    names = {name: f"clip{i}" for i, name in enumerate(found)}
    for element in root.iter():
        name, clip = element.get("id"), element.get("clip-path")
        if name in names:
            element.set("id", names[name])
        if clip is not None:
            element.set("clip-path", f"url(#{names[clip.removeprefix('url(#').removesuffix(')')]})")


def _adapt(element: ElementTree.Element, prefix: str) -> None:
    """Prefix ids and references, name colours, mark the points of sounds."""
    gid = element.get("id", "")
    if gid.startswith("sounds:"):
        del element.attrib["id"]
        element.set("class", "points")
        points = [child for child in element.iter() if child.tag == "use"]
        for point, sound in zip(points, gid.removeprefix("sounds:").split(","), strict=True):
            point.set("data-s", sound)
    elif gid:
        element.set("id", f"{prefix}-{gid}")
    for name in ("href", "clip-path", "style"):
        value = element.get(name)
        if value is not None:
            element.set(name, _restyle(_REFERENCE.sub(rf"\g<0>{prefix}-", value)))


def _restyle(value: str) -> str:
    return _COLOR.sub(lambda found: _VARIABLES.get(found[0], found[0]), value)
