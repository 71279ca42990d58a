"""The page: everything in one HTML file that needs no network and no other file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup

from heschl import store
from heschl._version import __version__
from heschl.errors import InputError
from heschl.report import figures, listening, palette, selection, tables, wording
from heschl.report.audio_clips import encode_clips
from heschl.report.svg import inline_svg
from heschl.results import Detail, Results
from heschl.sounds import Sounds

#: Nothing may be loaded from anywhere; the sounds are in the page.
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; "
    "media-src data:; base-uri 'none'; form-action 'none'"
)

#: Lists of more entries than this are folded.
_LONG = 12

_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}


@dataclass(frozen=True)
class Drawing:
    """A figure in two widths, with its caption.

    ``sounds`` is the id of the table of sounds that its points belong to, and ``detail`` the
    place of its model there; both are empty if its points are not sounds.
    """

    title: str
    caption: str
    wide: Markup
    narrow: Markup
    sounds: str = ""
    detail: int = 0


@dataclass(frozen=True)
class Entry:
    """One entry of a record: a text, or entries below it, or a long list of texts."""

    label: str
    text: str = ""
    children: tuple[Entry, ...] = ()
    texts: tuple[str, ...] = ()


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
    known = list(dict.fromkeys(str(name) for name in results.scores["dataset"]))
    for dataset, some in sounds.items():
        if dataset not in known:
            raise InputError(
                f"sounds were given for {dataset!r}, but the results have no such dataset; "
                f"expected one of: {', '.join(known)}"
            )
        _check_sounds(results, dataset, set(some.names))
    store.check_writable(path.parent)


def _check_sounds(results: Results, dataset: str, names: set[str]) -> None:
    for detail in results.details:
        if detail.dataset != dataset:
            continue
        missing = [s for s in selection.sound_column(detail, "sound") if s not in names]
        if missing:
            raise InputError(
                f"{dataset}: {len(missing)} sounds of the results are not among the sounds given, "
                f"the first is {missing[0]!r}; give the sounds that the results were computed from"
            )


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
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("heschl.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    datasets = dict.fromkeys(detail.dataset for detail in results.details)
    ids = {dataset: f"sounds-{i}" for i, dataset in enumerate(datasets)}
    text = environment.get_template("page.html").render(
        title=wording.title(results),
        policy=POLICY,
        version=__version__,
        style=_source(environment, "style.css"),
        script=_source(environment, "page.js"),
        light=Markup(palette.css_variables(dark=False)),  # noqa: S704 - a table of ours
        dark=Markup(palette.css_variables(dark=True)),  # noqa: S704 - a table of ours
        answers=wording.answers(results),
        scores=list(_score_drawings(results)),
        predictions=list(_prediction_drawings(results, ids)),
        tables=tables.score_tables(results),
        csv=tables.packed_csv(results),
        n_rows=len(results.scores),
        sounds=[
            listening.sound_table(results, dataset, identity, clips.get(dataset))
            for dataset, identity in ids.items()
        ],
        records=list(_records(results)),
        command=command,
        script_json=script_json,
    )
    # Names of files that are not UTF-8 come as lone surrogates, which cannot be written.
    return text.encode("utf-8", "replace").decode("utf-8")


def script_json(content: object) -> Markup:
    """Return JSON that is safe inside a ``<script>`` element: no <, > or &, and only ASCII."""
    text = json.dumps(content, separators=(",", ":"), allow_nan=False)
    for character, escape in _ESCAPES.items():
        text = text.replace(character, escape)
    return Markup(text)  # noqa: S704 - escaped just above


def _source(environment: jinja2.Environment, name: str) -> Markup:
    """Return a file of the templates as it is."""
    loader = environment.loader
    if loader is None:
        raise ValueError("the environment has no loader")
    return Markup(loader.get_source(environment, name)[0])  # noqa: S704 - a file of ours


def _score_drawings(results: Results) -> Iterator[Drawing]:
    """Yield the figure of scores of each dataset that has one."""
    for i, group in enumerate(selection.analyses(results)):
        if not any(np.isfinite(detail.r2).any() for detail in group.details):
            continue
        part = Results(results.scores, results.provenance, group.details)
        label = wording.describe_scores(group)
        wide, narrow = (
            _svg(figures.plot_scores(part, width=width), f"scores-{i}-{size}", label)
            for width, size in ((figures.WIDE, "wide"), (figures.NARROW, "narrow"))
        )
        yield Drawing(
            f"{group.dataset}, {group.protocol}", _score_caption(results, group), wide, narrow
        )


def _score_caption(results: Results, group: selection.Analysis) -> str:
    noun = selection.noun(results, group.details[0])
    if group.few:
        text = f"One group of bars for each {noun}, with r² at the right."
    else:
        text = (
            f"Bars: medians over {noun}s, with r² at the right. "
            f"Dots: the distribution over {noun}s "
            f"({figures.MAX_DOTS} quantiles where there are more)."
        )
    if any(np.isfinite(selection.ceilings(results, detail)).any() for detail in group.details):
        text += " Upright line: the ceiling, the most that any model could reach."
    return text


def _prediction_drawings(results: Results, ids: Mapping[str, str]) -> Iterator[Drawing]:
    """Yield the figure of predictions of each model and dataset that has one."""
    places: dict[str, int] = {}
    for i, detail in enumerate(results.details):
        place = places.get(detail.dataset, 0)
        places[detail.dataset] = place + 1
        if not selection.shown_targets(detail):
            continue
        label = wording.describe_predictions(detail)
        wide, narrow = (
            _svg(figures.plot_predictions(detail, width=width), f"predictions-{i}-{size}", label)
            for width, size in ((figures.WIDE, "wide"), (figures.NARROW, "narrow"))
        )
        caption = (
            f"{wording.which_targets(results, detail)} Each point is a sound that the model was "
            "not fitted to; on the dashed line both are equal."
        )
        yield Drawing(_heading(detail), caption, wide, narrow, ids[detail.dataset], place)


def _heading(detail: Detail) -> str:
    return f"{detail.model} on {detail.dataset}, {detail.protocol}"


def _svg(figure: Any, prefix: str, label: str) -> Markup:
    return Markup(inline_svg(figure, prefix=prefix, label=label))  # noqa: S704 - escaped as XML


def _records(results: Results) -> Iterator[Entry]:
    """Yield what each score was computed from, named after model and dataset."""
    used = [str(key) for key in results.scores["provenance"]]
    for key in dict.fromkeys([*used, *sorted(results.provenance)]):
        if key not in results.provenance:
            continue
        rows = results.scores[results.scores["provenance"] == key]
        names = rows[["model", "dataset", "protocol"]].drop_duplicates().to_numpy().tolist()
        title = "; ".join(f"{model} on {dataset}, {protocol}" for model, dataset, protocol in names)
        entry = _entry(title or "record", results.provenance[key])
        yield Entry(entry.label, children=(Entry("record", key), *entry.children))


def _entry(label: str, value: object) -> Entry:
    if isinstance(value, Mapping):
        # Sorted, as in a saved record: a report is the same before and after.
        items = sorted(((str(key), below) for key, below in value.items()), key=itemgetter(0))
        return Entry(label, children=tuple(_entry(key, below) for key, below in items))
    if isinstance(value, list | tuple):
        if any(isinstance(item, Mapping | list | tuple) for item in value):
            return Entry(label, children=tuple(_entry(str(i + 1), v) for i, v in enumerate(value)))
        texts = tuple(_plain(item) for item in value)
        if len(texts) > _LONG:
            return Entry(label, texts=texts)
        return Entry(label, ", ".join(texts) or wording.DASH)
    return Entry(label, _plain(value))


def _plain(value: object) -> str:
    """Return a single value as text."""
    if value is None or value == "":
        return wording.DASH
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
