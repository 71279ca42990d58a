"""The command ``worker``: do the work of others' studies."""

from __future__ import annotations

import argparse

from heschl.errors import UsageError


def run_worker(options: argparse.Namespace) -> None:
    """Check what is declared, then work until interrupted."""
    from heschl.cluster import Scheduler, Supply, parse_place, serve
    from heschl.cluster.sizes import n_bytes
    from heschl.cluster.supplies import of_machine

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
    share = of_machine(options.processes)
    supply = Supply(options.cores or share.cores, memory or share.memory, options.gpus)
    serve(options.scheduler, supply, options.processes)
