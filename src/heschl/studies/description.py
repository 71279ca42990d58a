"""What a study file says, as it is after validation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Text = Annotated[str, Field(min_length=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def _named(value: object) -> object:
    """Let a name alone stand for an entry with nothing but that name."""
    return {"name": value} if isinstance(value, str) else value


# Paths are text in the file: the only place where a type may be converted.
_Folder = Annotated[Path, Field(strict=False)]


class ModelEntry(_Part):
    """A model of the study.

    Attributes
    ----------
    name : str
        What may be given to `heschl.load_model`.
    modules : Path or None
        Folder of the user's modules that it is imported from, from the folder of the study file.
    family : str or None
        Models of one family are not independent of each other; for those that heschl does not
        know. The name by default.
    training : {"self-supervised", "supervised", "hand-built"} or None
        For those that heschl does not know.
    hours : float or None
        Of sound in the training data; for those that heschl does not know.
    parameters : int or None
        For those that heschl does not know.
    """

    name: Text
    modules: _Folder | None = None
    family: Text | None = None
    training: Literal["self-supervised", "supervised", "hand-built"] | None = None
    hours: Annotated[float, Field(gt=0, strict=False)] | None = None
    parameters: Annotated[int, Field(gt=0)] | None = None


class DataEntry(_Part):
    """A dataset or a task of the study.

    Attributes
    ----------
    name : str
        A name of ``heschl list``, or the path of a folder, from the folder of the study file.
    source : Path or None
        A local copy of what the name stands for, from the folder of the study file; it is used
        where it is there. Written ``from``.
    """

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    name: Text
    source: _Folder | None = Field(default=None, alias="from")


Model = Annotated[ModelEntry, BeforeValidator(_named)]
Data = Annotated[DataEntry, BeforeValidator(_named)]
Count = Annotated[int, Field(ge=0)]


class Description(_Part):
    """A study: which models, compared with what, and how.

    Attributes
    ----------
    study : str
        Its name.
    title : str
        One line for people.
    models : tuple of ModelEntry
    controls : tuple of str
        "random:SEED" and "permuted:SEED": each model of which something is learned is also scored
        with fresh and with shuffled weights.
    datasets, tasks : tuple of DataEntry
        Recorded brains, and hearing tasks.
    metrics, protocols : tuple of str
        How models are compared with brains: every protocol of each metric.
    probes : tuple of str
        Protocols by which tasks are learned.
    seeds : tuple of int
        Probes are trained once with each, and their scores averaged. Brain scores take the first:
        only their intervals depend on it.
    bootstrap, permutations : int
        Resamples for intervals, and permutations of the sounds for p.
    layer_profiles : bool
        Whether every layer is scored by itself, too.
    """

    study: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    title: Text
    models: Annotated[tuple[Model, ...], Field(min_length=1, strict=False)]
    controls: Annotated[tuple[Text, ...], Field(strict=False)] = ()
    datasets: Annotated[tuple[Data, ...], Field(strict=False)] = ()
    tasks: Annotated[tuple[Data, ...], Field(strict=False)] = ()
    metrics: Annotated[tuple[Text, ...], Field(strict=False)] = ("regression", "rsa")
    protocols: Annotated[tuple[Text, ...], Field(strict=False)] = ("pepino2025",)
    probes: Annotated[tuple[Text, ...], Field(strict=False)] = ("pepino2025",)
    seeds: Annotated[tuple[Count, ...], Field(min_length=1, strict=False)] = (0,)
    bootstrap: Count = 1000
    permutations: Count = 0
    layer_profiles: bool = True
