"""Errors: each message gives the value, what was expected, and what to do."""

from __future__ import annotations

import unicodedata

_LONGEST_QUOTED = 200


def printable(text: str) -> str:
    r"""Return a text as a terminal may be given it: what it would obey is spelled out.

    Names come from files of others. Lines and tabs stay; other control characters, marks that turn
    the direction of writing, and halves of characters become escapes such as ``\x1b``.
    """
    if text.isprintable():
        return text
    return "".join(one if _is_harmless(one) else _spelled(one) for one in text)


def _is_harmless(character: str) -> bool:
    is_space = character in "\n\t" or unicodedata.category(character) == "Zs"
    return is_space or character.isprintable()


def _spelled(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def quoted(error: BaseException) -> str:
    """Return what a library says of a file, short and on one line: it may repeat what is in it."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= _LONGEST_QUOTED else f"{text[:_LONGEST_QUOTED]}..."


class HeschlError(Exception):
    """Anything heschl refuses or fails to do; the base of all its errors.

    ``exit_code`` is what the command line ends with: 1, the work failed; 2, the request was wrong.
    """

    exit_code = 1

    def __str__(self) -> str:
        return printable(Exception.__str__(self))  # KeyError would show the message in quotes


class HeschlWarning(UserWarning):
    """Something works, but probably not as its user thinks."""


class UnknownNameError(HeschlError, KeyError):
    """A model, dataset, protocol or layer of that name does not exist."""

    exit_code = 2


class UsageError(HeschlError, ValueError):
    """An option or argument has a value that can never work."""

    exit_code = 2


class InputError(HeschlError, ValueError):
    """Data given to heschl are not what they have to be (shape, values, folds, names)."""


class AudioError(InputError):
    """A sound cannot be read, is damaged, or holds values that are no sound."""


class FetchError(HeschlError):
    """A download or a local copy failed or is not the published release."""


class OfflineError(FetchError):
    """Something would have to be downloaded while heschl is told to stay offline."""


class MissingDependencyError(HeschlError, ImportError):
    """An optional package is needed; the message says how to install it."""


class StoreError(HeschlError):
    """The store cannot be written or read (read-only, full, no permission)."""


class DamagedEntryError(StoreError):
    """A stored file does not match its checksum."""


class ClusterError(HeschlError):
    """A cluster cannot be had, or was lost and does not come back."""
