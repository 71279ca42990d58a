"""The command ``dynamics``: how brain-like a model was at each checkpoint of its training."""

from __future__ import annotations

import argparse

from heschl.cli import tables
from heschl.errors import HeschlError, printable
from heschl.threads import n_threads


class TraceIncompleteError(HeschlError):
    """Checkpoints could not be measured; all others are done."""


def run_dynamics(options: argparse.Namespace) -> None:
    """Measure checkpoints and models to compare with, then write the page."""
    from heschl.dynamics import measure_baselines, trace

    n_threads(options.jobs)
    shared = {
        "metrics": options.metric,
        "n_bootstrap": options.bootstrap,
        "seed": options.seed,
        "device": options.device,
        "batch_size": options.batch_size,
        "n_jobs": options.jobs,
    }
    found = trace(
        options.checkpoints,
        options.dataset,
        output=options.output,
        as_model=options.as_model,
        name=options.name,
        every=options.every,
        layers=options.layers,
        keep=not options.discard,
        **shared,
    )
    if found.trajectory is not None:
        if options.baseline:
            measure_baselines(
                options.baseline, options.dataset, options.output, show_progress=True, **shared
            )
        _show(options)
    for failure in found.failures:
        print(printable(f"failed: step {failure.step} ({failure.name}): {failure.error}"))
    if found.failures:
        raise TraceIncompleteError(
            f"{len(found.failures)} of {found.n_checkpoints} checkpoints failed; the others are "
            "done. Once the reason is gone, the same command does only what is missing"
        )


def _show(options: argparse.Namespace) -> None:
    """Print the score at the first and the last step, and where the page is."""
    from heschl.dynamics import read_trajectory
    from heschl.report import write_dynamics_report

    found = read_trajectory(options.output)
    whole = found.scores.query("target == 'all' and region == '' and layer == ''")
    ends = whole[whole["step"].isin([found.steps[0], found.steps[-1]])]
    columns = ["step", "dataset", "metric", "value", "unit", "low", "high", "ceiling"]
    rows = list(ends[columns].drop_duplicates().itertuples(index=False, name=None))
    tables.show(columns, rows, title=f"{found.run}: {len(found.steps)} steps")
    print(f"trajectory: {options.output}")
    print(write_dynamics_report(options.output))
