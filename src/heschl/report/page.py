"""The page: everything in one HTML file that needs no network and no other file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from heschl import store
from heschl.errors import InputError
from heschl.report import listening, palette, selection, tables, wording
from heschl.report.audio_clips import check_sounds, encode_clips
from heschl.report.cortex_drawings import cortex_drawings
from heschl.report.drawings import draw, prediction_sketches, score_sketches
from heschl.report.record import records
from heschl.report.single import render_single
from heschl.report.task_drawings import hearing
from heschl.report.task_table import task_table
from heschl.report.task_wording import task_answers
from heschl.results import Results
from heschl.sounds import Sounds

#: The parts of its script, in order.
SCRIPTS = ("basics.js", "tables.js", "download.js", "player.js", "page.js", "command.js")


def write_report(
    results: Results,
    path: str | Path,
    *,
    sounds: Mapping[str, Sounds] | None = None,
    command: str | None = None,
) -> Path:
    """Write the report of a run: one HTML file, which opens from disk without a network.

    The same input gives the same bytes.

    Parameters
    ----------
    results : Results
        What a run returned, or ``Results.load(folder)``.
    path : str or Path
        The file to write; one that exists is replaced.
    sounds : mapping of str to Sounds, optional
        The sounds of each dataset, by its name, to be heard in the page. Without them the page
        says that they were not available.
    command : str, optional
        The command that reproduces the run; it is shown with a button to copy it.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError
        If there are no scores, ``path`` is a folder, or ``sounds`` are not those of the results.
    AudioError
        If a sound cannot be read.
    StoreError
        If the file cannot be written.
    """
    path = Path(path)
    _check(results, path, sounds or {})
    clips = {dataset: encode_clips(some) for dataset, some in (sounds or {}).items()}
    store.write_text(path, render(results, clips=clips, command=command))
    return path


def _check(results: Results, path: Path, sounds: Mapping[str, Sounds]) -> None:
    """Refuse what cannot become a report, before any long work."""
    if results.scores.empty:
        raise InputError(
            "the results hold no scores; expected at least one row: a report needs a finished run"
        )
    if path.is_dir():
        raise InputError(f"{path} is a folder; expected the name of a file, such as report.html")
    check_sounds(results, sounds)
    store.check_writable(path.parent)


def render(
    results: Results, *, clips: Mapping[str, Mapping[str, str]], command: str | None = None
) -> str:
    """Return the page as text.

    Parameters
    ----------
    results : Results
    clips : mapping of str to mapping of str to str
        For each dataset the base64 of an MP3 file by the name of each sound.
    command : str, optional
    """
    datasets = dict.fromkeys(detail.dataset for detail in results.details)
    ids = {dataset: f"sounds-{i}" for i, dataset in enumerate(datasets)}
    of_tasks = task_table(results)
    return render_single(
        "page.html",
        styles=["style.css"],
        scripts=SCRIPTS,
        light=palette.css_variables(dark=False),
        dark=palette.css_variables(dark=True),
        title=wording.title(results),
        answers=(*wording.answers(results), *task_answers(results)),
        brains=selection.compares_brains(results),
        hearing=hearing(results),
        scores=[draw(one) for one in score_sketches(results)],
        cortex=list(cortex_drawings(results)),
        predictions=[draw(one) for one in prediction_sketches(results, ids)],
        tables=tables.score_tables(results) + (() if of_tasks is None else (of_tasks,)),
        csv=tables.packed_csv(results),
        n_rows=len(results.scores),
        sounds=[
            listening.sound_table(results, dataset, identity, clips.get(dataset))
            for dataset, identity in ids.items()
        ],
        records=list(records(results)),
        command=command,
    )
