"""The stack of a pickle: values, and marks below which nothing is in reach."""

from __future__ import annotations

from typing import Any


class Stack:
    """Values and marks.

    Every method raises IndexError where a value or a mark is missing.
    """

    def __init__(self) -> None:
        self._values: list[Any] = []
        self._marks: list[int] = []

    def push(self, value: Any) -> None:
        """Put a value on top."""
        self._values.append(value)

    def mark(self) -> None:
        """Put a mark on top."""
        self._marks.append(len(self._values))

    def top(self) -> Any:
        """Return the value on top."""
        self._check(1)
        return self._values[-1]

    def pop(self) -> Any:
        """Take the value on top."""
        self._check(1)
        return self._values.pop()

    def pop_many(self, n: int) -> list[Any]:
        """Take the last values, in the order in which they came."""
        self._check(n)
        return self._cut(len(self._values) - n)

    def pop_mark(self) -> list[Any]:
        """Take the last mark, and the values above it in the order in which they came."""
        return self._cut(self._marks.pop())

    def drop(self) -> None:
        """Take away what is on top, a value or (as pickle has it) a mark."""
        if self._marks and self._marks[-1] == len(self._values):
            self._marks.pop()
        else:
            self.pop()

    def _check(self, n: int) -> None:
        floor = self._marks[-1] if self._marks else 0
        if len(self._values) - n < floor:
            raise IndexError("a value is missing on its stack")

    def _cut(self, start: int) -> list[Any]:
        taken = self._values[start:]
        del self._values[start:]
        return taken
