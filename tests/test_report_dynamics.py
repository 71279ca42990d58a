"""The report of a training: its numbers are those of the trajectory, and what is missing is out."""

from __future__ import annotations

import base64
import gzip
import re

import numpy as np
import pandas as pd
import pytest

from heschl.errors import InputError, UsageError
from heschl.report.dynamics import write_dynamics_figure, write_dynamics_report
from heschl.report.dynamics.course import gather
from heschl.report.dynamics.page import render
from made_up_training import COMPONENTS, STEPS, similarity, training, write
from test_report import HOSTILE, NASTY, Page, words


def page_of(*trajectories):
    return Page(render(gather(trajectories)))


@pytest.fixture(scope="module")
def page():
    return page_of(training())


@pytest.fixture(scope="module")
def seeds():
    return page_of(*(training(run=f"seed {i}", seed=i, regions=()) for i in range(3)))


# --- numbers --------------------------------------------------------------------------------


def test_the_answer_tells_the_numbers_of_the_table(page):
    text = words(page.text)
    # the score is the best layer less 0.01: layer a at 0.3 from step 100 on
    assert (
        "From step 0 to step 400 the similarity to natsound165 (RSA, ρ) rose from 0.090 to 0.290; "
        "the ceiling is 0.500, published reaches 0.360, random 0.080." in text
    )
    first, last = 0.2, 0.2 + 0.4  # mean of 0.1, 0.2, 0.3, and 0.001 a step
    assert f"(regression, r²) rose from {first:.3f} to {last:.3f}." in text
    assert "The loss fell from 4.90 at step 10 to 1.00 at step 400." in text
    assert "Interval at the end0.260 to 0.320" in text
    assert "Steps measured5" in text


def test_the_table_of_changes_is_computed_from_the_trajectory(page):
    scores = training().scores
    shown = page.rows("changes")
    assert len(shown) == len(scores) / len(STEPS)
    for row in shown:
        layer = row["Layer"]["data-v"]
        chosen = scores[
            (scores["layer"] == ("" if layer == "score" else layer))
            & (scores["region"] == row["Region"]["data-v"].replace("all", ""))
            & (scores["target"] == row["Target"]["data-v"])
            & (scores["dataset"] == row["Dataset"]["data-v"])
        ].sort_values("step")
        values = chosen["value"].to_numpy()
        assert len(values) == len(STEPS)
        assert float(row["First"]["data-v"]) == values[0]
        assert float(row["Last"]["data-v"]) == values[-1]
        assert float(row["Change"]["data-v"]) == pytest.approx(values[-1] - values[0])
        assert float(row["Largest"]["data-v"]) == values.max()
        assert float(row["at step"]["data-v"]) == chosen["step"].iloc[int(values.argmax())]
        assert row["Last"]["text"] == f"{values[-1]:.3f}"


def test_the_table_of_values_and_the_file_hold_every_value(page, tmp_path):
    trajectory = training()
    rows = page.rows("values")
    assert len(rows) == len(trajectory.scores)
    shown = sorted(float(row["Value"]["data-v"]) for row in rows)
    assert shown == sorted(trajectory.scores["value"])
    packed = next(s["text"] for s in page.scripts if s.get("id") == "csv-data")
    text = gzip.decompress(base64.b64decode(packed)).decode()
    assert text == (write(trajectory, tmp_path) / "trajectory.csv").read_text(encoding="utf-8")


def test_the_stepped_view_holds_all_layers_at_all_steps(page):
    views = page.json("profile-data")["views"]
    assert [one["label"].partition(": ")[2] for one in views] == [
        "all of auditory cortex",
        "Primary",
        "Anterior",
    ]
    assert views[1]["layers"] == ["a", "b", "c"]
    assert views[1]["steps"] == list(STEPS)
    expected = [[similarity(step, i, "Primary") for i in range(3)] for step in STEPS]
    np.testing.assert_allclose(views[1]["values"], expected, rtol=1e-5)


def test_several_seeds_are_averaged(seeds):
    text = words(seeds.text)
    assert (
        "the similarity to natsound165 (RSA, ρ), mean of 3 runs, rose from 0.100 to 0.300" in text
    )
    assert "It rose in 3 of 3 runs; changes from 0.200 to 0.200." in text
    assert "The loss fell from 5.90 at step 10 to 2.00 at step 400." in text
    rows = [row for row in seeds.rows("changes") if row["Layer"]["text"] == "c"]
    mean = np.mean([similarity(200, 2, seed=seed) for seed in range(3)])
    views = seeds.json("profile-data")["views"]
    assert views[0]["values"][2][2] == pytest.approx(mean, rel=1e-5)
    assert float(rows[0]["First"]["data-v"]) == pytest.approx(0.11)
    assert "seed 0 and 2 more" in text


