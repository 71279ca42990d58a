"""The command ``heschl``: parse, run, and turn errors into messages and exit codes."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence

from heschl.cli.parser import make_parser
from heschl.errors import HeschlError, HeschlWarning, printable
from heschl.progress import set_quiet

INTERRUPTED = 130  # what shells report after ctrl-C


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 failed, 2 wrong use, 130 interrupted."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    options = make_parser().parse_args(arguments)
    set_quiet(options.quiet)
    try:
        from heschl.cli import commands  # takes a second: ctrl-C may come then, too

        with warnings.catch_warnings():
            warnings.simplefilter("always", HeschlWarning)
            warnings.showwarning = _show_warning
            getattr(commands, f"run_{options.command}")(options)
    except HeschlError as error:
        print(f"heschl: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print(
            "heschl: interrupted; what was finished is kept, the same command goes on from there",
            file=sys.stderr,
        )
        return INTERRUPTED
    finally:
        set_quiet(False)
    return 0


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    print(f"heschl: warning: {printable(str(message))}", file=sys.stderr)
