"""How often intervals over models hold the true value; the published table's layout."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.optimize
import scipy.stats

from heschl.stats import correlate, overall, partial_correlation, task_zscores

N_DATASETS = 600
ERROR = 3 * np.sqrt(0.95 * 0.05 / N_DATASETS)


def normal(rng, n, r):
    x, noise = rng.standard_normal((2, n))
    return x, r * x + np.sqrt(1 - r * r) * noise


def weak_models(rng, n, r):
    """One of ten is 3 standard deviations weaker in both."""
    shift = 3 * (rng.random(n) < 0.1)
    x, y = normal(rng, n, r)
    return x - shift, y - shift


def coverage(draw, n, r, truth, kind):
    rng = np.random.default_rng(n)
    hits = 0
    for seed in range(N_DATASETS):
        found = correlate(*draw(rng, n, r), kind=kind, seed=seed, n_bootstrap=500)
        hits += found.low <= truth <= found.high
    return hits / N_DATASETS


@pytest.mark.parametrize("n", [20, 36])
@pytest.mark.parametrize("r", [0.3, 0.8])
@pytest.mark.parametrize("kind", ["pearson", "spearman"])
def test_interval_covers(n, r, kind):
    """Of a normal pair rho is 6 / pi arcsin(r / 2) (Pearson, 1907)."""
    truth = r if kind == "pearson" else 6 / np.pi * np.arcsin(r / 2)
    found = coverage(normal, n, r, truth, kind)
    assert 0.95 - ERROR <= found <= 0.95 + ERROR + 0.01  # on the safe side, if anything


def test_interval_covers_where_a_few_models_are_far_weaker():
    """Both variances grow by the shift's, 9 * 0.1 * 0.9, and so does the covariance."""
    truth = (0.8 + 0.81) / (1 + 0.81)
    assert coverage(weak_models, 36, 0.8, truth, "pearson") > 0.95 - ERROR - 0.015


@pytest.mark.parametrize("kind", ["pearson", "spearman"])
def test_partial_interval_covers(kind):
    """Both follow what is given, in opposite directions; what is left correlates with 0.6."""
    rng = np.random.default_rng(0)

    def draw(n):
        given = rng.standard_normal((n, 2))
        x, y = normal(rng, n, 0.6)
        return x + given.sum(axis=1), y - given[:, 0], given

    truth = partial_correlation(*draw(400_000), kind=kind).value
    if kind == "pearson":
        assert truth == pytest.approx(0.6, abs=0.005)
    hits = 0
    for _ in range(2 * N_DATASETS):
        found = partial_correlation(*draw(20), kind=kind)
        hits += found.low <= truth <= found.high
    assert hits / (2 * N_DATASETS) == pytest.approx(0.95, abs=ERROR)


# ---- the published table's layout ---------------------------------------------------------------

#: Pepino et al. (2025): overall and each measure, over all models, and over those above -1.
PUBLISHED = {
    "r2 NH2015": (0.902, 0.713),
    "r2 B2021": (0.895, 0.703),
    "rho NH2015": (0.813, None),
    "rho B2021": (0.842, None),
}
COMPONENTS = {
    "low frequency": 0.41,
    "high frequency": 0.22,
    "broadband": 0.63,
    "pitch": 0.87,
    "speech": 0.79,
    "music": -0.14,
}
N_MODELS, N_WEAK = 35, 3


def task_table():
    """Six scores in units of their own from one latent quality; four were not measured."""
    rng = np.random.default_rng(12)
    quality = 0.6 * rng.standard_normal(N_MODELS)
    quality[:N_WEAK] = -3.4, -2.9, -3.1
    noise = 0.5 * rng.standard_normal((N_MODELS, 6))
    scores = [0.7, 0.3, 0.6, 80, 0.6, 70] + [0.1, 0.1, 0.2, 10, 0.05, 8] * (
        quality[:, None] + noise
    )
    names = ["ESC-50", "FSD50K", "NSynth", "Speech Commands", "CREMA-D", "GTZAN"]
    table = pd.DataFrame(scores, columns=names)
    for model, task in ((5, "NSynth"), (9, "GTZAN"), (9, "FSD50K"), (20, "ESC-50")):
        table.loc[model, task] = np.nan
    return table


def exactly(x, r, seed):
    """Values whose sample correlation with x is r, by projecting x out of noise."""
    x = (x - x.mean()) / np.linalg.norm(x - x.mean())
    noise = np.random.default_rng(seed).standard_normal(len(x))
    noise -= noise.mean()
    noise -= (noise @ x) * x
    return r * x + np.sqrt(1 - r * r) * noise / np.linalg.norm(noise)


def exactly_both(x, r, r_strong, seed):
    """The same for all models and for all but the weak ones, which are moved until it is so."""
    y = np.empty(len(x))
    y[N_WEAK:] = exactly(x[N_WEAK:], r_strong, seed)

    def miss(at):
        y[:N_WEAK] = at + np.array([0.01, -0.02, 0.03])
        return np.corrcoef(x, y)[0, 1] - r

    scipy.optimize.brentq(miss, -1.0, 0.0, xtol=1e-15)
    return y


def by_pandas(table):
    return ((table - table.mean()) / table.std(ddof=1)).mean(axis=1).to_numpy()


def test_published_correlations_come_out_of_a_table_like_theirs():
    tasks = task_table()
    good = by_pandas(tasks)
    strong = good > -1
    assert (~strong).nonzero()[0].tolist() == [0, 1, 2]
    known = np.arange(N_MODELS) != 17  # one model was not compared with the brains
    measures = pd.DataFrame(np.nan, range(N_MODELS), [*PUBLISHED, *COMPONENTS])
    for seed, (name, (r, without)) in enumerate(PUBLISHED.items()):
        made = (
            exactly(good[known], r, seed)
            if without is None
            else exactly_both(good[known], r, without, seed)
        )
        measures.loc[known, name] = 0.4 + 0.2 * made
    for seed, (name, r) in enumerate(COMPONENTS.items()):
        measures.loc[known, name] = 0.5 + 0.1 * exactly(good[known], r, 100 + seed)

    score = overall(tasks.to_numpy())
    np.testing.assert_allclose(score, good, atol=1e-12)
    expected = {name: r for name, (r, _) in PUBLISHED.items()} | COMPONENTS
    for name, r in expected.items():
        y = measures[name].to_numpy()
        found = correlate(score, y)
        assert found.n == N_MODELS - 1
        assert found.value == pytest.approx(r, abs=1e-9), name
        assert found.p == pytest.approx(scipy.stats.pearsonr(good[known], y[known]).pvalue)
        assert found.low < r < found.high
    for name, (_, without) in PUBLISHED.items():
        if without is not None:
            found = correlate(score[strong], measures[name].to_numpy()[strong])
            assert found.n == N_MODELS - N_WEAK - 1
            assert found.value == pytest.approx(without, abs=1e-9), name
    z = task_zscores(tasks.to_numpy())
    for i, task in enumerate(tasks):  # a task's z-scores order models as its scores do
        pair = tasks[task].to_numpy(), measures["pitch"].to_numpy()
        one = correlate(*pair, n_bootstrap=0)
        assert one.n == N_MODELS - 1 - tasks[task].isna().sum()
        assert one.value == pytest.approx(correlate(z[:, i], pair[1], n_bootstrap=0).value)
        frame = pd.DataFrame(np.stack(pair, axis=1)).dropna()
        assert one.value == pytest.approx(frame.corr().iloc[0, 1], abs=1e-12)
