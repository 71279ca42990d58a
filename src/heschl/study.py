"""Studies: the one place where models meet brain datasets and become scores."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from heschl import encode, results, store
from heschl.activations import Activations, extract
from heschl.brain import DATASETS, BrainDataset, load_dataset
from heschl.encode.nested import check_folds
from heschl.errors import InputError, UsageError
from heschl.models import MODELS, AudioModel, load_model
from heschl.registry import unknown_name
from heschl.results import Detail, Results
from heschl.stats import over_listeners
from heschl.threads import n_threads

METRICS = ("regression",)


def score(
    model: str | AudioModel | Any,
    dataset: str | Path | BrainDataset,
    *,
    metric: str = "regression",
    protocol: str = "pepino2025",
    layers: Sequence[str] | None = None,
    use_store: bool = True,
    n_jobs: int | None = None,
    show_progress: bool = True,
) -> Results:
    """Score how well a model predicts the responses of a brain.

    Parameters
    ----------
    model : str, AudioModel, torch.nn.Module or callable
        A name of ``heschl list``, or your own (see `heschl.wrap`).
    dataset : str, Path or BrainDataset
        A name of ``heschl list``, the path of a folder, or your own.
    metric : {"regression"}, optional
    protocol : str, optional
        How exactly: "pepino2025" (see `heschl.encode.nested_ridge`).
    layers : sequence of str, optional
        Layers that compete; all by default.
    use_store : bool, optional
        Read and keep activations under ``HESCHL_HOME``.
    n_jobs : int, optional
        Threads of the regression; every available core by default.
    show_progress : bool, optional

    Returns
    -------
    Results
        ``scores`` is a tidy table with one row per score: for every target r2 and the raw r; for
        voxels also the median of each listener and the mean over listeners.

    Raises
    ------
    UnknownNameError
        If a model, dataset, metric, protocol or layer does not exist.
    InputError
        If data are not as they have to be; nothing long has been computed by then.
    StoreError
        If the store cannot be written.

    Examples
    --------
    >>> table = score("melspectrogram", "synthetic", use_store=False).scores
    >>> table[table.scope == "dataset"][["target", "unit"]].values.tolist()
    [['all', 'r2']]
    """
    chosen = find_protocol(metric, protocol)
    jobs = n_threads(n_jobs)
    loaded = load_model(model)
    loaded.choose(layers)
    data = load_dataset(dataset)
    check_folds(data.folds, len(data.sounds))
    measured = data.mean_responses()
    if np.isnan(measured).any(axis=0).all():
        raise InputError(f"{data.name}: every target has missing responses; none can be scored")
    activations = extract(
        loaded, data.sounds, layers=layers, use_store=use_store, show_progress=show_progress
    )
    fitted = encode.nested_ridge(
        activations,
        measured,
        data.folds,
        protocol=chosen,
        n_jobs=jobs,
        show_progress=show_progress,
    )
    provenance = _provenance(activations, data, metric, chosen)
    key = store.content_key(provenance)[:16]
    detail = Detail(
        model=loaded.name,
        dataset=data.name,
        metric=metric,
        protocol=chosen.name,
        provenance=key,
        targets=data.targets,
        sounds=pd.DataFrame(
            {"sound": data.sounds.names, "category": data.sounds.categories, "fold": data.folds}
        ),
        layers=fitted.layers,
        measured=measured,
        predicted=fitted.predictions,
        r=fitted.r,
        r2=fitted.r2,
        layer_index=fitted.layer_index,
        alpha=fitted.alpha,
        published=data.published,
    )
    return Results(results.score_table(_rows(detail, data)), {key: provenance}, (detail,))


def find_protocol(metric: str, protocol: str) -> encode.NestedRidgeProtocol:
    """Return the protocol of a metric by its name.

    Raises
    ------
    UnknownNameError
        If there is no such metric or protocol.
    """
    if metric not in METRICS:
        raise unknown_name("metric", metric, METRICS)
    return encode.PROTOCOLS[protocol]


def _provenance(
    activations: Activations,
    data: BrainDataset,
    metric: str,
    protocol: encode.NestedRidgeProtocol,
) -> dict[str, Any]:
    """Everything the numbers depend on, JSON-ready; no times, names of machines or paths."""
    sounds = hashlib.sha256("".join(facts.digest for facts in data.sounds.facts).encode())
    return {
        "environment": results.environment(),
        "metric": metric,
        "protocol": {
            "name": protocol.name,
            "version": protocol.version,
            "alphas": list(protocol.alphas),
            "citation": protocol.citation,
        },
        "model": {
            key: activations.provenance[key]
            for key in ("model", "identity", "sample_rate", "level", "layers", "pooling")
        },
        "activations": activations.provenance["activations"],
        "resampler": activations.provenance["resampler"],
        "dataset": {
            "name": data.name,
            "kind": data.kind,
            "citation": data.citation,
            "source": dict(data.source),
            "n_sounds": len(data.sounds),
            "n_targets": data.n_targets,
            "n_repeats": data.n_repeats,
            "sounds_sha256": sounds.hexdigest(),
            "responses_sha256": _array_sha256(data.responses),
            "folds_sha256": _array_sha256(data.folds.astype(np.int64)),
        },
    }


def _array_sha256(array: NDArray[Any]) -> str:
    content = hashlib.sha256(str(array.shape).encode())
    content.update(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes())
    return content.hexdigest()


def _rows(detail: Detail, data: BrainDataset) -> list[dict[str, Any]]:
    """Rows of the table: the dataset and its listeners (voxels), then every target."""
    shared = {
        "model": detail.model,
        "dataset": detail.dataset,
        "metric": detail.metric,
        "protocol": detail.protocol,
        "n_sounds": len(data.sounds),
        "provenance": detail.provenance,
    }
    rows = _listener_rows(detail, data) if data.kind == "voxels" else []
    nothing = np.full(data.n_targets, np.nan)
    ceiling = nothing if data.ceiling is None else data.ceiling
    for i, target in enumerate(data.targets["target"]):
        layer = _most_frequent(detail.layers, detail.layer_index[:, i])
        for unit, value, top in (
            ("r2", detail.r2[i], ceiling[i]),
            ("r", detail.r[i], np.sqrt(ceiling[i])),
        ):
            rows.append(
                {
                    "scope": "target",
                    "target": target,
                    "layer": layer,
                    "value": value,
                    "unit": unit,
                    "ceiling": top,
                }
            )
    return [shared | row for row in rows]


def _listener_rows(detail: Detail, data: BrainDataset) -> list[dict[str, Any]]:
    """Median over the voxels of each listener, and the mean over listeners."""
    targets = data.targets
    if "listener" in targets.columns:
        listeners = targets["listener"].astype(str).to_numpy(dtype=str)
    else:
        listeners = np.full(data.n_targets, "all")
    scores = over_listeners(detail.r2, listeners)
    nothing = np.full(data.n_targets, np.nan)
    scored = (
        nothing if data.ceiling is None else np.where(np.isnan(detail.r2), np.nan, data.ceiling)
    )
    ceilings = over_listeners(scored, listeners)

    def layer_of(voxels: NDArray[np.bool_]) -> str | None:
        return _most_frequent(detail.layers, detail.layer_index[:, voxels].ravel())

    rows = [
        {
            "scope": "dataset",
            "target": "all",
            "layer": layer_of(np.ones(data.n_targets, bool)),
            "value": scores.mean,
            "unit": "r2",
            "ceiling": ceilings.mean,
            "stderr": scores.stderr,
        }
    ]
    for name, value, top in zip(scores.listeners, scores.values, ceilings.values, strict=True):
        rows.append(
            {
                "scope": "listener",
                "target": name,
                "layer": layer_of(listeners == name),
                "value": value,
                "unit": "r2",
                "ceiling": top,
            }
        )
    return rows


def _most_frequent(layers: Sequence[str], chosen: NDArray[np.int64]) -> str | None:
    """Return the layer chosen most often, the earlier of equals; None if nothing was chosen."""
    counts = Counter(int(i) for i in chosen if i >= 0)
    if not counts:
        return None
    return layers[max(counts, key=lambda i: (counts[i], -i))]


def list_models() -> list[str]:
    """Names of all models."""
    return list(MODELS)


def list_datasets() -> list[str]:
    """Names of all datasets."""
    return list(DATASETS)


def list_protocols() -> list[str]:
    """Names of all protocols."""
    return list(encode.PROTOCOLS)


def run_name(result: Results) -> str:
    """Return a folder name for a run: what was scored, and the start of its provenance.

    Raises
    ------
    UsageError
        If the results are empty.
    """
    if not result.details:
        raise UsageError("results without details have no name; expected at least one score")
    first = result.details[0]
    key = store.content_key({"provenance": sorted(result.provenance)})[:8]
    parts = [first.model, first.dataset, first.protocol, key]
    return "_".join("".join(c if c.isalnum() or c in "-." else "-" for c in part) for part in parts)
