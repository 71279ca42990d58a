"""What can be typed. Nothing heavy is imported here: ``heschl --help`` answers at once."""

from __future__ import annotations

import argparse
from pathlib import Path

from heschl._version import __version__

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
  heschl report RUN                                   look at it

Data are kept in HESCHL_HOME (default: your cache folder). HESCHL_OFFLINE=1 forbids downloads.
Exit codes: 0 done, 1 failed, 2 wrong use, 130 interrupted.
"""


#: What may be written for a model; see heschl.models.references.
MODEL_FORMS = (
    "NAME of 'heschl list', NAME@random:SEED, NAME@permuted:SEED, NAME@file:PATH, hf:ORG/NAME or a "
    "folder, hear:MODULE[:WEIGHTS], torch:MODULE:FUNCTION"
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
    for add in _COMMANDS:
        add(commands)
    return parser


_Commands = argparse._SubParsersAction  # argparse has no public name for it


def _command(
    commands: _Commands[argparse.ArgumentParser], name: str, summary: str, example: str
) -> argparse.ArgumentParser:
    command = commands.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.",
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("-q", "--quiet", action="store_true", help="no progress bars")
    return command


def _list(commands: _Commands[argparse.ArgumentParser]) -> None:
    command = _command(
        commands, "list", "list models, datasets, tasks and protocols", "heschl list models"
    )
    command.add_argument(
        "kind",
        nargs="?",
        choices=("models", "datasets", "tasks", "protocols"),
        help="only these (default: all)",
    )
    command.add_argument("--json", action="store_true", help="print JSON")


def _info(commands: _Commands[argparse.ArgumentParser]) -> None:
    command = _command(
        commands,
        "info",
        "show what a model, dataset or task is: layers and shapes, targets, source, licence",
        "heschl info beats-iter3",
    )
    command.add_argument(
        "name",
        metavar="NAME",
        help=f"a dataset or task of 'heschl list', or a model: {MODEL_FORMS}",
    )
    command.add_argument("--json", action="store_true", help="print JSON")


def _fetch(commands: _Commands[argparse.ArgumentParser]) -> None:
    command = _command(
        commands,
        "fetch",
        "bring a dataset, a task or the weights of a model to this machine (download, or a local "
        "copy), and verify them",
        "heschl fetch natsound165 --from ~/natsound165-neuron2015",
    )
    command.add_argument(
        "name", metavar="NAME", help="a dataset, task or model of 'heschl list', or hf:ORG/NAME"
    )
    command.add_argument(
        "--from",
        dest="source",
        metavar="PATH",
        type=Path,
        help="take a local copy of the release instead of downloading",
    )
    command.add_argument("--dry-run", action="store_true", help="only say what would be downloaded")
    command.add_argument(
        "--accept-license",
        action="store_true",
        help="accept the licence of weights that are not free for every use",
    )


def _convert(commands: _Commands[argparse.ArgumentParser]) -> None:
    command = _command(
        commands,
        "convert",
        "convert a torch checkpoint that holds foreign objects to safetensors, without running "
        "anything of it",
        "heschl convert librispeech_pretrained_v3.ckpt",
    )
    command.add_argument("file", metavar="FILE", type=Path, help="a torch checkpoint")
    command.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        type=Path,
        help="the new file (default: beside the old one, ending in .safetensors)",
    )


def _extract(commands: _Commands[argparse.ArgumentParser]) -> None:
    command = _command(
        commands,
        "extract",
        "compute the activations of a model's layers for the sounds of a dataset",
        "heschl extract cochleagram --dataset synthetic --output activations.npz",
    )
    command.add_argument("model", metavar="MODEL", help=MODEL_FORMS)
    _add_dataset(command)
    _add_layers(command)
    _add_running(command)
    command.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        type=Path,
        help="also write them to a .npz file: one array (n_sounds, n_features) per layer",
    )


def _score(commands: _Commands[argparse.ArgumentParser]) -> None:
    command = _command(
        commands,
        "score",
        "score how well models predict the responses of a brain",
        "heschl score spectrotemporal melspectrogram --dataset natsound165 --json out.json",
    )
    command.add_argument("models", metavar="MODEL", nargs="+", help=MODEL_FORMS)
    _add_dataset(command, several=True)
    command.add_argument(
        "--metric",
        metavar="METRIC",
        nargs="+",
        default=["regression"],
        help="what to compute: regression, rsa (default: regression)",
    )
    command.add_argument(
        "--protocol",
        metavar="PROTOCOL",
        nargs="+",
        default=["pepino2025"],
        help="how exactly; of several, each metric takes those it has (default: pepino2025)",
    )
    _add_uncertainty(command)
    _add_layers(command)
    _add_running(command)
    _add_keeping(command)


def _probe(commands: _Commands[argparse.ArgumentParser]) -> None:
    command = _command(
        commands,
        "probe",
        "score how well models hear: train probes on their embeddings of the clips of a task",
        "heschl probe spectrotemporal melspectrogram --task esc50 gtzan",
    )
    command.add_argument("models", metavar="MODEL", nargs="+", help=MODEL_FORMS)
    command.add_argument(
        "--task",
        metavar="TASK",
        required=True,
        nargs="+",
        help="a task of 'heschl list', or the path of a folder in the HEAR layout",
    )
    command.add_argument(
        "--protocol",
        metavar="PROTOCOL",
        nargs="+",
        default=["pepino2025"],
        help="how exactly: pepino2025, or linear for a quick look (default: pepino2025)",
    )
    command.add_argument(
        "--skip-bad",
        action="store_true",
        help="leave out clips that cannot be read, and list them in the results",
    )
    _add_bootstrap(command, "resamples of tested clips for the intervals; 0: none (default: 1000)")
    command.add_argument(
        "--seed",
        metavar="N",
        type=int,
        default=0,
        help="of first weights, batches, dropout and resamples (default: 0)",
    )
    _add_layers(command)
    _add_running(command)
    _add_keeping(command)


def _add_keeping(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "-o",
        "--output",
        metavar="DIR",
        type=Path,
        help="folder of the results (default: a new one under HESCHL_HOME/runs)",
    )
    command.add_argument(
        "--json", metavar="FILE", help="also write the table's rows as JSON; - is standard output"
    )
    command.add_argument(
        "--no-store",
        action="store_true",
        help="neither read nor keep activations under HESCHL_HOME",
    )
    command.add_argument("--jobs", metavar="N", type=int, help="threads (default: all cores)")


def _add_bootstrap(command: argparse.ArgumentParser, what: str) -> None:
    command.add_argument("--bootstrap", metavar="N", type=int, default=1000, help=what)


def _add_uncertainty(command: argparse.ArgumentParser) -> None:
    _add_bootstrap(
        command, "resamples of sounds and listeners for the intervals; 0: none (default: 1000)"
    )
    command.add_argument(
        "--permutations",
        metavar="N",
        type=int,
        default=0,
        help="permutations of the sounds for p and q; with voxel-wise regression each takes as "
        "long as the score (default: 0, none)",
    )
    command.add_argument("--seed", metavar="N", type=int, default=0, help="of both (default: 0)")
    command.add_argument(
        "--layer-profiles",
        action="store_true",
        help="also score every layer by itself (rsa and tuckute2023 always do)",
    )


def _compare(commands: _Commands[argparse.ArgumentParser]) -> None:
    command = _command(
        commands,
        "compare",
        "test whether models differ, on the same resamples of sounds and listeners",
        "heschl compare RUN",
    )
    command.add_argument(
        "runs", metavar="RUN", nargs="+", type=Path, help="folders that 'heschl score' wrote"
    )
    command.add_argument(
        "--bootstrap", metavar="N", type=int, default=1000, help="resamples (default: 1000)"
    )
    command.add_argument("--seed", metavar="N", type=int, default=0, help="of these (default: 0)")
    command.add_argument("--json", metavar="FILE", help="also write the rows as JSON")


def _study(commands: _Commands[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "study",
        help="score many models by one file: plan it, run it, add results of others",
        description="Score many models on many brains and tasks, as one file says.",
        epilog="example:\n  heschl study run studies/offline.yaml",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = command.add_subparsers(dest="action", required=True, metavar="ACTION")
    plan = _command(
        actions,
        "plan",
        "say what would run, what is there already, and what it takes; nothing is changed",
        "heschl study plan studies/pepino2025.yaml",
    )
    run = _command(
        actions,
        "run",
        "run a study, or go on with it: what is there is not computed again",
        "heschl study run studies/offline.yaml --output offline",
    )
    for one in (plan, run):
        one.add_argument("file", metavar="FILE", type=Path, help="a study file (YAML)")
        one.add_argument(
            "-o",
            "--output",
            metavar="DIR",
            type=Path,
            help="folder of its results (default: HESCHL_HOME/studies/NAME)",
        )
    run.add_argument(
        "--model",
        metavar="MODEL",
        nargs="+",
        help="only these models or controls of the file; what is there of others stays",
    )
    _add_running(run)
    run.add_argument("--jobs", metavar="N", type=int, help="threads (default: all cores)")
    add = _command(
        actions,
        "add",
        "add results of others to a study, after their protocols, data and scores are checked",
        "heschl study add offline their-results.tar.gz",
    )
    add.add_argument("folder", metavar="DIR", type=Path, help="folder of a study's results")
    add.add_argument(
        "sources",
        metavar="RESULTS",
        nargs="+",
        type=Path,
        help="folders of runs or studies, or tar archives of them",
    )


def _report(commands: _Commands[argparse.ArgumentParser]) -> None:
    command = _command(
        commands,
        "report",
        "write a page, or the site of many models, with scores, figures and sounds, from the "
        "results of one or more runs or studies",
        "heschl report RUN --output report.html",
    )
    command.add_argument("runs", metavar="RUN", nargs="+", type=Path, help=_RUNS)
    command.add_argument(
        "-o",
        "--output",
        metavar="PATH",
        type=Path,
        help="a file that ends in .html for one page, else the folder of a site (default: "
        "report.html in the first run's folder; of a study, the folder site in it)",
    )
    command.add_argument(
        "--dataset",
        metavar="PATH",
        nargs="+",
        default=[],
        help="folders of your own datasets, for the players of their sounds",
    )


_RUNS = "folders that 'heschl score', 'heschl probe' or 'heschl study run' wrote"


def _figures(commands: _Commands[argparse.ArgumentParser]) -> None:
    command = _command(
        commands,
        "figures",
        "write figures and the table for a paper, from the results of one or more runs or studies",
        "heschl figures STUDY --output figures",
    )
    command.add_argument("runs", metavar="RUN", nargs="+", type=Path, help=_RUNS)
    command.add_argument(
        "-o",
        "--output",
        metavar="DIR",
        type=Path,
        default=Path("figures"),
        help="where they are written (default: figures)",
    )
    command.add_argument(
        "--format",
        nargs="+",
        default=["pdf"],
        metavar="FORMAT",
        help="pdf, svg or png (default: pdf)",
    )


def _demo(commands: _Commands[argparse.ArgumentParser]) -> None:
    command = _command(
        commands,
        "demo",
        "score three models on the embedded synthetic dataset and write a report",
        "heschl demo",
    )
    command.add_argument(
        "-o",
        "--output",
        metavar="DIR",
        type=Path,
        default=Path("heschl-demo"),
        help="folder of the results and the report (default: heschl-demo)",
    )


def _add_dataset(command: argparse.ArgumentParser, *, several: bool = False) -> None:
    command.add_argument(
        "--dataset",
        metavar="DATASET",
        required=True,
        nargs="+" if several else None,
        help="a dataset of 'heschl list', or the path of a folder of your own",
    )


def _add_layers(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--layers", metavar="LAYER", nargs="+", help="only these layers (default: all)"
    )


def _add_running(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--device", metavar="DEVICE", help="where models run: cpu, cuda, cuda:1, mps (default: cpu)"
    )
    command.add_argument(
        "--batch-size",
        metavar="N",
        type=int,
        help="sounds that go through a model together, at most (default: what fits into memory, 8 "
        "on a CPU, 64 on a GPU)",
    )


_COMMANDS = (
    _list,
    _info,
    _fetch,
    _convert,
    _extract,
    _score,
    _probe,
    _study,
    _compare,
    _report,
    _figures,
    _demo,
)
