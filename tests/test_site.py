"""The site of a study: its numbers, its files, and what hostile names cannot do."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import soundfile
import statsmodels.api as sm

from heschl import report
from heschl.errors import InputError, StoreError
from heschl.linking import OVERALL, Linked, link
from heschl.linking.tables import COLUMNS, table
from heschl.report.site import addresses, folder, leaderboard, write_site
from heschl.report.site.answer import answer
from heschl.report.site.content import Content
from heschl.report.site.figures import Filing
from heschl.report.site.fit import fit_line
from heschl.report.site.links import with_links
from heschl.report.site.model_page import model_page
from heschl.report.site.numbers import ordinal, p_text, r_text, size
from heschl.report.site.pages import POLICY
from heschl.report.site.parts import n_runs, results_of
from heschl.report.site.plane import draw_plane
from heschl.report.site.sounds import heard, standardised_errors
from heschl.results import Profile, Results, merge, score_table
from heschl.studies import Failure
from test_report import HOSTILE, NASTY, component_results, make_sounds, voxel_results, words
from test_report_probes import probe_results

#: Name, family, training, control, base, parameters, hours, and how good a model is made to be.
MODELS = (
    ("encodecmae-base", "encodecmae", "self-supervised", None, None, 30e6, 200e3, 1.3),
    ("encodecmae-large", "encodecmae", "self-supervised", None, None, 180e6, 200e3, 1.6),
    ("beats-iter3", "BEATs", "self-supervised", None, None, 90e6, 5800.0, 1.1),
    ("beats-iter3-ft", "BEATs", "supervised", None, None, 90e6, 5800.0, 1.25),
    ("dasheng-base", "Dasheng", "self-supervised", None, None, 85e6, 272e3, 1.2),
    ("ast", "AST", "supervised", None, None, 86e6, 5800.0, 0.9),
    ("cochcnn9-word", "cochdnn", "supervised", None, None, 60e6, 500.0, -0.1),
    ("wav2vec2", "wav2vec2", "supervised", None, None, 94e6, 960.0, 0.1),
    ("vggish", "VGGish", "supervised", None, None, 72e6, 350e3, 0.2),
    ("spectrotemporal", "hand-built", "hand-built", None, None, None, None, -0.9),
    ("melspectrogram", "hand-built", "hand-built", None, None, None, None, -1.6),
    ("encodecmae-base@random:0", "encodecmae", None, "random", "encodecmae-base", 30e6, None, -1.2),
    ("beats-iter3@permuted:0", "BEATs", None, "permuted", "beats-iter3", 90e6, None, -1.4),
)
#: The models that have details: a component dataset, voxels, probes.
DETAILED = ("encodecmae-base", "spectrotemporal")
TASKS = {"esc50": "accuracy", "gtzan": "accuracy", "fsd50k": "mAP"}
REGIONS = (None, "Anterior", "Primary")
COMPONENTS = ("lowfreq", "highfreq", "envsounds", "pitch", "speech", "music")
TITLE = "Eleven models, heard and compared"


def traits(models=MODELS):
    columns = ["model", "family", "training", "control", "base", "parameters", "hours"]
    return pd.DataFrame([one[:7] for one in models], columns=columns)


def made_up_rows(models=MODELS, tasks=TASKS, brains=("regression", "rsa"), seed=1):
    """Scores without details: on six components, on voxels, and on tasks."""
    rng = np.random.default_rng(seed)
    rows = []

    def add(model, dataset, metric, unit, value, *, target="all", region=None, **more):
        width = 0.04 + 0.03 * rng.random()
        scope = "dataset" if target == "all" else "target"
        rows.append(
            {"model": model, "dataset": dataset, "metric": metric, "protocol": "pepino2025"}
            | {"scope": scope, "target": target, "region": region, "layer": "blocks.3"}
            | {"value": value, "unit": unit, "low": value - width, "high": value + 0.9 * width}
            | {"n_sounds": 165, "provenance": f"{dataset}-{metric}-{model}"} | more
        )  # fmt: skip

    for name, *_, skill in models:
        if "regression" in brains:
            for region in REGIONS:
                value = 0.3 + 0.06 * skill + 0.015 * rng.standard_normal()
                add(name, "voxels4", "regression", "r2", value, region=region, ceiling=0.62)
            for component in COMPONENTS:
                value = 0.55 + 0.08 * skill + 0.05 * rng.standard_normal()
                add(name, "natsound165", "regression", "r2", value, target=component)
        if "rsa" in brains:
            value = 0.4 + 0.07 * skill + 0.02 * rng.standard_normal()
            add(name, "voxels4", "rsa", "rho", value, ceiling=0.7)
        for task, unit in tasks.items():
            value = 0.6 + 0.13 * skill + 0.05 * rng.standard_normal()
            add(name, task, "probe", unit, min(value, 0.98))
    return rows


def record_of(row):
    """The record of one made-up score, as a study writes it."""
    record = {
        "environment": {"heschl": "0.1.0", "numpy": "2.4.6", "python": "3.11.7"},
        "metric": row["metric"],
        "protocol": {
            "name": "pepino2025",
            "version": 1,
            "citation": "Pepino (2025). arXiv:2511.16849",
        },
        "uncertainty": {"n_bootstrap": 1000, "seed": 0, "level": 0.95},
        "model": {"model": row["model"], "identity": {"weights_sha256": "ef" * 32}},
    }
    if row["metric"] == "probe":
        record["task"] = {"name": row["dataset"], "prediction": "multiclass", "classes": ["a", "b"]}
        record["task"] |= {"n_clips": {"train": 90, "test": 30}, "licence": "CC BY"}
        record["task"] |= {"citation": "Piczak (2015)", "sounds_sha256": "cd" * 32}
    else:
        kind = "components" if row["dataset"] == "natsound165" else "voxels"
        record["dataset"] = {"name": row["dataset"], "kind": kind, "n_sounds": 165, "n_targets": 6}
        record["dataset"] |= {
            "citation": "Norman-Haignere (2015). https://doi.org/10.1016/j.neuron"
        }
        record["dataset"] |= {"ceiling": "none: there is one response a sound"}
        record["dataset"] |= {"sounds_sha256": "ab" * 32, "responses_sha256": "12" * 32}
    return record


def made_up_profile(model, dataset="voxels4", metric="rsa", unit="rho", n_layers=8):
    rng = np.random.default_rng(len(model))
    groups = pd.DataFrame(
        [{"listener": f"s{i}", "region": region} for region in REGIONS for i in range(4)]
    )
    shape = np.sin(np.linspace(0.4, 2.4, n_layers))
    scores = 0.4 * shape + 0.03 * rng.standard_normal((len(groups), n_layers))
    layers = tuple(f"blocks.{i}" for i in range(n_layers))
    return Profile(
        model, dataset, metric, "pepino2025", f"{dataset}-{metric}-{model}", unit, groups, layers,
        scores, np.full(len(groups), 0.7),
    )  # fmt: skip


def detailed(model):
    """Components and voxels with predictions, layers, and probes, of one model."""
    weak = 1.0 if model == DETAILED[0] else 0.6
    r2 = weak * np.array((0.7412, 0.5678, 0.4634, 0.5391, 0.7187, 0.3312))
    found = [component_results(model=model, r2=r2), voxel_results(model=model)]
    found += [
        probe_results(
            model=model, task=task, n_folds=5 if task == "esc50" else 0, n_clips=100,
            skill=2 * weak**3, seed=len(task),
        )
        for task in ("esc50", "gtzan")
    ]  # fmt: skip
    return merge(found)


def study_results(models=MODELS, details=DETAILED, **options):
    """Results of many models, of which a few have details."""
    rows = made_up_rows(models, **options)
    provenance = {row["provenance"]: record_of(row) for row in rows}
    table = score_table(rows)
    # What has details replaces what was made up of the same analysis.
    behind = merge([detailed(name) for name in details]) if details else None
    if behind is None:
        return Results(table, provenance)
    # of the same data and protocols, or they could not stand beside the others
    records = {row["provenance"]: record_of(row) for row in behind.rows()}
    behind = replace(behind, provenance=records)
    keys = ["model", "dataset", "metric", "protocol"]
    there = set(behind.scores[keys].itertuples(index=False, name=None))
    kept = [key not in there for key in table[keys].itertuples(index=False, name=None)]
    profiles = tuple(made_up_profile(name) for name in details)
    made_up = Results(table[kept], provenance, profiles=profiles)
    # voxels of test_report have no region rows, which made-up ones have
    return merge([made_up, behind])


FAILURES = (
    Failure("vggish", "voxels4", "rsa", "pepino2025", "MemoryError: 3 GB are needed"),
    Failure("cochresnet50-word", "voxels4", "regression", "pepino2025", "FetchError: no <weights>"),
)
SPECS = {
    name: {
        "summary": f"{name}, made up for a test", "family": family, "training": training,
        "licence": "MIT", "citation": "Author (2024), arXiv 2309.07391", "parameters": parameters,
    }
    for name, family, training, _, _, parameters, _, _ in MODELS
}  # fmt: skip
COMMANDS = {
    name: (
        f"heschl score {name} --dataset natsound165 voxels4 --metric regression rsa",
        f"heschl probe {name} --task esc50 gtzan fsd50k",
    )
    for name, *_ in MODELS
}
STUDY = "study: made-up\ntitle: <b>Eleven</b> models\nmodels: [encodecmae-base]\n"


def write_made_up(folder, results=None, **options):
    results = study_results() if results is None else results
    linked = link(results, traits(), n_bootstrap=200)
    settings = {
        "title": TITLE, "sounds": {"natsound165": make_sounds(duration=0.5)}, "study": STUDY,
        "failures": FAILURES, "commands": COMMANDS, "specs": SPECS,
    }  # fmt: skip
    return write_site(results, linked, folder, **settings | options)


def shared_site(tmp_path_factory):
    """The site of all made-up models, written once for all tests of a process."""
    place = tmp_path_factory.getbasetemp() / "shared-site"
    index = place / "index.html"
    return index.parent if index.is_file() else write_made_up(place).parent


class Parsed(HTMLParser):
    """A page taken apart: its elements, its tables, the text of its scripts, what can be read."""

    def __init__(self, path):
        super().__init__()
        self.elements, self.tables, self.scripts, self.text = [], {}, {}, ""
        self._table = self._cell = self._raw = None
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.elements.append((tag, attrs))
        if tag == "table":
            self._table = self.tables.setdefault(attrs.get("id", f"table{len(self.tables)}"), [])
        elif tag == "tr":
            self._table.append([])
        elif tag in ("td", "th"):
            self._cell = {"text": "", **attrs}
            self._table[-1].append(self._cell)
        elif tag in ("script", "style"):
            self._raw = attrs.get("id", tag)
            self.scripts[self._raw] = ""

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self._cell = None
        elif tag in ("script", "style"):
            self._raw = None

    def handle_data(self, data):
        if self._raw is not None:
            self.scripts[self._raw] += data
            return
        self.text += data
        if self._cell is not None:
            self._cell["text"] += data

    def attributes(self, name):
        return [attrs[name] for _, attrs in self.elements if name in attrs]

    def json(self, identity):
        return json.loads(self.scripts[identity])


@pytest.fixture(scope="module")
def results():
    return study_results()


@pytest.fixture(scope="module")
def linked(results):
    return link(results, traits(), n_bootstrap=200)


@pytest.fixture(scope="module")
def content(results, linked):
    sounds = {f"stim{i:03d}": f"sounds/{i}.mp3" for i in range(80)}
    return Content(
        results, linked, TITLE, STUDY, FAILURES, COMMANDS, SPECS, {"natsound165": sounds}
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return shared_site(tmp_path_factory)


@pytest.fixture(scope="module")
def pages(site):
    return {p.relative_to(site).as_posix(): Parsed(p) for p in sorted(site.rglob("*.html"))}


def page(pages, address):
    return pages[address]


def of_model(pages, name):
    return pages[addresses.model_page(name)]


# --- the whole of it ------------------------------------------------------------------------


def test_there_is_a_page_for_everything(site, pages, results):
    names = [*(one[0] for one in MODELS), "cochresnet50-word"]
    expected = {addresses.model_page(name) for name in names}
    expected |= {addresses.dataset_page(name) for name in ("voxels4", "natsound165")}
    expected |= {addresses.task_page(name) for name in TASKS}
    assert set(pages) == expected | {"index.html", "analysis.html", "method.html"}
    titles = [sum(tag == "h1" for tag, _ in one.elements) for one in pages.values()]
    assert set(titles) == {1}
    assert f"{TITLE}" in pages["index.html"].text


def targets_of(address, parsed):
    """Everything that a page leads to or loads, as places in the site."""
    for name in ("href", "src", "data-src"):
        for target in parsed.attributes(name):
            parts = urlsplit(target)
            if parts.scheme:
                assert parts.scheme in ("https", "data"), target
                continue
            place = (Path(address).parent / unquote(parts.path)) if parts.path else Path(address)
            yield place, parts.fragment


def test_every_link_leads_somewhere(site, pages):
    n_links = 0
    for address, parsed in pages.items():
        for place, fragment in targets_of(address, parsed):
            found = (site / place).resolve()
            assert found.is_relative_to(site.resolve())
            assert found.is_file(), (address, place)
            if fragment and found.suffix == ".html":
                other = pages[found.relative_to(site.resolve()).as_posix()]
                assert fragment in other.attributes("id"), (address, place, fragment)
            n_links += 1
    assert n_links > 1000
    data = pages["index.html"].json("plane-data")
    links = [one["href"] for one in data["models"]]
    links += [address for pair in data["files"].values() for address in pair]
    assert all((site / address).is_file() for address in links)


def test_nothing_is_loaded_from_elsewhere_and_nothing_runs_inline(site, pages):
    for _address, parsed in pages.items():
        (policy,) = (
            attrs["content"]
            for tag, attrs in parsed.elements
            if tag == "meta" and attrs.get("http-equiv") == "Content-Security-Policy"
        )
        assert policy == POLICY
        assert "unsafe-inline" not in policy.replace("style-src-attr 'unsafe-inline'", "")
        for tag, attrs in parsed.elements:
            assert not [name for name in attrs if name.startswith("on")]
            assert tag not in ("style", "iframe", "base", "object", "embed")
            if tag == "script":
                local = attrs.get("src", "").endswith("assets/site.js")
                assert local or attrs["type"] == "application/json"
            for name in ("src", "srcset", "data-src", "poster"):
                assert ":" not in attrs.get(name, "")
            if "https://" in attrs.get("href", ""):
                assert tag == "a"
                assert attrs["rel"] == "noopener noreferrer"
        assert "http" not in (site / "assets/site.js").read_text().replace(
            "http://www.w3.org/2000/svg", ""
        )
    assert "url(" not in (site / "assets/style.css").read_text()


def test_ids_are_unique_and_what_is_referred_to_is_there(pages):
    for address, parsed in pages.items():
        ids = Counter(parsed.attributes("id"))
        assert max(ids.values()) == 1, (address, ids.most_common(3))
        for name in ("aria-labelledby", "aria-describedby", "data-board", "data-filter"):
            for value in parsed.attributes(name):
                assert value in ids, (address, name, value)


def test_pages_are_small(site, pages):
    sizes = {name: (site / name).stat().st_size for name in pages}
    assert max(sizes.values()) < 1_000_000, sizes
    assert (site / "assets/site.js").stat().st_size < 60_000
    assert (site / "assets/style.css").stat().st_size < 60_000


def test_every_table_is_a_file(site, results, linked):
    tables = {"scores": results.scores, **linked.tables()}
    for name, expected in tables.items():
        assert (site / f"downloads/{name}.csv").read_text() == expected.to_csv(index=False), name
    failures = pd.read_csv(site / "downloads/failures.csv")
    assert failures["error"].tolist() == [one.error for one in FAILURES]
    assert (site / "downloads/study.yaml").read_text() == STUDY


def test_every_figure_is_a_drawing_and_a_picture(site, pages):
    drawings = sorted(site.glob("downloads/figures/**/*.svg"))
    assert len(drawings) > 50
    for path in drawings:
        root = ElementTree.fromstring(path.read_text())
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert path.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    on_pages = {
        attrs["href"].rpartition("../")[2]
        for parsed in pages.values()
        for tag, attrs in parsed.elements
        if tag == "a" and attrs.get("href", "").endswith(".svg")
    }
    planes = {f"downloads/figures/index/plane-{i}.svg" for i in range(40)}
    there = {path.relative_to(site).as_posix() for path in drawings}
    assert there - planes == on_pages - planes


def small(models=MODELS[:1] + MODELS[9:12], details=(), **options):
    results = study_results(models, details, **options)
    return results, link(results, traits(models), n_bootstrap=200)


@pytest.fixture(scope="module")
def twice(tmp_path_factory):
    """The site of two models, one with details, without sounds, written twice."""
    place = tmp_path_factory.mktemp("twice")
    results, linked = small(MODELS[9:11], ("spectrotemporal",), tasks={"gtzan": "accuracy"})
    for name in ("one", "two"):
        write_site(results, linked, place / name, title="Small", study=STUDY)
    return place / "one", place / "two"


def test_the_same_input_gives_the_same_bytes(twice):
    first, second = (
        {path.relative_to(place): path.read_bytes() for path in place.rglob("*.*")}
        for place in twice
    )
    assert len(first) > 30
    assert set(first) == set(second)
    assert [path for path in first if first[path] != second[path]] == []


# --- names that want more than to be shown --------------------------------------------------


def test_hostile_names_are_only_shown(tmp_path):
    names = (HOSTILE, NASTY, "../../../etc/passwd", "a" * 300, "CON", "x", "X", "{{ 7*7 }}")
    models = tuple(
        (name, NASTY if i % 2 else HOSTILE, "supervised", None, None, 1e6, 10.0, i / 4)
        for i, name in enumerate(names)
    )
    models += ((f"{HOSTILE}@random:0", HOSTILE, None, "random", HOSTILE, None, None, -1.0),)
    rows = made_up_rows(models, tasks={HOSTILE: "accuracy"})
    rows = [row for row in rows if row["dataset"] != "natsound165"]
    for row in rows:
        row["dataset"] = NASTY if row["dataset"] == "voxels4" else row["dataset"]
        row["region"] = HOSTILE if row["region"] == "Anterior" else row["region"]
    provenance = {row["provenance"]: record_of(row) for row in rows}
    results = Results(score_table(rows), provenance)
    linked = link(results, traits(models), n_bootstrap=0)
    place = tmp_path / "site"
    write_site(
        results, linked, place, title=HOSTILE, study=NASTY,
        failures=[
            Failure(NASTY, HOSTILE, NASTY, "p", NASTY), Failure("new", NASTY, "", "", HOSTILE),
        ],
        commands=dict.fromkeys(names, NASTY),
        specs={name: {"summary": HOSTILE, HOSTILE: NASTY, "citation": "javascript:alert(1)"}
               for name in names},
    )  # fmt: skip
    for path in place.rglob("*"):
        assert re.fullmatch(r"[a-z0-9_.-]+", path.name), path
        assert len(path.name) < 120
    assert len(list(place.glob("models/*.html"))) == len(names) + 2
    for path in place.rglob("*.html"):
        text = path.read_text()
        assert "<script>alert" not in text
        assert "<img" not in text
        assert "javascript:" not in "".join(Parsed(path).attributes("href"))
        assert {tag for tag, _ in Parsed(path).elements} <= KNOWN_TAGS
    index = Parsed(place / "index.html")
    shown = [row[0]["text"] for row in index.tables["board"][1:]]
    assert set(names) <= set(shown)
    assert {one["name"] for one in index.json("plane-data")["models"]} >= set(names)
    page_of_first = Parsed(place / addresses.model_page(HOSTILE))
    assert words(page_of_first.text).count(HOSTILE) > 3


KNOWN_TAGS = {
    "a", "article", "body", "button", "circle", "clippath", "code", "dd", "defs", "details",
    "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "g", "h1", "h2", "h3", "h4",
    "head", "header", "html", "i", "input", "label", "legend", "li", "line", "link", "main",
    "math", "meta", "mfrac", "mi", "mn", "mo", "mover", "mrow", "mspace", "msqrt", "msub",
    "msup", "munder", "nav", "noscript", "ol", "optgroup", "option", "p", "path", "pre", "rect",
    "script", "section", "select", "small", "span", "strong", "summary", "svg", "table", "tbody",
    "td", "text", "th", "thead", "title", "tr", "ul", "use", "image", "polygon", "munderover",
    "mtext", "msubsup", "lineargradient", "stop",
}  # fmt: skip


def test_names_of_files_are_safe_and_tell_names_apart():
    names = ["a", "A", "a ", "á", "", "模型", "a/b", "a-b", "nul", "x" * 500, "\udcff"]
    slugs = [addresses.slug(name) for name in names]
    assert len({slug.lower() for slug in slugs}) == len(names)
    assert all(re.fullmatch(r"[a-z0-9-]{8,60}", slug) for slug in slugs)
    assert addresses.slug("melspectrogram") == "melspectrogram-a695ce2d"


def test_only_addresses_become_links():
    text = with_links(
        "See <b>, https://x.org/a_(1). arXiv:2511.16849 and doi 10.1371/journal.pbio.1."
    )
    assert "&lt;b&gt;" in text
    assert '<a href="https://x.org/a_(1" ' in text or '<a href="https://x.org/a_(1)" ' in text
    assert '<a href="https://arxiv.org/abs/2511.16849" rel="noopener noreferrer">' in text
    assert '<a href="https://doi.org/10.1371/journal.pbio.1" ' in text
    assert with_links('javascript:alert(1) " onload=x') == ("javascript:alert(1) &#34; onload=x")


# --- numbers --------------------------------------------------------------------------------


def test_the_board_holds_the_values_of_the_table(pages, linked):
    head, *rows = pages["index.html"].tables["board"]
    by_label = linked.measures.set_index("label")["measure"]
    values = linked.values.set_index(["model", "measure"])
    assert len(rows) == len(MODELS) + 1
    for row in rows:
        for heading, cell in list(zip(head, row, strict=True))[2:]:
            label = heading["text"].partition("ceiling")[0]
            key = row[0]["text"], by_label[label]
            if cell["data-v"] == "":
                assert key not in values.index or np.isnan(values.loc[key, "value"])
                continue
            one = values.loc[key]
            assert float(cell["data-v"]) == one["value"]
            assert cell["text"].startswith(f"{one['value']:.3f}".replace("-", "−"))
            if np.isfinite(one["low"]):
                assert f"{one['low']:.2f} to {one['high']:.2f}".replace("-", "−") in cell["text"]
            if np.isfinite(one["ceiling"]):
                told = f"ceiling {one['ceiling']:.3f}"
                assert told in heading["text"] or told in cell["text"]


def test_the_board_is_sorted_by_the_overall_score_and_hides_controls(pages, linked):
    head, *rows = pages["index.html"].tables["board"]
    (place,) = (i for i, cell in enumerate(head) if cell.get("aria-sort"))
    assert head[place]["text"].startswith("overall task score")
    values = [float(row[place]["data-v"]) for row in rows if row[place]["data-v"]]
    assert values == sorted(values, reverse=True)
    assert len(values) == 11
    trs = [attrs for tag, attrs in pages["index.html"].elements if tag == "tr"]
    assert sum("control" in attrs.get("class", "") for attrs in trs) == 2
    assert all("hidden" in attrs for attrs in trs if "control" in attrs.get("class", ""))


def test_bars_begin_at_zero(content):
    board = leaderboard.leaderboard(content)
    overall = [row.cells[0].bar for row in board.rows if row.cells[0].bar]
    zero = overall[0][0]
    assert all(bar[0] == zero or bar[1] == zero for bar in overall)
    assert max(bar[1] for bar in overall) == 100
    assert min(bar[0] for bar in overall) == 0
    rho = next(i for i, one in enumerate(board.columns) if one.label == "voxels4 (ρ)")
    for row in board.rows:
        cell = row.cells[rho]
        if cell.bar:
            assert cell.bar == (0, round(100 * float(cell.sort) / 0.7))


def test_failures_stand_where_the_numbers_would(pages):
    index = pages["index.html"]
    head, *rows = index.tables["board"]
    labels = [cell["text"].partition("ceiling")[0] for cell in head]
    cells = {row[0]["text"]: dict(zip(labels, row, strict=True)) for row in rows}
    # vggish has a number all the same: an earlier run's; nothing is called failed that is there
    assert cells["vggish"]["voxels4 (ρ)"]["text"] != "failed"
    lost = cells["cochresnet50-word"]["voxels4 (r²)"]
    assert lost["text"] == "failed"
    assert lost["title"] == "FetchError: no <weights>"
    assert cells["cochresnet50-word"]["esc50 (accuracy)"]["text"] == "–"
    assert "2 parts of the study failed" in words(index.text)
    assert "FetchError: no <weights>" in index.text
    assert "FetchError: no <weights>" in of_model(pages, "cochresnet50-word").text
    assert "This model has no scores" in of_model(pages, "cochresnet50-word").text


def test_too_many_measures_are_left_out_with_a_word(content, monkeypatch):
    monkeypatch.setattr(leaderboard, "MAX_CELLS", 100)
    board = leaderboard.board(content, content.brains, most_cells=100)
    assert len(board.columns) == 100 // len(content.models)
    assert board.n_left_out == len(content.brains) - len(board.columns)


def test_the_line_and_its_band_are_those_of_statsmodels():
    rng = np.random.default_rng(0)
    x = rng.standard_normal(14)
    y = 0.4 + 0.3 * x + 0.2 * rng.standard_normal(14)
    x[3], y[5] = np.nan, np.nan
    line = fit_line(x, y)
    known = ~np.isnan(x + y)
    model = sm.OLS(y[known], sm.add_constant(x[known])).fit()
    at = np.linspace(-2, 2, 9)
    expected = model.get_prediction(sm.add_constant(at)).conf_int(alpha=0.05)
    assert line.n == 12
    np.testing.assert_allclose(line.at(at) - line.band(at), expected[:, 0], rtol=1e-10)
    np.testing.assert_allclose(line.at(at) + line.band(at), expected[:, 1], rtol=1e-10)
    assert fit_line(x[:2], y[:2]) is None
    assert fit_line(np.ones(5), np.arange(5.0)) is None


def test_the_plane_holds_the_numbers_of_the_tables(pages, linked):
    data = pages["index.html"].json("plane-data")
    values = linked.values.set_index(["measure", "model"])["value"]
    by_label = linked.measures.set_index("label")["measure"]
    names = [one["name"] for one in data["models"]]
    for column in (*data["tasks"], *data["brains"]):
        expected = values[by_label[column["label"]]].reindex(names).to_numpy(float)
        found = np.array(column["values"], float)
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    i, j = 0, [one["label"] for one in data["brains"]].index("voxels4 (ρ)")
    pair = data["pairs"][f"{i},{j}"]
    own = [k for k, one in enumerate(data["models"]) if not one["control"]]
    x, y = (
        np.array(data[side][k]["values"], float)[own] for side, k in (("tasks", 0), ("brains", j))
    )
    known = ~np.isnan(x + y)
    fitted = scipy.stats.linregress(x[known], y[known])
    slope, height, center = pair["line"][:3]
    assert slope == pytest.approx(fitted.slope, rel=1e-4)
    assert height - slope * center == pytest.approx(fitted.intercept, rel=1e-4)
    assert pair["n"] == known.sum() == 11
    rows = linked.correlations
    row = rows[(rows["task"] == OVERALL) & (rows["brain"] == by_label["voxels4 (ρ)"])].iloc[0]
    assert row["value"] == pytest.approx(fitted.rvalue)
    assert pair["words"].startswith(
        f"Pearson’s r = {row['value']:.2f} over 11 models (95 % interval from {row['low']:.2f} to"
    )


def test_places_in_a_ranking(content):
    measure = content.main_task
    ranked = content.ranked(measure)
    assert [content.rank(one.name, measure) for one in ranked] == [(i + 1, 11) for i in range(11)]
    assert content.rank("encodecmae-base@random:0", measure) is None
    assert content.rank("cochresnet50-word", measure) is None


def made_linked(values, correlations=(), models=("a", "b", "c")):
    """Tables by hand: an overall score and one brain measure."""
    measures = [
        {"measure": OVERALL, "kind": "overall", "label": "overall", "unit": "z"},
        {"measure": "brain", "kind": "brain", "dataset": "d", "metric": "rsa", "target": "all",
         "protocol": "p", "unit": "rho", "label": "d (ρ)"},
    ]  # fmt: skip
    rows = [
        {"model": model, "measure": name, "value": value, "n_runs": 1}
        for model, pair in zip(models, values, strict=True)
        for name, value in zip((OVERALL, "brain"), pair, strict=True)
    ]
    tables = {name: table(name, []) for name in COLUMNS}
    tables["models"] = table("models", [{"model": m, "overall": np.nan} for m in models])
    tables["measures"], tables["values"] = table("measures", measures), table("values", rows)
    shared = {"task": OVERALL, "brain": "brain", "subset": "all models", "kind": "pearson"}
    tables["correlations"] = table("correlations", [shared | one for one in correlations])
    return Linked(**tables)


def made_content(*arguments, **options):
    linked = made_linked(*arguments, **options)
    return Content(Results(score_table([]), {}), linked, "t")


PAIRS = ((1.0, 0.5), (0.0, 0.4), (-1.0, 0.2))


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"value": 0.9, "low": 0.7, "high": 0.95}, "also more brain-like, strongly so: over 12"),
        ({"value": 0.5, "low": 0.1, "high": 0.8}, "also more brain-like, moderately so"),
        ({"value": 0.2, "low": 0.1, "high": 0.3}, "also more brain-like, weakly so"),
        ({"value": -0.8, "low": -0.9, "high": -0.5}, "also less brain-like, strongly so"),
        ({"value": 0.9, "low": -0.1, "high": 0.95}, "cannot be told from these models"),
        ({"value": 0.9}, "There are too few models to say how firmly: over 12 models"),
        ({"value": np.nan}, "How overall and d (ρ) go together is not defined here"),
    ],
)
def test_the_answer_says_no_more_than_the_interval(row, expected):
    found = answer(made_content(PAIRS, [{"n": 12} | row]))
    assert expected in found.sentences[0]
    assert found.value == (f"{row['value']:.2f}".replace("-", "−") if "low" in row else "")
    assert "a hears best (overall: 1.00)." in found.sentences
    assert "a is most brain-like (d (ρ): 0.50)." in found.sentences


def test_the_answer_of_few_models_and_of_half_a_study():
    two = answer(made_content(PAIRS[:2], [{"n": 2, "value": np.nan}], models=("a", "b")))
    assert two.sentences[0].startswith("Only 2 models have both overall and d (ρ): too few")
    content = made_content(PAIRS)
    measures = content.linked.measures
    for kind, expected in (("brain", "No model was tested"), ("overall", "No model was compared")):
        kept = replace(content.linked, measures=measures[measures["kind"] == kind])
        assert answer(Content(content.results, kept, "t")).sentences[0].startswith(expected)
    none = replace(content.linked, measures=measures.iloc[:0])
    assert answer(Content(content.results, none, "t")).sentences == ("No model has a score.",)


def test_numbers_in_words():
    assert [r_text(r) for r in (0.9, -0.999, 0.996, 0.9951, 1.0, -1.0, 0.99999, np.nan)] == [
        "0.90", "−0.999", "0.996", "0.995", "1.00", "−1.00", "0.999…", "–",
    ]  # fmt: skip
    assert [ordinal(n) for n in (1, 2, 3, 4, 11, 12, 13, 21, 102, 111)] == [
        "1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "102nd", "111th",
    ]  # fmt: skip
    assert (p_text(0.04), p_text(0.0004), p_text(np.nan)) == (
        "p = 0.040",
        "p < 0.001",
        "p not known",
    )
    assert (size(94e6), size(1.13e9), size(272e3), size(0.5), size(np.nan)) == (
        "94 M", "1.13 G", "272,000", "0.5", "–",
    )  # fmt: skip


# --- the page of a model --------------------------------------------------------------------


def test_a_model_has_its_facts_scores_and_commands(pages, linked):
    parsed = of_model(pages, "encodecmae-base")
    text = words(parsed.text)
    for expected in (
        "encodecmae-base, made up for a test", "Familyencodecmae", "Trainingself-supervised",
        "LicenceMIT", "Parameters30 M", "Hours of training data200,000",
        "CitationAuthor (2024), arXiv 2309.07391",
    ):  # fmt: skip
        assert expected in text, expected
    assert "\n".join(COMMANDS["encodecmae-base"]) in parsed.text
    head, *rows = parsed.tables["scores"]
    headings = [cell["text"] for cell in head]
    values = linked.values[linked.values["model"] == "encodecmae-base"].set_index("measure")
    by_label = linked.measures.set_index("label")["measure"]
    assert len(rows) == values["value"].notna().sum()
    for row in rows:
        cells = dict(zip(headings, row, strict=True))
        one = values.loc[by_label[cells["Measure"]["text"]]]
        assert float(cells["Value"]["data-v"]) == one["value"]
        if np.isfinite(one["ceiling"]):
            assert float(cells["Value / ceiling"]["data-v"]) == one["value"] / one["ceiling"]
        others = linked.values[linked.values["measure"] == one.name]
        own = others[~others["model"].str.contains("@")]["value"]
        expected = f"{1 + (own > one['value']).sum()} of {own.notna().sum()}"
        assert cells["Place"]["text"] == expected


def test_a_model_has_its_figures(pages):
    titles = [
        drawing for drawing in of_model(pages, "encodecmae-base").attributes("aria-label")
        if drawing.startswith(("Bars", "Lines", "Points of", "Scatter"))
    ]  # fmt: skip
    starts = Counter(title.split(" on ")[0].split(" of ")[0] for title in titles)
    assert starts["Lines"] == 4  # layers, and shares of layers, each in two widths
    assert starts["Scatter plots"] == 2
    assert sum(title.startswith("Bars of r² on natsound165") for title in titles) == 2
    assert sum(title.startswith("Bars of the score of each model") for title in titles) == 2
    assert sum(title.startswith("Points of") for title in titles) == 4


def test_controls_are_told_on_both_pages(pages, linked):
    parsed = of_model(pages, "encodecmae-base")
    _, *rows = parsed.tables["against"]
    table = linked.controls
    mine = table[table["model"] == "encodecmae-base"]
    assert [float(row[4]["data-v"]) for row in rows] == mine["difference"].tolist()
    assert addresses.slug("encodecmae-base@random:0") in str(parsed.attributes("href"))
    control = of_model(pages, "encodecmae-base@random:0")
    assert "This is a control: encodecmae-base with random weights." in words(control.text)
    assert "against" not in control.tables
    assert "Against its controls" not in of_model(pages, "ast").text


def test_best_and_worst_sounds_are_those_of_a_plain_loop(results):
    detail = next(d for d in results.details if d.dataset == "natsound165")
    found = heard(results, detail, {"stim000": "x.mp3"})
    errors = {}
    for i, name in enumerate(detail.sounds["sound"]):
        squares = []
        for j in range(detail.measured.shape[1]):
            off = detail.predicted[i, j] - detail.measured[i, j]
            squares.append((off / np.std(detail.measured[:, j])) ** 2)
        errors[name] = np.sqrt(np.mean(squares))
    order = sorted(errors, key=errors.get)
    together = found.lists[0]
    assert [line.sound for line in together.best] == order[:5]
    assert [line.sound for line in together.worst] == order[::-1][:5]
    assert [line.error for line in together.best] == [f"{errors[n]:.2f}" for n in order[:5]]
    assert len(found.lists) == 1 + 6
    pitch = found.lists[1 + COMPONENTS.index("pitch")]
    j = COMPONENTS.index("pitch")
    off = np.abs(detail.predicted[:, j] - detail.measured[:, j])
    assert pitch.best[0].sound == detail.sounds["sound"][int(off.argmin())]
    assert {line.source for one in found.lists for line in one.best} <= {"", "x.mp3"}


def test_voxels_left_out_have_no_part_in_the_errors(results):
    detail = next(d for d in results.details if d.dataset == "voxels4")
    errors = standardised_errors(detail)
    assert np.isnan(errors[:, -2:]).all()
    assert len(heard(results, detail, None).lists) == 1
    constant = replace(detail, measured=np.zeros_like(detail.measured))
    assert heard(results, constant, None) is None


def test_sounds_are_files_that_can_be_heard(site, pages):
    files = sorted(site.glob("sounds/*/*.mp3"))
    assert len(files) == 80
    waveform, rate = soundfile.read(files[0])
    assert len(waveform) / rate == pytest.approx(0.5, abs=0.1)
    parsed = of_model(pages, "encodecmae-base")
    sources = parsed.attributes("data-src")
    assert len(sources) == 7 * 10
    data = parsed.json("heard-0")
    assert len(data["details"][0]) == 80
    assert all((site / address).is_file() for address in data["sources"].values())


def test_of_several_runs_the_first_is_drawn():
    first, second = probe_results(seed=1), probe_results(seed=2)
    second.scores["provenance"] = "other"
    two = merge([first, replace(second, provenance={"other": {}})])
    two = replace(two, probes=(first.probes[0], replace(second.probes[0], provenance="other")))
    mine = results_of(two, "spectrotemporal")
    assert n_runs(two, "spectrotemporal") == 2
    assert len(mine.probes) == 1
    pd.testing.assert_frame_equal(mine.scores, first.scores)
    assert results_of(two, "nobody").scores.empty
    assert n_runs(two, "nobody") == 0


# --- the other pages ------------------------------------------------------------------------


def test_pages_of_data_have_facts_ranking_and_relations(pages, linked):
    brain = pages[addresses.dataset_page("voxels4")]
    text = words(brain.text)
    for expected in ("Kindvoxels", "Sounds165", "none: there is one response a sound", "12" * 32):
        assert expected in text, expected
    assert "https://doi.org/10.1016/j.neuron" in brain.attributes("href")
    head, *_rows = brain.tables["board"]
    assert len(head) == 2 + 4
    correlations = linked.correlations
    names = set(linked.measures.loc[linked.measures["dataset"] == "voxels4", "measure"])
    chosen = correlations["brain"].isin(names) & (correlations["kind"] == "pearson")
    mine = correlations[chosen & (correlations["subset"] == "all models")]
    shown = [float(row[2]["data-v"]) for row in brain.tables["correlations"][1:]]
    assert shown == mine["value"].tolist()
    agreement = linked.agreement[linked.agreement["kind"] == "pearson"]
    either = agreement["first"].isin(names) | agreement["second"].isin(names)
    assert len(brain.tables["agreement"]) == 1 + either.sum()
    assert all(row[0]["text"].startswith("voxels4") for row in brain.tables["agreement"][1:])
    task = pages[addresses.task_page("esc50")]
    text = words(task.text)
    assert "Clips90 train, 30 test" in text
    assert len(task.tables["correlations"]) == 1 + (linked.measures["kind"] == "brain").sum()
    assert "chance" in text


def test_the_analysis_holds_every_correlation(pages, linked):
    parsed = pages["analysis.html"]
    correlations = linked.correlations.set_index(["subset", "kind", "brain", "task"])
    by_label = linked.measures.set_index("label")["measure"]
    subsets = [("all models", "pearson"), ("all models", "spearman")]
    subsets += [("overall > -1", "pearson"), ("overall > -1", "spearman")]
    for i, (subset, kind) in enumerate(subsets):
        head, *rows = parsed.tables[f"tasks-{i}"]
        assert len(rows) == 10
        for row in rows:
            for heading, cell in list(zip(head, row, strict=True))[1:]:
                key = subset, kind, by_label[row[0]["text"]], by_label[heading["text"]]
                one = correlations.loc[key]
                told = f"{one['value']:.2f}".replace("-", "−")
                assert cell["text"].startswith(told) or (np.isnan(one["value"]))
                assert f"n {one['n']:.0f}" in cell["text"] or np.isnan(one["value"])
    for name in ("families", "partial", "groups", "controls", "controls-each", "brains-0"):
        assert name in parsed.tables
    lowest = linked.without_family
    for row in parsed.tables["families"][1:]:
        mine = lowest[lowest["brain"] == by_label[row[0]["text"]]]
        assert float(row[2]["data-v"]) == mine["value"].min()
        assert row[3]["text"] == mine.loc[mine["value"].idxmin(), "family"]


def test_the_method_says_how_and_from_what(pages):
    parsed = pages["method.html"]
    text = words(parsed.text)
    for expected in (
        "Regression, protocol pepino2025", "Representational similarity, protocol pepino2025",
        "Hearing tasks, protocol pepino2025", "ab" * 32, "cd" * 32, "ef" * 32, "n_bootstrap",
        "<b>Eleven</b> models", "the overall score is a model’s mean",
    ):  # fmt: skip
        assert expected in text, expected
    assert sum(tag == "math" for tag, _ in parsed.elements) >= 6
    assert "https://arxiv.org/abs/2511.16849" in parsed.attributes("href")


# --- what is missing ------------------------------------------------------------------------


def written(tmp_path, results, linked, **options):
    place = tmp_path / "site"
    index = write_site(results, linked, place, **{"title": "Some"} | options)
    assert index == place / "index.html"
    pages = {p.relative_to(place).as_posix(): Parsed(p) for p in sorted(place.rglob("*.html"))}
    for address, parsed in pages.items():
        assert "nan" not in re.sub(r"[a-z]*nan[a-z]+|[a-z]+nan", "", parsed.text.lower()), address
        for found, _ in targets_of(address, parsed):
            assert (place / found).resolve().is_file(), (address, found)
    return pages


def test_without_tasks(tmp_path):
    pages = written(tmp_path, *small(MODELS[9:11], tasks={}, brains=("rsa",)))
    assert "No model was tested on hearing tasks" in pages["index.html"].text
    assert "plane-data" not in pages["index.html"].scripts
    assert "There are too few models with both" in pages["analysis.html"].text
    assert len(pages["index.html"].tables["board"]) == 3


def test_without_brains(tmp_path):
    pages = written(tmp_path, *small(brains=()))
    assert "No model was compared with a brain" in pages["index.html"].text
    assert "There are no two brain measures" in pages["analysis.html"].text
    assert not [name for name in pages if name.startswith("datasets/")]


def test_one_model(tmp_path):
    pages = written(tmp_path, *small(MODELS[:1], tasks={"esc50": "accuracy"}, brains=("rsa",)))
    assert "Only 1 model has both" in words(pages["index.html"].text)
    assert "1st of 1" in words(of_model(pages, MODELS[0][0]).text)
    assert "The command was not recorded" in of_model(pages, MODELS[0][0]).text


def test_scores_that_are_not_defined(tmp_path):
    models = MODELS[:3]
    rows = [row | {"value": np.nan, "low": np.nan} for row in made_up_rows(models)]
    results = Results(score_table(rows), {row["provenance"]: record_of(row) for row in rows})
    pages = written(tmp_path, results, link(results, traits(models)))
    _head, *body = pages["index.html"].tables["board"]
    assert {cell["text"] for row in body for cell in row[2:]} == {"–"}


def test_a_constant_measure(tmp_path):
    rows = made_up_rows(MODELS[:4], brains=("rsa",), tasks={"esc50": "accuracy"})
    for row in rows:
        row["value"] = 0.5 if row["metric"] == "rsa" else row["value"]
    results = Results(score_table(rows), {})
    linked = link(results, traits(MODELS[:4]))
    pages = written(tmp_path, results, linked)
    assert "all models have the same number" in pages["index.html"].text


def test_failures_alone(tmp_path):
    results = Results(score_table([]), {})
    linked = Linked(**{name: table(name, []) for name in COLUMNS})
    pages = written(tmp_path, results, linked, failures=FAILURES)
    assert "No model has a score." in pages["index.html"].text
    assert len([name for name in pages if name.startswith("models/")]) == 2


def test_details_without_sounds(twice):
    parsed = Parsed(twice[0] / addresses.model_page("spectrotemporal"))
    assert "The sounds were not available when these pages were made" in words(parsed.text)
    assert not parsed.attributes("data-src")
    assert parsed.json("heard-0")["sources"] is None


# --- the folder -----------------------------------------------------------------------------


@pytest.fixture
def tiny():
    return small(MODELS[:1], tasks={"esc50": "accuracy"}, brains=())


def test_an_old_site_is_replaced_as_a_whole(tmp_path, tiny):
    place = tmp_path / "site"
    write_site(*small(MODELS[:1], tasks={"esc50": "accuracy", "old": "mAP"}, brains=()), place,
               title="Old")  # fmt: skip
    (place / ".DS_Store").touch()
    write_site(*tiny, place, title="New")
    assert not list(place.glob("tasks/old*"))
    assert "New" in (place / "index.html").read_text()
    assert not (place / ".DS_Store").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["site"]
    listed = json.loads((place / "site.json").read_text())["files"]
    there = [p.relative_to(place).as_posix() for p in place.rglob("*") if p.is_file()]
    assert sorted(there) == sorted([*listed, "site.json"])


def test_an_empty_folder_is_taken_and_a_relative_one(tmp_path, tiny, monkeypatch):
    (tmp_path / "empty").mkdir()
    write_site(*tiny, tmp_path / "empty", title="t")
    monkeypatch.chdir(tmp_path)
    assert write_site(*tiny, "deep/er", title="t") == tmp_path / "deep/er/index.html"


@pytest.mark.parametrize("kind", ["file", "others", "added", "mark", "link"])
def test_anything_else_is_refused_and_left_alone(tmp_path, tiny, kind):
    place = tmp_path / "mine"
    if kind == "file":
        place.write_text("mine")
    elif kind in ("added", "mark", "link"):
        write_site(*tiny, place, title="t")
        if kind == "link":
            (place / "models" / "shortcut").symlink_to(tmp_path)
        else:
            name = "models/notes.txt" if kind == "added" else "site.json"
            (place / name).write_text("mine")
    else:
        place.mkdir()
        (place / "thesis.tex").write_text("mine")
    before = sorted(str(path) for path in tmp_path.rglob("*"))
    match = "is a file; expected a folder" if kind == "file" else "holds what is not of a site"
    with pytest.raises(InputError, match=match):
        write_site(*tiny, place, title="New")
    assert sorted(str(path) for path in tmp_path.rglob("*")) == before


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_an_interruption_leaves_the_old_site(tmp_path, tiny, monkeypatch, error):
    place = tmp_path / "site"
    write_site(*tiny, place, title="Old")

    def fail(*arguments):
        raise error

    monkeypatch.setattr("heschl.report.site.writing.method_page", fail)
    expected = StoreError if isinstance(error, OSError) else KeyboardInterrupt
    with pytest.raises(expected):
        write_site(*tiny, place, title="New")
    assert "Old" in (place / "index.html").read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_a_site_that_cannot_be_moved_leaves_the_old_one(tmp_path, tiny, monkeypatch):
    place = tmp_path / "site"
    write_site(*tiny, place, title="Old")
    rename = Path.rename

    def fail(self, target):
        if self.suffix == ".tmp":
            raise OSError(5, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(folder.Path, "rename", fail)
    with pytest.raises(StoreError):
        write_site(*tiny, place, title="New")
    monkeypatch.undo()
    assert "Old" in (place / "index.html").read_text()


def test_what_cannot_become_a_site_is_refused_first(tmp_path, tiny):
    results, linked = tiny
    nothing = replace(results, scores=results.scores.iloc[:0])
    with pytest.raises(InputError, match="the results hold no scores, and nothing failed"):
        write_site(nothing, linked, tmp_path / "site", title="t")
    with pytest.raises(InputError, match="sounds were given for 'nowhere'"):
        write_site(
            results, linked, tmp_path / "site", title="t", sounds={"nowhere": make_sounds(2)}
        )
    assert list(tmp_path.iterdir()) == []


def test_failures_of_a_study_are_taken_as_they_are(tmp_path, tiny):
    own = Failure(model="m", data="/data/mine", metric="rsa", protocol="p", error="no")
    index = write_site(*tiny, tmp_path / "site", title="t", failures=[own])
    assert "/data/mine, rsa, p" in index.read_text()


def test_it_is_part_of_the_package():
    assert report.write_site is write_site


def test_a_model_page_without_anything(content, tmp_path):
    lost = next(one for one in content.models if one.name == "cochresnet50-word")
    shown = model_page(content, lost, Filing(tmp_path, "x"))
    assert shown["scores"] is None
    assert shown["tiles"] == []
    assert [one.what for one in shown["failures"]] == ["voxels4, regression, pepino2025"]


def test_the_plane_needs_both_sides(content, tmp_path):
    measures = content.linked.measures
    kept = replace(content.linked, measures=measures[measures["kind"] != "brain"])
    assert draw_plane(Content(content.results, kept, "t"), Filing(tmp_path, "x")) is None
