"""Models of the transformers library: AST, wav2vec 2.0, S2T, and any other audio encoder.

Three published models have rows of their own in the table; every other audio encoder, from the hub
or a local folder, comes in through `load_hub`. Neither torch nor transformers is imported here.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from heschl.fetch import RemoteFile
from heschl.models.base import AudioModel, ModelSpec, Training
from heschl.models.huggingface.published import AST, S2T, WAV2VEC2, Published
from heschl.models.weights import Weights

_HOST = "https://huggingface.co"


def _weights(model: Published, licence: str) -> Weights:
    names = ("config.json", "preprocessor_config.json", model.tensors)
    return Weights(
        files=tuple(
            RemoteFile(f"{_HOST}/{model.repository}/resolve/main/{name}", Path(name), sha256=None)
            for name in names
        ),
        licence=licence,
    )


SPECS = (
    ModelSpec(
        name="ast",
        family="transformers",
        summary="Audio Spectrogram Transformer, trained to tag AudioSet",
        loader="heschl.models.huggingface.spectrogram_transformer:load",
        licence="Apache-2.0 (transformers); weights BSD-3-Clause",
        citation="Gong, Chung & Glass, Interspeech (2021), arXiv:2104.01778",
        aliases=("braindnn_ast",),
        weights=_weights(AST, "BSD-3-Clause"),
        options={"published": AST},
        training=Training(
            "supervised",
            5_800,
            "AudioSet (initialised from a network that learned ImageNet's images)",
            "Tuckute et al. (2023), Methods: the whole of AudioSet; hours as on "
            "research.google.com/audioset (videos that were gone by then are not taken off)",
        ),
    ),
    ModelSpec(
        name="wav2vec2",
        family="transformers",
        summary="wav2vec 2.0 base, fine-tuned to recognise speech (LibriSpeech, 960 h)",
        loader="heschl.models.huggingface.wav2vec2:load",
        licence="Apache-2.0 (transformers); weights Apache-2.0",
        citation="Baevski, Zhou, Mohamed & Auli, NeurIPS (2020), arXiv:2006.11477",
        aliases=("braindnn_wav2vec2",),
        weights=_weights(WAV2VEC2, "Apache-2.0"),
        options={"published": WAV2VEC2},
        training=Training(
            "supervised",
            960,
            "LibriSpeech, then with its transcripts",
            "Tuckute et al. (2023), Methods",
        ),
    ),
    ModelSpec(
        name="s2t",
        family="transformers",
        summary="encoder of a Speech2Text transformer (large), trained on LibriSpeech",
        loader="heschl.models.huggingface.speech2text:load",
        licence="Apache-2.0 (transformers); weights MIT",
        citation="Wang et al., AACL demonstrations (2020), arXiv:2010.05171",
        aliases=("braindnn_s2t",),
        weights=_weights(S2T, "MIT"),
        options={"published": S2T},
        training=Training("supervised", 960, "LibriSpeech", "Tuckute et al. (2023), Methods"),
    ),
)


def load_hub(
    reference: str | Path, *, layers: Sequence[str] | None = None, fresh: bool = False
) -> AudioModel:
    """Load any audio encoder of transformers: wav2vec 2.0, HuBERT, WavLM, Whisper, CLAP ...

    Parameters
    ----------
    reference : str or Path
        ``ORG/NAME`` of the hub, with or without ``hf:`` before it, or a local folder as
        ``save_pretrained`` makes it: ``config.json``, ``preprocessor_config.json``, and
        ``model.safetensors`` or ``pytorch_model.bin``, whole or in shards. A folder needs no
        network; of the hub, each file is downloaded once, and its hash pinned.
    layers : sequence of str, optional
        Paths of submodules of the encoder, as in ``named_modules``. By default the blocks of its
        stack; all others can be asked for later, by name.
    fresh : bool, optional
        Weights as transformers draws them for a new model of this configuration; files of weights
        are then neither needed nor read.

    Returns
    -------
    AudioModel

    Raises
    ------
    UsageError
        If the reference is neither a folder nor ``ORG/NAME``.
    UnknownNameError
        If a layer does not exist; the valid ones are listed.
    InputError
        If a file is missing or damaged, its tensors are not those of the model (named), or it is
        no audio encoder that transformers has.
    FetchError
        If it has to be downloaded and cannot be.
    MissingDependencyError
        If transformers is not installed.
    """
    from heschl.models.huggingface.encoders import load_encoder

    return load_encoder(reference, layers=layers, fresh=fresh)


def fetch_hub(repository: str, source: Path | None = None) -> Path:
    """Bring the files of a repository of the hub to this machine.

    Parameters
    ----------
    repository : str
        ``ORG/NAME``.
    source : Path, optional
        A folder to copy them from; by default they are downloaded.

    Returns
    -------
    Path
        The folder where they are.

    Raises
    ------
    UsageError
        If the name has another form.
    FetchError
        If a file cannot be had, or is not the one that was pinned.
    StoreError
        If the folder cannot be written.
    """
    from heschl.models.huggingface.hub import fetch_repository, install_repository

    if source is None:
        return fetch_repository(repository)
    return install_repository(repository, source)


def describe_hub(repository: str) -> str:
    """Say in one line what is here of a repository of the hub; nothing is requested.

    Parameters
    ----------
    repository : str
        ``ORG/NAME``.

    Raises
    ------
    UsageError
        If the name has another form.
    """
    from heschl.models.huggingface.hub import describe

    return describe(repository)


__all__ = ["SPECS", "describe_hub", "fetch_hub", "load_hub"]
