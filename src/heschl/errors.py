"""Errors: each message gives the value, what was expected, and what to do."""

from __future__ import annotations


class HeschlError(Exception):
    """Anything heschl refuses or fails to do; the base of all its errors.

    ``exit_code`` is what the command line ends with: 1, the work failed; 2, the request was wrong.
    """

    exit_code = 1


class HeschlWarning(UserWarning):
    """Something works, but probably not as its user thinks."""


class UnknownNameError(HeschlError, KeyError):
    """A model, dataset, protocol or layer of that name does not exist."""

    exit_code = 2
    __str__ = Exception.__str__  # KeyError would show the message in quotes


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
