"""What a checkpoint says of its network: from its config, checked against its tensors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from torch import Tensor

from heschl.errors import InputError
from heschl.models.encodecmae.frontends import (
    FRONT_ENDS,
    SAMPLE_RATE,
    Frames,
    FrontEnd,
    Mel,
    Spectrogram,
    Waveform,
)
from heschl.models.encodecmae.gin import Bindings
from heschl.models.frontends.kaldi import WINDOWS

# as published: configs/models/encodecmae.gin of habla-liaa/encodecmae at 2dd6759
HEADS = 12
HIDDEN = 4096
CHUNK_SECONDS = 4.0

_ENCODEC = "wav_encoder.encoder."
_PROJECTION = "wav_encoder.post_net.weight"
_LAYER = "visible_encoder.encoder_layers"
_QUERY = f"{_LAYER}.0.att_layer.wq.weight"
_FEED_FORWARD = f"{_LAYER}.0.ff_layer.0.weight"

_MEL, _SPECTROGRAM = "MelspectrogramProcessor", "SpectrogramProcessor"

Framed = TypeVar("Framed", bound=Frames)

#: What the processor of spectrograms takes for an argument that is not bound.
_UNBOUND = Spectrogram(
    sample_rate=16_000, frame_length_ms=25, frame_shift_ms=10, window="povey", mean=0, std=1
)


@dataclass(frozen=True)
class Configuration:
    """Sizes of a network, and its front end.

    Attributes
    ----------
    front_end : Mel, Spectrogram or Waveform
    dim : int
        Width of the layers.
    depth : int
        Number of layers.
    heads : int
    hidden : int
        Width of the feed-forward network.
    chunk_samples : int
        Longer clips are cut into pieces of so many samples.
    """

    front_end: FrontEnd
    dim: int
    depth: int
    heads: int = HEADS
    hidden: int = HIDDEN
    chunk_samples: int = int(CHUNK_SECONDS * SAMPLE_RATE)


def published(options: Mapping[str, Any]) -> Configuration:
    """Return the configuration of a row of the table, as it was trained.

    Parameters
    ----------
    options : mapping
        Those of its `ModelSpec`.
    """
    front_end = FRONT_ENDS[options["front_end"]]()
    return Configuration(front_end, dim=options["dim"], depth=options["depth"])


def read(
    text: str | None, tensors: Mapping[str, Tensor], options: Mapping[str, Any], *, source: str
) -> Configuration:
    """Return the configuration of a checkpoint.

    Parameters
    ----------
    text : str or None
        Its gin text. What that does not say is as published, or as the tensors have it.
    tensors : mapping of str to Tensor
        Its state.
    options : mapping
        Those of the model's `ModelSpec`; the kind of front end counts.
    source : str
        Where it comes from, for messages.

    Returns
    -------
    Configuration

    Raises
    ------
    InputError
        If the text and the tensors disagree (the tensor is named), the text asks for another kind
        of network, or a front end is not published and the text does not have it either.
    """
    bindings = Bindings(text or "", source)
    kind = options["front_end"]
    _check_kind(bindings, source)
    found = Configuration(
        _front_end(kind, bindings, source),
        dim=_side(tensors, _PROJECTION, 0, source),
        depth=_depth(tensors),
        heads=bindings.whole("MultiHeadAttention", "num_heads", "encoder")
        or bindings.whole("", "NUM_ENCODER_HEADS")
        or HEADS,
        hidden=_side(tensors, _FEED_FORWARD, 0, source),
        chunk_samples=_chunk_samples(bindings, source),
    )
    _check_sizes(found, bindings, tensors, source)
    return found


def kind(text: str | None, tensors: Mapping[str, Tensor], *, source: str) -> str:
    """Say which front end a checkpoint has: one of `FRONT_ENDS`.

    Raises
    ------
    InputError
        If the text is not a whole gin text.
    """
    if any(name.startswith(_ENCODEC) for name in tensors):
        return Waveform.kind
    bindings = Bindings(text or "", source)
    only_spectrogram = bindings.has(_SPECTROGRAM) and not bindings.has(_MEL)
    return Spectrogram.kind if only_spectrogram else Mel.kind


def write(config: Configuration) -> str:
    """Return the gin text that `read` makes this configuration of."""
    front_end = config.front_end
    lines = [
        f"MODEL_DIM = {config.dim}",
        f"NUM_ENCODER_LAYERS = {config.depth}",
        f"NUM_ENCODER_HEADS = {config.heads}",
        f"MAX_AUDIO_DURATION = {config.chunk_samples / SAMPLE_RATE!r}",
        f"encoder/encodecmae.models.transformers.TransformerEncoder.ff_dim = {config.hidden}",
    ]
    if isinstance(front_end, Waveform):
        lines.append(f"encodecmae.models.encoders.EncodecEncoder.scale = {front_end.scale!r}")
        return "\n".join(lines) + "\n"
    processor = _MEL if isinstance(front_end, Mel) else _SPECTROGRAM
    values = {
        "sample_frequency": front_end.sample_rate,
        "frame_length": front_end.frame_length_ms,
        "frame_shift": front_end.frame_shift_ms,
        "window_type": front_end.window,
        "norm_stats": [front_end.mean, front_end.std],
    }
    if isinstance(front_end, Mel):
        values |= {
            "num_mel_bins": front_end.n_mels,
            "low_freq": front_end.low,
            "high_freq": front_end.high,
        }
    lines.append(f"encodecmae.tasks.features.{processor}:")
    lines += [f"    {name} = {value!r}" for name, value in values.items()]
    return "\n".join(lines) + "\n"


def _side(tensors: Mapping[str, Tensor], name: str, axis: int, source: str) -> int:
    if name not in tensors or tensors[name].ndim != 2:
        what = f"has shape {tuple(tensors[name].shape)}" if name in tensors else "is missing"
        raise InputError(
            f"{source}: tensor {name} {what}; expected a matrix, as in the published checkpoint of "
            "an EnCodecMAE"
        )
    return int(tensors[name].shape[axis])


def _depth(tensors: Mapping[str, Tensor]) -> int:
    numbers = (re.match(rf"{re.escape(_LAYER)}\.(\d+)\.", name) for name in tensors)
    return 1 + max((int(match[1]) for match in numbers if match), default=0)


def _chunk_samples(bindings: Bindings, source: str) -> int:
    seconds = bindings.number("ReadAudioProcessor", "max_length")
    if seconds is None:
        seconds = bindings.number("", "MAX_AUDIO_DURATION")
    # rounded down, as published, but for the rounding of a number of seconds that is a whole one
    n_samples = int(SAMPLE_RATE * (seconds or CHUNK_SECONDS) + 1e-6)
    if n_samples < 1:
        raise InputError(
            f"{source}: pieces of {seconds} s (MAX_AUDIO_DURATION) in its config; expected more "
            "than 0. Check that the file is the published checkpoint"
        )
    return n_samples


def _check_kind(bindings: Bindings, source: str) -> None:
    """Refuse networks that this one is not."""
    wanted = (
        ("TransformerEncoder", "norm_type", "encoder", "ResiDual"),
        (_MEL, "use_energy", "", False),
        ("WavEncoder", "fs", "", SAMPLE_RATE),
    )
    for configurable, parameter, scope, value in wanted:
        found = bindings.find(configurable, parameter, scope)
        if found is not None and found != value:
            raise InputError(
                f"{source}: {configurable}.{parameter} is {found!r} in its config; expected "
                f"{value!r}, as in all published models. It is another network"
            )


def _front_end(kind: str, bindings: Bindings, source: str) -> FrontEnd:
    if kind == Waveform.kind:
        scale = bindings.number("EncodecEncoder", "scale")
        return Waveform(1.0 if scale is None else float(scale))
    if kind == Mel.kind:
        if bindings.has(_SPECTROGRAM) and not bindings.has(_MEL):
            raise InputError(
                f"{source}: {_SPECTROGRAM} in its config; expected {_MEL}, as the model's front "
                "end is a mel spectrogram. It is the checkpoint of another one"
            )
        return _mel(bindings, source)
    if not bindings.has(_SPECTROGRAM):
        raise InputError(
            f"{source}: no {_SPECTROGRAM} in its config, so the front end is not known: it is "
            "published nowhere else. Expected the released file, with the config in it"
        )
    return _framed(_UNBOUND, _SPECTROGRAM, bindings, source)


def _mel(bindings: Bindings, source: str) -> Mel:
    base = _framed(Mel(), _MEL, bindings, source)
    low = bindings.number(_MEL, "low_freq")
    high = bindings.number(_MEL, "high_freq")
    n_mels = bindings.whole(_MEL, "num_mel_bins") or bindings.whole("", "NUM_MEL_BINS")
    return replace(
        base,
        low=base.low if low is None else float(low),
        high=base.high if high is None else float(high),
        n_mels=n_mels or base.n_mels,
    )


def _framed(base: Framed, processor: str, bindings: Bindings, source: str) -> Framed:
    """Replace what the config binds of a front end's frames."""
    length = bindings.number(processor, "frame_length")
    shift = bindings.number(processor, "frame_shift")
    window = bindings.find(processor, "window_type") or base.window
    mean, std = bindings.pair(processor, "norm_stats") or (base.mean, base.std)
    framed = replace(
        base,
        sample_rate=bindings.whole(processor, "sample_frequency") or base.sample_rate,
        frame_length_ms=base.frame_length_ms if length is None else float(length),
        frame_shift_ms=base.frame_shift_ms if shift is None else float(shift),
        window=str(window),
        mean=mean,
        std=std,
    )
    if framed.frame_length < 2 or framed.frame_shift < 1 or std == 0 or window not in WINDOWS:
        raise InputError(
            f"{source}: {processor} in its config has frames of {framed.frame_length_ms} ms every "
            f"{framed.frame_shift_ms} ms, window {window!r} and norm_stats {[mean, std]}; expected "
            f"positive numbers and one of the windows {', '.join(WINDOWS)}"
        )
    return framed


