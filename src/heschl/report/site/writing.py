"""Writing of a site: all its pages and files, and then its folder in one step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from heschl import progress
from heschl.errors import InputError
from heschl.linking import Linked
from heschl.report.audio_clips import check_sounds
from heschl.report.site.addresses import dataset_page, model_page, task_page
from heschl.report.site.analysis_page import analysis_page
from heschl.report.site.content import Content
from heschl.report.site.data_pages import data_page
from heschl.report.site.downloads import write_tables
from heschl.report.site.figures import Filing
from heschl.report.site.folder import check_folder, making
from heschl.report.site.index_page import index_page
from heschl.report.site.method_page import method_page
from heschl.report.site.model_page import filing_of
from heschl.report.site.model_page import model_page as model_context
from heschl.report.site.pages import Pages
from heschl.report.site.sounds import write_sounds
from heschl.results import Results
from heschl.sounds import Sounds
from heschl.studies import Failure


def write_site(
    results: Results,
    linked: Linked,
    folder: str | Path,
    *,
    title: str,
    sounds: Mapping[str, Sounds] | None = None,
    study: str | None = None,
    failures: Sequence[Failure] = (),
    commands: Mapping[str, str | Sequence[str]] | None = None,
    specs: Mapping[str, Mapping[str, Any]] | None = None,
) -> Path:
    """Write the site of a study: pages that open from disk and from any web server.

    Nothing is loaded from elsewhere. The same input gives the same bytes. The folder is put in its
    place when it is complete; a site that was there before is replaced as a whole.

    Parameters
    ----------
    results : Results
        Of many models.
    linked : Linked
        What `heschl.linking.link` made of them.
    folder : str or Path
        Of the site: a new one, an empty one, or that of an earlier site.
    title : str
        Of the study; the heading of the first page.
    sounds : mapping of str to Sounds, optional
        The sounds of each dataset, by its name, to be heard in the pages.
    study : str, optional
        Text of the study file.
    failures : sequence of Failure, optional
        What could not be computed.
    commands : mapping of str to str or sequence of str, optional
        For each model the exact command lines that compute its numbers.
    specs : mapping of str to mapping, optional
        For each model what is to be shown of it: ``summary``, ``family``, ``training``,
        ``licence``, ``citation``, ``parameters``, ``hours``, and anything else.

    Returns
    -------
    Path
        The first page, ``index.html``.

    Raises
    ------
    InputError
        If there are neither scores nor failures, the folder holds something that is not a site, or
        ``sounds`` are not those of the results.
    AudioError
        If a sound cannot be read.
    StoreError
        If something cannot be written.
    """
    folder = Path(folder).resolve()
    if results.scores.empty and not failures:
        raise InputError(
            "the results hold no scores, and nothing failed; expected at least one row: a site "
            "needs a study that has begun"
        )
    check_sounds(results, sounds or {})
    check_folder(folder)
    with making(folder) as temporary:
        content = Content(
            results,
            linked,
            title,
            study,
            tuple(failures),
            commands or {},
            specs or {},
            write_sounds(sounds or {}, temporary),
        )
        _write(content, temporary)
    return folder / "index.html"


def _write(content: Content, folder: Path) -> None:
    pages = Pages(content, folder)
    pages.write_assets()
    downloads = write_tables(content, folder)
    first = index_page(content, downloads, Filing(folder, "index"))
    pages.write("index.html", "index.html", first)
    pages.write(
        "analysis.html", "analysis.html", analysis_page(content, Filing(folder, "analysis"))
    )
    pages.write("method.html", "method.html", method_page(content))
    data = [("brain", name) for name in content.datasets]
    data += [("task", name) for name in content.task_names]
    total = len(content.models) + len(data)
    with progress.bar("pages of the site", total, "pages") as advance:
        for kind, name in data:
            address = (task_page if kind == "task" else dataset_page)(name)
            under = address.removesuffix(".html")
            pages.write("data.html", address, data_page(content, name, kind, Filing(folder, under)))
            advance()
        for model in content.models:
            context = model_context(content, model, Filing(folder, filing_of(model)))
            pages.write("model.html", model_page(model.name), context)
            advance()
