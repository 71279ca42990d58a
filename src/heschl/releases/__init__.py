"""Releases: published archives that are unpacked once, each into a folder of its own.

What is installed is listed in a manifest that is written last, so that a folder with a manifest is
whole; the archive itself is not kept.
"""

from __future__ import annotations

from heschl.releases.archives import TarRules
from heschl.releases.installing import alone, copy_stream, install, source_sha256
from heschl.releases.manifest import DATA, MANIFEST, Installed, InstalledFile, read, write

__all__ = [
    "DATA",
    "MANIFEST",
    "Installed",
    "InstalledFile",
    "TarRules",
    "alone",
    "copy_stream",
    "install",
    "read",
    "source_sha256",
    "write",
]
