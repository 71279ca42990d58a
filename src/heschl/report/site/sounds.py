"""Which sounds a model predicts best and worst, and the files in which they can be heard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from heschl.report import selection
from heschl.report.audio_clips import encode_files
from heschl.report.palette import category_color
from heschl.report.site.addresses import sound_file
from heschl.report.wording import DASH, number, plural
from heschl.results import Detail, Results
from heschl.sounds import Sounds

#: How many of the best and of the worst are listed.
N_SOUNDS = 5
FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class SoundLine:
    """One sound: ``error`` in standard deviations, ``source`` the address of its file or ""."""

    sound: str
    category: str
    color: str
    error: str
    source: str


@dataclass(frozen=True)
class SoundList:
    """The sounds predicted best and worst, the extremes first."""

    title: str
    best: tuple[SoundLine, ...]
    worst: tuple[SoundLine, ...]


@dataclass(frozen=True)
class HeardDataset:
    """The sounds of one analysis of a model.

    Attributes
    ----------
    title, reading : str
    lists : tuple of SoundList
        Over all targets first, then of each of a few.
    playable : bool
    """

    title: str
    reading: str
    lists: tuple[SoundList, ...]
    playable: bool


def write_sounds(sounds: Mapping[str, Sounds], folder: Path) -> dict[str, dict[str, str]]:
    """Write every sound as an MP3 file; return their addresses by dataset and name."""
    found: dict[str, dict[str, str]] = {}
    for dataset, some in sounds.items():
        found[dataset] = {}
        for name, encoded in encode_files(some).items():
            address = sound_file(dataset, name)
            path = folder / address
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encoded)
            found[dataset][name] = address
    return found


def heard(
    results: Results, detail: Detail, sources: Mapping[str, str] | None
) -> HeardDataset | None:
    """Return the sounds of one analysis; None if no target has a score."""
    scored = np.flatnonzero(np.isfinite(detail.r2))
    errors = standardised_errors(detail)[:, scored]
    if not np.isfinite(errors).any():
        return None
    noun = selection.noun(results, detail)
    together = np.sqrt(_mean_square(errors))
    lists = [_list(f"All {plural(len(scored), noun)} together", detail, together, sources or {})]
    if 1 < len(detail.targets) <= selection.FEW:
        for column, target in enumerate(scored):
            label = selection.target_label(detail, int(target))
            lists.append(_list(label, detail, np.abs(errors[:, column]), sources or {}))
    reading = (
        f"The error of a sound is what was predicted less what was measured, in standard "
        f"deviations of the {noun} over sounds; over all {noun}s, its root mean square. The model "
        "was not fitted to the sound."
    )
    title = f"{detail.dataset}, {detail.protocol}"
    return HeardDataset(title, reading, tuple(lists), sources is not None)


def standardised_errors(detail: Detail) -> FloatArray:
    """Predicted less measured responses in standard deviations of the measured ones (ddof 0).

    Returns
    -------
    ndarray, shape (n_sounds, n_targets)
        nan for targets without a response or without variance.
    """
    centred = detail.measured - detail.measured.mean(axis=0)
    spread = np.sqrt((centred**2).mean(axis=0))
    errors = detail.predicted - detail.measured
    out = np.full(errors.shape, np.nan)
    np.divide(errors, spread, out=out, where=np.isfinite(spread) & (spread > 0))
    return out


def _mean_square(errors: FloatArray) -> FloatArray:
    """Mean over the targets that are known of squared errors, (n_sounds,); nan without any."""
    known = np.isfinite(errors)
    sums = (np.where(known, errors, 0.0) ** 2).sum(axis=1)
    n = known.sum(axis=1)
    return np.divide(sums, n, out=np.full(len(errors), np.nan), where=n > 0)


def _list(title: str, detail: Detail, errors: FloatArray, sources: Mapping[str, str]) -> SoundList:
    known = np.flatnonzero(np.isfinite(errors))
    order = known[np.argsort(errors[known], kind="stable")]
    n = min(N_SOUNDS, len(order) // 2) or len(order)
    best = _lines(detail, errors, order[:n], sources)
    return SoundList(title, best, _lines(detail, errors, order[::-1][:n], sources))


def _lines(
    detail: Detail, errors: FloatArray, chosen: NDArray[np.intp], sources: Mapping[str, str]
) -> tuple[SoundLine, ...]:
    names = selection.sound_column(detail, "sound")
    categories = selection.sound_column(detail, "category")
    paint = {name: category_color(i) for i, name in enumerate(selection.categories(detail))}
    return tuple(
        SoundLine(
            names[i],
            categories[i] or DASH,
            paint[categories[i]],
            number(errors[i]),
            sources.get(names[i], ""),
        )
        for i in chosen
    )
