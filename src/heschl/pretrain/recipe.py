"""What a recipe says: a training of EnCodecMAE in one YAML file, as it is after validation.

Defaults are the published training: arXiv 2309.07391 and the configurations of
habla-liaa/encodecmae at 2dd6759 (4-second crops, batches of 128, AdamW with betas 0.9 and 0.95 and
a weight decay of 0.05, a constant learning rate of 1e-4, half precision, 500,000 steps).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from heschl.models.encodecmae.configuration import HEADS, HIDDEN
from heschl.pretrain.losses import MASKED
from heschl.pretrain.masking import GAP, PROPORTION
from heschl.pretrain.network import DECODER_DEPTH
from heschl.yaml_file import DescribedFile, read_described

#: Width and number of layers of the published sizes.
SIZES = {"small": (768, 5), "base": (768, 10), "large": (1024, 20)}

#: Numbers of codebooks that EnCodec at 24 kHz has a bandwidth for, 1.5 to 24 kbit/s, and codes of
#: each.
CODEBOOKS, CODES = (2, 4, 8, 16, 32), 1024

Text = Annotated[str, Field(min_length=1)]
Positive = Annotated[int, Field(gt=0)]
Count = Annotated[int, Field(ge=0)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]


def _number(value: object) -> object:
    """Refuse yes and no, which would become 1 and 0."""
    if isinstance(value, bool):
        raise ValueError(f"a truth value ({value}); expected a number")
    return value


#: Not strict: YAML has 5e-4 as a text, and 4 as an integer.
Number = Annotated[float, BeforeValidator(_number), Field(strict=False)]
Share = Annotated[Number, Field(ge=0, lt=1)]
AboveZero = Annotated[Number, Field(gt=0)]
_Folder = Annotated[Path, Field(strict=False)]  # text in the file


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def _sized(value: object) -> object:
    """Let a size alone stand for a network of that size."""
    return {"size": value} if isinstance(value, str) else value


def _folders(value: object) -> object:
    """Let a folder alone stand for an entry with nothing but that folder."""
    return {"folder": value} if isinstance(value, str) else value


def _text(value: object) -> object:
    """Let 16 and 32 be written without quotes."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


class NetworkPart(_Part):
    """The network.

    Attributes
    ----------
    size : {"small", "base", "large"}
    dim, depth, heads, hidden, decoder_depth : int, optional
        Instead of those of the size: width and number of layers, heads of each, width of the
        feed-forward network, and layers of the decoder.
    input : {"mel", "spectrogram", "encodec"}
        What the first linear layer takes: 256 mel bands, a power spectrogram, or what EnCodec's
        encoder makes of the waveform.
    """

    size: Literal["small", "base", "large"] = "base"
    dim: Positive | None = None
    depth: Positive | None = None
    heads: Positive = HEADS
    hidden: Positive = HIDDEN
    decoder_depth: Positive = DECODER_DEPTH
    input: Literal["mel", "spectrogram", "encodec"] = "mel"

    @model_validator(mode="after")
    def _fits(self) -> NetworkPart:
        dim, _ = self.shape
        if self.heads > dim:
            raise ValueError(f"heads is {self.heads} for layers of {dim}; expected at most {dim}")
        return self

    @property
    def shape(self) -> tuple[int, int]:
        """Width and number of the layers."""
        dim, depth = SIZES[self.size]
        return self.dim or dim, self.depth or depth


class TargetsPart(_Part):
    """What is predicted of every frame.

    Attributes
    ----------
    kind : {"encodec", "clusters", "random-projection"}
        Codes of EnCodec; clusters of the last layer of a model that was trained before; or mel
        frames quantised by random projections (BEST-RQ), which need no other model.
    teacher : str or None
        Of "clusters": the model whose frames are clustered, as `heschl.load_model` takes it; a
        checkpoint's path is from the folder of the recipe.
    codebooks, codes : int or None
        By default 8 of 1024 ("encodec"), 1 of 1024 ("clusters"), or 1 of 8192 (as BEST-RQ has).
    crops : int
        Of which clusters, or means and deviations of mel bands, are computed before the training.
    """

    kind: Literal["encodec", "clusters", "random-projection"] = "encodec"
    teacher: Text | None = None
    codebooks: Positive | None = None
    codes: Annotated[int, Field(gt=1)] | None = None
    crops: Positive = 1000

    @model_validator(mode="after")
    def _fits(self) -> TargetsPart:
        if (self.kind == "clusters") != (self.teacher is not None):
            raise ValueError(
                f"kind is {self.kind} and teacher {self.teacher!r}; expected a teacher for "
                "clusters, which are those of a trained model, and for nothing else"
            )
        if self.kind == "clusters" and self.codebooks not in (None, 1):
            raise ValueError(
                f"clusters are one codebook, not {self.codebooks}; expected codebooks: 1, or none"
            )
        if self.kind == "encodec" and self.codes not in (None, CODES):
            raise ValueError(
                f"EnCodec's codebooks have {CODES} codes, not {self.codes}; expected codes: "
                f"{CODES}, or none"
            )
        if self.kind == "encodec" and self.codebooks not in (None, *CODEBOOKS):
            raise ValueError(
                f"codebooks is {self.codebooks}; expected one of {', '.join(map(str, CODEBOOKS))}: "
                "those of EnCodec's bandwidths"
            )
        return self


