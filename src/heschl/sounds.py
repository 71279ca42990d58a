"""Ordered, named sounds: where they are, what they are, and their waveforms at any rate."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import overload

import numpy as np
from numpy.typing import NDArray

from heschl import audio
from heschl.errors import AudioError, InputError
from heschl.threads import map_threads


@dataclass(frozen=True)
class Clip:
    """One sound.

    Attributes
    ----------
    name : str
        Unique among the sounds it stands with.
    source : str or Path, or tuple of ndarray (n_samples,) and int
        A sound file, or a mono waveform with its sample rate in Hz.
    category : str or None
        What kind of sound it is.
    """

    name: str
    source: str | Path | tuple[NDArray[np.float32], int] = field(repr=False)
    category: str | None = None

    def read(self) -> tuple[NDArray[np.float32], int]:
        """Return the mono waveform as it is, and its sample rate in Hz.

        Raises
        ------
        AudioError
            If it is missing, damaged, cut short, not finite, or no mono waveform.
        """
        if isinstance(self.source, str | Path):
            return audio.read(self.source)
        waveform, rate = np.asarray(self.source[0]), self.source[1]
        if waveform.ndim != 1 or not waveform.size or waveform.dtype.kind != "f":
            raise AudioError(
                f"{self.name}: samples of type {waveform.dtype} and shape {waveform.shape}; "
                "expected floating-point numbers, full scale -1 to 1, of shape (n_samples,)"
            )
        if not rate > 0:
            raise AudioError(f"{self.name}: its sample rate is {rate}; expected Hz, more than 0")
        audio.check_finite(waveform, self.name)
        return waveform.astype(np.float32, copy=False), rate


@dataclass(frozen=True)
class ClipFacts:
    """What reading a sound tells about it.

    Attributes
    ----------
    digest : str
        SHA-256 of its decoded samples and rate: its identity, whatever its file.
    sample_rate : int
        In Hz, as recorded.
    n_samples : int
        As recorded.
    silent : bool
        Whether all samples within the duration of the sounds (all there are, if they have none) are
        equal.
    """

    digest: str
    sample_rate: int
    n_samples: int
    silent: bool


class Sounds(Sequence[Clip]):
    """Sounds in a fixed order, of one duration or each as long as it is.

    Parameters
    ----------
    clips : sequence of Clip
        With unique names.
    duration : float or None
        In seconds. Shorter clips are padded with zeros at the end, longer ones cut, when their
        waveforms are asked for. None: every clip is as long as it is.
    may_be_silent : bool, optional
        Whether `check` lets silent clips pass.
    facts : sequence of ClipFacts, optional
        What is known of each clip from an earlier reading, so that it need not be read for that.

    Raises
    ------
    InputError
        If there are no clips, if two have the same name, if the duration is not more than 0, or if
        there are facts on another number of clips.
    """

    def __init__(
        self,
        clips: Sequence[Clip],
        *,
        duration: float | None,
        may_be_silent: bool = False,
        facts: Sequence[ClipFacts] | None = None,
    ) -> None:
        if not clips:
            raise InputError("no sounds were given; expected at least one")
        if duration is not None and not duration > 0:
            raise InputError(f"the duration of sounds is {duration} s; expected more than 0")
        self.clips = tuple(clips)
        self.duration = None if duration is None else float(duration)
        self.may_be_silent = may_be_silent
        seen: set[str] = set()
        for clip in self.clips:
            if clip.name in seen:
                raise InputError(f"two sounds are named {clip.name!r}; names must be unique")
            seen.add(clip.name)
        if facts is not None:
            if len(facts) != len(self.clips):
                raise InputError(f"facts on {len(facts)} of {len(self.clips)} sounds; expected all")
            self.__dict__["facts"] = tuple(facts)  # where cached_property keeps what it computed

    @overload
    def __getitem__(self, index: int) -> Clip: ...
    @overload
    def __getitem__(self, index: slice) -> Sounds: ...
    def __getitem__(self, index: int | slice) -> Clip | Sounds:
        if isinstance(index, slice):
            known = self.__dict__.get("facts")
            return Sounds(
                self.clips[index],
                duration=self.duration,
                may_be_silent=self.may_be_silent,
                facts=None if known is None else known[index],
            )
        return self.clips[index]

    def __len__(self) -> int:
        return len(self.clips)

    def __iter__(self) -> Iterator[Clip]:
        return iter(self.clips)

    def __repr__(self) -> str:
        length = "various lengths" if self.duration is None else f"{self.duration:g} s"
        return f"<Sounds: {len(self)} of {length}>"

    @property
    def names(self) -> tuple[str, ...]:
        """Names in order."""
        return tuple(clip.name for clip in self.clips)

    @property
    def categories(self) -> tuple[str | None, ...]:
        """Categories in order."""
        return tuple(clip.category for clip in self.clips)

    def n_samples(self, sample_rate: int) -> int:
        """Return the number of samples, at a rate in Hz, of every waveform: of the longest one.

        The files are read for it if the sounds have no duration and their facts are not known.
        """
        if self.duration is not None:
            return round(self.duration * sample_rate)
        return int(self.lengths(sample_rate).max())

    def lengths(self, sample_rate: int) -> NDArray[np.int64]:
        """Return the number of samples of each waveform at a rate.

        Parameters
        ----------
        sample_rate : int
            In Hz.

        Returns
        -------
        ndarray of int, shape (n_sounds,)

        Raises
        ------
        AudioError
            If the files have to be read for it, and one cannot be.
        """
        if self.duration is not None:
            return np.full(len(self), self.n_samples(sample_rate), np.int64)
        found = (
            audio.resampled_length(facts.n_samples, facts.sample_rate, sample_rate)
            for facts in self.facts
        )
        return np.fromiter(found, np.int64, len(self))

    def waveforms(self, sample_rate: int) -> NDArray[np.float32]:
        """Read all sounds: mono, resampled, fitted to the duration.

        Parameters
        ----------
        sample_rate : int
            In Hz.

        Returns
        -------
        ndarray of float32, shape (n_sounds, n_samples)

        Raises
        ------
        AudioError
            If a sound is missing, damaged, cut short or not finite; it is named.
        InputError
            If they have no duration and differ in length.
        """
        lengths = self.lengths(sample_rate)
        n = int(lengths[0])
        if (lengths != n).any():
            raise InputError(
                f"{len(self)} sounds of {lengths.min()} to {lengths.max()} samples at "
                f"{sample_rate} Hz do not fit into one array; give them a duration, or take a "
                "slice of equally long ones"
            )
        out = np.empty((len(self), n), np.float32)
        for row, clip in zip(out, self.clips, strict=True):
            waveform, rate = clip.read()
            row[:] = audio.fit_length(audio.resample(waveform, rate, sample_rate), n)
        return out

    @cached_property
    def facts(self) -> tuple[ClipFacts, ...]:
        """What reading every sound once tells about it; the files are read when first asked.

        Raises
        ------
        AudioError
            If one is missing, damaged, cut short or not finite; it is named.
        """

        def facts_of(clip: Clip) -> ClipFacts:
            return clip_facts(*clip.read(), self.duration)

        return tuple(map_threads(facts_of, self.clips))

    def check(self) -> None:
        """Refuse sounds that cannot be heard.

        Raises
        ------
        AudioError
            If one is missing, damaged, cut short, not finite, or silent where it may not be; it is
            named.
        """
        within = "" if self.duration is None else f" within {self.duration:g} s"
        for clip, facts in zip(self.clips, self.facts, strict=True):
            if facts.silent and not self.may_be_silent:
                raise AudioError(
                    f"{clip.name}: silent (all samples{within} are equal); a "
                    "silent sound has no activations to compare: leave it out or replace it"
                )


def clip_facts(waveform: NDArray[np.float32], rate: int, duration: float | None) -> ClipFacts:
    """Look at a waveform (n_samples,) as it was read.

    Parameters
    ----------
    waveform : ndarray of float32, shape (n_samples,)
    rate : int
        In Hz.
    duration : float or None
        Of the sounds, in seconds: silence is judged within it.
    """
    content = hashlib.sha256(f"{rate}:".encode())
    content.update(np.ascontiguousarray(waveform, "<f4").tobytes())
    heard = waveform if duration is None else waveform[: max(1, round(duration * rate))]
    return ClipFacts(content.hexdigest(), rate, len(waveform), bool(np.ptp(heard) == 0))
