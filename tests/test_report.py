"""The report page: its numbers, its figures, and what hostile names cannot do."""

from __future__ import annotations

import base64
import functools
import gzip
import io
import json
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import soundfile
from matplotlib.colors import to_rgba

from heschl import report
from heschl.errors import AudioError, InputError, StoreError
from heschl.report import (
    audio_clips,
    figures,
    palette,
    selection,
    tables,
    wording,
    write_report,
)
from heschl.report.page import render
from heschl.report.style import shown
from heschl.report.svg import inline_svg
from heschl.report.templating import script_json
from heschl.results import Detail, Results, merge, score_table
from heschl.sounds import Clip, Sounds

COMPONENTS = ("lowfreq", "highfreq", "envsounds", "pitch", "speech", "music")
PUBLISHED = dict(zip(COMPONENTS, (0.74, 0.57, 0.46, 0.54, 0.72, 0.33), strict=True))
CATEGORIES = ("Music", "Song", "EngSpeech", "EnvSound", "Mechanical")
PROTOCOL = "pepino2025"


def make_detail(
    targets, *, n_sounds=80, r2, model="spectrotemporal", dataset="natsound165", published=None
):
    """A detail whose measured and predicted responses correlate as ``r2`` says, exactly."""
    rng = np.random.default_rng(7)
    n = len(targets)
    r2 = np.asarray(r2, float)
    r = np.sqrt(r2)
    a = rng.standard_normal((n_sounds, n))
    a = (a - a.mean(0)) / a.std(0)
    b = rng.standard_normal((n_sounds, n))
    b -= b.mean(0)
    b -= a * (a * b).mean(0)
    b /= b.std(0)
    predicted = 0.8 * (r * a + np.sqrt(1 - r2) * b)
    measured = np.where(np.isnan(r2), np.nan, a)
    sounds = pd.DataFrame(
        {
            "sound": [f"stim{i:03d}" for i in range(n_sounds)],
            "category": [CATEGORIES[i % len(CATEGORIES)] for i in range(n_sounds)],
            "fold": np.arange(n_sounds) % 5,
        }
    )
    layer = np.where(np.isnan(r2), -1, np.arange(n) % 2)
    return Detail(
        model=model,
        dataset=dataset,
        metric="regression",
        protocol=PROTOCOL,
        provenance=f"key-{model}-{dataset}",
        targets=targets,
        sounds=sounds,
        layers=("filters", "power"),
        measured=measured,
        predicted=predicted,
        r=r,
        r2=r2,
        layer_index=np.tile(layer, (5, 1)),
        alpha=np.full((5, n), 0.5),
        published=published or {},
    )


def make_row(detail, scope, target, value, unit, *, ceiling=np.nan, stderr=np.nan, layer="filters"):
    return {
        "model": detail.model,
        "dataset": detail.dataset,
        "metric": detail.metric,
        "protocol": detail.protocol,
        "scope": scope,
        "target": target,
        "layer": layer,
        "value": value,
        "unit": unit,
        "ceiling": ceiling,
        "stderr": stderr,
        "n_sounds": len(detail.sounds),
        "provenance": detail.provenance,
    }


def make_results(details, rows, kind):
    provenance = {
        one.provenance: {
            "model": {"name": one.model, "weights": None},
            "dataset": {"name": one.dataset, "kind": kind, "responses_sha256": "ab" * 32},
            "protocol": {"name": one.protocol, "alphas": [0.01, 0.05, 0.1], "n_folds": 5},
            "versions": {"heschl": "0.0", "numpy": "2.0"},
        }
        for one in details
    }
    return Results(score_table(rows), provenance, tuple(details))


def component_results(
    *, r2=(0.7412, 0.5678, 0.4634, 0.5391, 0.7187, 0.3312), model="spectrotemporal",
    names=COMPONENTS, n_sounds=80, dataset="natsound165", published=None,
):  # fmt: skip
    """Six components of one model, with the published baseline."""
    if published is None:
        published = {"spectrotemporal": PUBLISHED}
    targets = pd.DataFrame({"target": list(names)})
    detail = make_detail(
        targets, r2=r2, model=model, n_sounds=n_sounds, dataset=dataset, published=published
    )
    rows = []
    for name, value, r in zip(names, detail.r2, detail.r, strict=True):
        rows.append(make_row(detail, "target", name, value, "r2"))
        rows.append(make_row(detail, "target", name, r, "r"))
    return make_results([detail], rows, "components")