class SourcePart(_Part):
    """A set of recordings.

    Attributes
    ----------
    folder : Path
        Searched for audio files of any format and rate; or a text file that lists some. From the
        folder of the recipe.
    name : str or None
        In messages; by default that of the folder.
    weight : float or None
        Relative probability of a crop from here; by default each second of sound is as likely.
    """

    folder: _Folder
    name: Text | None = None
    weight: AboveZero | None = None


Source = Annotated[SourcePart, BeforeValidator(_folders)]


class DataPart(_Part):
    """What is trained on.

    Attributes
    ----------
    sources : tuple of SourcePart
    crop : float
        In seconds.
    skip_bad : bool
        Leave out files that cannot be read, instead of refusing to begin.
    workers : int
        Processes that read and resample; 0 does it between the steps.
    """

    sources: Annotated[tuple[Source, ...], Field(strict=False)]
    crop: AboveZero = 4.0
    skip_bad: bool = False
    workers: Count = 2

    @model_validator(mode="after")
    def _fits(self) -> DataPart:
        if not self.sources:
            raise ValueError("no sources; expected at least one folder")
        without = [str(one.folder) for one in self.sources if one.weight is None]
        if without and len(without) < len(self.sources):
            raise ValueError(
                f"source {without[0]} has no weight and others have one; expected a weight for "
                "every source, or for none (then each second of sound is as likely)"
            )
        return self


class TrainingPart(_Part):
    """How it is trained.

    Attributes
    ----------
    steps : int
        Of the optimiser.
    batch_size : int
        Crops of a step, on all devices together.
    parts : int
        A step's batch is worked through in so many parts (gradient accumulation).
    learning_rate, weight_decay : float
    betas : tuple of float
    warmup : int
        Steps over which the learning rate rises from 0; it is constant afterwards.
    clip : float or None
        Largest norm of the gradient.
    precision : {"32", "16", "bf16"}
        "16" and "bf16": mixed with single precision.
    devices, nodes : int
    accelerator : {"auto", "cpu", "cuda", "mps"}
    seed : int
        Of first weights, crops, masks and random projections.
    mask_gap : int
        In frames.
    mask_proportion, masked_weight : float
        Of frames that are masked; and of their mean in the loss.
    first_weights : Path or None
        A checkpoint whose weights are taken as far as they fit, as in a second stage. From the
        folder of the recipe.
    """

    steps: Positive = 500_000
    batch_size: Positive = 128
    parts: Positive = 1
    learning_rate: AboveZero = 1e-4
    weight_decay: Annotated[Number, Field(ge=0)] = 0.05
    betas: Annotated[tuple[Share, Share], Field(strict=False)] = (0.9, 0.95)
    warmup: Count = 0
    clip: AboveZero | None = None
    precision: Annotated[Literal["32", "16", "bf16"], BeforeValidator(_text)] = "16"
    devices: Positive = 1
    nodes: Positive = 1
    accelerator: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    seed: Seed = 0
    mask_gap: Positive = GAP
    mask_proportion: Annotated[Number, Field(gt=0, lt=1)] = PROPORTION
    masked_weight: Annotated[Number, Field(ge=0, le=1)] = MASKED
    first_weights: _Folder | None = None


class CheckpointsPart(_Part):
    """What is kept.

    Attributes
    ----------
    every : int
        Steps between checkpoints; all are kept.
    """

    every: Positive = 1000


class AlignmentPart(_Part):
    """How brain-like the network is while it is trained.

    Attributes
    ----------
    datasets : tuple of str
        Names of ``heschl list``, or folders. None: nothing is measured.
    every : int
        Steps between measurements.
    metrics : tuple of str
    bootstrap : int
        Resamples of the sounds for intervals.
    tensorboard : bool
        Also write scalars for TensorBoard.
    """

    datasets: Annotated[tuple[Text, ...], Field(strict=False)] = ()
    every: Positive = 1000
    metrics: Annotated[tuple[Literal["rsa", "regression"], ...], Field(strict=False)] = (
        "rsa",
        "regression",
    )
    bootstrap: Count = 0
    tensorboard: bool = False


Network = Annotated[NetworkPart, BeforeValidator(_sized)]


class Recipe(_Part):
    """A training.

    Attributes
    ----------
    name : str
        Of the model that comes of it.
    data : DataPart
    encodec : str
        EnCodec at 24 kHz, for inputs and targets made of it: ORG/NAME on the Hugging Face hub, or a
        folder, from the folder of the recipe.
    network : NetworkPart
    targets : TargetsPart
    training : TrainingPart
    checkpoints : CheckpointsPart
    alignment : AlignmentPart
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    data: DataPart
    encodec: Text = "facebook/encodec_24khz"
    network: Network = NetworkPart()
    targets: TargetsPart = TargetsPart()
    training: TrainingPart = TrainingPart()
    checkpoints: CheckpointsPart = CheckpointsPart()
    alignment: AlignmentPart = AlignmentPart()


RecipeFile = DescribedFile[Recipe]


def read_recipe(path: str | Path) -> RecipeFile:
    """Read and validate a recipe.

    Raises
    ------
    InputError
        If there is no such file, or it is not YAML, or not as a recipe has to be: every complaint
        with its line.
    """
    return read_described(path, Recipe, "recipe")
