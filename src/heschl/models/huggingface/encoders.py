"""Any audio encoder of transformers as a model: its blocks, and every other submodule."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from heschl.errors import HeschlError, InputError
from heschl.models.huggingface.frontends import FrontEnd, load_front_end
from heschl.models.huggingface.hub import find_folder
from heschl.models.huggingface.library import first_line, quietly, transformers_class
from heschl.models.huggingface.pretrained import Checkpoint, load_pretrained, without_decoder
from heschl.models.huggingface.repository import CONFIG, weight_files
from heschl.models.huggingface.sites import block_paths, find_sites
from heschl.models.network import Layer, NetworkModel
from heschl.registry import unknown_name

#: Where models of sound and something else keep their audio encoder.
_TOWERS = ("audio_model", "audio_tower", "audio_encoder")

#: Of a configuration, what does not change the numbers.
_IRRELEVANT = frozenset(
    {"_name_or_path", "architectures", "transformers_version", "dtype", "torch_dtype", "id2label",
     "label2id", "problem_type", "return_dict", "use_cache"}
)  # fmt: skip

_SHORTEST_PIECE = 1.0  # seconds: what is left of a longer sound below this is left out


class Encoder(NetworkModel):
    """An audio encoder of transformers.

    Parameters
    ----------
    name : str
    network : torch.nn.Module
        Takes what the front end returns.
    front_end : FrontEnd
    config : object
        Of transformers; part of the identity.
    layers : sequence of str, optional
        Paths of submodules; by default the elements of the stack of blocks.
    """

    def __init__(
        self,
        name: str,
        network: nn.Module,
        front_end: FrontEnd,
        config: Any,
        layers: Sequence[str] | None,
    ) -> None:
        self.front_end = front_end
        self._takes = set(inspect.signature(network.forward).parameters)
        self._n_samples = 0  # of the sounds that go through the network now
        network.eval()
        try:
            sites = find_sites(network, front_end, self.inputs, self._sounding)
        except HeschlError:
            raise
        except Exception as error:
            raise InputError(
                f"{name}: {type(network).__name__} cannot take what "
                f"{type(front_end.extractor).__name__} makes of sounds ({type(error).__name__}: "
                f"{error}); expected an audio encoder with its own feature extractor"
            ) from error
        super().__init__(
            name=name,
            network=network,
            sample_rate=front_end.sample_rate,
            layers=_chosen(name, network, sites, layers),
            architecture=_architecture(network, front_end, config),
            chunk_samples=front_end.longest,
            smallest_chunk=round(_SHORTEST_PIECE * front_end.sample_rate),
        )

    def inputs(self, waveforms: Tensor) -> dict[str, Tensor]:
        """Return what the network takes, by the names of its arguments."""
        self._n_samples = waveforms.shape[1]
        return {
            name: value for name, value in self.front_end(waveforms).items() if name in self._takes
        }

    def run(self, inputs: Any) -> None:
        """Put the features through the network."""
        self.network(**inputs)

    def _sounding(self, frames: Tensor) -> Tensor:
        """Leave out frames after the end of the sound."""
        share = self._n_samples / (self.front_end.longest or self._n_samples)
        return frames[..., : max(1, math.ceil(frames.shape[-1] * share))]


def load_encoder(
    reference: str | Path, *, layers: Sequence[str] | None = None, fresh: bool = False
) -> Encoder:
    """Load an encoder from a folder or the hub; see `heschl.models.huggingface.load_hub`."""
    name, folder = find_folder(reference, weights=not fresh)
    config = _config(folder)
    if fresh:
        whole = _made(config, folder)
    else:
        with torch.device("meta"):
            network = type(_made(config, folder))
        whole = load_pretrained(Checkpoint(network, config, weight_files(folder), audio_part))
    network = whole.get_submodule(audio_part(whole))
    return Encoder(name, network, load_front_end(folder), config, layers)


def audio_part(network: Any) -> str:
    """Path of the audio encoder in a network; empty if it is all of it."""
    for name in _TOWERS:
        if isinstance(getattr(network, name, None), nn.Module):
            return name
    if not getattr(network.config, "is_encoder_decoder", False):
        return ""
    encoder = network.get_encoder()
    return next(path for path, module in network.named_modules() if module is encoder)


def _config(folder: Path) -> Any:
    automatic = transformers_class("AutoConfig")
    with quietly():
        try:
            config = automatic.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False
            )
        except Exception as error:
            raise InputError(
                f"{folder / CONFIG}: no model of transformers "
                f"({first_line(error)}); expected the config.json of an audio encoder"
            ) from error
    known = config.model_type in ("whisper", "speech_to_text")
    return without_decoder(config) if known else config


def _made(config: Any, folder: Path) -> Any:
    """Return a network as a configuration describes it, with fresh weights."""
    automatic = transformers_class("AutoModel")
    with quietly():
        try:
            return automatic.from_config(config, dtype=torch.float32, trust_remote_code=False)
        except Exception as error:
            raise InputError(
                f"{folder / CONFIG}: no network of transformers ({type(error).__name__}: "
                f"{first_line(error)}); expected the config.json of an audio encoder"
            ) from error


def _chosen(
    name: str, network: nn.Module, sites: Mapping[str, Layer], layers: Sequence[str] | None
) -> dict[str, Layer]:
    """Make the wanted layers those by default, and all others extra."""
    for layer in layers or ():
        if layer not in sites:
            raise unknown_name(f"layer of {name}", layer, sites)
    wanted = [path for path in block_paths(network) if path in sites] if layers is None else layers
    if not wanted:
        raise InputError(
            f"{name}: no layer by default is reached by sounds; expected a choice: layers=[...] "
            f"out of {', '.join(list(sites)[:20])}"
        )
    return {
        path: Layer(site.path, site.frames, site.pooling, extra=path not in wanted)
        for path, site in sites.items()
    }


def _architecture(network: nn.Module, front_end: FrontEnd, config: Any) -> dict[str, Any]:
    values = {key: value for key, value in config.to_dict().items() if key not in _IRRELEVANT}
    return {
        "model": f"transformers {type(network).__name__}",
        "version": 1,
        "config": values,
        "front_end": front_end.identity(),
    }
