"""Pages of one file: everything is in it, and nothing is loaded from anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from heschl._version import __version__
from heschl.report.templating import environment, script, script_json, source

#: Nothing may be loaded; sounds and scripts are in the page.
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; "
    "media-src data:; base-uri 'none'; form-action 'none'"
)


def render_single(
    template: str,
    *,
    styles: Sequence[str],
    scripts: Sequence[str],
    light: str,
    dark: str,
    **content: Any,
) -> str:
    """Return a page as text; the same content gives the same text.

    Parameters
    ----------
    template : str
        One that extends ``single.html``.
    styles, scripts : sequence of str
        Files of the templates; what one script declares, those after it can use.
    light, dark : str
        CSS variables of our colours.
    **content
        What the template shows.
    """
    templates = environment()
    text = templates.get_template(template).render(
        policy=POLICY,
        version=__version__,
        style=Markup("").join(source(templates, name) for name in styles),
        script=script(templates, *scripts),
        light=Markup(light),  # noqa: S704 - tables of ours
        dark=Markup(dark),  # noqa: S704 - tables of ours
        script_json=script_json,
        **content,
    )
    # Names that are not UTF-8 come as lone surrogates, which cannot be written.
    return text.encode("utf-8", "replace").decode("utf-8")
