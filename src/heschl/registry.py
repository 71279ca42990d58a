"""Names to specifications; the one place that reports an unknown name."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol, TypeVar

from heschl.errors import UnknownNameError


class Named(Protocol):
    """Anything with a ``name``."""

    @property
    def name(self) -> str:  # noqa: D102
        ...


SpecT = TypeVar("SpecT", bound=Named)


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UnknownNameError:
    """Return the error for a name that is not known, with the nearest ones.

    Parameters
    ----------
    kind : str
        What was looked for: "model", "dataset", "layer" ...
    name : str
        The name that was given.
    known : iterable of str
        All valid names, in the order in which they are to be shown.
    """
    names = list(known)
    shown = nearest(name, names)
    listed = ", ".join(names) if len(names) <= 40 else f"{', '.join(names[:40])}, ..."
    hint = f" Did you mean: {shown}?" if shown else ""
    return UnknownNameError(f"unknown {kind} {name!r}.{hint} Known: {listed or 'none'}.")


def nearest(name: str, known: Iterable[str]) -> str:
    """Return up to three known names that look like one that is not known; "" if none does."""
    by_lower = {n.lower(): n for n in known}
    near = difflib.get_close_matches(str(name).lower(), list(by_lower), n=3, cutoff=0.5)
    return ", ".join(by_lower[n] for n in near)


class Registry(Mapping[str, SpecT]):
    """An ordered table of specifications, looked up by name.

    Parameters
    ----------
    kind : str
        What the table holds ("model", "dataset"), for error messages.
    specs : iterable
        The entries; each has a unique ``name``, and may have ``aliases``: other names under which
        it is found, but not listed.
    """

    def __init__(self, kind: str, specs: Iterable[SpecT]) -> None:
        self.kind = kind
        self._specs: dict[str, SpecT] = {}
        self._found: dict[str, SpecT] = {}
        for spec in specs:
            for name in (spec.name, *getattr(spec, "aliases", ())):
                if name in self._found:
                    raise ValueError(f"two {kind}s are named {name!r}")
                self._found[name] = spec
            self._specs[spec.name] = spec

    def __getitem__(self, name: str) -> SpecT:
        try:
            return self._found[name]
        except KeyError:
            raise unknown_name(self.kind, name, self._specs) from None

    def __contains__(self, name: object) -> bool:
        return name in self._found

    def __iter__(self) -> Iterator[str]:
        return iter(self._specs)

    def __len__(self) -> int:
        return len(self._specs)


def import_object(path: str) -> Any:
    """Import ``"package.module:name"``: lets tables name loaders without importing them."""
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)
