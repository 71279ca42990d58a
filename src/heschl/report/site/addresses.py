"""Where each page and file of a site is: names that every disk and web server takes."""

from __future__ import annotations

import hashlib
import re
import unicodedata

#: Characters of a name that are kept in that of its file.
MAX_SLUG = 40


def plain(name: str) -> str:
    """Return a name in lower-case letters, digits and hyphens; what is left may be empty."""
    flat = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode("ascii").lower()
    return re.sub(r"[^a-z0-9]+", "-", flat)[:MAX_SLUG].strip("-")


def slug(name: str) -> str:
    """Return a name as part of an address, the same whatever else is in the site.

    Different names differ in their hash, also where disks do not tell upper from lower case.
    """
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return "-".join(part for part in (plain(name), digest) if part)


def model_page(name: str) -> str:
    """Return the address of a model's page, from the folder of the site."""
    return f"models/{slug(name)}.html"


def dataset_page(name: str) -> str:
    """Return the address of a dataset's page."""
    return f"datasets/{slug(name)}.html"


def task_page(name: str) -> str:
    """Return the address of a task's page."""
    return f"tasks/{slug(name)}.html"


def sound_file(dataset: str, sound: str) -> str:
    """Return the address of a sound."""
    return f"sounds/{slug(dataset)}/{slug(sound)}.mp3"


def table_file(name: str) -> str:
    """Return the address of a table as CSV."""
    return f"downloads/{name}.csv"
