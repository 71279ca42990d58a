"""Tensors of torch over the bytes of a file, mapped and not copied."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, safe_open

from heschl.errors import InputError
from heschl.models.weights.headers import no_safetensors
from heschl.pickles.tensors import ITEM_SIZES

if TYPE_CHECKING:
    from torch import Tensor

    from heschl.pickles.tensors import Storage, StoredTensor


class Mapped:
    """A checkpoint of torch whose tensors are views of its file.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._whole: Any = None
        self._pieces: dict[int, Any] = {}

    def open(self, stored: StoredTensor) -> Tensor:
        """Return a tensor; those of one storage share it.

        Raises
        ------
        InputError
            If the storage is damaged, or the file is not what it was.
        """
        try:
            piece = self._piece(stored.storage)
            tensor = torch.empty(0, dtype=getattr(torch, stored.dtype))
            return tensor.set_(piece, stored.offset, stored.shape, stored.strides)
        except InputError:
            raise
        except (OSError, RuntimeError, ValueError, TypeError) as error:
            raise InputError(f"{self.path}: a tensor cannot be read ({error})") from error

    def _piece(self, storage: Storage) -> Any:
        """Return the bytes of a storage: mapped, or copied where they are not aligned."""
        if id(storage) in self._pieces:
            return self._pieces[id(storage)]
        if self._whole is None:
            size = self.path.stat().st_size
            self._whole = torch.UntypedStorage.from_file(str(self.path), False, size)
        end = storage.offset + storage.n_bytes
        if end > self._whole.nbytes():
            raise ValueError("the file was cut short")
        piece = self._whole[storage.offset : end]
        if storage.crc32 and zlib.crc32(_bytes(piece)) != storage.crc32:
            raise InputError(
                f"{self.path}: is damaged: the checksum of storage {storage.key} is another one; "
                "fetch it again"
            )
        if storage.offset % ITEM_SIZES["complex128"]:
            piece = piece.clone()
        self._pieces[id(storage)] = piece
        return piece


def _bytes(piece: Any) -> memoryview:
    return memoryview(torch.empty(0, dtype=torch.uint8).set_(piece).numpy().data)


def open_safetensors(path: Path, names: Sequence[str]) -> list[Tensor]:
    """Return tensors of a safetensors file; one that is named twice is the same object.

    Raises
    ------
    InputError
        If it is no whole safetensors file.
    """
    opened: dict[str, Tensor] = {}
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            for name in names:
                if name not in opened:
                    opened[name] = file.get_tensor(name)
    except (OSError, SafetensorError, RuntimeError, ValueError, TypeError, KeyError) as error:
        raise no_safetensors(path, error) from error
    return [opened[name] for name in names]
