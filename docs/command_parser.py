"""The parser of the command line, its examples marked as code for the documentation."""

from __future__ import annotations

import argparse

from heschl.cli.parser import make_parser


def documented_parser() -> argparse.ArgumentParser:
    """Return the parser whose epilogs are reStructuredText; its own is left to the page."""
    parser = make_parser()
    parser.epilog = None
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in set(action.choices.values()):
                command.epilog = (command.epilog or "").replace("example:\n", "Example::\n\n")
    return parser
