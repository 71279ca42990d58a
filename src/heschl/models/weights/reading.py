"""Reading a checkpoint, without running anything of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from heschl.errors import InputError
from heschl.models.weights.contents import Contents, NamedTensor
from heschl.models.weights.headers import safetensors_index
from heschl.pickles.inert import FAULTS
from heschl.pickles.plain import decode, encode
from heschl.pickles.records import ForeignNameError
from heschl.pickles.torch_file import is_torch_file, read_torch_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

#: The key of the metadata of a safetensors file under which heschl keeps what is no tensor.
METADATA = "heschl"


def read_contents(path: Path) -> Contents:
    """Read a checkpoint without running anything of it.

    Parameters
    ----------
    path : Path
        A safetensors file, plain or made by ``heschl convert``, or a file of torch that holds
        tensors and plain values only. Its tensors are mapped, not copied, where the format allows;
        they are read when they are asked for.

    Returns
    -------
    Contents
        Its values are, for a plain safetensors file, the texts of its metadata.

    Raises
    ------
    InputError
        If it is missing, truncated, damaged, no checkpoint, or holds anything else than tensors and
        plain values; the message says what to do.
    """
    path = Path(path)
    head = read_head(path)
    if is_safetensors(head):
        return _read_safetensors(path)
    if is_torch_file(head):
        return _read_torch(path)
    raise not_a_checkpoint(path, head)


def read_head(path: Path) -> bytes:
    """Return the first bytes of a file, which say what it is."""
    try:
        with path.open("rb") as handle:
            return handle.read(16)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror or error}); expected a checkpoint"
        ) from error


def is_safetensors(head: bytes) -> bool:
    """Whether a file that begins so may be a safetensors file: eight bytes, then JSON."""
    return head[8:9] == b"{"


def not_a_checkpoint(path: Path, head: bytes) -> InputError:
    """Say that a file is none, by its first bytes."""
    what = f"begins with {head[:8]!r}" if head else "is empty"
    return InputError(
        f"{path}: {what}; expected a safetensors file or a checkpoint of torch. Fetch it again"
    )


def _read_torch(path: Path) -> Contents:
    from heschl.models.weights.mapping import Mapped

    try:
        content, tensors = encode(read_torch_file(path))
    except ForeignNameError as error:
        raise InputError(
            f"{path}: wants {error.name}, but a checkpoint is read without running it. Run `heschl "
            f"convert {path}`, which keeps its tensors and plain values"
        ) from error
    except InputError as error:
        raise InputError(f"{path}: {error}; fetch it again") from error
    mapped = Mapped(path)

    def open_tensors(names: Sequence[str]) -> list[Tensor]:
        return [mapped.open(tensors[name]) for name in names]

    return Contents(path, decode(content, NamedTensor), open_tensors)


def _read_safetensors(path: Path) -> Contents:
    names, metadata = safetensors_index(path)
    tree: Any = metadata | {name: NamedTensor(name) for name in names}
    if METADATA in metadata:
        tree = _converted(path, metadata[METADATA], frozenset(names))

    def open_tensors(wanted: Sequence[str]) -> list[Tensor]:
        from heschl.models.weights.mapping import open_safetensors

        return open_safetensors(path, wanted)

    return Contents(path, tree, open_tensors)


def _converted(path: Path, text: str, names: frozenset[str]) -> Any:
    """Return what the metadata of a converted file say that it holds."""

    def tensor(name: str) -> NamedTensor:
        if name not in names:
            raise InputError(f"has no tensor {name[:100]!r}")
        return NamedTensor(name)

    try:
        return decode(json.loads(text)["content"], tensor)
    except FAULTS as error:
        why = error if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
        raise InputError(
            f"{path}: its metadata are not those of heschl ({why}); convert the original again"
        ) from error
