"""What a checkpoint holds besides the numbers of its tensors, as JSON, and back.

Texts, finite numbers, booleans, None, lists and dictionaries with texts as keys are themselves.
Everything else is a dictionary with one of the keys `TENSOR`, `ITEMS`, ... in it; a key of a
checkpoint that begins like these is written among ``ITEMS``, so that it is never taken for one.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable
from typing import Any

from heschl.errors import InputError
from heschl.pickles.keys import Keys
from heschl.pickles.records import Maker, Record, is_record_class
from heschl.pickles.tensors import StoredTensor

TENSOR = "__tensor__"  # its name
ITEMS = "__items__"  # of a dictionary with other keys than texts: pairs
FLOAT = "__float__"  # nan, inf or -inf
INTEGER = "__integer__"  # one of more than 64 bits, in hexadecimal digits
BYTES = "__bytes__"  # in base64
NAME = "__name__"  # of something that is not called
CLASS = "__class__"  # of a record; beside it its attributes, and what follows
ARGS = "__args__"  # what it was called with
ENTRIES = "__entries__"  # what was appended to it, or set in it
STATE = "__state__"  # instead of attributes: a state of another kind
LEFT_OUT = "__left_out__"  # why

#: What a checkpoint may have at most. Characters of texts, names and bytes are counted too; longer
#: bytes are left out.
MOST_VALUES = 1_000_000
#: Of them, in containers that are written again because they stand in several places: lists of
#: lists that each hold the next one twice would make millions of values of a hundred bytes.
MOST_REPEATED = 50_000
MOST_CHARACTERS = 40_000_000
LONGEST_BYTES = 1_000_000
DEEPEST = 100

#: How deep records are kept: they hold all sorts of things, and only tell what there was.
DEEPEST_RECORD = 40

_NOT_NAMES = ("", "__metadata__")  # which safetensors keeps for itself
_KEYS = str | int | float | bytes | None


def encode(tree: Any) -> tuple[Any, dict[str, StoredTensor]]:
    """Return what `read_torch_file` found, JSON-ready, and its tensors by their names.

    A name is the way to the tensor: keys joined by ``/``, with ``~`` and ``/`` in a key written
    ``~0`` and ``~1`` (as in RFC 6901). Several names of one tensor share the first; of several
    tensors at one place (below keys that are no texts), the others end with ``~~2``, ``~~3`` ...

    Raises
    ------
    InputError
        If it is deeper or larger than any checkpoint, or a container holds itself.
    """
    encoder = _Encoder()
    return encoder.encode(tree, (), in_record=0), encoder.tensors


def decode(content: Any, tensor: Callable[[str], Any]) -> Any:
    """Undo `encode`: tuples and sets stay lists, records stay dictionaries.

    Entries whose keys are no texts, numbers or tuples of them are left out.

    Parameters
    ----------
    content : object
        As it came from JSON.
    tensor : function of a name
        Returns what stands for a tensor.

    Raises
    ------
    InputError
        If it is nothing that `encode` writes.
    """
    return _Decoder(tensor).decode(content)


class _Encoder:
    def __init__(self) -> None:
        self.tensors: dict[str, StoredTensor] = {}
        self._names: dict[tuple[Any, ...], str] = {}
        self._n_named = dict.fromkeys(_NOT_NAMES, 1)
        self._n_values = 0
        self._n_repeated = 0
        self._n_characters = 0
        self._written: set[int] = set()
        self._open: set[int] = set()
        self._records: set[int] = set()

    def encode(self, value: Any, way: tuple[str, ...], *, in_record: int) -> Any:
        """Encode a value; `in_record` is 0, or how deep it is in a record."""
        self._n_values += 1
        if self._n_values > MOST_VALUES:
            raise InputError(f"holds more than {MOST_VALUES} values")
        if isinstance(value, StoredTensor):
            return {TENSOR: self._name(value, way)}
        if value is None or isinstance(value, bool | int | float | str | bytes | bytearray):
            return self._scalar(value)
        if is_record_class(value) or isinstance(value, Maker):
            return {NAME: self._text(".".join(value.origin))}
        if not isinstance(value, Record | dict | list | tuple | set | frozenset):
            return {LEFT_OUT: type(value).__name__}
        reason = self._too_much(value, way, in_record)
        if reason is not None:
            return {LEFT_OUT: reason}
        self._open.add(id(value))
        try:
            return self._container(value, way, in_record and in_record + 1)
        finally:
            self._open.discard(id(value))

    def _too_much(self, value: Any, way: tuple[str, ...], in_record: int) -> str | None:
        """Return why a container is not written; one outside of records must be."""
        if id(value) in self._open:
            if not in_record:
                raise InputError("holds a container that holds itself")
            return "holds itself"
        if id(value) in self._records:
            return "was written before"
        if len(way) > DEEPEST:
            raise InputError(f"holds containers more than {DEEPEST} deep")
        return "too deep" if in_record > DEEPEST_RECORD else None

    def _container(self, value: Any, way: tuple[str, ...], in_record: int) -> Any:
        if isinstance(value, Record):
            self._records.add(id(value))
            return self._record(value, way, in_record or 1)
        self._count_again(value)
        if isinstance(value, dict):
            return self._dictionary(value, way, in_record)
        if isinstance(value, set | frozenset):
            value = sorted(value, key=_order)
        return [
            self.encode(one, (*way, str(i)), in_record=in_record) for i, one in enumerate(value)
        ]

    def _count_again(self, value: Any) -> None:
        if id(value) in self._written:
            self._n_repeated += 1 + len(value)
            if self._n_repeated > MOST_REPEATED:
                raise InputError(f"repeats more than {MOST_REPEATED} values in several places")
        self._written.add(id(value))

    def _dictionary(self, value: dict[Any, Any], way: tuple[str, ...], in_record: int) -> Any:
        if all(isinstance(key, str) and not key.startswith("__") for key in value):
            return {
                self._text(key): self.encode(one, (*way, key), in_record=in_record)
                for key, one in value.items()
            }
        return {
            ITEMS: [
                [
                    self.encode(key, (*way, "key"), in_record=in_record),
                    self.encode(one, (*way, _part(key)), in_record=in_record),
                ]
                for key, one in value.items()
            ]
        }

    def _record(self, record: Record, way: tuple[str, ...], in_record: int) -> Any:
        out = {CLASS: self._text(".".join(record.origin))}
        if record.args:
            out[ARGS] = self.encode(record.args, (*way, ARGS), in_record=in_record)
        if record.entries:
            out[ENTRIES] = self.encode(record.entries, (*way, ENTRIES), in_record=in_record)
        if record.state is None:
            return out
        state = self.encode(record.state, way, in_record=in_record)
        named = isinstance(state, dict) and not any(key.startswith("__") for key in state)
        return out | (state if named else {STATE: state})

    def _scalar(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, bytes | bytearray):
            if len(value) > LONGEST_BYTES:  # of an array, say, that only tells what there was
                return {LEFT_OUT: f"{len(value)} bytes"}
            return {BYTES: self._text(base64.b64encode(value).decode("ascii"))}
        if isinstance(value, float) and not math.isfinite(value):
            return {FLOAT: repr(value)}
        if isinstance(value, int) and value.bit_length() > 64:
            return {INTEGER: self._text(hex(value))}
        return value

    def _text(self, text: str) -> str:
        self._n_characters += len(text)
        if self._n_characters > MOST_CHARACTERS:
            raise InputError(f"holds texts of more than {MOST_CHARACTERS} characters")
        return text

    def _name(self, tensor: StoredTensor, way: tuple[str, ...]) -> str:
        if tensor.place not in self._names:
            name = "/".join(part.replace("~", "~0").replace("/", "~1") for part in way)
            n = self._n_named[name] = self._n_named.get(name, 0) + 1
            name = name if n == 1 else f"{name}~~{n}"  # which stands for no way
            self._names[tensor.place] = self._text(name)
            self.tensors[name] = tensor
        return self._names[tensor.place]


def _part(key: Any) -> str:
    """Return how a key that may be no text stands in the way to a tensor."""
    if isinstance(key, str):
        return key
    return str(key) if isinstance(key, int | float) else type(key).__name__


def _order(value: Any) -> tuple[str, str]:
    """Sort what is in a set the same way in every process."""
    is_simple = isinstance(value, str | int | float | bytes)
    return type(value).__name__, repr(value) if is_simple else ""


class _Decoder:
    def __init__(self, tensor: Callable[[str], Any]) -> None:
        self._keys = Keys()
        self._decoders: dict[str, Callable[[Any], Any]] = {
            TENSOR: lambda value: tensor(str(value)),
            ITEMS: self._items,
            FLOAT: float,
            INTEGER: lambda value: int(str(value), 16),
            BYTES: base64.b64decode,
            NAME: str,
        }

    def decode(self, content: Any) -> Any:
        if isinstance(content, list):
            return [self.decode(one) for one in content]
        if not isinstance(content, dict):
            return content
        if len(content) == 1:
            ((key, value),) = content.items()
            if key in self._decoders:
                return self._decoders[key](value)
        return {key: self.decode(value) for key, value in content.items()}

    def _items(self, value: Any) -> dict[Any, Any]:
        out = {}
        for key, one in _pairs(value):
            key = self.decode(key)
            if isinstance(key, list) and all(isinstance(part, _KEYS) for part in key):
                key = tuple(key)
            if isinstance(key, tuple | _KEYS):
                out[self._keys.checked(key)] = self.decode(one)
        return out


def _pairs(value: Any) -> list[Any]:
    if not isinstance(value, list) or not all(isinstance(p, list) and len(p) == 2 for p in value):
        raise InputError("has entries that are no pairs")
    return value
