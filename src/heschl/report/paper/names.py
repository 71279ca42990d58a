"""What models, datasets, targets and units are called in print."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd

from heschl.report.style import shown

UNITS = {"r2": "r²", "r2_corrected": "r², corrected", "rho": "ρ", "r": "r"}
METRICS = {"regression": "Regression", "rsa": "RSA"}

_DATASETS = {
    "nh2015": "NH2015",
    "b2021": "B2021",
    "nh2015-components": "NH2015 components",
    "natsound165": "NH2015 components",
    "esc50": "ESC-50",
    "fsd50k": "FSD50K",
    "nsynth-pitch": "NSynth pitch",
    "speech-commands": "Speech Commands",
    "crema-d": "CREMA-D",
    "gtzan": "GTZAN",
    "overall": "Overall",
}
_TARGETS = {
    "lowfreq": "Low freq.",
    "highfreq": "High freq.",
    "envsounds": "Broadband",
    "pitch": "Pitch",
    "speech": "Speech",
    "music": "Music",
}
_MODELS = {
    "spectrotemporal": "SpectroTemporal",
    "ast": "AST",
    "wav2vec2": "wav2vec 2.0",
    "s2t": "S2T",
    "vggish": "VGGish",
    "sepformer": "SepFormer",
    "metricgan": "MetricGAN+",
    "dcase2020": "DCASE 2020",
    "zerospeech": "ZeroSpeech",
    "deepspeech2": "DeepSpeech2",
}
#: Starts of names that are shortened, so that a name fits beside its point.
_STARTS = {
    "encodecmae-": "ECMAE ",
    "cochresnet50-": "CRN50 ",
    "cochcnn9-": "CNN9 ",
    "dasheng-": "Dasheng ",
    "beats-": "BEATs ",
}


def model_label(name: str) -> str:
    """Return the name of a model in print."""
    for start, short in _STARTS.items():
        if name.startswith(start):
            return shown(short + name.removeprefix(start), 26)
    return _MODELS.get(name, shown(name, 26))


def dataset_label(name: object) -> str:
    """Return the name of a dataset or task in print."""
    return _DATASETS.get(str(name), shown(str(name), 26))


def target_label(name: object) -> str:
    """Return the name of a component or electrode in print."""
    return _TARGETS.get(str(name), shown(str(name), 20))


def unit_label(name: object) -> str:
    """Return the name of a unit in print."""
    return UNITS.get(str(name), shown(str(name)))


def is_whole(measure: pd.Series) -> bool:
    """Whether a measure is of a whole dataset, not of one of its targets."""
    return bool(pd.isna(measure["target"]) or measure["target"] == "all")


def short_label(measure: pd.Series) -> str:
    """Return the dataset of a measure, or its target if it is of one."""
    if is_whole(measure):
        return dataset_label(measure["dataset"])
    return target_label(measure["target"])


def panel_title(measure: pd.Series) -> str:
    """Return how a measure was taken, and on what."""
    if not is_whole(measure):
        return target_label(measure["target"])
    metric = METRICS.get(str(measure["metric"]), shown(str(measure["metric"])))
    return f"{metric}, {dataset_label(measure['dataset'])}"


def axis_label(measure: pd.Series) -> str:
    """Return unit and dataset of a measure: what an axis shows."""
    return f"{unit_label(measure['unit'])}, {short_label(measure)}"


def distinct(measures: pd.DataFrame, say: Callable[[pd.Series], str]) -> dict[str, str]:
    """Name measures so that no two names are the same.

    Parameters
    ----------
    measures : DataFrame
        Rows of the table of measures.
    say : callable
        Gives the name of a row; protocol, then dataset, then the whole name are added only to those
        that have the same.

    Returns
    -------
    dict of str to str
        Measure to name.
    """
    rows = [row for _, row in measures.iterrows()]
    names = [say(row) for row in rows]
    for more in ("protocol", "dataset", "measure"):
        names = _tell_apart(names, [shown(str(row[more]), 60) for row in rows])
    return dict(zip((str(row["measure"]) for row in rows), names, strict=True))


def _tell_apart(names: Sequence[str], more: Sequence[str]) -> list[str]:
    """Add more to names that are there several times, if it tells them apart."""
    found = []
    for name, one in zip(names, more, strict=True):
        others = {m for n, m in zip(names, more, strict=True) if n == name}
        found.append(f"{name} ({one})" if len(others) > 1 else name)
    return found
