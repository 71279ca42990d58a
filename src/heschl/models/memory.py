"""How many bytes of tensors are alive at once while torch code runs."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class LiveBytes(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the tensors that are made while the block runs, and their largest sum.

    Every operation passes here; the storage of what it returns counts until nothing holds it any
    more. Workspace inside an operation is not seen.

    Parameters
    ----------
    device_type : str, optional
        Only tensors there count.

    Attributes
    ----------
    now, peak : int
        In bytes, beyond what was there before the block.
    """

    def __init__(self, device_type: str = "cpu") -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._device_type = device_type
        self.now = 0
        self.peak = 0
        self._known: set[int] = set()

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Compiled code never comes here: torch need not import its compiler, which takes 1 s."""
        return False

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        before = {_key(leaf) for leaf in tree_leaves((args, kwargs)) if self._counts(leaf)}
        for leaf in tree_leaves(out):
            if self._counts(leaf) and _key(leaf) not in before:
                self._add(leaf)
        return out

    def _counts(self, leaf: object) -> bool:
        return isinstance(leaf, torch.Tensor) and leaf.device.type == self._device_type

    def _add(self, tensor: torch.Tensor) -> None:
        storage = tensor.untyped_storage()
        key, size = storage._cdata, storage.nbytes()
        if key in self._known:
            return
        self._known.add(key)
        self.now += size
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._forget, key, size)

    def _forget(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.now -= size


def _key(leaf: torch.Tensor) -> int:
    return int(leaf.untyped_storage()._cdata)
