"""Front ends of transformers: from waveforms to what an encoder takes."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from heschl.errors import InputError
from heschl.models.huggingface.library import first_line, quietly, transformers_class
from heschl.models.user.probing import probe
from heschl.models.user.wrapping import whole_hertz

_AST_FRAME, _AST_SHIFT = 400, 160  # samples


@dataclass(frozen=True)
class Window:
    """How a front end fills its fixed window.

    Attributes
    ----------
    longest : callable
        Takes the feature extractor and returns how many samples of sound go into the window.
    pooling : str
        Over what layers are averaged.
    sound_only : bool
        Whether frames beyond the end of the sound are left out.
    """

    longest: Callable[[Any], int]
    pooling: str
    sound_only: bool = False


#: By the class of the feature extractor. Longer sounds are cut into pieces for these, because the
#: extractors would drop the rest (CLAP's a random part of it).
_WINDOWS: Mapping[str, Window] = {
    "WhisperFeatureExtractor": Window(
        lambda extractor: int(extractor.n_samples),
        "mean over frames that hold sound",
        sound_only=True,
    ),
    "ClapFeatureExtractor": Window(
        lambda extractor: int(extractor.nb_max_samples),
        "mean over tokens of the window",
    ),
    "ASTFeatureExtractor": Window(
        lambda extractor: _AST_FRAME + (int(extractor.max_length) - 1) * _AST_SHIFT,
        "mean over tokens of the window, padding included",
    ),
}

_UNKNOWN = Window(lambda _: 0, "mean over all positions of the window")


class FrontEnd:
    """A feature extractor of transformers.

    Attributes
    ----------
    sample_rate : int
        In Hz.
    window : Window or None
        None where what comes out grows with the sound.
    longest : int or None
        Samples of sound that it takes at once; None: any.
    """

    def __init__(self, extractor: Any, sample_rate: int) -> None:
        self.extractor = extractor
        self.sample_rate = sample_rate
        self.window: Window | None = _WINDOWS.get(type(extractor).__name__)
        if self.window is None and self._is_fixed():
            self.window = _UNKNOWN
        self.longest = self.window.longest(extractor) or None if self.window else None

    def __call__(self, waveforms: Tensor) -> dict[str, Tensor]:
        """Return what the encoder takes, by its arguments' names.

        Every sound goes alone, so that none depends on others; all have the same length, so nothing
        is padded beyond what the extractor does to each.

        Parameters
        ----------
        waveforms : Tensor of float32, shape (n_sounds, n_samples)
        """
        with quietly():
            found = [
                self.extractor(sound, sampling_rate=self.sample_rate, return_tensors="pt")
                for sound in waveforms.cpu().numpy()
            ]
        features = {
            name: torch.cat([one[name] for one in found]).to(waveforms.device) for name in found[0]
        }
        if "is_longer" in features:  # pieces are never longer; the extractor claims it at random
            features["is_longer"] = torch.zeros_like(features["is_longer"])
        mask = features.get("attention_mask")
        if mask is not None and bool(mask.all()):
            del features["attention_mask"]  # nothing is masked
        return {
            name: value.float() if value.is_floating_point() else value
            for name, value in features.items()
        }

    def identity(self) -> dict[str, Any]:
        """Return what of the extractor determines its output, JSON-ready."""
        kept = {}
        for name, value in self.extractor.to_dict().items():
            try:
                json.dumps(value)
            except TypeError:
                continue  # tables that are computed from the rest
            kept[name] = value
        kept.pop("processor_class", None)
        return kept

    def _is_fixed(self) -> bool:
        short, long = (
            self(torch.from_numpy(probe(self.sample_rate, seconds)[:1])) for seconds in (0.5, 1.0)
        )
        return all(short[name].shape == long[name].shape for name in long)


def load_front_end(folder: Path) -> FrontEnd:
    """Load the feature extractor of a folder.

    Raises
    ------
    InputError
        If there is none for sounds.
    """
    automatic = transformers_class("AutoFeatureExtractor")
    with quietly(), warnings.catch_warnings():
        # AST was published with 128 mel filters, of which the lowest lie between two bins
        warnings.filterwarnings("ignore", message="At least one mel filter has all zero values")
        try:
            extractor = automatic.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False
            )
        except Exception as error:
            raise InputError(
                f"{folder}: no feature extractor of transformers ({first_line(error)}); "
                "expected a preprocessor_config.json beside config.json, as save_pretrained of the "
                "model's feature extractor writes it"
            ) from error
    rate = whole_hertz(getattr(extractor, "sampling_rate", None))
    if rate is None:
        raise InputError(
            f"{folder}: the sampling_rate of its {type(extractor).__name__} is "
            f"{getattr(extractor, 'sampling_rate', 'not there')!r}; expected a model of sounds, "
            "with a whole number of Hz"
        )
    return FrontEnd(extractor, rate)
