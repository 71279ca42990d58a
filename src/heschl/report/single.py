"""Pages of one file: everything is in it, and nothing is loaded from anywhere."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from heschl._version import __version__
from heschl.report.templating import environment, script, script_json, source

#: Nothing may be loaded. Of scripts and style sheets only those of ours have effect, told by their
#: hashes: what a name might bring into the page would not run. Figures have style attributes.
_POLICY = (
    "default-src 'none'; style-src {style}; style-src-attr 'unsafe-inline'; script-src {script}; "
    "img-src data:; media-src data:; base-uri 'none'; form-action 'none'"
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
    code = script(templates, *scripts)
    sheet = (
        f":root {{ {light} }}\n@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n"
        f"{''.join(source(templates, name) for name in styles)}"
    )
    text = templates.get_template(template).render(
        policy=_POLICY.format(style=_hash_of(sheet), script=_hash_of(code)),
        version=__version__,
        style=Markup(sheet),  # noqa: S704 - files and tables of ours
        script=code,
        script_json=script_json,
        **content,
    )
    # Names that are not UTF-8 come as lone surrogates, which cannot be written.
    return text.encode("utf-8", "replace").decode("utf-8")


def _hash_of(text: str) -> str:
    """Return what a policy calls a text by."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"
