"""Datasets for many measurements: loaded once, their sounds resampled once."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from heschl import audio
from heschl.brain import BrainDataset, load_dataset
from heschl.errors import HeschlWarning, UsageError
from heschl.sounds import Clip, Sounds


def load_datasets(
    datasets: str | Path | BrainDataset | Sequence[str | Path | BrainDataset],
) -> tuple[BrainDataset, ...]:
    """Load one dataset or several.

    Raises
    ------
    UnknownNameError, FetchError, InputError
        As `heschl.load_dataset`.
    UsageError
        If there is none, or two have the same name.
    """
    several = [datasets] if isinstance(datasets, str | Path | BrainDataset) else list(datasets)
    loaded = tuple(load_dataset(one) for one in several)
    if not loaded:
        raise UsageError("no dataset was given; expected at least one, such as 'synthetic'")
    names = [one.name for one in loaded]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"two datasets are named {name!r}; expected each once")
    return loaded


def resampled(data: BrainDataset, sample_rate: int) -> BrainDataset:
    """Return a dataset with its sounds in memory, mono and at a rate; the responses are shared.

    Parameters
    ----------
    data : BrainDataset
    sample_rate : int
        In Hz.

    Raises
    ------
    AudioError
        If a sound cannot be read, or is silent where it may not be.

    Warns
    -----
    HeschlWarning
        If sounds are recorded at a lower rate.
    """
    sounds = data.sounds
    sounds.check()
    lowest = min(facts.sample_rate for facts in sounds.facts)
    if lowest < sample_rate:  # afterwards nobody sees it any more
        warnings.warn(
            f"sounds of {data.name} are recorded at {lowest} Hz, below the {sample_rate} Hz of the "
            f"model: above {lowest // 2} Hz it hears nothing",
            HeschlWarning,
            stacklevel=2,
        )
    clips = []
    for clip in sounds:
        waveform, rate = clip.read()
        waveform = audio.resample(waveform, rate, sample_rate)
        if sounds.duration is not None:
            waveform = audio.fit_length(waveform, round(sounds.duration * sample_rate))
        clips.append(Clip(clip.name, (waveform, sample_rate), clip.category))
    ready = Sounds(clips, duration=sounds.duration, may_be_silent=sounds.may_be_silent)
    return replace(data, sounds=ready)
