"""Figures of a site: on its page in two widths, and as files to take away."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup
from matplotlib.figure import Figure

from heschl.report.drawings import Drawing, Sketch
from heschl.report.palette import color
from heschl.report.site.addresses import plain
from heschl.report.style import NARROW, WIDE, style
from heschl.report.svg import any_glyph, inline_svg, inline_text, svg_text

#: Dots per inch of the PNG files.
DPI = 150
_CLIP = re.compile(r'<clipPath id="([^"]+)"')


@dataclass(frozen=True)
class Filed:
    """A figure of a page with the addresses of its files, from the folder of the site."""

    drawing: Drawing
    svg: str
    png: str


class Filing:
    """Draws figures, and writes each as SVG and PNG.

    Parameters
    ----------
    folder : Path
        Of the site.
    under : str
        Part of the addresses of all its files: ``downloads/figures/`` comes before it.
    """

    def __init__(self, folder: Path, under: str) -> None:
        self._folder, self._under = folder, under

    def draw(self, sketch: Sketch) -> Filed:
        """Draw a figure for its page, and write its files."""
        with any_glyph():
            figure = sketch.plot(width=WIDE)
        text = svg_text(figure)
        narrow = inline_svg(
            sketch.plot(width=NARROW), prefix=f"{sketch.prefix}-narrow", label=sketch.label
        )
        drawing = Drawing(
            sketch.title,
            sketch.caption,
            Markup(inline_text(text, prefix=f"{sketch.prefix}-wide", label=sketch.label)),  # noqa: S704 - escaped as XML
            Markup(narrow),  # noqa: S704 - escaped as XML
            sketch.sounds,
            sketch.detail,
        )
        title = plain(sketch.title)
        return Filed(drawing, *self._write(figure, text, f"{sketch.prefix}-{title}".strip("-")))

    def write(self, plot: Callable[[], Figure], name: str) -> tuple[str, str]:
        """Draw and write a figure that is on no page; return the addresses of its files."""
        with any_glyph():
            figure = plot()
        return self._write(figure, svg_text(figure), name)

    def _write(self, figure: Figure, text: str, name: str) -> tuple[str, str]:
        # what was drawn keeps its layout: to find it again would take as long as drawing
        figure.set_layout_engine("none")
        buffer = io.BytesIO()
        # glyphs that the picture lacks are in the drawing beside it
        with style(), any_glyph():
            figure.savefig(buffer, format="png", dpi=DPI, facecolor=color("paper"))
        addresses = tuple(
            f"downloads/figures/{self._under}/{name}.{kind}" for kind in ("svg", "png")
        )
        svg, png = (self._folder / address for address in addresses)
        svg.parent.mkdir(parents=True, exist_ok=True)
        svg.write_text(_same_every_time(text), encoding="utf-8")
        png.write_bytes(buffer.getvalue())
        return addresses[0], addresses[1]


def _same_every_time(text: str) -> str:
    """Give the areas that lines are cut off at numbers for names: see `heschl.report.svg`."""
    for i, name in enumerate(_CLIP.findall(text)):
        text = text.replace(f'id="{name}"', f'id="clip{i}"').replace(f"#{name})", f"#clip{i})")
    return text