def _check_sizes(
    found: Configuration, bindings: Bindings, tensors: Mapping[str, Tensor], source: str
) -> None:
    """Hold what the config says against the tensors' shapes."""
    dim = bindings.whole("TransformerEncoder", "model_dim", "encoder")
    dim = dim or bindings.whole("", "MODEL_DIM")
    depth = bindings.whole("TransformerEncoder", "num_layers", "encoder")
    depth = depth or bindings.whole("", "NUM_ENCODER_LAYERS")
    hidden = bindings.whole("TransformerEncoder", "ff_dim", "encoder")
    inner = found.heads * (found.dim // found.heads)
    checks = (
        (_PROJECTION, 0, dim, f"a width of {dim} (MODEL_DIM)"),
        (_PROJECTION, 1, found.front_end.n_features, f"a front end of {found.front_end}"),
        (_QUERY, 0, inner, f"{found.heads} heads (NUM_ENCODER_HEADS)"),
        (_FEED_FORWARD, 0, hidden, f"{hidden} hidden units (ff_dim)"),
    )
    for name, axis, wanted, why in checks:
        size = _side(tensors, name, axis, source)
        if wanted is not None and size != wanted:
            raise InputError(
                f"{source}: tensor {name} has shape {tuple(tensors[name].shape)}; expected "
                f"{wanted} along axis {axis}, as its config, or else the published one, has {why}. "
                "Check that it is the checkpoint of this model"
            )
    if depth is not None and depth != found.depth:
        raise InputError(
            f"{source}: tensors {_LAYER}.0 to {_LAYER}.{found.depth - 1}; expected {depth} layers, "
            "as its config has (NUM_ENCODER_LAYERS). Fetch the file again"
        )