def test_seeds_of_one_name_are_runs_of_it():
    one = training(run="small", components=False, regions=())
    assert "How brain-like small became in 2 runs" in render(gather([one, one]))
    assert "How brain-like small became<" in render(gather([one]))


def test_runs_that_differ_say_how_many_rose():
    falling = training(run="falls", components=False, regions=())
    table = falling.scores.assign(value=0.3 - falling.scores["step"] / 4000)
    falling = type(falling)("falls", table, None, None, {})
    text = words(page_of(training(components=False, regions=()), falling).text)
    assert "It rose in 1 of 2 runs; changes from −0.100 to 0.200." in text


# --- what is missing ------------------------------------------------------------------------


@pytest.mark.parametrize("missing", [("losses", "half"), ("baselines", "ceiling")])
def test_what_is_missing_leaves_its_part_out(missing):
    gone = {name: np.nan if name in ("ceiling", "half") else False for name in missing}
    text = words(page_of(training(regions=(), components=False, **gone)).text)
    there = {
        "losses": "The loss fell",
        "baselines": "published",
        "ceiling": "eiling",
        "half": "nterval",
    }
    for part, shown in there.items():
        assert (shown in text) == (part not in missing), part
    assert "nan" not in text
    assert ": –" not in text


def test_without_components_regions_and_layers_only_the_score_is_drawn():
    trajectory = training(regions=(), components=False, losses=False)
    score = trajectory.scores[trajectory.scores["layer"] == ""]
    whole = type(trajectory)("small", score, None, None, {})
    page = page_of(whole)
    titles = [a.get("id") for tag, a in page.elements if tag == "section"]
    assert titles == ["answer", "steps-section", "table-section"]
    assert "profile-data" not in [s.get("id") for s in page.scripts]
    assert "rose from 0.090 to 0.290" in words(page.text)


def test_without_a_score_the_best_layer_is_told_and_called_so():
    trajectory = training(regions=(), components=False)
    layers = trajectory.scores[trajectory.scores["layer"] != ""]
    text = words(page_of(type(trajectory)("small", layers, None, None, {})).text)
    assert "(RSA, ρ) of the best layer rose from 0.100 to 0.300" in text
    assert "The best of several layers at each step: a little too high" in text


def test_one_step_has_no_course_and_no_slider():
    page = page_of(training(steps=(0,), regions=()))
    text = words(page.text)
    assert "At step 0, the only one measured, the similarity to natsound165" in text
    assert "is 0.090; the ceiling is 0.500" in text
    ids = {a.get("id") for _, a in page.elements}
    assert not ids & {"profile-step", "rise-section", "layers-section"}


def test_constant_values_stay():
    page = page_of(training(constant=True, regions=(), components=False))
    text = words(page.text)
    assert "the similarity to natsound165 (RSA, ρ) stayed at 0.240" in text
    assert "rise-section" not in {a.get("id") for _, a in page.elements}
    assert {row["Change"]["text"] for row in page.rows("changes")} == {"0.000"}


def test_a_small_change_is_called_so():
    trajectory = training(regions=(), components=False)
    score = trajectory.scores[trajectory.scores["layer"] == ""]
    score = score.assign(value=0.2 + score["step"] / 40_000)
    text = words(page_of(type(trajectory)("small", score, None, None, {})).text)
    assert "hardly changed, from 0.200 to 0.210; the ceiling is 0.500." in text


def test_a_layer_that_was_not_measured_at_a_step_is_missing_there():
    trajectory = training(regions=(), components=False)
    table = trajectory.scores
    gone = (table["layer"] == "b") & (table["step"] == 200)
    page = page_of(type(trajectory)("small", table[~gone], None, None, {}))
    values = page.json("profile-data")["views"][0]["values"]
    assert values[2][1] is None
    assert sum(value is None for row in values for value in row) == 1


# --- what the page is -----------------------------------------------------------------------


def test_hostile_names_are_text():
    trajectory = training(
        run=HOSTILE,
        layers=(HOSTILE, NASTY, "$x^2$"),
        regions=(HOSTILE,),
        dataset=NASTY,
        components=False,
    )
    others = trajectory.baselines.assign(run=[HOSTILE, NASTY], dataset=NASTY)
    record = {HOSTILE: NASTY, "list": [HOSTILE] * 20}
    text = render(
        gather([type(trajectory)(HOSTILE, trajectory.scores, trajectory.losses, others, record)])
    )
    page = Page(text)
    assert "<script>alert" not in text
    assert "<img" not in text
    assert len(page.scripts) == 3
    assert page.json("profile-data")["views"][0]["layers"][:2] == [HOSTILE, NASTY]
    assert f"How brain-like {HOSTILE} became" in page.text
    assert {row["Layer"]["text"] for row in page.rows("changes")} >= {HOSTILE, NASTY}


