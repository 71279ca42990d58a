"""One model, one dataset, one metric: extract, compare, and tell what it was computed from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from heschl import encode, results, rsa, store
from heschl.activations import Activations, extract
from heschl.brain import BrainDataset, load_dataset
from heschl.encode.nested import check_nested_folds
from heschl.encode.splits import random_splits
from heschl.errors import InputError, UsageError
from heschl.models import AudioModel, load_model
from heschl.results import Results
from heschl.study.corrected import score_corrected
from heschl.study.metrics import Protocol, find_protocol
from heschl.study.provenance import provenance
from heschl.study.regression import Scored, score_regression
from heschl.study.rows import with_names
from heschl.study.similarity import score_similarity
from heschl.study.uncertainty import Uncertainty
from heschl.threads import n_threads


def score(
    model: str | AudioModel | Any,
    dataset: str | Path | BrainDataset,
    *,
    metric: str = "regression",
    protocol: str = "pepino2025",
    layers: Sequence[str] | None = None,
    device: str | None = None,
    batch_size: int | None = None,
    n_bootstrap: int = 1000,
    n_permutations: int = 0,
    layer_profiles: bool = False,
    seed: int = 0,
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
    metric : {"regression", "rsa"}, optional
        Regression of every target on the layers, or representational similarity.
    protocol : str, optional
        How exactly. Regression: "pepino2025" (see `heschl.encode.nested_ridge`) or "tuckute2023"
        (`heschl.encode.corrected_ridge`); rsa: "pepino2025" or "pepino2025-max" (see
        `heschl.rsa.score`).
    layers : sequence of str, optional
        Layers that compete; all by default.
    device : str, optional
        Where the model runs, as torch names it; where it is by default.
    batch_size : int, optional
        Sounds that go through the model together, at most; see `heschl.activations.plan_memory`.
    n_bootstrap : int, optional
        Resamples of sounds (and listeners) for the intervals; 0 for none.
    n_permutations : int, optional
        Permutations of the sounds for p and q; 0, the default, for none. With voxel-wise
        regression each costs as much as the score itself.
    layer_profiles : bool, optional
        Also score every layer by itself by regression (rsa and tuckute2023 always do).
    seed : int, optional
        Of resamples, permutations and random choices.
    use_store : bool, optional
        Read and keep activations under ``HESCHL_HOME``.
    n_jobs : int, optional
        Threads; every available core by default. They never change the numbers, but for the last
        digits of a torch network on a CPU, which takes as many as torch does by default.
    show_progress : bool, optional

    Returns
    -------
    Results
        ``scores`` is a tidy table with one row per score: for every target r2 and the raw r, for
        voxels also the median of each listener and the mean over listeners, in all and in each
        region; for rsa rho of each listener and their mean. Intervals and ceilings as far as they
        can be known.

    Raises
    ------
    UnknownNameError
        If a model, dataset, metric, protocol or layer does not exist.
    UsageError
        If a number of resamples is not usable.
    InputError
        If data are not as they have to be; nothing long has been computed by then.
    StoreError
        If the store cannot be written.

    Examples
    --------
    >>> table = score("melspectrogram", "synthetic", use_store=False).scores
    >>> everything = table[(table.scope == "dataset") & table.region.isna()]
    >>> everything[["target", "unit"]].values.tolist()
    [['all', 'r2']]
    """
    chosen = find_protocol(metric, protocol)
    uncertainty = Uncertainty(n_bootstrap, n_permutations, seed)
    jobs = n_threads(n_jobs)
    loaded = load_model(model, device=device)
    loaded.choose(layers)
    data = load_dataset(dataset)
    _check(data, chosen, uncertainty, layer_profiles=layer_profiles)
    activations = extract(
        loaded,
        data.sounds,
        layers=layers,
        batch_size=batch_size,
        use_store=use_store,
        n_jobs=n_jobs,
        show_progress=show_progress,
    )
    return _score(
        activations,
        data,
        metric,
        chosen,
        uncertainty,
        layer_profiles=layer_profiles,
        n_jobs=jobs,
        show_progress=show_progress,
    )


