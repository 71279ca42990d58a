"""The opcodes of a pickle, carried out on inert values.

Opcodes and their meaning: Python's ``pickletools``, whose reader takes them apart. There is no way
from here to a function that is not in this file: what a pickle names is given by `find`, what it
calls is recorded.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from heschl.errors import InputError
from heschl.pickles.keys import Keys
from heschl.pickles.operations import add, assign, build, call, extend
from heschl.pickles.records import Name
from heschl.pickles.stack import Stack

_PUSHED = frozenset(
    {
        *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
        *("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE"),
        *("BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
    }
)
_PUTS = frozenset({"PUT", "BINPUT", "LONG_BINPUT"})
_GETS = frozenset({"GET", "BINGET", "LONG_BINGET"})
_FRESH: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
    "EMPTY_TUPLE": tuple,
    "EMPTY_SET": set,
}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_NEWEST = 5


@dataclass(frozen=True)
class Limits:
    """What a pickle may have at most.

    Attributes
    ----------
    opcodes : int
        A value takes at least one, and up to 200 bytes of memory.
    names : int
        Different ones.
    """

    opcodes: int = 2_000_000
    names: int = 10_000


class Machine:
    """One run over one pickle.

    Parameters
    ----------
    find : function of module and name
        Returns what a name stands for, or refuses it.
    persistent : function of a persistent identifier, optional
        Returns what it stands for; without one they are refused.
    limits : Limits
    """

    def __init__(
        self,
        find: Callable[[str, str], Name],
        persistent: Callable[[Any], Any] | None,
        limits: Limits,
    ) -> None:
        self.find = find
        self.persistent = persistent
        self.limits = limits
        self.stack = Stack()
        self.memo: dict[int, Any] = {}
        self.n_kept = 0
        self.keys = Keys()
        self.names: dict[tuple[str, str], Name] = {}

    def run(self, stream: Any) -> Any:
        """Read one pickle, up to its end, from where a stream stands; return what it holds."""
        for number, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
            if number >= self.limits.opcodes:
                raise InputError(f"has more than {self.limits.opcodes} opcodes")
            self._do(opcode.name, argument)
        return self.stack.pop()

    def _do(self, name: str, argument: Any) -> None:
        if name in _PUSHED:
            self.stack.push(argument)
        elif name in _PUTS:
            self._keep(int(argument))
        elif name in _GETS:
            self.stack.push(self.memo[int(argument)])
        elif name in _FRESH:
            self.stack.push(_FRESH[name]())
        elif name in _TUPLES:
            self.stack.push(tuple(self.stack.pop_many(_TUPLES[name])))
        elif name in _ACTIONS:
            _ACTIONS[name](self, argument)
        else:
            raise InputError(f"uses the opcode {name}, which no file of numbers and texts needs")

    # actions

    def _protocol(self, argument: Any) -> None:
        if int(argument) < 2:
            raise InputError("uses the opcode PROTO with a protocol before 2, as nobody writes it")
        if int(argument) > _NEWEST:
            raise ValueError(f"protocol {argument}")

    def _duplicate(self, _: Any) -> None:
        self.stack.push(self.stack.top())

    def _make_list(self, _: Any) -> None:
        self.stack.push(self.stack.pop_mark())

    def _make_tuple(self, _: Any) -> None:
        self.stack.push(tuple(self.stack.pop_mark()))

    def _keep(self, place: int) -> None:
        # writers count up; one large number would make other readers ask for gigabytes
        if not 0 <= place <= self.n_kept:
            raise InputError(f"keeps object {place} after {self.n_kept} others")
        self.memo[place] = self.stack.top()
        self.n_kept += 1

    def _memoize(self, _: Any) -> None:
        self.memo[len(self.memo)] = self.stack.top()
        self.n_kept += 1

    def _append(self, _: Any) -> None:
        value = self.stack.pop()
        extend(self.stack.top(), [value])

    def _appends(self, _: Any) -> None:
        values = self.stack.pop_mark()
        extend(self.stack.top(), values)

    def _add_items(self, _: Any) -> None:
        values = self.stack.pop_mark()
        add(self.stack.top(), values, self.keys)

    def _set_item(self, _: Any) -> None:
        values = self.stack.pop_many(2)
        assign(self.stack.top(), values, self.keys)

    def _set_items(self, _: Any) -> None:
        values = self.stack.pop_mark()
        assign(self.stack.top(), values, self.keys)

    def _make_dict(self, _: Any) -> None:
        made: dict[Any, Any] = {}
        assign(made, self.stack.pop_mark(), self.keys)
        self.stack.push(made)

    def _make_frozen_set(self, _: Any) -> None:
        made: set[Any] = set()
        add(made, self.stack.pop_mark(), self.keys)
        self.stack.push(frozenset(made))

    def _name(self, argument: Any) -> None:
        module, _, name = str(argument).partition(" ")
        self.stack.push(self._found(module, name))

    def _stacked_name(self, _: Any) -> None:
        module, name = self.stack.pop_many(2)
        if not isinstance(module, str) or not isinstance(name, str):
            raise TypeError("a name that is no text")
        self.stack.push(self._found(module, name))

    def _found(self, module: str, name: str) -> Name:
        origin = (module, name)
        if origin not in self.names:
            if len(self.names) >= self.limits.names:
                raise InputError(f"has more than {self.limits.names} names")
            self.names[origin] = self.find(module, name)
        return self.names[origin]

    def _call(self, _: Any) -> None:
        called, args = self.stack.pop_many(2)
        self.stack.push(call(called, args))

    def _call_with_keywords(self, _: Any) -> None:
        called, args, keywords = self.stack.pop_many(3)
        if not isinstance(args, tuple) or not isinstance(keywords, dict):
            raise TypeError("arguments that are no tuple and no dictionary")
        self.stack.push(call(called, (args, keywords) if keywords else args))

    def _build(self, _: Any) -> None:
        state = self.stack.pop()
        build(self.stack.top(), state)

    def _identify(self, _: Any) -> None:
        if self.persistent is None:
            raise InputError("uses the opcode BINPERSID, which no table needs")
        self.stack.push(self.persistent(self.stack.pop()))


_ACTIONS: dict[str, Callable[[Machine, Any], object]] = {
    "PROTO": Machine._protocol,
    "FRAME": lambda *_: None,
    "STOP": lambda *_: None,
    "MARK": lambda self, _: self.stack.mark(),
    "POP": lambda self, _: self.stack.drop(),
    "POP_MARK": lambda self, _: self.stack.pop_mark(),
    "DUP": Machine._duplicate,
    "MEMOIZE": Machine._memoize,
    "LIST": Machine._make_list,
    "TUPLE": Machine._make_tuple,
    "DICT": Machine._make_dict,
    "FROZENSET": Machine._make_frozen_set,
    "APPEND": Machine._append,
    "APPENDS": Machine._appends,
    "ADDITEMS": Machine._add_items,
    "SETITEM": Machine._set_item,
    "SETITEMS": Machine._set_items,
    "GLOBAL": Machine._name,
    "STACK_GLOBAL": Machine._stacked_name,
    "REDUCE": Machine._call,
    "NEWOBJ": Machine._call,
    "NEWOBJ_EX": Machine._call_with_keywords,
    "BUILD": Machine._build,
    "BINPERSID": Machine._identify,
}