def test_the_page_is_complete_in_itself(page):
    for tag, attrs in page.elements:
        assert tag not in ("iframe", "object", "embed", "base", "form", "img")
        for name in ("src", "href", "srcset", "action", "poster", "data"):
            assert attrs.get(name, "#").startswith(("#", "data:")), (tag, attrs)
    policy = next(a["content"] for _, a in page.elements if a.get("http-equiv"))
    assert policy.startswith("default-src 'none'; ")
    ids = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    references = {a["href"][1:] for _, a in page.elements if a.get("href", "").startswith("#")}
    assert references <= set(ids)
    labels = [a["aria-label"] for t, a in page.elements if t == "svg" and a.get("role") == "img"]
    assert len(labels) >= 10
    assert any(
        "natsound165, similarity (RSA): ρ 0.090 to 0.290, ceiling 0.500." in x for x in labels
    )
    assert any("pitch: r² 0.100 to 0.500." in x for x in labels)
    assert all(name in page.text for name in COMPONENTS)


def test_a_large_trajectory_stays_small():
    steps = tuple(range(0, 10_000, 100))
    layers = tuple(f"encoder.layers.{i}" for i in range(20))
    rng = np.random.default_rng(0)
    trajectory = training(steps=steps, layers=layers, regions=("Primary", "Anterior", "Posterior"))
    noisy = trajectory.scores.assign(
        value=trajectory.scores["value"] + rng.normal(0, 0.01, len(trajectory.scores))
    )
    text = render(gather([type(trajectory)("large", noisy, trajectory.losses, None, {})]))
    assert len(text.encode()) < 2_000_000
    note = "The first 500 of 8,800 rows are shown here; the CSV file has all of them."
    assert note in words(re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL))


# --- files ----------------------------------------------------------------------------------


def test_the_page_is_written_beside_the_trajectory_the_same_every_time(tmp_path):
    trajectory = training(regions=(), components=False)
    folder = write(trajectory, tmp_path / "run")
    path = write_dynamics_report(folder)
    assert path == folder / "report.html"
    assert path.read_text(encoding="utf-8") == render(gather([trajectory]))


def test_the_main_figure_is_written_as_a_file(tmp_path):
    folders = [
        write(training(run=f"seed {i}", seed=i, components=False), tmp_path / str(i))
        for i in range(2)
    ]
    path = write_dynamics_figure(folders, tmp_path / "figure.svg")
    text = path.read_text(encoding="utf-8")
    for part in ("natsound165, similarity (RSA)", "Loss", "ceiling 0.500", "published 0.360"):
        assert part in text
    assert write_dynamics_figure(folders[0], tmp_path / "figure.png").read_bytes()[1:4] == b"PNG"
    with pytest.raises(UsageError, match=r"'.gif'; expected .svg, .png or .pdf"):
        write_dynamics_figure(folders[0], tmp_path / "figure.gif")
    with pytest.raises(UsageError, match="no folder is given"):
        write_dynamics_figure([], tmp_path / "figure.svg")


def test_what_cannot_be_a_page_is_refused(tmp_path):
    with pytest.raises(UsageError, match="no folder is given"):
        write_dynamics_report()
    with pytest.raises(UsageError, match="2 folders and no output"):
        write_dynamics_report(tmp_path, tmp_path)
    with pytest.raises(InputError, match="is a folder; expected the name of a file"):
        write_dynamics_report(tmp_path, output=tmp_path)
    with pytest.raises(InputError, match="no trajectory here"):
        write_dynamics_report(tmp_path)
    with pytest.raises(InputError, match="no trajectory is given"):
        gather([])


def test_runs_without_a_common_step_and_without_a_value_are_refused():
    one = training(regions=(), components=False)
    other = training(run="other", steps=(50, 150), regions=(), components=False)
    with pytest.raises(InputError, match="the 2 runs have no value at the same step"):
        gather([one, other])
    empty = type(one)("small", one.scores.assign(value=np.nan), None, None, {})
    with pytest.raises(InputError, match="'small' holds no value"):
        gather([empty])


def test_only_steps_that_every_run_has_are_averaged():
    one = training(run="x", regions=(), components=False)
    other = training(run="x", seed=2, steps=(0, 200, 250), regions=(), components=False)
    course = gather([one, other])
    assert course.runs == ("x (1)", "x (2)")
    assert course.steps == (0, 200)
    layer = course.mean[(course.mean["layer"] == "b") & (course.mean["step"] == 200)]
    assert layer["value"].tolist() == pytest.approx([similarity(200, 1) + 0.01])
    assert layer[["low", "high"]].isna().all(axis=None)
    assert layer["ceiling"].tolist() == [0.5]
    assert isinstance(course.scores, pd.DataFrame)
    assert len(course.scores) == len(one.scores) + len(other.scores)
