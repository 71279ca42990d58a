"""Tables over models from drawn tables of scores, beside plain loops over their rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from heschl import stats
from heschl.linking import OVERALL, link
from heschl.results import Results, score_table

TASKS = ("esc50", "gtzan")
BRAINS = ("nh2015", "b2021")


@st.composite
def studies(draw):
    """Scores of up to nine models and their controls, of one to three seeds; some are missing."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, missing = draw(st.integers(1, 9)), draw(st.sampled_from((0.0, 0.2, 0.6)))
    names = [f"m{i}" for i in range(n)]
    bases = dict.fromkeys(names)
    bases |= {f"{name}@random:{k}": name for name in names[: n // 2] for k in range(2)}
    rows, traits = [], []
    for model, base in bases.items():
        traits.append(
            {
                "model": model,
                "family": "abc"[rng.integers(3)] if base is None else traits_of(traits, base),
                "training": ("supervised", "self-supervised", None)[rng.integers(3)],
                "control": None if base is None else "random",
                "base": base,
                "parameters": float(rng.integers(0, 4)) * 1e6,
                "hours": np.nan if rng.random() < 0.3 else 10.0 ** rng.integers(1, 4),
            }
        )
        for dataset in (*TASKS, *BRAINS):
            for run in range(draw(st.integers(1, 3)) if draw(st.booleans()) else 1):
                if rng.random() < missing:
                    continue
                value = np.round(rng.random(), draw(st.sampled_from((1, 15))))
                task = dataset in TASKS
                rows.append(
                    {
                        "model": model,
                        "dataset": dataset,
                        "metric": "probe" if task else "regression",
                        "protocol": "pepino2025",
                        "scope": "dataset",
                        "target": "all",
                        "value": np.nan if rng.random() < missing / 4 else value,
                        "unit": "accuracy" if task else "r2",
                        "low": value - 0.1,
                        "provenance": f"{model} {dataset} {run}",
                    }
                )
    order = rng.permutation(len(rows))
    return [rows[i] for i in order], pd.DataFrame(traits)


def traits_of(traits, base):
    return next(row["family"] for row in traits if row["model"] == base)


def mean_value(rows, model, dataset):
    """Mean over the runs of a model on a dataset; nan where there is none, or one is nan."""
    mine = [row["value"] for row in rows if (row["model"], row["dataset"]) == (model, dataset)]
    return sum(mine) / len(mine) if mine else np.nan


def dataset_of(measure):
    return measure.split("/")[0]


@settings(max_examples=12, deadline=None)
@given(study=studies())
def test_tables_over_models_are_those_of_a_loop(study):
    rows, traits = study
    if not rows:
        return
    found = link(Results(score_table(rows), {}), traits, n_bootstrap=0)
    own = set(traits.loc[traits["control"].isna(), "model"])
    order = list(dict.fromkeys(row["model"] for row in rows))
    assert found.models["model"].tolist() == order
    values = {
        (model, dataset): mean_value(rows, model, dataset)
        for model in order
        for dataset in (*TASKS, *BRAINS)
    }
    real = found.values[found.values["measure"] != OVERALL]
    assert len(real) == len({(row["model"], row["dataset"]) for row in rows})
    for row in real.to_dict(orient="records"):
        where = row["model"], dataset_of(row["measure"])
        assert row["value"] == pytest.approx(values[where], nan_ok=True)
        assert row["n_runs"] == sum((one["model"], one["dataset"]) == where for one in rows)
    overall = overall_by_hand(values, [model for model in order if model in own])
    for row in found.models.to_dict(orient="records"):
        expected = overall.get(row["model"], np.nan)
        assert row["overall"] == pytest.approx(expected, abs=1e-9, nan_ok=True)
    check_correlations(found.correlations, values, overall)
    check_controls(found.controls, values, traits)


def overall_by_hand(values, models):
    z = {model: [] for model in models}
    for task in TASKS:
        known = {m: values[m, task] for m in models if not np.isnan(values[m, task])}
        if len(known) > 1 and np.ptp(list(known.values())) > 1e-12:
            mean, spread = np.mean(list(known.values())), np.std(list(known.values()), ddof=1)
            for model, value in known.items():
                z[model].append((value - mean) / spread)
    return {model: np.mean(some) for model, some in z.items() if some}


def check_correlations(table, values, overall):
    for (subset, kind), part in table.groupby(["subset", "kind"], sort=False):
        for row in part.to_dict(orient="records"):
            brain, task = dataset_of(row["brain"]), dataset_of(row["task"])
            pairs = [
                (x, values[model, brain])
                for model in {m for m, _ in values if "@" not in m}
                if subset == "all models" or overall.get(model, np.nan) > -1
                for x in [overall.get(model, np.nan) if task == OVERALL else values[model, task]]
                if not np.isnan(x + values[model, brain])
            ]
            assert row["n"] == len(pairs)
            x, y = np.array(pairs).reshape(-1, 2).T
            if len(pairs) < 3 or min(np.ptp(x), np.ptp(y)) < 1e-9:
                assert np.isnan(row["value"])
                continue
            theirs = scipy.stats.pearsonr if kind == "pearson" else scipy.stats.spearmanr
            if kind == "pearson" or task != OVERALL:  # ties of overall hang on rounding
                assert row["value"] == pytest.approx(theirs(x, y).statistic, abs=1e-8)
        np.testing.assert_allclose(part["q"], stats.fdr(part["p"].to_numpy(float)), rtol=1e-12)


def check_controls(table, values, traits):
    seen = set()
    of_models = table[table["model"] != "all models"]
    for row in of_models.to_dict(orient="records"):
        model, dataset = row["model"], dataset_of(row["measure"])
        controls = [
            values[name, dataset]
            for name in traits.loc[traits["base"] == model, "model"]
            if (name, dataset) in values
        ]
        assert row["untrained"] == pytest.approx(np.mean(controls))
        assert row["difference"] == pytest.approx(values[model, dataset] - np.mean(controls))
        seen.add((model, dataset))
    for model, dataset in values:
        names = traits.loc[traits["base"] == model, "model"]
        controls = [values[name, dataset] for name in names if (name, dataset) in values]
        if controls and np.isfinite(np.mean(controls) + values[model, dataset]):
            assert (model, dataset) in seen
    for row in table[table["model"] == "all models"].to_dict(orient="records"):
        mine = of_models[of_models["measure"] == row["measure"]]
        family = traits.set_index("model")["family"]
        means = mine.groupby(family.loc[mine["model"]].to_numpy())["difference"].mean()
        assert row["n"] == len(mine)
        assert row["difference"] == pytest.approx(means.mean())
        if len(means) >= 3:
            low, high = scipy.stats.t.interval(
                0.95, len(means) - 1, means.mean(), scipy.stats.sem(means)
            )
            assert (row["low"], row["high"]) == pytest.approx((low, high))
        else:
            assert np.isnan(row["p"])
