"""What goes wrong with a job: for good, for a while, or for want of memory."""

from __future__ import annotations

import errno
import traceback
from collections.abc import Iterator

from heschl.fetch.asking import TemporaryFailureError
from heschl.studies.jobs import Kind, Trouble
from heschl.studies.names import shown

#: What the system says of file systems and networks that may answer again.
FOR_A_WHILE = frozenset(
    {
        errno.EIO,
        errno.ESTALE,
        errno.ETIMEDOUT,
        errno.EAGAIN,
        errno.EBUSY,
        errno.ENETDOWN,
        errno.ENETUNREACH,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.ECONNRESET,
        errno.ECONNREFUSED,
    }
)
#: How torch and C++ say that there is no memory; the first is torch's class for GPUs.
_NO_MEMORY = ("out of memory", "can't allocate memory", "bad_alloc", "bad allocation")


def trouble_of(error: Exception | SystemExit) -> Trouble:
    """Return what an error means for the job that raised it."""
    lines = "".join(traceback.format_exception(error))
    return Trouble(_kind(error), shown(error), lines)


def _kind(error: BaseException) -> Kind:
    causes = list(_causes(error))
    if any(_is_memory(one) for one in causes):
        return "memory"
    if any(_is_temporary(one) for one in causes):
        return "temporary"
    return "lasting"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and what it was raised from; a user's code may raise one from itself."""
    seen = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__


def _is_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, RuntimeError) and any(say in str(error) for say in _NO_MEMORY)


def _is_temporary(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return error.errno in FOR_A_WHILE
    return isinstance(error, TemporaryFailureError)
