"""What can be typed. Nothing heavy is imported here: ``heschl --help`` answers at once."""

from __future__ import annotations

import argparse

from heschl._version import __version__
from heschl.cli.parsing import computing, following, looking, showing, training

DESCRIPTION = """\
How brain-like is an audio model? heschl runs a model on natural sounds, predicts the
responses of human auditory cortex from the activations of its layers, and says how well
that works, next to published models.
"""

EPILOG = """\
start here:
  heschl demo                                         everything once, with embedded data
  heschl list                                         models, datasets and tasks
  heschl score spectrotemporal --dataset synthetic    score a model: is it brain-like?
  heschl probe spectrotemporal --task synthetic-tones does it hear?
  heschl study run studies/offline.yaml               score many models by one file
  heschl pretrain recipes/small-offline.yaml          watch a model become brain-like
  heschl report RUN                                   look at it

Data are kept in HESCHL_HOME (default: your cache folder). HESCHL_OFFLINE=1 forbids downloads.
Exit codes: 0 done, 1 failed, 2 wrong use, 130 interrupted.
"""

#: In the order in which they are listed.
COMMANDS = (
    looking.add_list,
    looking.add_info,
    looking.add_fetch,
    looking.add_convert,
    computing.add_extract,
    computing.add_score,
    computing.add_probe,
    computing.add_study,
    computing.add_worker,
    training.add_pretrain,
    following.add_dynamics,
    showing.add_compare,
    showing.add_report,
    showing.add_figures,
    showing.add_demo,
)


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    parser = argparse.ArgumentParser(
        prog="heschl",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"heschl {__version__}")
    parser.set_defaults(quiet=False)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for add in COMMANDS:
        add(commands)
    return parser
