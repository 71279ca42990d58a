"""Converting a checkpoint that holds all sorts of objects to safetensors."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from heschl import store
from heschl.errors import InputError, StoreError, UsageError
from heschl.models.weights import streaming
from heschl.models.weights.contents import CONVERTED
from heschl.models.weights.headers import safetensors_index
from heschl.models.weights.reading import METADATA, is_safetensors, not_a_checkpoint, read_head
from heschl.pickles.plain import encode
from heschl.pickles.tensors import StoredTensor
from heschl.pickles.torch_file import is_torch_file, read_torch_file

#: Of the layout of the metadata.
VERSION = 1

#: Bytes that views of one storage may take beyond twice the size of the file.
_SMALL = 1 << 20


def convert(path: Path, target: Path | None = None, *, keep: Sequence[str] = ()) -> Path:
    """Convert a checkpoint of torch to safetensors, without running anything of it.

    Tensors are streamed, and those that have several names are written once. Numbers, texts, lists
    and dictionaries go into the metadata; of other objects (of dill, OmegaConf, schedulers ...)
    what they were made of, for information. `read_contents` gives all of it back.

    Parameters
    ----------
    path : Path
        The checkpoint.
    target : Path, optional
        Where the result belongs; beside it by default, with the ending ``.safetensors``.
    keep : sequence of str, optional
        Top-level entries to keep; of the others only those without tensors are kept (so that the
        state of an optimizer is left out). All by default.

    Returns
    -------
    Path
        Of the result.

    Raises
    ------
    UsageError
        If there is a file at the target.
    InputError
        If it is missing, damaged or cut short, no checkpoint of torch or one already converted, or
        without tensors.
    StoreError
        If the result cannot be written; nothing is left of it.
    """
    path = Path(path)
    _check_kind(path)
    target = path.with_suffix(CONVERTED) if target is None else Path(target)
    if target.exists():
        raise UsageError(f"{target} is there already; remove it, or name another with -o OUT")
    return write_converted(path, target, keep=keep)


def write_converted(path: Path, target: Path, *, keep: Sequence[str] = ()) -> Path:
    """Convert as `convert` does; a file at the target is replaced, in one step."""
    try:
        content, tensors = encode(_kept(read_torch_file(path, any_name=True), keep))
        _check_tensors(tensors, path.stat().st_size)
        storages = {id(one.storage): one.storage for one in tensors.values()}
        streaming.check_storages(path, storages.values())
        head = streaming.header(tensors, _metadata(path, content))
    except InputError as error:
        raise InputError(f"{path}: {error}; nothing was written") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    _check_space(target, len(head) + sum(one.n_bytes for one in tensors.values()))
    return store.write_atomic(
        target.parent, target.name, lambda file: streaming.write(path, tensors, head, file)
    )


def original_of(path: Path) -> Mapping[str, Any] | None:
    """Return what a converted file says of its original: name, sha256 and size.

    Returns
    -------
    mapping or None
        None if it is no whole file that heschl has converted.
    """
    try:
        original = json.loads(safetensors_index(path)[1][METADATA])["original"]
        return {key: original[key] for key in ("name", "sha256", "size")}
    except (InputError, LookupError, TypeError, ValueError, RecursionError):
        return None


def _check_kind(path: Path) -> None:
    head = read_head(path)
    if is_safetensors(head):
        raise InputError(f"{path}: is a safetensors file; there is nothing to convert")
    if not is_torch_file(head):
        raise not_a_checkpoint(path, head)


def _kept(tree: Any, keep: Sequence[str]) -> Any:
    if not keep:
        return tree
    there = tree if isinstance(tree, dict) else {}
    missing = [key for key in keep if key not in there]
    if missing:
        shown = ", ".join(str(key)[:100] for key in list(there)[:5]) or "nothing"
        raise InputError(f"has no {missing[0]!r}, only {shown}")
    return {key: one for key, one in tree.items() if key in keep or not encode(one)[1]}


def _check_tensors(tensors: Mapping[str, StoredTensor], n_bytes: int) -> None:
    if not tensors:
        raise InputError("holds no tensors")
    total = sum(tensor.n_bytes for tensor in tensors.values())
    if total > 2 * n_bytes + _SMALL:
        raise InputError(f"has {n_bytes} bytes, but tensors of {total}, over each other")


def _metadata(path: Path, content: Any) -> dict[str, str]:
    original = {
        "name": path.name,
        "sha256": store.file_sha256(path),
        "size": path.stat().st_size,
    }
    described = {"version": VERSION, "original": original, "content": content}
    return {METADATA: json.dumps(described, separators=(",", ":"), allow_nan=False)}


def _check_space(target: Path, n_bytes: int) -> None:
    free = shutil.disk_usage(store.make_folder(target.parent)).free
    if free < n_bytes:
        raise StoreError(
            f"cannot write {target}: {n_bytes / 1e6:.1f} MB are needed and {free / 1e6:.1f} MB are "
            "free. Free some space, or choose another disk (`heschl convert -o OUT`, HESCHL_HOME)"
        )