def check_score(
    data: BrainDataset,
    *,
    metric: str = "regression",
    protocol: str = "pepino2025",
    n_bootstrap: int = 1000,
    n_permutations: int = 0,
    layer_profiles: bool = False,
    seed: int = 0,
) -> None:
    """Refuse what `score` would refuse before it runs a model.

    Raises
    ------
    UnknownNameError, UsageError, InputError
        As `score`.
    """
    uncertainty = Uncertainty(n_bootstrap, n_permutations, seed)
    _check(data, find_protocol(metric, protocol), uncertainty, layer_profiles=layer_profiles)


def score_activations(
    activations: Activations,
    data: BrainDataset,
    *,
    metric: str = "regression",
    protocol: str = "pepino2025",
    n_bootstrap: int = 1000,
    n_permutations: int = 0,
    layer_profiles: bool = False,
    seed: int = 0,
    n_jobs: int | None = None,
    show_progress: bool = True,
) -> Results:
    """As `score`, from activations that are there: one extraction serves several metrics.

    Parameters
    ----------
    activations : Activations
        Of the sounds of ``data``, as `heschl.extract` returns them.
    data : BrainDataset
    metric, protocol, n_bootstrap, n_permutations, layer_profiles, seed, n_jobs, show_progress
        As in `score`.

    Returns
    -------
    Results

    Raises
    ------
    UnknownNameError, UsageError, InputError
        As `score`.
    """
    chosen = find_protocol(metric, protocol)
    uncertainty = Uncertainty(n_bootstrap, n_permutations, seed)
    _check(data, chosen, uncertainty, layer_profiles=layer_profiles)
    return _score(
        activations,
        data,
        metric,
        chosen,
        uncertainty,
        layer_profiles=layer_profiles,
        n_jobs=n_threads(n_jobs),
        show_progress=show_progress,
    )


def _score(
    activations: Activations,
    data: BrainDataset,
    metric: str,
    protocol: Protocol,
    uncertainty: Uncertainty,
    *,
    layer_profiles: bool,
    n_jobs: int,
    show_progress: bool,
) -> Results:
    """Compare activations with responses; everything has been checked."""
    record = provenance(activations, data, metric, protocol, uncertainty)
    key = store.content_key(record)[:16]
    names = {
        "model": activations.provenance["model"],
        "dataset": data.name,
        "metric": metric,
        "protocol": protocol.name,
        "provenance": key,
    }
    options: dict[str, Any] = {"n_jobs": n_jobs, "show_progress": show_progress}
    scored: Scored
    if isinstance(protocol, rsa.RsaProtocol):
        scored = score_similarity(activations, data, protocol, uncertainty, names, **options)
    elif isinstance(protocol, encode.CorrectedRidgeProtocol):
        scored = score_corrected(activations, data, protocol, uncertainty, names, **options)
    else:
        options["layer_profiles"] = layer_profiles
        scored = score_regression(activations, data, protocol, uncertainty, names, **options)
    rows = with_names(scored.rows, names | {"n_sounds": len(data.sounds)})
    return Results(
        results.score_table(rows),
        {key: record},
        () if scored.detail is None else (scored.detail,),
        () if scored.profile is None else (scored.profile,),
        () if scored.rdms is None else (scored.rdms,),
    )


def _check(
    data: BrainDataset, protocol: Protocol, uncertainty: Uncertainty, *, layer_profiles: bool
) -> None:
    """Refuse what cannot be computed before a model is run."""
    check_nested_folds(data.folds, len(data.sounds))
    if np.isnan(data.mean_responses()).any(axis=0).all():
        raise InputError(f"{data.name}: every target has missing responses; none can be scored")
    if isinstance(protocol, encode.CorrectedRidgeProtocol):
        random_splits(protocol, len(data.sounds))
        if data.n_repeats != 3:
            raise InputError(
                f"{data.name}: responses with {data.n_repeats} repetitions, but protocol "
                f"{protocol.name!r} corrects for noise by three; expected a dataset with three"
            )
        if uncertainty.n_permutations:
            raise UsageError(
                f"n_permutations is {uncertainty.n_permutations}, but protocol {protocol.name!r} "
                "has no permutation test; expected 0"
            )
    if layer_profiles and not isinstance(protocol, encode.NestedRidgeProtocol):
        raise UsageError(
            f"layer_profiles is for regression by 'pepino2025'; {protocol.name!r} as it is here "
            "always scores every layer"
        )
