"""One model, one hearing task: embed, train probes, score, and tell what it was computed from."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from heschl import probes, results, store
from heschl.activations import Activations, extract
from heschl.models import AudioModel, load_model
from heschl.results import ProbeDetail, Results
from heschl.study.embeddings import Embeddings
from heschl.study.probe_rounds import Fitted, fit_rounds
from heschl.study.probe_scores import score_rounds
from heschl.study.uncertainty import Uncertainty
from heschl.tasks import Task, load_task

METRIC = "probe"


def probe(
    model: str | AudioModel | Any,
    task: str | Path | Task,
    *,
    protocol: str | probes.ProbeProtocol = "pepino2025",
    layers: Sequence[str] | None = None,
    device: str | None = None,
    batch_size: int | None = None,
    skip_bad: bool = False,
    n_bootstrap: int = 1000,
    seed: int = 0,
    use_store: bool = True,
    n_jobs: int | None = None,
    show_progress: bool = True,
) -> Results:
    """Score how well a hearing task can be solved from the embeddings of a model.

    Every clip goes through the model once; each layer is averaged over time. Probes are trained on
    these embeddings, chosen on the validation split and scored on the test split; of a task in
    folds, on each fold in turn.

    Parameters
    ----------
    model : str, AudioModel, torch.nn.Module or callable
        A name of ``heschl list``, or your own (see `heschl.wrap`).
    task : str, Path or Task
        A name of ``heschl list``, or the path of a folder in the HEAR layout.
    protocol : {"pepino2025", "linear"} or ProbeProtocol, optional
        A learned mixture of all layers and a multilayer perceptron, searched over 16
        configurations; or logistic regression on the layer that is best on validation. Or one of
        your own (see `heschl.probes.MlpProbeProtocol`).
    layers : sequence of str, optional
        All by default.
    device : str, optional
        Where the model and the probes run, as torch names it; where the model is by default.
    batch_size : int, optional
        Clips that go through the model together, at most; see `heschl.activations.plan_memory`.
    skip_bad : bool, optional
        Leave out clips that cannot be read and list them in the results, instead of refusing.
    n_bootstrap : int, optional
        Resamples of the tested clips for the intervals; 0 for none.
    seed : int, optional
        Of first weights, batches, dropout and resamples.
    use_store : bool, optional
        Read and keep embeddings and trainings under ``HESCHL_HOME``; what was interrupted goes on.
    n_jobs : int, optional
        Threads; every available core by default. They never change the numbers, but for the last
        digits of a torch network on a CPU, which takes as many as torch does by default.
    show_progress : bool, optional

    Returns
    -------
    Results
        ``scores`` has the task's scores, the official one first, for all clips and for each fold;
        ``probes`` what is behind them.

    Raises
    ------
    UnknownNameError
        If a model, task, protocol or layer does not exist.
    InputError
        If the task's files disagree; nothing long has been computed by then.
    AudioError
        If a clip cannot be read; it is named.
    FetchError
        If the task is not on this machine and cannot be brought.
    MissingDependencyError
        If torch, or scikit-learn for "linear", is not installed.
    StoreError
        If the store cannot be written.
    """
    chosen = probes.PROTOCOLS[protocol] if isinstance(protocol, str) else protocol
    uncertainty = Uncertainty(n_bootstrap, 0, seed)
    loaded = load_model(model, device=device)
    loaded.choose(layers)
    data = load_task(task).at_rate(
        loaded.sample_rate, skip_bad=skip_bad, show_progress=show_progress, n_jobs=n_jobs
    )
    activations = {
        name: extract(
            loaded,
            split.sounds,
            layers=layers,
            batch_size=batch_size,
            use_store=use_store,
            n_jobs=n_jobs,
            show_progress=show_progress,
        )
        for name, split in data.splits.items()
    }
    return _probe(
        activations,
        data,
        chosen,
        uncertainty,
        device=loaded.device,
        use_store=use_store,
        n_jobs=n_jobs,
        show_progress=show_progress,
    )


def probe_activations(
    activations: Mapping[str, Activations],
    task: Task,
    *,
    protocol: str | probes.ProbeProtocol = "pepino2025",
    device: str = "cpu",
    n_bootstrap: int = 1000,
    seed: int = 0,
    use_store: bool = True,
    n_jobs: int | None = None,
    show_progress: bool = True,
) -> Results:
    """As `probe`, from embeddings that are there: one extraction serves several protocols.

    Parameters
    ----------
    activations : mapping of str to Activations
        Of each split, as `heschl.extract` returns them for its sounds.
    task : Task
        At the rate of the model (`Task.at_rate`).
    device : str, optional
        Where probes are trained, as torch names it.
    protocol, n_bootstrap, seed, use_store, n_jobs, show_progress
        As in `probe`.

    Returns
    -------
    Results

    Raises
    ------
    UnknownNameError, UsageError, MissingDependencyError, StoreError
        As `probe`.
    """
    return _probe(
        activations,
        task,
        probes.PROTOCOLS[protocol] if isinstance(protocol, str) else protocol,
        Uncertainty(n_bootstrap, 0, seed),
        device=device,
        use_store=use_store,
        n_jobs=n_jobs,
        show_progress=show_progress,
    )


def _probe(
    activations: Mapping[str, Activations],
    data: Task,
    protocol: probes.ProbeProtocol,
    uncertainty: Uncertainty,
    *,
    device: str,
    use_store: bool,
    n_jobs: int | None,
    show_progress: bool,
) -> Results:
    """Train and score; everything has been checked."""
    model = next(iter(activations.values())).provenance["model"]
    record = _provenance(data, activations, protocol, uncertainty)
    fitted = fit_rounds(
        Embeddings(activations),
        data,
        protocol,
        seed=uncertainty.seed,
        device=device,
        n_jobs=n_jobs,
        folder=_folder(record) if use_store else None,
        label=f"{model}, {data.name}",
        show_progress=show_progress,
    )
    names = {
        "model": model,
        "dataset": data.name,
        "metric": METRIC,
        "protocol": protocol.name,
        "provenance": store.content_key(record)[:16],
    }
    rows = score_rounds(fitted, data, tuple(activations[data.rounds()[0].test]), uncertainty)
    detail = _detail(fitted, data, activations, protocol, names)
    return Results(
        results.score_table([{**names, **row} for row in rows]),
        {names["provenance"]: record},
        probes=(detail,),
    )


def _provenance(
    task: Task,
    activations: Mapping[str, Activations],
    protocol: probes.ProbeProtocol,
    uncertainty: Uncertainty,
) -> dict[str, Any]:
    """Everything the numbers depend on, JSON-ready; no times, names of machines or paths."""
    first = next(iter(activations.values())).provenance
    content = dataclasses.asdict(protocol)
    del content["summary"]
    sounds, labels = hashlib.sha256(), hashlib.sha256()
    for split in task.splits.values():
        sounds.update("".join(facts.digest for facts in split.sounds.facts).encode())
        labels.update(f"{split.name}:{split.labels.shape};".encode())
        labels.update(np.packbits(split.labels).tobytes())
    return {
        "environment": results.environment() | probes.libraries(protocol),
        "metric": METRIC,
        "protocol": {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in content.items()
        },
        "uncertainty": {
            "n_bootstrap": uncertainty.n_bootstrap,
            "seed": uncertainty.seed,
            "level": uncertainty.level,
            "resampled": "tested clips, within their split",
        },
        "model": {
            key: first[key]
            for key in ("model", "identity", "sample_rate", "level", "layers", "pooling")
        },
        "activations": {name: one.provenance["activations"] for name, one in activations.items()},
        "resampler": first["resampler"],
        "task": {
            "name": task.name,
            "prediction": task.prediction,
            "classes": list(task.classes),
            "n_clips": {name: len(split.sounds) for name, split in task.splits.items()},
            "scores": list(task.units),
            "citation": task.citation,
            "licence": task.licence,
            "source": dict(task.source),
            "sounds_sha256": sounds.hexdigest(),
            "labels_sha256": labels.hexdigest(),
            "left_out": list(task.left_out),
        },
    }


def _folder(record: Mapping[str, Any]) -> Path:
    """Return where trainings are kept: named after what their numbers depend on."""
    task = record["task"]
    content = {
        "kind": "probe",
        "protocol": record["protocol"],
        "environment": record["environment"],
        "seed": record["uncertainty"]["seed"],
        "activations": record["activations"],
        "labels": task["labels_sha256"],
        "scores": task["scores"],
        "prediction": task["prediction"],
    }
    return store.home() / "probes" / store.content_key(content)


def _detail(
    fitted: Fitted,
    task: Task,
    activations: Mapping[str, Activations],
    protocol: probes.ProbeProtocol,
    names: Mapping[str, str],
) -> ProbeDetail:
    rounds = task.rounds()
    tested = [task.splits[one.test] for one in rounds]
    return ProbeDetail(
        **names,
        prediction=task.prediction,
        classes=task.classes,
        layers=tuple(next(iter(activations.values()))),
        units=task.units,
        rounds=pd.DataFrame(
            [
                {
                    "test": one.test,
                    "valid": one.valid,
                    "n_train": sum(len(task.splits[name].sounds) for name in one.train),
                    "n_valid": len(task.splits[one.valid].sounds),
                    "n_test": len(task.splits[one.test].sounds),
                    **chosen,
                }
                for one, chosen in zip(rounds, fitted.choices(), strict=True)
            ]
        ),
        configurations=fitted.table(),
        clips=pd.DataFrame(
            {
                "clip": [name for split in tested for name in split.sounds.names],
                "split": [split.name for split in tested for _ in split.sounds.names],
            }
        ),
        labels=np.concatenate([split.labels for split in tested]),
        outputs=np.concatenate([one.outputs for one in fitted.rounds]),
        layer_weights=np.stack([one.layer_weights for one in fitted.rounds]),
        curves=fitted.rounds[0].curves,
        losses=fitted.rounds[0].losses,
        left_out=task.left_out,
    )
