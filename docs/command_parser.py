"""The parser of the command line, its examples marked as code for the documentation."""

from __future__ import annotations

import argparse

from heschl.cli.parser import make_parser


def documented_parser() -> argparse.ArgumentParser:
    """Return the parser whose epilogs are reStructuredText; its own is left to the page."""
    parser = make_parser()
    parser.epilog = None
    _mark_examples(parser)
    return parser


def _mark_examples(parser: argparse.ArgumentParser) -> None:
    """Mark the example of each command as code, and those of its own commands."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in set(action.choices.values()):
                command.epilog = (command.epilog or "").replace("example:\n", "Example::\n\n")
                _mark_examples(command)
