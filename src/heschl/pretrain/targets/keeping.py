"""What was fitted or drawn for the targets of a training, in its folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from heschl import store
from heschl.errors import DamagedEntryError, InputError
from heschl.pretrain.targets.base import Targets

FILE = "targets.safetensors"
_SOURCE = "source"  # its key in the file


@dataclass(frozen=True)
class Fitted:
    """What was fitted when a training began.

    Attributes
    ----------
    tensors : dict of str to Tensor
    source : str
        SHA-256 of the model that the codes come of; "" if there is none.
    """

    tensors: dict[str, Tensor]
    source: str


def read_fitted(run: Path) -> Fitted | None:
    """Return what was fitted before; None if nothing was.

    Raises
    ------
    DamagedEntryError
        If it cannot be read.
    """
    path = run / FILE
    if not path.is_file():
        return None
    try:
        with safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return Fitted(tensors, (file.metadata() or {}).get(_SOURCE, ""))
    except (OSError, SafetensorError) as error:
        raise DamagedEntryError(
            f"{path}: not readable ({error}); a training cannot go on without its targets: begin "
            "again in another folder"
        ) from error


def keep_fitted(run: Path, targets: Targets, before: Fitted | None) -> None:
    """Write what was fitted, or refuse to go on with the codes of another model.

    Raises
    ------
    InputError
        If the model that the codes come of has other weights than the one before.
    StoreError
        If it cannot be written.
    """
    source = targets.source()
    if before is None:
        tensors = {name: tensor.contiguous() for name, tensor in targets.fitted().items()}
        metadata = {_SOURCE: source}
        store.write_atomic(run, FILE, lambda path: save_file(tensors, path, metadata))
    elif before.source != source:
        raise InputError(
            f"the targets are codes of a model whose weights have SHA-256 {source[:12]}...; the "
            f"training in {run} began with {before.source[:12]}... . Go on with the model it began "
            "with, or begin in another folder"
        )
