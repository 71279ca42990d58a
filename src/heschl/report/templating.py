"""The templates of pages: where they are, and what may stand in them as it is."""

from __future__ import annotations

import json

import jinja2
from markupsafe import Markup

_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}


def environment() -> jinja2.Environment:
    """Return the templates: every value is escaped, and a missing one is an error."""
    return jinja2.Environment(
        loader=jinja2.PackageLoader("heschl.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def source(templates: jinja2.Environment, name: str) -> Markup:
    """Return a file of the templates as it is."""
    loader = templates.loader
    if loader is None:
        raise ValueError("the environment has no loader")
    return Markup(loader.get_source(templates, name)[0])  # noqa: S704 - a file of ours


def script(templates: jinja2.Environment, *names: str) -> Markup:
    """Join parts of a script: what one part declares, the parts after it can use."""
    parts = "\n".join(source(templates, name) for name in names)
    return Markup(f'"use strict";\n(() => {{\n{parts}}})();\n')  # noqa: S704 - files of ours


def script_json(content: object) -> Markup:
    """Return JSON that is safe inside a ``<script>`` element: no <, > or &, and only ASCII."""
    text = json.dumps(content, separators=(",", ":"), allow_nan=False)
    for character, escape in _ESCAPES.items():
        text = text.replace(character, escape)
    return Markup(text)  # noqa: S704 - escaped just above
