"""Checkpoints: archives and streams of torch, safetensors. InputError is all that may come.

Where torch's own restricted reader takes a file as well, the tensors must be the same; and what
heschl converts to safetensors must be read as what it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

import places
from heschl.errors import InputError
from heschl.models import weights
from heschl.models.weights.contents import Contents

#: Numbers of a tensor that is compared: one over a repeated number may have millions.
_MOST_COMPARED = 10_000

State = dict[str, torch.Tensor]


def check(content: bytes) -> None:
    """Read bytes as a checkpoint, and convert them."""
    with places.folder() as folder:
        path = folder / "model.ckpt"
        path.write_bytes(content)
        try:
            contents = weights.read_contents(path)
            states = dict(_states(contents))
        except InputError:
            contents, states = None, {}
        if states and content[8:9] != b"{":
            _check_torch(path, states)
        _check_converted(path, contents, states)


def _states(contents: Contents) -> Iterator[tuple[tuple[str, ...], State]]:
    """Yield the tensors of every dictionary in a checkpoint, and the way to it."""
    waiting: list[tuple[tuple[str, ...], Any]] = [((), contents.values)]
    while waiting:
        way, place = waiting.pop()
        try:
            yield way, contents.state(*way)
        except InputError as error:
            if "no tensor" not in str(error):
                raise
        if isinstance(place, dict):
            waiting += [((*way, key), one) for key, one in place.items() if isinstance(key, str)]


def _check_torch(path: Path, states: Mapping[tuple[str, ...], State]) -> None:
    try:
        whole = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # noqa: BLE001  (whatever torch thinks of it; heschl took it)
        return
    for way, state in states.items():
        place = whole
        for key in way:
            place = place[key]
        for name, tensor in state.items():
            if name in place and not _same(tensor, place[name]):
                raise AssertionError(f"{way} {name}: {tensor!r:.200}; torch has {place[name]!r}")


def _check_converted(path: Path, contents: Contents | None, states: Mapping[Any, State]) -> None:
    target = path.with_name("converted.safetensors")
    try:
        weights.convert(path, target)
    except InputError:
        return
    found = weights.read_contents(target)
    converted = dict(_states(found))
    if contents is None:
        return  # it has more than tensors and plain values
    if _text(found.values) != _text(contents.values):
        raise AssertionError(f"converted: {found.values!r:.300}; was {contents.values!r:.300}")
    for way, state in states.items():
        for name, tensor in state.items():
            if not _same(tensor, converted[way][name]):
                raise AssertionError(f"converted: {way} {name} is another tensor")


def _text(values: object) -> str:
    """Return values as text, in which nan is nan; numbers of thousands of digits have none."""
    try:
        return repr(values)
    except ValueError:
        return ""


def _same(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether two tensors have one type and shape, and the same bytes if they are small."""
    if one.dtype != other.dtype or one.shape != other.shape:
        return False
    if one.numel() > _MOST_COMPARED:
        return True
    left, right = (x.contiguous().reshape(-1).view(torch.uint8) for x in (one, other))
    return torch.equal(left, right)