def voxel_results(
    *, n_listeners=4, n_voxels=30, ceiling=0.8, n_left_out=2, model="spectrotemporal"
):
    """Voxels of known ceiling in several listeners; the last ones were left out."""
    rng = np.random.default_rng(3)
    n = n_listeners * n_voxels
    listeners = np.repeat([f"s{i + 1}" for i in range(n_listeners)], n_voxels)
    regions = np.array(["Primary", "Lateral", "Posterior", "Anterior"])[np.arange(n) % 4]
    targets = pd.DataFrame(
        {"target": [f"voxel{i}" for i in range(n)], "listener": listeners, "region": regions}
    )
    r2 = np.clip(0.42 + 0.03 * (np.arange(n) // n_voxels) + 0.15 * rng.standard_normal(n), 0, 0.79)
    r2[n - n_left_out :] = np.nan
    detail = make_detail(targets, r2=r2, dataset="voxels4", model=model)
    rows, medians = [], []
    for i in range(n):
        rows.append(make_row(detail, "target", f"voxel{i}", r2[i], "r2", ceiling=ceiling))
        rows.append(make_row(detail, "target", f"voxel{i}", np.sqrt(r2[i]), "r"))
    for name in dict.fromkeys(listeners):
        medians.append(np.nanmedian(r2[listeners == name]))
        rows.append(make_row(detail, "listener", name, medians[-1], "r2", ceiling=ceiling))
    stderr = np.std(medians) / np.sqrt(n_listeners - 1)
    rows.append(
        make_row(detail, "dataset", "all", np.mean(medians), "r2", ceiling=ceiling, stderr=stderr)
    )
    return make_results([detail], rows, "voxels")


def make_sounds(n_sounds=80, *, duration=2.0, rate=44100):
    """Bursts of noise, faster from sound to sound."""
    rng = np.random.default_rng(5)
    t = np.arange(round(duration * rate)) / rate
    clips = []
    for i in range(n_sounds):
        envelope = 0.5 * (1 + np.sin(2 * np.pi * (1 + i / 4) * t))
        noise = 0.1 * envelope * rng.standard_normal(len(t))
        category = CATEGORIES[i % len(CATEGORIES)]
        clips.append(Clip(f"stim{i:03d}", (noise.astype(np.float32), rate), category))
    return Sounds(clips, duration=duration)


class Page(HTMLParser):
    """A page taken apart: elements with their attributes, tables, scripts, visible text."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.tables, self.scripts, self.text = [], {}, [], ""
        self._table = self._cell = self._raw = None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.elements.append((tag, attrs))
        if tag == "table":
            self._table = self.tables.setdefault(attrs["id"], [])
        elif tag == "tr":
            self._table.append([])
        elif tag in ("td", "th"):
            self._cell = {"text": "", **attrs}
            self._table[-1].append(self._cell)
        elif tag in ("script", "style"):
            self._raw = {"text": "", **attrs}
            if tag == "script":
                self.scripts.append(self._raw)

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self._cell = None
        elif tag in ("script", "style"):
            self._raw = None

    def handle_data(self, data):
        if self._raw is not None:
            self._raw["text"] += data
            return
        self.text += data
        if self._cell is not None:
            self._cell["text"] += data

    def rows(self, table):
        """Rows of a table as dicts of cells by heading."""
        head, *body = self.tables[table]
        return [dict(zip((h["text"] for h in head), row, strict=True)) for row in body]

    def json(self, identity):
        return json.loads(next(s["text"] for s in self.scripts if s.get("id") == identity))


def page_of(results, **options):
    return Page(render(results, clips=options.pop("clips", {}), **options))


@functools.cache
def component_page():
    """The page of six components and nothing else: rendered once, read by several tests."""
    return page_of(component_results())


def words(text):
    """Text with its white space made single."""
    return " ".join(text.split())


# --- numbers --------------------------------------------------------------------------------


def test_score_table_holds_the_numbers_of_the_results():
    results = component_results()
    rows = component_page().rows("scores")
    assert [row["Target"]["text"] for row in rows] == list(COMPONENTS)
    table = results.scores.set_index(["target", "unit"])["value"]
    for row in rows:
        for heading, unit in (("r²", "r2"), ("r", "r")):
            value = table[row["Target"]["text"], unit]
            assert float(row[heading]["data-v"]) == value
            assert row[heading]["text"] == f"{value:.3f}"
        assert row["Layer"]["text"] == "filters"
        assert row["Sounds"]["text"] == "80"
        assert row["Protocol"]["text"] == PROTOCOL


def test_answer_of_components_is_their_mean_beside_the_published_one():
    results = component_results()
    (answer,) = wording.answers(results)
    mean = results.details[0].r2.mean()
    assert answer.value == f"{mean:.2f}" == "0.56"
    assert answer.kind == "mean r² over 6 components"
    text = words(component_page().text)
    assert "spectrotemporal explains a mean of 0.56 of the variance of the 6 components" in text
    largest = max(abs(results.details[0].r2 - list(PUBLISHED.values())))
    assert f"a mean of {np.mean(list(PUBLISHED.values())):.2f}" in answer.notes[0]
    assert f"the largest difference of any component is {largest:.3f}." in answer.notes[0]
    facts = dict(answer.facts)
    assert facts == {
        "Sounds": "80",
        "Components": "6",
        "Layers compared": "2",
        "Protocol": PROTOCOL,
        "Folds": "5",
    }


def test_answer_of_voxels_is_the_row_of_the_dataset():
    results = voxel_results()
    row = results.scores[results.scores["scope"] == "dataset"].iloc[0]
    (answer,) = wording.answers(results)
    assert answer.value == f"{row['value']:.2f}"
    assert f"(standard error over listeners: {row['stderr']:.2f})" in answer.after
    assert answer.before.endswith("explains a median of")
    assert "of the variance of a voxel in voxels4" in answer.after
    assert any("0.80 (median over voxels)" in note for note in answer.notes)
    assert any(note.startswith("2 voxels were left out") for note in answer.notes)
    assert dict(answer.facts)["Voxels"] == "118"
    assert dict(answer.facts)["Listeners"] == "4"


def test_answer_without_a_dataset_row_is_computed_from_the_listeners():
    results = voxel_results()
    kept = results.scores[results.scores["scope"] != "dataset"]
    detail = results.details[0]
    listeners = detail.targets["listener"].to_numpy()
    medians = [np.nanmedian(detail.r2[listeners == name]) for name in ("s1", "s2", "s3", "s4")]
    (answer,) = wording.answers(replace(results, scores=kept))
    assert answer.value == f"{np.mean(medians):.2f}"


def test_voxel_rows_stand_in_a_table_of_their_own():
    results = voxel_results()
    page = page_of(results)
    main, targets = page.rows("scores"), page.rows("targets")
    assert [row["Scope"]["text"] for row in main] == ["dataset"] + ["listener"] * 4
    assert len(targets) == 120
    assert targets[31]["Target"]["text"] == "voxel31"
    assert targets[31]["Listener"]["text"] == "s2"
    assert targets[31]["Region"]["text"] == "Anterior"
    assert float(targets[31]["r²"]["data-v"]) == results.details[0].r2[31]
    assert targets[31]["Ceiling (r²)"]["text"] == "0.800"
    assert targets[-1]["r²"] == {"text": "–", "class": "num", "data-v": ""}


def test_many_rows_are_capped_with_a_note_and_the_file_has_all():
    results = voxel_results(n_voxels=140)
    page = page_of(results)
    assert len(page.rows("targets")) == tables.MAX_LINES == 500
    assert "The first 500 of 560 rows are shown here" in words(page.text)
    packed = next(s["text"] for s in page.scripts if s.get("id") == "csv-data")
    text = gzip.decompress(base64.b64decode(packed)).decode()
    assert text == results.scores.to_csv(index=False)
    assert len(text.splitlines()) == 1 + 2 * 560 + 4 + 1


def test_missing_scores_are_dashes_and_sort_as_missing():
    results = component_results(r2=(0.5, np.nan, 0.4, 0.3, 0.2, 0.1))
    page = page_of(results)
    row = page.rows("scores")[1]
    assert row["r²"]["text"] == row["r"]["text"] == "–"
    assert row["r²"]["data-v"] == ""
    assert "nan" not in page.text.lower()
    assert "1 component was left out" in words(page.text)
    options = [attrs for tag, attrs in page.elements if tag == "option"]
    assert len(options) == 5


def test_nothing_scored_is_said():
    results = component_results(r2=(np.nan,) * 6)
    text = words(page_of(results).text)
    assert "spectrotemporal has no score on natsound165: every component was left out." in text
    assert "There is nothing to draw" in text


def test_sounds_show_what_was_measured_and_predicted():
    results = component_results()
    detail = results.details[0]
    page = component_page()
    data = page.json("sounds-0-data")
    assert len(data["targets"]) == 6
    for i, target in enumerate(data["targets"]):
        np.testing.assert_allclose(target["measured"], detail.measured[:, i], atol=5.1e-5)
        np.testing.assert_allclose(target["predicted"], detail.predicted[:, i], atol=5.1e-5)
        assert target["digits"] == 2
    for i, row in enumerate(page.rows("sounds-0")):
        assert row["Sound"]["text"] == f"stim{i:03d}"
        assert row["Category"]["text"] == CATEGORIES[i % 5]
        assert row["Fold"]["text"] == str(i % 5)
        expected = abs(detail.measured[i, 0] - detail.predicted[i, 0])
        assert float(row["Error"]["data-v"]) == pytest.approx(expected, abs=1.1e-4)
        measured = float(row["Measured"]["text"].replace("−", "-"))
        assert measured == pytest.approx(detail.measured[i, 0], abs=0.0051)


def test_digits_follow_the_size_of_the_responses():
    results = component_results()
    small = replace(
        results.details[0],
        measured=results.details[0].measured * 1e-4,
        predicted=results.details[0].predicted * 1e-4,
    )
    data = page_of(replace(results, details=(small,))).json("sounds-0-data")
    assert data["targets"][0]["digits"] == 6


def test_models_with_other_sounds_share_one_table():
    first, second = component_results(n_sounds=20), component_results(n_sounds=30, model="other")
    shuffled = replace(
        second.details[0], sounds=second.details[0].sounds.iloc[::-1].reset_index(drop=True)
    )
    both = merge([first, replace(second, details=(shuffled,))])
    page = page_of(both)
    data = page.json("sounds-0-data")
    rows = page.rows("sounds-0")
    names = [row["Sound"]["text"] for row in rows]
    assert len(names) == len(set(names)) == 30
    for place, name in zip(data["details"][1]["rows"], shuffled.sounds["sound"], strict=True):
        assert names[place] == name
    other = data["targets"][6]
    assert other["detail"] == 1
    assert other["measured"][0] == pytest.approx(shuffled.measured[29, 0], abs=5.1e-5)
    assert data["targets"][0]["measured"][25] is None


def test_which_targets_are_shown():
    voxels = voxel_results().details[0]
    best = [int(np.nanargmax(np.where(voxels.targets["listener"] == s, voxels.r2, np.nan)))
            for s in ("s1", "s2", "s3", "s4")]  # fmt: skip
    assert selection.shown_targets(voxels) == best
    electrodes = replace(voxels, targets=voxels.targets[["target"]])
    order = np.argsort(-np.nan_to_num(voxels.r2, nan=-1.0), kind="stable")
    assert selection.shown_targets(electrodes) == order[: selection.FEW].tolist()
    few = component_results(r2=(0.1, np.nan, 0.3, 0.2, 0.5, 0.4)).details[0]
    assert selection.shown_targets(few) == [0, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0.125, 2, "0.12"),
        (-0.5, 3, "−0.500"),
        (float("nan"), 2, "–"),
        (None, 2, "–"),
        (80, 0, "80"),
    ],
)
def test_number(value, digits, text):
    assert wording.number(value, digits) == text


def test_results_without_details_still_have_a_page():
    results = replace(voxel_results(), details=())
    page = page_of(results)
    row = results.scores[results.scores["scope"] == "dataset"].iloc[0]
    sentence = f"spectrotemporal explains {row['value']:.2f} of the variance in voxels4 (standard"
    assert sentence in words(page.text)
    assert "these results hold no details" in words(page.text)
    assert len(page.rows("targets")) == 120


# --- the file -------------------------------------------------------------------------------


def test_the_same_input_gives_the_same_bytes(tmp_path):
    results = merge([component_results(), voxel_results()])
    sounds = {"natsound165": make_sounds(duration=0.2)}
    first = write_report(results, tmp_path / "a.html", sounds=sounds, command="heschl score")
    before = dict(mpl.rcParams)
    with mpl.rc_context({"font.size": 20, "axes.facecolor": "red", "text.parse_math": True}):
        again = Results.load(results.save(tmp_path / "run"))
        second = write_report(again, tmp_path / "b.html", sounds=sounds, command="heschl score")
    assert first.read_bytes() == second.read_bytes()
    assert dict(mpl.rcParams) == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.html", "b.html", "run"]


def test_pyplot_is_not_imported():
    code = (
        "import sys; from test_report import *; render(component_results(), clips={});"
        "assert 'matplotlib.pyplot' not in sys.modules; assert 'torch' not in sys.modules; print(1)"
    )
    paths = [str(Path(__file__).parent), str(Path(report.__file__).parents[2])]
    code = f"import sys; sys.path[:0] = {paths!r}; {code}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "1\n", done.stderr


def test_nothing_refers_to_the_outside(tmp_path):
    path = write_report(
        merge([component_results(), voxel_results()]),
        tmp_path / "report.html",
        sounds={"natsound165": make_sounds(duration=0.2)},
    )
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    for tag, attrs in page.elements:
        assert tag not in ("iframe", "object", "embed", "base", "form", "img")
        for name in ("src", "href", "srcset", "action", "poster", "data"):
            assert attrs.get(name, "#").startswith(("#", "data:")), (tag, attrs)
    assert "http:" not in text
    assert "https:" not in text
    assert "@import" not in text
    assert set(re.findall(r"url\((.)", text)) <= {"#"}
    policy = next(a["content"] for t, a in page.elements if a.get("http-equiv"))
    assert policy.startswith("default-src 'none'; ")


def test_ids_are_unique_and_references_lead_somewhere():
    text = render(
        merge([component_results(), component_results(model="other"), voxel_results()]), clips={}
    )
    page = Page(text)
    ids = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    references = set(re.findall(r"url\(#([^)]+)\)", text))
    references |= {a["href"][1:] for _, a in page.elements if a.get("href", "").startswith("#")}
    assert len(references) > 20
    assert references <= set(ids)


def test_sounds_not_given_are_said_to_be_missing():
    page = component_page()
    assert "The sounds were not available when this report was made" in words(page.text)
    assert not any(attrs.get("class") == "play" for _, attrs in page.elements)


def test_sounds_are_in_the_page_in_the_order_of_the_lines(tmp_path):
    clips = list(make_sounds(duration=0.5))
    sounds = Sounds(clips[::-1], duration=0.5)
    path = write_report(component_results(), tmp_path / "r.html", sounds={"natsound165": sounds})
    page = Page(path.read_text(encoding="utf-8"))
    encoded = page.json("sounds-0-clips")
    assert len(encoded) == 80
    expected = base64.b64encode(audio_clips.encode_clip(*clips[3].read(), 0.5)).decode()
    assert encoded[3] == expected
    plays = [attrs for _, attrs in page.elements if attrs.get("class") == "play"]
    assert plays[3]["aria-label"] == "Play stim003"


def test_command_and_record_are_shown():
    results = component_results()
    record = dict(results.provenance["key-spectrotemporal-natsound165"])
    record["digests"] = [f"{i:064x}" for i in range(20)]
    record["steps"] = [{"fold": 0}, {"fold": 1}]
    record["flags"] = {"deterministic": True, "gpu": False, "nothing": []}
    page = page_of(
        replace(results, provenance={"key-spectrotemporal-natsound165": record}),
        command="heschl score 'a b' --out x && y",
    )
    text = words(page.text)
    for part in ("heschl score 'a b' --out x && y", "ab" * 32, "0.01, 0.05, 0.1", "20 values"):
        assert part in text
    assert f"{19:064x}" in text
    assert "deterministic yes" in text
    assert "gpu no" in text
    assert "spectrotemporal on natsound165, pepino2025" in text
    assert "The command was not recorded" in words(page_of(results).text)


# --- hostile names --------------------------------------------------------------------------

HOSTILE = "<script>alert(1)</script>"
NASTY = "</script><img src=x onerror=alert(1)>\u2028\u2029\"'&amp; $\\frac{1}$ _x \x07 模型"


def hostile_results():
    names = (HOSTILE, NASTY, "_hidden", "$x^2$", "a" * 200, "{{ 7*7 }}")
    results = component_results(
        names=names, model=HOSTILE, dataset=NASTY, published={HOSTILE: {HOSTILE: 0.5}, NASTY: {}}
    )
    detail = results.details[0]
    sounds = detail.sounds.copy()
    sounds.loc[0, "sound"], sounds.loc[1, "sound"] = HOSTILE, NASTY
    sounds.loc[0, "category"], sounds.loc[1, "category"] = HOSTILE, NASTY
    sounds.loc[2, "category"] = None
    scores = results.scores.copy()
    scores["layer"] = HOSTILE
    provenance = {
        detail.provenance: {HOSTILE: NASTY, "list": [HOSTILE] * 20, "deep": {NASTY: HOSTILE}}
    }
    return Results(scores, provenance, (replace(detail, sounds=sounds),))


def test_hostile_names_are_text():
    results = hostile_results()
    text = render(results, clips={}, command=f"heschl score '{HOSTILE}'")
    plain = component_page()
    page = Page(text)
    assert len(page.scripts) == len(plain.scripts)
    assert "<script>alert" not in text
    assert "<img" not in text
    assert "49" not in page.tables["scores"][6][0]["text"]
    assert [row["Target"]["text"] for row in page.rows("scores")][:2] == [HOSTILE, NASTY]
    assert page.rows("sounds-0")[1]["Sound"]["text"] == NASTY
    assert page.rows("sounds-0")[2]["Category"]["text"] == "–"
    assert f"How brain-like is {HOSTILE}?" in page.text


def test_names_that_are_no_unicode_can_be_written(tmp_path):
    path = write_report(component_results(), tmp_path / "r.html", command="heschl score caf\udce9")
    assert "heschl score caf?" in Page(path.read_text(encoding="utf-8")).text


def test_script_json_cannot_end_its_script():
    content = {"a": [HOSTILE, NASTY, None, 1.5]}
    text = script_json(content)
    assert json.loads(text) == content
    assert not set(text) & set("<>&\u2028\u2029")
    with pytest.raises(ValueError, match="Out of range float"):
        script_json([float("nan")])


# --- figures --------------------------------------------------------------------------------


def test_bars_are_the_scores_and_hatched_bars_the_published_ones():
    results = component_results()
    (ax,) = figures.plot_scores(results).axes
    solid = [bar.get_width() for bar in ax.patches if not bar.get_hatch()]
    hatched = [bar.get_width() for bar in ax.patches if bar.get_hatch()]
    np.testing.assert_array_equal(solid, results.details[0].r2)
    np.testing.assert_array_equal(hatched, list(PUBLISHED.values()))
    assert [label.get_text() for label in ax.get_yticklabels()] == list(COMPONENTS)
    assert [text.get_text() for text in ax.texts[:2]] == ["0.74", "0.74"]


def test_two_models_have_two_bars_for_each_target():
    r2 = (0.1, 0.2, np.nan, 0.05, 0.15, 0.12)
    results = merge([component_results(), component_results(model="_random", r2=r2)])
    figure = figures.plot_scores(results)
    (ax,) = figure.axes
    assert len([bar for bar in ax.patches if not bar.get_hatch()]) == 11
    assert "–" in [text.get_text() for text in ax.texts]
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "spectrotemporal",
        "_random",
        "published: spectrotemporal",
    ]


def test_the_legend_names_only_the_models_of_the_figure_in_their_own_colours():
    both = merge([component_results(), component_results(model="other", dataset="second")])
    (legend,) = figures.plot_scores(replace(both, details=both.details[1:])).legends
    assert legend.get_texts()[0].get_text() == "other"
    assert legend.get_patches()[0].get_facecolor() == to_rgba(palette.color("m1"))


def test_many_published_models_are_marks_except_the_one_that_was_run():
    published = {f"p{i}": dict.fromkeys(COMPONENTS, 0.1 * i) for i in range(5)}
    published["spectrotemporal"] = PUBLISHED
    (ax,) = figures.plot_scores(component_results(published=published)).axes
    assert [b.get_width() for b in ax.patches if b.get_hatch()] == list(PUBLISHED.values())
    marks = [line for line in ax.lines if line.get_marker() == "d"]
    assert len(marks) == 6
    np.testing.assert_allclose(marks[0].get_xdata(), [0, 0.1, 0.2, 0.3, 0.4])


def test_voxels_are_medians_of_listeners_and_regions_with_ceilings():
    results = voxel_results()
    detail = results.details[0]
    overall, listeners, regions = figures.plot_scores(results).axes
    row = results.scores[results.scores["scope"] == "dataset"].iloc[0]
    assert overall.patches[0].get_width() == row["value"]
    ends = [list(line.get_xdata()) for line in overall.lines]
    assert [row["value"] - row["stderr"], row["value"] + row["stderr"]] in ends
    for ax, column in ((listeners, "listener"), (regions, "region")):
        groups = detail.targets[column].to_numpy()
        expected = [np.nanmedian(detail.r2[groups == name]) for name in dict.fromkeys(groups)]
        np.testing.assert_allclose([bar.get_width() for bar in ax.patches], expected)
        assert sum(list(line.get_xdata()) == [0.8, 0.8] for line in ax.lines) == 4
    dots = [line for line in listeners.lines if line.get_marker() == "o"]
    np.testing.assert_array_equal(dots[0].get_xdata(), detail.r2[:30])
    assert len(next(ln for ln in overall.lines if ln.get_marker() == "o").get_xdata()) == 60


def test_scores_of_several_datasets_stand_in_one_figure():
    figure = figures.plot_scores(merge([component_results(), voxel_results()]))
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert titles[0] == "natsound165: Each component"
    assert titles[1] == "voxels4: All listeners (mean)"


def test_predictions_are_drawn_where_they_are():
    detail = component_results().details[0]
    figure = figures.plot_predictions(detail)
    assert len(figure.axes) == 6
    for i, ax in enumerate(figure.axes):
        offsets = np.concatenate([points.get_offsets() for points in ax.collections])
        expected = np.column_stack([detail.measured[:, i], detail.predicted[:, i]])
        np.testing.assert_allclose(sorted(map(tuple, offsets)), sorted(map(tuple, expected)))
        assert f"r² {detail.r2[i]:.2f}" in ax.get_title(loc="left")
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == sorted(CATEGORIES)


def test_points_of_the_page_carry_the_number_of_their_sound():
    detail = component_results().details[0]
    text = inline_svg(figures.plot_predictions(detail), prefix="p", label="points")
    root = ElementTree.fromstring(text)
    points = [use for use in root.iter("use") if use.get("data-s")]
    assert len(points) == 6 * 80
    panel = points[:80]
    index = [int(use.get("data-s")) for use in panel]
    assert sorted(index) == list(range(80))
    for attribute, values, sign in (("x", detail.measured, 1), ("y", detail.predicted, -1)):
        place = np.array([float(use.get(attribute)) for use in panel])
        assert np.corrcoef(place, values[index, 0])[0, 1] == pytest.approx(sign, abs=1e-6)


def test_missing_responses_are_no_points():
    detail = component_results().details[0]
    measured = detail.measured.copy()
    measured[[4, 9], 0] = np.nan
    text = inline_svg(
        figures.plot_predictions(replace(detail, measured=measured)), prefix="p", label=""
    )
    points = [use.get("data-s") for use in ElementTree.fromstring(text).iter("use")]
    assert points.count("4") == points.count("9") == 5
    assert points.count("5") == 6


def test_svg_has_text_colours_of_the_page_and_prefixed_ids():
    text = inline_svg(figures.plot_scores(hostile_results()), prefix="f7", label='a "b" <c>')
    root = ElementTree.fromstring(text)
    assert root.get("aria-label") == 'a "b" <c>'
    assert root.get("role") == "img"
    assert all(e.get("id", "f7-").startswith("f7-") for e in root.iter())
    assert not re.search(r"#[0-9a-f]{6}\b", text)
    assert {"var(--ink)", "var(--muted)", "var(--m0)"} <= set(re.findall(r"var\(--\w+\)", text))
    drawn = [e.text for e in root.iter("text")]
    assert HOSTILE in drawn
    assert "$x^2$" in drawn
    assert "_hidden" in drawn
    assert not {e.tag for e in root.iter()} & {"script", "style", "metadata", "image"}


def test_long_names_are_shortened_in_figures():
    assert shown("abc") == "abc"
    assert shown("a" * 20 + "b" * 20, 11) == "aaaaa…bbbbb"
    assert shown("a\x00b\u202ec") == "a\ufffdb\ufffdc"


def test_colours_can_be_told_apart_and_read():
    light = [pair[0] for pair in palette.ALL.values()]
    assert len(set(light)) == len(light)  # or the SVG could not be coloured anew
    for dark in (0, 1):
        at = {name: pair[dark] for name, pair in palette.ALL.items()}
        for text in ("ink", "muted", "accent"):
            for ground in ("paper", "ground", "wash"):
                assert contrast(at[text], at[ground]) >= 4.5, (text, ground, dark)
        for name in [*palette.MODELS, *palette.CATEGORIES]:
            assert contrast(at[name], at["paper"]) >= 3, (name, dark)


def contrast(one, other):
    """Contrast of two colours, WCAG 2.2."""

    def luminance(color):
        channels = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
        linear = np.where(
            channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4
        )
        return linear @ [0.2126, 0.7152, 0.0722]

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


# --- sounds ---------------------------------------------------------------------------------


def decode(encoded):
    return soundfile.read(io.BytesIO(encoded), dtype="float32")


def test_clips_sound_like_the_sounds():
    rate = 44100
    t = np.arange(2 * rate) / rate
    tone = (0.3 * np.sin(2 * np.pi * 440 * t) * np.minimum(1, 4 * t)).astype(np.float32)
    waveform, decoded_rate = decode(audio_clips.encode_clip(tone, rate, 2.0))
    assert decoded_rate == 32000
    assert len(waveform) / decoded_rate == pytest.approx(2.0, abs=0.06)
    assert waveform.ndim == 1
    spectrum = np.abs(np.fft.rfft(waveform[16000:48000]))
    assert np.argmax(spectrum) == pytest.approx(440, abs=1)
    assert np.sqrt(np.mean(waveform**2)) == pytest.approx(np.sqrt(np.mean(tone**2)), rel=0.03)


def test_clips_are_cut_and_padded_to_the_duration_of_the_run():
    rng = np.random.default_rng(0)
    noise = (0.1 * rng.standard_normal(16000)).astype(np.float32)
    for n_samples in (4000, 16000):
        waveform, rate = decode(audio_clips.encode_clip(noise[:n_samples], 16000, 0.5))
        assert rate == 16000
        assert len(waveform) / rate == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(("rate", "expected"), [(48000, 32000), (20000, 16000), (4000, 8000)])
def test_rate_of_clips_is_not_above_that_of_the_sound(rate, expected):
    t = np.arange(rate) / rate
    tone = (0.1 * np.sin(2 * np.pi * 300 * t)).astype(np.float32)
    assert decode(audio_clips.encode_clip(tone, rate, 1.0))[1] == expected


def test_loud_sounds_are_not_clipped():
    tone = (3 * np.sin(np.arange(32000) / 20)).astype(np.float32)
    waveform, _ = decode(audio_clips.encode_mp3(tone, 32000))
    middle = waveform[8000:24000]
    assert np.abs(middle).max() == pytest.approx(1.0, abs=0.1)
    fundamental = np.sin(np.arange(32000) / 20)
    assert np.std(middle) == pytest.approx(np.std(fundamental[8000:24000]), rel=0.02)


def test_the_page_of_165_sounds_stays_small(tmp_path):
    """Noise is the worst there is for MP3: bound its clips, and add the page without them."""
    rng = np.random.default_rng(1)
    largest = 0
    for level in (0.02, 0.2, 0.5):
        noise = (level * rng.standard_normal(88200)).astype(np.float32)
        largest = max(largest, len(audio_clips.encode_clip(noise, 44100, 2.0)))
    assert largest * 8 <= audio_clips.MAX_BITS_PER_SECOND * 2
    page = write_report(component_results(n_sounds=165), tmp_path / "r.html").stat().st_size
    assert 165 * audio_clips.MAX_BITS_PER_SECOND * 2 / 8 * 4 / 3 + page < 6e6


# --- what is refused ------------------------------------------------------------------------


def test_results_without_scores_are_refused(tmp_path):
    with pytest.raises(InputError, match="hold no scores; expected at least one row"):
        write_report(Results(score_table([]), {}), tmp_path / "r.html")
    assert not list(tmp_path.iterdir())


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(InputError, match="is a folder; expected the name of a file"):
        write_report(component_results(), tmp_path)


def test_a_place_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="cannot write"):
        write_report(component_results(), tmp_path / "file" / "r.html")


def test_sounds_of_another_dataset_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"'natsond165'.*expected one of: natsound165"):
        write_report(
            component_results(), tmp_path / "r.html", sounds={"natsond165": make_sounds(2)}
        )


def test_other_sounds_than_those_of_the_run_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"40 sounds .* the first is 'stim040'"):
        write_report(
            component_results(), tmp_path / "r.html", sounds={"natsound165": make_sounds(40)}
        )
    assert not list(tmp_path.iterdir())


def test_a_sound_that_cannot_be_read_leaves_the_old_report(tmp_path):
    path = tmp_path / "r.html"
    path.write_text("old")
    clips = list(make_sounds(duration=0.1))
    clips[5] = Clip("stim005", tmp_path / "missing.wav", "Music")
    sounds = {"natsound165": Sounds(clips, duration=0.1)}
    with pytest.raises(AudioError, match=r"missing\.wav: no such sound file"):
        write_report(component_results(), path, sounds=sounds)
    assert [p.name for p in tmp_path.iterdir()] == ["r.html"]
    assert path.read_text() == "old"


def test_figures_of_nothing_are_refused():
    with pytest.raises(InputError, match="hold no details"):
        figures.plot_scores(replace(component_results(), details=()))
    empty = component_results(r2=(np.nan,) * 6)
    with pytest.raises(InputError, match="every target of every model was left out"):
        figures.plot_scores(empty)
    with pytest.raises(InputError, match="spectrotemporal on natsound165: no target has a score"):
        figures.plot_predictions(empty.details[0])
