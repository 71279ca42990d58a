"""The site of a study: pages of many models, to open from disk or to put on a web server."""

from __future__ import annotations

from heschl.report.site.writing import write_site

__all__ = ["write_site"]
