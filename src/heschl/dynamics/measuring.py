"""One model at one moment: how brain-like it and each of its layers are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from heschl.activations import Activations, extract
from heschl.brain import BrainDataset
from heschl.dynamics.columns import BASELINE_COLUMNS, as_table
from heschl.dynamics.layers import layer_rows
from heschl.errors import UsageError
from heschl.models import AudioModel
from heschl.registry import unknown_name
from heschl.results import Results
from heschl.study.parts import EVERYONE
from heschl.study.scoring import score_activations
from heschl.study.uncertainty import Uncertainty

#: What is measured, in this order; each by the protocol of Pepino et al. (2025).
METRICS = ("rsa", "regression")
PROTOCOL = "pepino2025"

Row = dict[str, Any]


def measure(
    model: AudioModel,
    dataset: BrainDataset,
    *,
    metrics: Sequence[str] | None = None,
    layers: Sequence[str] | None = None,
    n_bootstrap: int = 0,
    seed: int = 0,
    device: str | None = None,
    batch_size: int | None = None,
    use_store: bool = False,
    n_jobs: int | None = None,
    show_progress: bool = False,
) -> pd.DataFrame:
    """Measure how brain-like a model is now: by the protocol, and each layer by itself.

    Parameters
    ----------
    model : AudioModel
    dataset : BrainDataset
    metrics : sequence of str, optional
        Of "rsa" and "regression", both by protocol "pepino2025". By default rsa, and regression
        where the targets are components: that of thousands of voxels takes minutes.
    layers : sequence of str, optional
        All by default.
    n_bootstrap : int, optional
        Resamples of sounds (and listeners) for intervals; 0 for none.
    seed : int, optional
        Of the resamples.
    device : str, optional
        Where the model runs; where it is by default.
    batch_size : int, optional
        Sounds that go through the model together, at most.
    use_store : bool, optional
        Read and keep activations under ``HESCHL_HOME``; a model under training is not met again.
    n_jobs : int, optional
        Threads of the analysis; never changes the numbers.
    show_progress : bool, optional

    Returns
    -------
    DataFrame
        Columns `BASELINE_COLUMNS`, ``run`` being the name of the model. rsa: rho of each listener
        and region and its mean over listeners, of the protocol and of every layer. Regression: r2
        of each component and its mean over components; of voxels, the median over each listener's
        and its mean over listeners, in all and in each region.

    Raises
    ------
    UnknownNameError
        If a metric or layer does not exist.
    UsageError
        If ``metrics`` is empty, or n_bootstrap is not usable.
    InputError
        If the model's activations or the data are not as they have to be.
    """
    wanted = chosen_metrics(metrics, dataset)
    uncertainty = Uncertainty(n_bootstrap, 0, seed)
    # once for all metrics: it is what takes long
    activations = extract(
        model,
        dataset.sounds,
        layers=layers,
        batch_size=batch_size,
        device=device,
        use_store=use_store,
        show_progress=show_progress,
    )
    rows: list[Row] = []
    for metric in wanted:
        rows += _metric_rows(activations, dataset, metric, uncertainty, n_jobs, show_progress)
    return as_table(rows, BASELINE_COLUMNS)


def chosen_metrics(metrics: Sequence[str] | None, dataset: BrainDataset) -> tuple[str, ...]:
    """Return what is measured on a dataset, in the order of `METRICS`.

    Raises
    ------
    UnknownNameError
        If a metric does not exist.
    UsageError
        If there is none.
    """
    if metrics is None:
        return METRICS if dataset.kind == "components" else ("rsa",)
    if isinstance(metrics, str) or not metrics:
        raise UsageError(
            f"metrics is {metrics!r}; expected a list of at least one of {', '.join(METRICS)}"
        )
    for metric in metrics:
        if metric not in METRICS:
            raise unknown_name("metric", metric, METRICS)
    return tuple(metric for metric in METRICS if metric in metrics)


def _metric_rows(
    activations: Activations,
    dataset: BrainDataset,
    metric: str,
    uncertainty: Uncertainty,
    n_jobs: int | None,
    show_progress: bool,
) -> list[Row]:
    found = score_activations(
        activations,
        dataset,
        metric=metric,
        protocol=PROTOCOL,
        n_bootstrap=uncertainty.n_bootstrap,
        seed=uncertainty.seed,
        layer_profiles=metric == "regression",
        n_jobs=n_jobs,
        show_progress=show_progress,
    )
    (profile,) = found.profiles
    shared = {
        "run": profile.model,
        "dataset": profile.dataset,
        "metric": metric,
        "protocol": profile.protocol,
        "unit": profile.unit,
    }
    rows = [*_protocol_rows(found, dataset, profile.unit)]
    rows += layer_rows(profile, activations, dataset, uncertainty, n_jobs=n_jobs)
    return [shared | row for row in rows]


def _protocol_rows(found: Results, dataset: BrainDataset, unit: str) -> Iterator[Row]:
    """Yield the scores of the protocol, which chooses layers by cross-validation."""
    table = found.scores[found.scores["unit"] == unit]
    groups = table[table["scope"].isin(["dataset", "listener"])]
    if not len(groups):  # components: there is one score each, and none over all
        groups = table[table["scope"] == "target"]
        yield _row("", EVERYONE, groups["value"].mean(), ceiling=groups["ceiling"].mean())
    elif set(groups["target"]) == {EVERYONE}:  # one listener: its interval is that of the mean
        groups = groups[groups["scope"] == "listener"]
    for one in groups.to_dict(orient="records"):
        region = "" if dataset.kind == "components" else one["region"] or ""
        ends = {key: one[key] for key in ("low", "high", "ceiling")}
        yield _row(region, one["target"], one["value"], **ends)


def _row(region: str, target: str, value: float, **rest: float) -> Row:
    missing = dict.fromkeys(("low", "high", "ceiling"), float("nan"))
    return (
        {"region": region, "layer": "", "layer_index": -1, "target": target, "value": value}
        | missing
        | rest
    )
