"""Addresses in facts and citations, as links."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

#: Addresses that may be followed, and identifiers of papers. Nothing else becomes a link.
_FOUND = re.compile(
    r"(?P<url>https?://[^\s<>\"']*[^\s<>\"'.,;:!?)\]])"
    r"|(?P<arxiv>arXiv[: ]\s?(?P<number>\d{4}\.\d{4,5}))"
    r"|(?P<doi>\b10\.\d{4,9}/[^\s<>\"']*[^\s<>\"'.,;:!?)\]])"
)


def with_links(text: object) -> Markup:
    """Return a text, escaped, in which addresses of the web, arXiv and DOIs are links."""
    parts, end = [], 0
    plain = str(text)
    for match in _FOUND.finditer(plain):
        parts += [escape(plain[end : match.start()]), _link(match)]
        end = match.end()
    return Markup("").join([*parts, escape(plain[end:])])


def _link(match: re.Match[str]) -> Markup:
    if match["url"]:
        address = match["url"]
    elif match["arxiv"]:
        address = f"https://arxiv.org/abs/{match['number']}"
    else:
        address = f"https://doi.org/{match['doi']}"
    return Markup('<a href="{}" rel="noopener noreferrer">{}</a>').format(address, match[0])
