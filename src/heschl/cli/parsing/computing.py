"""The commands that compute: extract, score, probe, study."""

from __future__ import annotations

import argparse
from pathlib import Path

from heschl.cli.parsing.common import (
    MODEL_FORMS,
    Commands,
    add_bootstrap,
    add_command,
    add_dataset,
    add_keeping,
    add_layers,
    add_running,
    add_uncertainty,
)


def add_extract(commands: Commands[argparse.ArgumentParser]) -> None:
    """Compute activations."""
    command = add_command(
        commands,
        "extract",
        "compute the activations of a model's layers for the sounds of a dataset",
        "heschl extract cochleagram --dataset synthetic --output activations.npz",
    )
    command.add_argument("model", metavar="MODEL", help=MODEL_FORMS)
    add_dataset(command)
    add_layers(command)
    add_running(command)
    command.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        type=Path,
        help="also write them to a .npz file: one array (n_sounds, n_features) per layer",
    )


def add_score(commands: Commands[argparse.ArgumentParser]) -> None:
    """Compare models with brains."""
    command = add_command(
        commands,
        "score",
        "score how well models predict the responses of a brain",
        "heschl score spectrotemporal melspectrogram --dataset natsound165 --json out.json",
    )
    command.add_argument("models", metavar="MODEL", nargs="+", help=MODEL_FORMS)
    add_dataset(command, several=True)
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
    add_uncertainty(command)
    add_layers(command)
    add_running(command)
    add_keeping(command)


def add_probe(commands: Commands[argparse.ArgumentParser]) -> None:
    """Train probes on hearing tasks."""
    command = add_command(
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
    add_bootstrap(command, "resamples of tested clips for the intervals; 0: none (default: 1000)")
    command.add_argument(
        "--seed",
        metavar="N",
        type=int,
        default=0,
        help="of first weights, batches, dropout and resamples (default: 0)",
    )
    add_layers(command)
    add_running(command)
    add_keeping(command)


def add_study(commands: Commands[argparse.ArgumentParser]) -> None:
    """Score many models by one file."""
    command = commands.add_parser(
        "study",
        help="score many models by one file: plan it, run it, add results of others",
        description="Score many models on many brains and tasks, as one file says.",
        epilog="example:\n  heschl study run studies/offline.yaml",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = command.add_subparsers(dest="action", required=True, metavar="ACTION")
    plan = add_command(
        actions,
        "plan",
        "say what would run, what is there already, and what it takes; nothing is changed",
        "heschl study plan studies/pepino2025.yaml",
    )
    run = add_command(
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
    _add_forecast(plan)
    run.add_argument(
        "--model",
        metavar="MODEL",
        nargs="+",
        help="only these models or controls of the file; what is there of others stays",
    )
    add_running(run)
    run.add_argument("--jobs", metavar="N", type=int, help="threads (default: all cores)")
    run.add_argument(
        "--cluster",
        metavar="CLUSTER",
        help="local:N for N processes, tcp://HOST:PORT of a Dask scheduler, or a file (YAML) that "
        "describes the workers of SLURM, PBS, SGE or LSF (default: this process alone)",
    )
    add = add_command(
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


def _add_forecast(plan: argparse.ArgumentParser) -> None:
    """Add what is to be known of a cluster that is not asked."""
    plan.add_argument(
        "--cluster",
        metavar="CLUSTER",
        help="also say how long it takes on local:N, N processes, or on the workers of a file "
        "(YAML), as study run takes them",
    )
    plan.add_argument(
        "--device",
        metavar="DEVICE",
        help="where models would run there: cuda uses the workers' GPUs (default: their cores)",
    )
    plan.add_argument(
        "--gpu-speed",
        metavar="N",
        type=float,
        help="operations a second of a GPU in networks (default: 5e12)",
    )
    plan.add_argument(
        "--bandwidth",
        metavar="SIZE",
        help="what the shared file system moves in a second, for all workers (default: '1 GB')",
    )


def add_worker(commands: Commands[argparse.ArgumentParser]) -> None:
    """Do the work of others' studies."""
    command = add_command(
        commands,
        "worker",
        "work for the Dask scheduler of a cluster, until interrupted",
        "heschl worker tcp://10.0.0.1:8786 --processes 4 --gpus 1 --memory '32 GB'",
    )
    command.add_argument("scheduler", metavar="SCHEDULER", help="its address: tcp://HOST:PORT")
    command.add_argument(
        "--processes", metavar="N", type=int, default=1, help="workers (default: 1)"
    )
    command.add_argument(
        "--cores",
        metavar="N",
        type=int,
        help="of each (default: those of this machine, divided among them)",
    )
    command.add_argument(
        "--memory",
        metavar="SIZE",
        help="of each, as '32 GB' (default: that of this machine, divided among them)",
    )
    command.add_argument(
        "--gpus", metavar="N", type=int, default=0, choices=(0, 1), help="of each (default: 0)"
    )
