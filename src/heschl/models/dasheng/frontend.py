"""The front end of Dasheng: log-mel spectrograms with the constants of the checkpoint."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from heschl.errors import InputError
from heschl.models.dasheng.config import PATCH, Config
from heschl.models.frontends.mel import htk_filters
from heschl.models.frontends.stft import hann, spectrum

SAMPLE_RATE = 16_000  # Hz
N_MELS = 64
FLOOR = 1e-10  # least power before the logarithm

WINDOW, FILTERS = "front_end.0.spectrogram.window", "front_end.0.mel_scale.fb"
_NEAR = 1e-3  # a window and filters of height 1; single precision moves filters by 1e-4


class FrontEnd:
    """Power in 64 mel bands every 10 ms, in dB.

    Parameters
    ----------
    config : Config
    window : Tensor, shape (win_size,)
    filters : Tensor, shape (n_fft // 2 + 1, 64)
    """

    def __init__(self, config: Config, window: Tensor, filters: Tensor) -> None:
        self._config = config
        self._window = window
        self._filters = filters

    def __call__(self, waveforms: Tensor) -> Tensor:
        """Compute spectrograms (n_sounds, 64, n_frames) of waveforms (n_sounds, n_samples).

        Raises
        ------
        InputError
            If they are too short for one patch.
        """
        config = self._config
        least = max(config.n_fft // 2 + 1, (PATCH - 1) * config.hop_size)
        if waveforms.shape[1] < least:
            raise InputError(
                f"sounds of {waveforms.shape[1]} samples at {SAMPLE_RATE} Hz; Dasheng expects at "
                f"least {least}, one patch: give longer sounds"
            )
        window = self._window.to(waveforms.device)
        found = spectrum(waveforms, n_fft=config.n_fft, hop=config.hop_size, window=window)
        filters = self._filters.to(waveforms.device)
        power = (found.abs().square().transpose(1, 2) @ filters).transpose(1, 2)
        return limited(10 * power.clamp_min(FLOOR).log10(), config.top_db)

    def sha256(self) -> str:
        """Hash of the window and the filters."""
        content = hashlib.sha256()
        for table in (self._window, self._filters):
            content.update(table.contiguous().numpy().data)
        return content.hexdigest()


def limited(decibels: Tensor, top_db: float | None) -> Tensor:
    """Raise what lies more than ``top_db`` below a sound's own maximum to that level.

    The original takes the maximum over all sounds of a batch, so that it depends on what else is in
    it; sounds that go through it one by one, as they do here in effect, have their own.

    Parameters
    ----------
    decibels : Tensor, shape (n_sounds, n_bands, n_frames)
    top_db : float or None
    """
    if top_db is None:
        return decibels
    return torch.maximum(decibels, decibels.amax(dim=(1, 2), keepdim=True) - top_db)


def computed(config: Config) -> FrontEnd:
    """Return a front end whose window and filters are computed."""
    return FrontEnd(config, *_tables(config))


def taken(config: Config, state: Mapping[str, Tensor], source: Path) -> FrontEnd:
    """Return a front end with the window and filters of a checkpoint.

    Parameters
    ----------
    config : Config
    state : mapping of str to Tensor
        The whole state of the checkpoint.
    source : Path
        For messages.

    Raises
    ------
    InputError
        If one is missing, or is not what the configuration says; it is named.
    """
    tables = []
    for name, expected in zip((WINDOW, FILTERS), _tables(config), strict=True):
        if name not in state:
            raise InputError(
                f"{source}: tensor {name} is missing; expected the front end's, of shape "
                f"{tuple(expected.shape)}. Fetch the published checkpoint"
            )
        table = state[name].float()
        if table.shape != expected.shape:
            raise InputError(
                f"{source}: tensor {name} has shape {tuple(table.shape)}; expected "
                f"{tuple(expected.shape)}, as its config says. It is another model's checkpoint"
            )
        if not (table - expected).abs().max() <= _NEAR:  # nan is not near either
            raise InputError(
                f"{source}: tensor {name} is not what its config says (off by "
                f"{float((table - expected).abs().max()):.3g}); expected a Hann window and HTK mel "
                f"filters from {config.f_min} to {config.f_max} Hz. Fetch the published checkpoint"
            )
        tables.append(table)
    return FrontEnd(config, *tables)


def _tables(config: Config) -> tuple[Tensor, Tensor]:
    filters = htk_filters(SAMPLE_RATE, config.n_fft, N_MELS, config.f_min, config.f_max)
    return hann(config.win_size), filters
