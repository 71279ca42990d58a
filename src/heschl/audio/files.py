"""Sound files: read whole, looked at, read in part."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from heschl.audio.containers import check_whole, cut_short, last_exact_place
from heschl.audio.waveforms import FloatArray, check_finite
from heschl.errors import AudioError, UsageError

#: Suffixes of the files that are taken for sounds when a folder is searched.
SUFFIXES = (".wav", ".flac", ".ogg", ".mp3", ".aiff", ".aif")

#: What is read at once without looking for its end: bytes of samples for a byte of a file, and more
#: in any case.
_MOST_EXPANDED, _ALWAYS_READ = 200, 10_000_000

#: Rates of recordings, in Hz. Resampling makes room by their ratio to that of a model: of a sound
#: that claims 1 Hz it would make 16,000 times as many samples.
LOWEST_RATE, HIGHEST_RATE = 1_000, 1_000_000


def read(path: str | Path) -> tuple[FloatArray, int]:
    """Read a sound file as mono.

    Parameters
    ----------
    path : str or Path
        WAV, FLAC, Ogg Vorbis or Opus, MP3 or AIFF.

    Returns
    -------
    waveform : ndarray of float32, shape (n_samples,)
        Full scale is -1 to 1; the channels are averaged.
    sample_rate : int
        In Hz.

    Raises
    ------
    AudioError
        If the file is missing, empty, damaged, cut short, or holds nan or infinity.
    """
    path = Path(path)
    with _opened(path) as file:
        expected, rate = file.frames, int(file.samplerate)
        if not _is_plausible(path, file):
            look(path)  # refuses a header that promises what is not there
        try:
            samples = file.read(dtype="float32", always_2d=True)
        except MemoryError as error:
            raise AudioError(
                f"{path}: {expected} samples of {file.channels} channels do not fit into memory; "
                "is its header damaged? Otherwise cut it into pieces"
            ) from error
    if len(samples) == 0:
        raise _empty(path)
    if len(samples) < expected:
        raise _too_few(path, expected, len(samples))
    waveform = _mono(samples)
    check_finite(waveform, str(path))
    return waveform, rate


@dataclass(frozen=True)
class AudioFacts:
    """What the header of a sound file tells.

    Attributes
    ----------
    n_samples : int
        Of each channel.
    sample_rate : int
        In Hz.
    n_channels : int
    """

    n_samples: int
    sample_rate: int
    n_channels: int


def look(path: str | Path) -> AudioFacts:
    """Look at a sound file without decoding it: its header, and whether its end is there.

    Parameters
    ----------
    path : str or Path
        A file as for `read`.

    Returns
    -------
    AudioFacts

    Raises
    ------
    AudioError
        If the file is missing, empty, cut short or no sound. Damage between its ends and nan are
        found when that part is read.
    """
    path = Path(path)
    with _opened(path) as file:
        facts = AudioFacts(int(file.frames), int(file.samplerate), int(file.channels))
        if facts.n_samples == 0:
            raise _empty(path)
        place = facts.n_samples - 1
        try:  # of damaged MP3, libsndfile finds places beyond its end
            last = len(file.read(1)) if file.seek(place) == place else 0
        except RuntimeError:  # there is no such place
            last = 0
    if not last:
        raise cut_short(path, f"the last of the {facts.n_samples} samples it promises is missing")
    return facts


def read_part(path: str | Path, start: int, n_samples: int) -> tuple[FloatArray, int]:
    """Read a part of a sound file as mono; what lies before and after it is not decoded.

    Parameters
    ----------
    path : str or Path
        A file as for `read`; that its end is there is not checked again, see `look`.
    start : int
        The first sample, counted from 0.
    n_samples : int
        How many at most: there are fewer if the file ends before.

    Returns
    -------
    waveform : ndarray of float32, shape (n_read,)
        The same samples as `read` gives at this place: to the bit in all formats but MP3, whose
        decoder may round the last bit otherwise (6e-8 of full scale).
    sample_rate : int
        In Hz.

    Raises
    ------
    AudioError
        If the file is missing or damaged at this place, which is given in seconds, if the file
        ends before it, or if it holds nan or infinity there. Wrong samples of formats without
        checksums (WAV, AIFF) cannot be noticed.
    UsageError
        If ``start`` is below 0 or ``n_samples`` below 1.
    """
    path, rate = Path(path), 0
    if start < 0 or n_samples < 1:
        raise UsageError(
            f"{path}: {n_samples} samples from {start} on; expected a part of the file"
        )
    try:
        with _opened(path, whole=False) as file:
            rate, there = int(file.samplerate), int(file.frames) - start
            if there <= 0:
                raise AudioError(f"{path}: ends after {file.frames} samples, before this place")
            place = min(start, last_exact_place(path, file))
            if file.seek(place) != place:
                raise AudioError(f"{path}: damaged: this place cannot be found")
            passed_over, expected = start - place, min(n_samples, there)
            samples = file.read(passed_over + expected, dtype="float32", always_2d=True)
        if len(samples) < passed_over + expected:
            raise _too_few(path, expected, max(0, len(samples) - passed_over))
        waveform = _mono(samples[passed_over:])
        check_finite(waveform, str(path))
    except AudioError as error:
        where = f", at {start / rate:.2f} s" if rate else ""
        reason = str(error).removeprefix(f"{path}: ")
        raise AudioError(f"{path}{where}: {reason}") from error
    return waveform, rate


@contextmanager
def _opened(path: Path, *, whole: bool = True) -> Iterator[soundfile.SoundFile]:
    """Open a sound file that is whole; what goes wrong with it is an AudioError."""
    if path.is_dir():
        raise AudioError(f"{path}: a folder; expected a sound file")
    if not path.is_file():
        raise AudioError(f"{path}: no such sound file")
    try:
        if whole:
            check_whole(path)
        with soundfile.SoundFile(path) as file:
            if not file.seekable():
                raise AudioError(
                    f"{path}: {file.format} with {file.subtype}, in which no place can be found; "
                    "convert it to WAV or FLAC"
                )
            if not LOWEST_RATE <= file.samplerate <= HIGHEST_RATE:
                raise AudioError(
                    f"{path}: a sample rate of {file.samplerate} Hz; expected {LOWEST_RATE} to "
                    f"{HIGHEST_RATE}: is its header damaged?"
                )
            yield file
    except OSError as error:
        raise AudioError(f"{path}: cannot be opened ({error.strerror or error})") from error
    except (RuntimeError, TypeError) as error:  # libsndfile's own, and files without a header
        what = getattr(error, "error_string", error)  # without the path once more
        raise AudioError(f"{path}: not a readable sound file ({what}); is it damaged?") from error


def _is_plausible(path: Path, file: soundfile.SoundFile) -> bool:
    """Whether a file may have as many samples as it promises, by its size.

    Formats with losses take a byte for ten samples or so; only silence takes less.
    """
    n_bytes = 4 * file.frames * file.channels
    return n_bytes <= _MOST_EXPANDED * path.stat().st_size + _ALWAYS_READ


def _mono(samples: FloatArray) -> FloatArray:
    """Average the channels of samples (n_samples, n_channels)."""
    n_channels = samples.shape[1]
    if n_channels == 1:
        return np.ascontiguousarray(samples[:, 0])
    if n_channels == 2:  # the same numbers, ten times quicker
        return (samples[:, 0] + samples[:, 1]) * np.float32(0.5)
    return samples.mean(axis=1, dtype=np.float32)


def _empty(path: Path) -> AudioError:
    return AudioError(f"{path}: holds no samples")


def _too_few(path: Path, promised: int, there: int) -> AudioError:
    return cut_short(path, f"its header promises {promised} samples, {there} are there")
