"""The command ``worker``: do the work of others' studies."""

from __future__ import annotations

import argparse

import psutil

from heschl.errors import UsageError
from heschl.threads import n_threads


def run_worker(options: argparse.Namespace) -> None:
    """Check what is declared, then work until interrupted."""
    from heschl.cluster import Scheduler, Supply, parse_place, serve
    from heschl.cluster.sizes import n_bytes
    from heschl.cluster.starting import SHARE

    if not isinstance(parse_place(options.scheduler), Scheduler):
        raise UsageError(f"scheduler is {options.scheduler!r}; expected tcp://HOST:PORT")
    for name in ("processes", "cores"):
        value = getattr(options, name)
        if value is not None and value < 1:
            raise UsageError(f"--{name} is {value}; expected at least 1")
    try:
        memory = None if options.memory is None else n_bytes(options.memory)
    except ValueError as error:
        raise UsageError(f"--memory is {error}") from error
    serve(
        options.scheduler,
        Supply(
            options.cores or max(1, n_threads() // options.processes),
            memory or int(SHARE * psutil.virtual_memory().total / options.processes),
            options.gpus,
        ),
        options.processes,
    )
