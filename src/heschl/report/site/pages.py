"""Pages of a site: from templates to files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from heschl._version import __version__
from heschl.report import palette
from heschl.report.site.content import Content
from heschl.report.site.links import with_links
from heschl.report.site.numbers import ordinal
from heschl.report.templating import environment, script, script_json, source

#: Only what is in the folder of the site is loaded. Firefox does not count the files of a page that
#: was opened from disk as its own ('self'), hence the scheme.
POLICY = (
    "default-src 'none'; script-src 'self' file:; style-src 'self' file:; "
    "style-src-attr 'unsafe-inline'; img-src 'self' data: file:; media-src 'self' file:; "
    "base-uri 'none'; form-action 'none'"
)
#: The parts of the script, in order.
SCRIPTS = (
    "basics.js",
    "tables.js",
    "player.js",
    "command.js",
    "site/sounds.js",
    "site/board.js",
    "site/plane.js",
)


class Pages:
    """Writes the pages of a site.

    Parameters
    ----------
    content : Content
    folder : Path
        Of the site.
    """

    def __init__(self, content: Content, folder: Path) -> None:
        self._content, self._folder = content, folder
        self._templates = environment()
        self._templates.filters["links"] = with_links
        self._templates.filters["ordinal"] = ordinal

    def write(self, template: str, address: str, context: Mapping[str, Any]) -> Path:
        """Write a page to its address."""
        content = self._content
        text = self._templates.get_template(f"site/{template}").render(
            {
                "content": content,
                "policy": POLICY,
                "version": __version__,
                "root": "../" * address.count("/"),
                "here": address,
                "script_json": script_json,
                **context,
            }
        )
        path = self._folder / address
        path.parent.mkdir(parents=True, exist_ok=True)
        # Names of files that are not UTF-8 come as lone surrogates, which cannot be written.
        path.write_bytes(text.encode("utf-8", "replace"))
        return path

    def write_assets(self) -> None:
        """Write the style sheet and the script that all pages share."""
        light, dark = (palette.css_variables(dark=dark) for dark in (False, True))
        style = (
            f":root {{ {light} }}\n"
            f"@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n"
            f"{source(self._templates, 'style.css')}{source(self._templates, 'site/site.css')}"
        )
        folder = self._folder / "assets"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "style.css").write_text(style, encoding="utf-8")
        (folder / "site.js").write_text(script(self._templates, *SCRIPTS), encoding="utf-8")
