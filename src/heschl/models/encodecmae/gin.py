"""Reading values of a gin text, without gin: nothing is imported, nothing is called.

Gin (github.com/google/gin-config) is a language of bindings: ``NAME = value`` defines a macro,
``scope/module.Class.parameter = value`` gives an argument to a class, and ``module.Class:``
followed by indented ``parameter = value`` several of them. Values are Python literals, ``%NAME`` is
the value of a macro and ``@name`` a reference to a class or function. Later bindings replace
earlier ones.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from typing import TypeGuard

from heschl.errors import InputError

#: A string, a comment, a newline that is escaped, or any other character.
_PIECE = re.compile(
    r"""(?P<text>'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*")"""
    r"""|(?P<comment>\#[^\n]*)|(?P<escaped>\\\r?\n)|(?P<other>.|\n)"""
)
_BINDING = re.compile(r"(?P<name>[\w./]+)\s*=\s*(?P<value>\S.*)", re.DOTALL)
_BLOCK = re.compile(r"(?P<name>[\w./]+)\s*:")
_MACRO = re.compile(r"%(?P<name>[A-Za-z_][\w./]*)")

#: Of a value: characters, and macros that it takes by way of each other. Macros of macros double.
_LONGEST, _DEEPEST = 10_000, 50

#: Larger numbers are no sizes, rates or durations.
_LARGEST = 1e12


class Bindings:
    """The bindings of a gin text.

    Parameters
    ----------
    text : str
    source : str
        Where it comes from, for messages.

    Raises
    ------
    InputError
        If a bracket is not closed.

    Notes
    -----
    Classes go by their last name: the modules they are in have moved between releases. What is no
    binding (``import``, ``include``, additions to lists) is passed over.
    """

    def __init__(self, text: str, source: str) -> None:
        if _depth(text):
            raise InputError(
                f"{source}: its config ends inside brackets; expected a whole gin text. Fetch the "
                "file again"
            )
        self._source = source
        self._values: Mapping[tuple[str, str, str], str] = dict(_bindings(text))
        self._macros: dict[str, str] = {}

    def has(self, configurable: str) -> bool:
        """Whether any argument of this class is bound."""
        return any(name == configurable for _, name, _ in self._values)

    def find(self, configurable: str, parameter: str, scope: str = "") -> object:
        """Return the value that is bound to an argument; None where there is none.

        Parameters
        ----------
        configurable : str
            Last name of the class; empty for a macro.
        parameter : str
            Name of the argument, or of the macro.
        scope : str
            A value for this scope counts more than one for all scopes.

        Returns
        -------
        object
            A Python literal; a reference stays the text that it is, with its ``@``.

        Raises
        ------
        InputError
            If the value is neither, or names a macro that is not there.
        """
        for place in (scope, ""):
            if (place, configurable, parameter) in self._values:
                return self._value((place, configurable, parameter), ())
        return None

    def number(self, configurable: str, parameter: str, scope: str = "") -> float | None:
        """Return a number that is bound; None where there is none.

        Raises
        ------
        InputError
            If it is something else than a number.
        """
        value = self.find(configurable, parameter, scope)
        if value is None or _is_number(value):
            return value
        raise self._unexpected((scope, configurable, parameter), value, "a number")

    def whole(self, configurable: str, parameter: str, scope: str = "") -> int | None:
        """Return a positive whole number that is bound; None where there is none.

        Raises
        ------
        InputError
            If it is something else.
        """
        value = self.number(configurable, parameter, scope)
        if value is None or (value > 0 and value == int(value)):
            return None if value is None else int(value)
        raise self._unexpected((scope, configurable, parameter), value, "a positive whole number")

    def pair(self, configurable: str, parameter: str) -> tuple[float, float] | None:
        """Return two numbers that are bound as a list; None where there are none.

        Raises
        ------
        InputError
            If it is something else.
        """
        value = self.find(configurable, parameter)
        if value is None:
            return None
        if isinstance(value, list | tuple) and len(value) == 2:
            first, second = value
            if _is_number(first) and _is_number(second):
                return float(first), float(second)
        raise self._unexpected(("", configurable, parameter), value, "a list of two numbers")

    def _value(self, key: tuple[str, str, str], seen: tuple[str, ...]) -> object:
        text = self._values[key]
        if text.startswith("@"):
            return text
        filled = _MACRO.sub(lambda match: self._macro(match["name"], key, seen), text)
        if len(filled) > _LONGEST:
            raise self._unexpected(key, f"{len(filled)} characters", f"at most {_LONGEST}")
        try:
            return ast.literal_eval(filled)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
            raise self._unexpected(key, text, "a Python literal") from error

    def _macro(self, name: str, key: tuple[str, str, str], seen: tuple[str, ...]) -> str:
        """Return the text of a macro's value; each is worked out once."""
        if name in seen or ("", "", name) not in self._values:
            raise self._unexpected(key, f"%{name}", "a macro that is defined, and not by itself")
        if len(seen) > _DEEPEST:
            raise self._unexpected(key, f"%{name}", f"macros of at most {_DEEPEST} others")
        if name not in self._macros:
            self._macros[name] = repr(self._value(("", "", name), (*seen, name)))
        return self._macros[name]

    def _unexpected(self, key: tuple[str, str, str], value: object, expected: str) -> InputError:
        scope, configurable, parameter = key
        name = ".".join(part for part in (configurable, parameter) if part)
        return InputError(
            f"{self._source}: {scope + '/' if scope else ''}{name} is {value} in its config; "
            f"expected {expected}. Check that the file is the published checkpoint"
        )


def _is_number(value: object) -> TypeGuard[float]:
    """Whether a value is a finite number of a size that can be meant, and no truth value."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return -_LARGEST <= value <= _LARGEST


def _bindings(text: str) -> Iterator[tuple[tuple[str, str, str], str]]:
    """Yield (scope, class, parameter) and the text of the value, in order."""
    block: str | None = None
    for line in _lines(text):
        if not line[0].isspace():
            match = _BLOCK.fullmatch(line.strip())
            block = match["name"] if match else None
            prefix = ""
        elif block is None:
            continue
        else:
            prefix = f"{block}."
        if match := _BINDING.fullmatch(line.strip()):
            yield _key(prefix + match["name"]), match["value"]


def _key(name: str) -> tuple[str, str, str]:
    """``scope/module.Class.parameter`` or ``MACRO`` as (scope, class, parameter)."""
    scope, _, selector = name.rpartition("/")
    path, _, parameter = selector.rpartition(".")
    configurable = path.rpartition(".")[2]
    if (configurable, parameter) == ("macro", "value"):  # the long form of a macro
        return "", "", scope
    return scope, configurable, parameter


def _depth(text: str) -> int:
    """Return how many brackets are open at the end."""
    depth = 0
    for match in _PIECE.finditer(text):
        depth = _after(match, depth)
    return depth


def _after(match: re.Match[str], depth: int) -> int:
    """Return how many brackets are open after a piece of text; strings and comments open none."""
    piece = match["other"] or " "
    return max(0, depth + (piece in "([{") - (piece in ")]}"))


def _lines(text: str) -> Iterator[str]:
    """Yield logical lines without comments; brackets and backslashes join several into one."""
    line, depth = "", 0
    for match in _PIECE.finditer(f"{text}\n"):
        piece, depth = match.group(), _after(match, depth)
        if match["comment"]:
            continue
        if piece == "\n" and not depth:
            if line.strip():
                yield line.rstrip()
            line = ""
        else:
            line += " " if match["escaped"] or piece == "\n" else piece
