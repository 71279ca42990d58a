"""Made-up trajectories for the tests of their report: each value is known from a formula."""

from __future__ import annotations

import numpy as np
import pandas as pd

from heschl.dynamics.columns import BASELINE_COLUMNS, COLUMNS
from heschl.dynamics.table import (
    Trajectory,
    append_losses,
    write_baselines,
    write_header,
    write_scores,
)

REGIONS = ("Primary", "Anterior")
COMPONENTS = ("pitch", "speech", "music")
STEPS = (0, 100, 200, 300, 400)


def similarity(step, layer, region="", seed=0):
    """Rises evenly to a plateau, later layers later."""
    late = 100 * (layer + 1)
    return 0.1 + 0.01 * seed + 0.02 * len(region) / 10 + 0.2 * min(step / late, 1)


def rows_of_rsa(
    *, run="small", seed=0, steps=STEPS, layers=("a", "b", "c"), regions=REGIONS,
    ceiling=0.5, half=0.03, dataset="natsound165", constant=False,
):  # fmt: skip
    rows = []
    for step in steps:
        for region in ("", *regions):
            found = [
                0.25 if constant else similarity(step, i, region, seed) for i in range(len(layers))
            ]
            values = [("", -1, max(found) - 0.01)]
            values += [(layer, i, found[i]) for i, layer in enumerate(layers)]
            for layer, index, value in values:
                ends = (value - half, value + half)
                name = (dataset, "rsa", "pepino2025", "rho", region, layer, index, "all")
                rows.append((run, step, *name, value, *ends, ceiling))
    return rows


def rows_of_components(*, run="small", seed=0, steps=STEPS, names=COMPONENTS):
    rows = []
    for step in steps:
        values = [0.1 * (i + 1) + 0.001 * step + 0.01 * seed for i in range(len(names))]
        for name, value in (("all", float(np.mean(values))), *zip(names, values, strict=True)):
            key = ("NH2015comp", "regression", "pepino2025", "r2", "", "", -1, name)
            rows.append((run, step, *key, value, np.nan, np.nan, np.nan))
    return rows


def training(*, run="small", seed=0, components=True, losses=True, baselines=True, **options):
    """One trajectory; ``losses`` and ``baselines`` say whether it has any."""
    rows = rows_of_rsa(run=run, seed=seed, **options)
    steps = options.get("steps", STEPS)
    if components:
        rows += rows_of_components(run=run, seed=seed, steps=steps)
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    table = table.sort_values("step", kind="stable", ignore_index=True)
    others = [
        (name, "natsound165", "rsa", "pepino2025", "rho", "", "", -1, "all", value, *[np.nan] * 3)
        for name, value in (("random", 0.08), ("published", 0.36))
    ]
    at = np.arange(10, max(steps) + 1, 10)
    falling = pd.DataFrame(
        {"step": at, "loss": 5 - at / 100 + seed, "masked_loss": 5.5 - at / 100, "rate": 1e-4}
    )
    return Trajectory(
        run,
        table,
        falling if losses and len(at) else None,
        pd.DataFrame(others, columns=list(BASELINE_COLUMNS)) if baselines else None,
        {"seed": seed, "versions": {"torch": "2.6"}},
    )


def write(trajectory, folder):
    """Write a trajectory as a training would."""
    write_header(folder, trajectory.run, trajectory.provenance)
    write_scores(folder, trajectory.scores)
    if trajectory.losses is not None:
        append_losses(folder, trajectory.losses)
    if trajectory.baselines is not None:
        write_baselines(folder, trajectory.baselines)
    return folder
