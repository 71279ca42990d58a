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
from heschl.pickles.operations import add, assign, build, call, extend
from heschl.pickles.records import Name

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
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}
        self.n_kept = 0
        self.names: dict[tuple[str, str], Name] = {}

    def run(self, stream: Any) -> Any:
        """Read one pickle, up to its end, from where a stream stands; return what it holds."""
        for number, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
            if number >= self.limits.opcodes:
                raise InputError(f"has more than {self.limits.opcodes} opcodes")
            self._do(opcode.name, argument)
        return self._pop()

    def _do(self, name: str, argument: Any) -> None:
        if name in _PUSHED:
            self.stack.append(argument)
        elif name in _PUTS:
            self._keep(int(argument))
        elif name in _GETS:
            self.stack.append(self.memo[int(argument)])
        elif name in _FRESH:
            self.stack.append(_FRESH[name]())
        elif name in _TUPLES:
            self.stack.append(tuple(self._pop_many(_TUPLES[name])))
        elif name in _ACTIONS:
            _ACTIONS[name](self, argument)
        else:
            raise InputError(f"uses the opcode {name}, which no file of numbers and texts needs")

    # the stack: what is below the last mark is out of reach

    def _floor(self) -> int:
        return self.marks[-1] if self.marks else 0

    def _pop(self) -> Any:
        if len(self.stack) <= self._floor():
            raise IndexError("a value is missing on its stack")
        return self.stack.pop()

    def _pop_many(self, n: int) -> list[Any]:
        if len(self.stack) - n < self._floor():
            raise IndexError("a value is missing on its stack")
        taken = self.stack[len(self.stack) - n :]
        del self.stack[len(self.stack) - n :]
        return taken

    def _pop_mark(self) -> list[Any]:
        mark = self.marks.pop()
        taken = self.stack[mark:]
        del self.stack[mark:]
        return taken

    def _top(self) -> Any:
        if len(self.stack) <= self._floor():
            raise IndexError("a value is missing on its stack")
        return self.stack[-1]

    # actions

    def _protocol(self, argument: Any) -> None:
        if int(argument) < 2:
            raise InputError("uses the opcode PROTO with a protocol before 2, as nobody writes it")
        if int(argument) > _NEWEST:
            raise ValueError(f"protocol {argument}")

    def _mark(self, _: Any) -> None:
        self.marks.append(len(self.stack))

    def _drop(self, _: Any) -> None:
        if self.marks and self.marks[-1] == len(self.stack):
            self.marks.pop()  # as pickle has it: POP takes a mark away too
        else:
            self._pop()

    def _drop_mark(self, _: Any) -> None:
        self._pop_mark()

    def _duplicate(self, _: Any) -> None:
        self.stack.append(self._top())

    def _make_list(self, _: Any) -> None:
        self.stack.append(self._pop_mark())

    def _make_tuple(self, _: Any) -> None:
        self.stack.append(tuple(self._pop_mark()))

    def _keep(self, place: int) -> None:
        # writers count up; one large number would make other readers ask for gigabytes
        if not 0 <= place <= self.n_kept:
            raise InputError(f"keeps object {place} after {self.n_kept} others")
        self.memo[place] = self._top()
        self.n_kept += 1

    def _memoize(self, _: Any) -> None:
        self.memo[len(self.memo)] = self._top()
        self.n_kept += 1

    def _append(self, _: Any) -> None:
        value = self._pop()
        extend(self._top(), [value])

    def _appends(self, _: Any) -> None:
        values = self._pop_mark()
        extend(self._top(), values)

    def _add_items(self, _: Any) -> None:
        values = self._pop_mark()
        add(self._top(), values)

    def _set_item(self, _: Any) -> None:
        values = self._pop_many(2)
        assign(self._top(), values)

    def _set_items(self, _: Any) -> None:
        values = self._pop_mark()
        assign(self._top(), values)

    def _make_dict(self, _: Any) -> None:
        values = self._pop_mark()
        self.stack.append({})
        assign(self.stack[-1], values)

    def _make_frozen_set(self, _: Any) -> None:
        values: set[Any] = set()
        add(values, self._pop_mark())
        self.stack.append(frozenset(values))

    def _name(self, argument: Any) -> None:
        module, _, name = str(argument).partition(" ")
        self.stack.append(self._found(module, name))

    def _stacked_name(self, _: Any) -> None:
        module, name = self._pop_many(2)
        if not isinstance(module, str) or not isinstance(name, str):
            raise TypeError("a name that is no text")
        self.stack.append(self._found(module, name))

    def _found(self, module: str, name: str) -> Name:
        origin = (module, name)
        if origin not in self.names:
            if len(self.names) >= self.limits.names:
                raise InputError(f"has more than {self.limits.names} names")
            self.names[origin] = self.find(module, name)
        return self.names[origin]

    def _call(self, _: Any) -> None:
        called, args = self._pop_many(2)
        self.stack.append(call(called, args))

    def _call_with_keywords(self, _: Any) -> None:
        called, args, keywords = self._pop_many(3)
        if not isinstance(args, tuple) or not isinstance(keywords, dict):
            raise TypeError("arguments that are no tuple and no dictionary")
        self.stack.append(call(called, (args, keywords) if keywords else args))

    def _build(self, _: Any) -> None:
        state = self._pop()
        build(self._top(), state)

    def _identify(self, _: Any) -> None:
        if self.persistent is None:
            raise InputError("uses the opcode BINPERSID, which no table needs")
        self.stack.append(self.persistent(self._pop()))


_ACTIONS: dict[str, Callable[[Machine, Any], None]] = {
    "PROTO": Machine._protocol,
    "FRAME": lambda *_: None,
    "STOP": lambda *_: None,
    "MARK": Machine._mark,
    "POP": Machine._drop,
    "POP_MARK": Machine._drop_mark,
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
