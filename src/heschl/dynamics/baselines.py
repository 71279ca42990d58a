"""Reference lines for a trajectory: other models, measured on the same datasets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from heschl import store
from heschl.brain import BrainDataset
from heschl.dynamics.columns import BASELINE_COLUMNS, as_table
from heschl.dynamics.kept import kept_or_measured, place_of
from heschl.dynamics.keys import describe, settings_key
from heschl.dynamics.measuring import chosen_metrics, measure
from heschl.dynamics.prepared import load_datasets
from heschl.dynamics.table import write_baselines
from heschl.errors import UsageError
from heschl.models import AudioModel, load_model


def measure_baselines(
    models: Sequence[str | AudioModel | Any],
    datasets: str | Path | BrainDataset | Sequence[str | Path | BrainDataset],
    folder: str | Path,
    *,
    metrics: Sequence[str] | None = None,
    n_bootstrap: int = 0,
    seed: int = 0,
    device: str | None = None,
    batch_size: int | None = None,
    n_jobs: int | None = None,
    show_progress: bool = False,
) -> pd.DataFrame:
    """Measure other models and write ``baselines.csv``; what is there is not measured again.

    Parameters
    ----------
    models : sequence of str, AudioModel, ...
        As for `heschl.load_model`: "melspectrogram" and "spectrotemporal", say.
    datasets : str, Path or BrainDataset, or a sequence of them
        Those of the trajectory.
    folder : str or Path
        Of the trajectory.
    metrics, n_bootstrap, seed, device, batch_size, n_jobs, show_progress
        See `heschl.dynamics.measure`.

    Returns
    -------
    DataFrame
        Columns `heschl.dynamics.BASELINE_COLUMNS`, in the order of the models.

    Raises
    ------
    UsageError
        If there is no model.
    UnknownNameError, FetchError, InputError
        If a model or dataset cannot be had or measured.
    StoreError
        If the folder cannot be written.
    """
    if isinstance(models, str) or not models:
        raise UsageError(f"models is {models!r}; expected a list of at least one model")
    folder = Path(folder)
    store.check_writable(folder)
    data = load_datasets(datasets)
    running: dict[str, Any] = {
        "batch_size": batch_size,
        "n_jobs": n_jobs,
        "show_progress": show_progress,
    }
    found = []
    for one in models:
        model = load_model(one, device=device)
        for each in data:
            wanted = chosen_metrics(metrics, each)
            said = {"metrics": list(wanted), "n_bootstrap": n_bootstrap, "seed": seed}
            known = {"identity": dict(model.identity()), "dataset": describe(each)}
            place = place_of(folder, "baseline", settings_key(known | said))
            rows = kept_or_measured(
                place,
                lambda model=model, each=each, wanted=wanted: measure(  # type: ignore[misc]
                    model, each, metrics=wanted, n_bootstrap=n_bootstrap, seed=seed, **running
                ),
            )
            found.append(rows.assign(run=model.name))
    table = as_table(pd.concat(found, ignore_index=True), BASELINE_COLUMNS)
    write_baselines(folder, table)
    return table
