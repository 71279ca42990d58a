"""What the documentation says is run, parsed, followed or compared with the code."""

from __future__ import annotations

import contextlib
import io
import itertools
import math
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
import yaml

import heschl
from heschl import __version__, cli, encode, probes, rsa
from heschl.brain import DATASETS, natsound165
from heschl.cli.parser import make_parser
from heschl.models import MODELS, outline
from heschl.pretrain import Recipe, read_recipe, record
from heschl.pretrain.recipe import DataPart
from heschl.tasks import TASKS

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
#: Examples with trained weights.
NEED_SHARED = ("own_tagger",)
MARKDOWN = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *ROOT.glob("docs/*/*.md")])
PAGES = [*MARKDOWN, ROOT / "docs" / "command-line.rst"]
ZOO = sorted((ROOT / "docs" / "zoo").glob("*.md"))

#: Pages whose blocks of Python are run, one after the other, as one program.
RUN = (
    "your-own-model",
    "your-own-dataset",
    "getting-started",
    "concepts",
    "models",
    "extraction",
    "datasets",
    "tasks",
    "probing",
    "dynamics",
    "pretraining",
)
#: Tables of the page on pretraining, by the part of a recipe; the first one is that of the whole.
PARTS = ("network", "targets", "data", "training", "checkpoints", "alignment")


def name(path):
    return path.relative_to(ROOT).as_posix()


def read(path):
    return path.read_text(encoding="utf-8")


def blocks(text):
    """Return (language, content) of every fenced block."""
    return re.findall(r"^```([\w{}-]*)\n(.*?)^```$", text, re.S | re.M)


def programs(text):
    """Return every block of Python with the output that the next block, if of text, promises."""
    found = blocks(text)
    after = [*found[1:], ("", "")]
    return [
        (code, output if kind == "text" else None)
        for (language, code), (kind, output) in zip(found, after, strict=True)
        if language == "python"
    ]


def run_program(text, **given):
    """Run all blocks in one namespace; return what was printed beside what was promised.

    What the text leaves to the reader is given.
    """
    namespace = {"__name__": "documentation", **given}
    pairs = []
    for code, promised in programs(text):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "<documentation>", "exec"), namespace)
        if promised is not None:
            pairs.append((printed.getvalue().rstrip(), promised.rstrip()))
    return pairs


def same(printed, promised):
    """Whether two outputs agree, word by word; numbers to within what rounding may do."""
    ours, theirs = printed.split(), promised.split()
    return len(ours) == len(theirs) and all(map(same_word, ours, theirs))


def same_word(one, other):
    number = r"-?\d+\.\d+"
    if re.fullmatch(number, one) and re.fullmatch(number, other):
        return float(one) == pytest.approx(float(other), abs=2e-3)
    return one == other


def commands(text):
    """Return every ``heschl`` command line typed in a console block, without its output."""
    fenced = [content for language, content in blocks(text) if language == "console"]
    literal = re.findall(r"^\.\. code-block:: console\n\n((?: {3}.*\n|\n)+)", text, re.M)
    lines = [line.strip() for content in (*fenced, *literal) for line in content.splitlines()]
    typed = [line[2:] for line in lines if line.startswith("$ ")]
    return [line for line in typed if line.split()[0] == "heschl"]


def anchors(text):
    """Return the anchors of all headings, as GitHub and MyST make them."""
    outside = re.sub(r"^```.*?^```$", "", text, flags=re.S | re.M)
    titles = re.findall(r"^#+ (.+)$", outside, re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def links(text):
    """Return the targets of all Markdown links and images, outside of code."""
    outside = re.sub(r"^```.*?^```$", "", text, flags=re.S | re.M)
    return re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", outside))


@pytest.mark.parametrize(
    "example",
    [
        pytest.param(path, id=name(path), marks=[pytest.mark.shared] * (path.stem in NEED_SHARED))
        for path in EXAMPLES
    ],
)
def test_example_runs_and_says_something(example, tmp_path, heschl_home):
    environment = os.environ | {
        "HESCHL_HOME": str(heschl_home),
        "HESCHL_OFFLINE": "1",
        "PYTHONPATH": str(ROOT / "src"),
    }
    done = subprocess.run(
        [sys.executable, "-W", "error", str(example)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.strip()


@pytest.mark.filterwarnings("ignore::heschl.errors.HeschlWarning")  # two models take 20 kHz
def test_the_page_of_studies_does_what_it_says(tmp_path, monkeypatch, capsys):
    """Its first file, planned and run by its commands, then from its Python."""
    monkeypatch.chdir(tmp_path)
    text = read(ROOT / "docs" / "studies.md")
    first = next(content for language, content in blocks(text) if language == "yaml")
    Path("example.yaml").write_text(first, encoding="utf-8")
    for line in commands(text)[:4]:
        assert cli.run(shlex.split(line)[1:]) == 0
    assert "9 of 9 steps are done" in capsys.readouterr().out
    assert Path("site/index.html").is_file()
    assert Path("figures/table1.csv").is_file()
    namespace = {}
    (code,) = (content for language, content in blocks(text) if language == "python")
    exec(compile(code, "<documentation>", "exec"), namespace)
    assert namespace["run"].done
    assert [one.state for one in namespace["plan"].steps] == ["there"] * 9


@pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")  # Lightning, of torch
@pytest.mark.filterwarnings("ignore:sounds of synthetic are recorded at 20000 Hz")
@pytest.mark.parametrize("page", RUN)
def test_python_of_a_page_prints_what_the_page_says(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HESCHL_OFFLINE", "1")
    text = read(ROOT / "docs" / f"{page}.md")
    assert programs(text), "no block of Python"
    for printed, promised in run_program(text):
        assert same(printed, promised), printed


@pytest.mark.shared
def test_python_of_the_readme_prints_what_it_says(shared, tmp_path, monkeypatch):
    natsound165.fetch(shared / "data" / "natsound165")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HESCHL_OFFLINE", "1")
    pairs = run_program(read(ROOT / "README.md"), batches=[0.5, 0.25], train_on=float)
    assert pairs
    for printed, promised in pairs:
        assert same(printed, promised), printed
    assert Path("run/losses.csv").read_text("utf-8").split() == ["step,loss", "1,0.5", "2,0.25"]


def test_own_model_page_shows_the_code_of_the_examples():
    """What a reader copies from the page is what the examples hold."""
    page = read(ROOT / "docs" / "your-own-model.md")
    for example in ("own_model", "own_audio_model"):
        code = read(ROOT / "examples" / f"{example}.py")
        parts = re.findall(r"^(?:class|def) .*?(?=^\S|\Z)", code, re.S | re.M)
        shown = [part for part in parts if not part.startswith("def main")]
        assert shown
        for part in shown:
            assert part.rstrip() in page, f"{example}: {part.splitlines()[0]}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_commands_of_a_page_can_be_typed(page):
    for line in commands(read(page)):
        arguments = shlex.split(line)[1:]
        options = make_parser().parse_args(arguments)
        assert options.command == arguments[0]


def test_commands_are_found():
    found = [line.split()[1] for page in PAGES for line in commands(read(page))]
    assert {"demo", "fetch", "score", "report", "info"} <= set(found)


def output_of(arguments, capsys):
    """Run a command line; return its exit code and what it printed."""
    code = cli.run(arguments)
    captured = capsys.readouterr()
    return code, captured.out + captured.err


def outputs(text):
    """Return (command, output) of every console block of one command that a block of text follows.

    Those of the pages on models need neither weights nor a network.
    """
    found = blocks(text)
    for (language, content), (following, output) in itertools.pairwise(found):
        lines = content.splitlines()
        if (language, following) == ("console", "text") and len(lines) == 1:
            yield lines[0].removeprefix("$ "), output


PROMISED = [
    (name(page), line, output)
    for page in (ROOT / "docs" / "models.md", *ZOO)
    for line, output in outputs(read(page))
]


@pytest.mark.parametrize(("page", "line", "promised"), PROMISED, ids=[p[1] for p in PROMISED])
def test_commands_print_what_a_page_on_models_says(page, line, promised, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    program, *arguments = shlex.split(line)
    assert program == "heschl"
    _, printed = output_of(arguments, capsys)
    assert same(printed, promised), printed


def test_plan_of_the_download_is_what_the_page_says(capsys):
    code, printed = output_of(["fetch", "natsound165", "--dry-run"], capsys)
    assert code == 0
    assert printed in read(ROOT / "docs" / "getting-started.md")


def test_error_message_is_what_the_page_says(capsys):
    page = read(ROOT / "docs" / "command-line.rst")
    (line,) = commands(page)
    code, printed = output_of(shlex.split(line)[1:], capsys)
    assert code == 2
    assert printed.strip() in page


def test_table_of_the_demonstration_is_what_the_page_says():
    """The cheapest of its models stands for all."""
    page = read(ROOT / "docs" / "getting-started.md")
    line = r"^ +melspectrogram +synthetic +(\w+) +([\d.]+) +(\w+) +([\d.]+) +([\d.]+) +([\d.]+)"
    shown = re.findall(line, page, re.M)
    computed = []
    for metric in ("regression", "rsa"):
        scores = heschl.score("melspectrogram", "synthetic", metric=metric, use_store=False).scores
        everywhere = scores[(scores.scope != "target") & scores.region.isna()]
        numbers = ["target", "value", "unit", "low", "high", "ceiling"]
        computed += everywhere[numbers].itertuples(index=False, name=None)
    assert [(row[0], row[2]) for row in shown] == [(row[0], row[2]) for row in computed]
    for row, expected in zip(shown, computed, strict=True):
        for i in (1, 3, 4, 5):
            assert float(row[i]) == pytest.approx(expected[i], abs=2e-3)


def test_outputs_are_compared_word_by_word():
    assert same("a  0.1234\n b", "a 0.1230 b")
    assert not same("a 0.12 b", "a 0.13 b")
    assert not same("a 1 b", "a 2 b")
    assert not same("a b", "a b c")


def test_a_mistyped_command_would_be_noticed():
    (line,) = commands("```console\n$ heschl score x --datasets y\nsome output\n```\n")
    with pytest.raises(SystemExit), contextlib.redirect_stderr(io.StringIO()):
        make_parser().parse_args(shlex.split(line)[1:])


@pytest.mark.parametrize("page", MARKDOWN, ids=name)
def test_links_of_a_page_lead_somewhere(page):
    text = read(page)
    for link in links(text):
        parts = urlsplit(link)
        if parts.scheme:
            assert parts.scheme == "https", link
            continue
        target = page.parent / parts.path if parts.path else page
        assert target.is_file(), f"{link}: no such file"
        if parts.fragment:
            assert parts.fragment in anchors(read(target)), f"{link}: no such heading"


def test_every_page_is_in_a_table_of_contents():
    held = set()
    for page in MARKDOWN:
        for content in re.findall(r"^```\{toctree\}\n(.*?)^```$", read(page), re.S | re.M):
            entries = [line for line in content.split() if not line.startswith(":")]
            held |= {(page.parent / entry).with_suffix("").resolve() for entry in entries}
    pages = {p.with_suffix("") for p in PAGES if p.is_relative_to(ROOT / "docs")}
    built = {page for page in pages if "_build" not in page.parts}
    assert built - held == {ROOT / "docs" / "index"}


def test_images_are_used_and_small():
    images = set((ROOT / "docs" / "images").iterdir())
    shown = {
        (page.parent / link).resolve()
        for page in MARKDOWN
        for link in links(read(page))
        if link.endswith((".png", ".svg"))
    }
    assert shown == images
    assert max(image.stat().st_size for image in images) < 150_000


def test_registered_names_are_documented():
    for page, names in (
        ("models", MODELS),
        ("datasets", DATASETS),
        ("pepino2025", encode.PROTOCOLS),
        ("tuckute2023", encode.CORRECTED_PROTOCOLS),
        ("rsa", rsa.PROTOCOLS),
        ("probing", probes.PROTOCOLS),
    ):
        text = read(ROOT / "docs" / f"{page}.md")
        for one in names:
            assert f"`{one}`" in text, f"docs/{page}.md does not mention {one}"


# the pages on models


def table_after(text, header):
    """Return the cells of the rows of the first table whose header begins so."""
    rows = re.search(rf"^{re.escape(header)}.*\n\|[-|]+\n((?:\|.*\n)+)", text, re.M)[1]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows.splitlines()]


def overview():
    """Return the rows of the table of all models by name."""
    rows = table_after(read(ROOT / "docs" / "models.md"), "| name | published id | layers")
    return {re.match(r"\[`(.+?)`\]", row[0])[1]: row for row in rows}


def listed(cell):
    """Return what a cell names: ``a``, ``a0`` to ``a9``, or ``a0``, ``a2``, ..., ``a8``."""
    names = re.findall(r"`([^`]+)`", cell)
    if "` to `" in cell:
        (first, last), step = names, 1
    elif "..." in cell:
        first, second, last = names
        step = numbered(second)[1] - numbered(first)[1]
    else:
        return names
    (stem, start, end), (_, stop, _) = numbered(first), numbered(last)
    return [f"{stem}{n}{end}" for n in range(start, stop + 1, step)]


def numbered(one):
    """Take a name apart where it has its last number."""
    stem, number, end = re.fullmatch(r"(.*?)(\d+)(\D*)", one).groups()
    return stem, int(number), end


def layer_tables():
    """Return {model: [(layer, features, on request, published key), ...]} of all pages."""
    found = {}
    for page in ZOO:
        parts = re.split(r"^((?:`[\w-]+`(?:, )?)+):$", read(page), flags=re.M)
        for names, text in zip(parts[1::2], parts[2::2], strict=True):
            layers = []
            for cell, features, _, *key in table_after(text, "| layer | features |"):
                keys = listed(key[0]) if key else []
                layers += [
                    (layer, int(features.replace(",", "")), "on request" in cell, published)
                    for layer, published in zip(
                        listed(cell), keys or [None] * len(listed(cell)), strict=True
                    )
                ]
            for model in re.findall(r"`(.+?)`", names):
                assert model not in found, f"two tables of {model}"
                found[model] = layers
    return found


def test_every_task_has_its_row():
    text = read(ROOT / "docs" / "tasks.md")
    rows = {cells[0]: cells for cells in table_rows(text) if cells[0].startswith("`")}
    for spec in TASKS.values():
        _, _, clips, splits, unit, release = rows[f"`{spec.name}`"]
        assert clips.startswith(f"{spec.n_clips:,} of ")
        assert unit == spec.unit
        assert release == (spec.aliases[0] if spec.aliases else "")
        if spec.fetch is None:
            task = spec.load()
            assert splits == (f"{len(task.splits)} folds" if task.folds else "train, valid, test")


def table_rows(text):
    """Return the cells of every row of every Markdown table."""
    lines = re.findall(r"^\|(.+)\|$", text, re.M)
    return [[cell.strip() for cell in line.split("|")] for line in lines]


def test_every_model_has_its_row_and_its_table():
    assert list(overview()) == list(MODELS)
    assert set(layer_tables()) == set(MODELS)
    for one, row in overview().items():
        spec = MODELS[one]
        assert row[1] == (f"`{spec.aliases[0]}`" if spec.aliases else "-")
        if spec.weights is None:
            assert row[6] == "-"
        else:
            assert spec.weights.licence.startswith(row[6])
        page = ROOT / "docs" / re.search(r"\((.+?)\)", row[0])[1]
        assert f"`{one}`" in read(page)
        assert all(f"`{alias}`" in read(page) for alias in spec.aliases)


def test_training_is_that_of_the_code():
    rows = table_after(read(ROOT / "docs" / "models.md"), "| models | training | hours |")
    shown = {one: cells for names, *cells in rows for one in re.findall(r"`(.+?)`", names)}
    assert set(shown) == set(MODELS)
    assert sum(names.count(",") + 1 for names, *_ in rows) == len(MODELS)
    for one, cells in shown.items():
        training = MODELS[one].training
        hours = "-" if training.hours is None else f"{training.hours:,}"
        assert cells == [training.kind, hours, training.data, training.source], one


def test_pinned_hashes_are_those_of_the_code():
    files = [file for spec in MODELS.values() if spec.weights for file in spec.weights.files]
    pinned = {file.sha256: file for file in files if file.sha256 is not None}
    lines = [line for page in ZOO for line in read(page).splitlines()]
    shown = {sha256: line for line in lines for sha256 in re.findall(r"[0-9a-f]{64}", line)}
    assert set(shown) == set(pinned)
    for sha256, line in shown.items():
        assert f"`{pinned[sha256].path.name}`" in line
        if pinned[sha256].size is not None:
            assert f"{pinned[sha256].size:,}" in line


@pytest.mark.zoo
@pytest.mark.parametrize("model", MODELS)
def test_tables_of_layers_are_those_of_the_code(model):
    loaded, spec = outline(model), MODELS[model]
    n_samples = 2 * loaded.sample_rate
    if hasattr(loaded, "shapes"):
        shapes = loaded.shapes(n_samples)
    else:
        noise = np.random.default_rng(0).standard_normal((1, n_samples), dtype=np.float32)
        shapes = {layer: found.shape[1:] for layer, found in loaded(noise).items()}
    features = {layer: math.prod(shape[:-1]) for layer, shape in shapes.items()}
    shown = layer_tables()[model]
    assert {layer: n for layer, n, _, _ in shown} == features
    assert tuple(layer for layer, _, on_request, _ in shown if not on_request) == loaded.layers
    for layer, _, _, key in shown:
        if key is not None:
            assert loaded.site(layer).published == key.replace("ID", spec.aliases[0], 1)
    _, _, n_layers, sizes, rate, parameters, _ = overview()[model]
    assert int(n_layers) == len(loaded.layers)
    assert rate == f"{loaded.sample_rate / 1000:g} kHz"
    smallest, largest = (f(features[layer] for layer in loaded.layers) for f in (min, max))
    assert sizes == (f"{smallest:,}" if smallest == largest else f"{smallest:,} to {largest:,}")
    n_parameters = loaded.n_parameters() if hasattr(loaded, "n_parameters") else 0
    assert parameters == (f"{n_parameters / 1e6:.1f} M" if n_parameters else "0")


# the page on pretraining


def parts_of_a_recipe():
    """Return {part: {key: default}} of the page, as it is written; "" is the recipe as a whole."""
    text = read(ROOT / "docs" / "pretraining.md").split("## The recipe")[1]
    sections = {"": text, **{part: text.split(f"### {part}\n")[1] for part in PARTS}}
    return {part: defaults(section) for part, section in sections.items()}


def defaults(text):
    """Return {key: default} of the first table; rows of several keys have one, or as many."""
    found = {}
    for keys, _, cell in table_after(text, "| key | what it says |"):
        names = re.findall(r"`(\w+)`", keys)
        values = re.findall(r"`(.+?)`", cell) or [cell]
        found |= zip(names, values * len(names) if len(values) == 1 else values, strict=True)
    return found


def test_keys_and_defaults_of_recipes_are_those_of_the_code():
    shown = parts_of_a_recipe()
    assert set(shown[""]) == set(Recipe.model_fields)
    for part in PARTS:
        entry = Recipe.model_fields[part]
        fields = (DataPart if part == "data" else type(entry.default)).model_fields
        assert set(shown[part]) == set(fields), part
        for key, written in shown[part].items():
            if fields[key].is_required():
                assert not written, key
            else:
                assert plain(written) == plain(fields[key].default), key


def plain(value):
    """Bring a default, or what is written for it, to one form."""
    if isinstance(value, str):
        value = None if value == "none" else yaml.safe_load(re.sub(r"(?<=\d),(?=\d{3})", "", value))
    if isinstance(value, str) and re.fullmatch(r"[\d.]+(e-\d+)?", value):
        return float(value)
    return (list(value) or None) if isinstance(value, tuple) else value


def test_recipes_of_the_page_and_of_the_folder_can_be_read(tmp_path):
    text = read(ROOT / "docs" / "pretraining.md")
    for i, (language, content) in enumerate(blocks(text)):
        if language == "yaml":
            (tmp_path / f"{i}.yaml").write_text(content, encoding="utf-8")
    shipped = sorted((ROOT / "recipes").glob("*.yaml"))
    for path in [*tmp_path.iterdir(), *shipped]:
        read_recipe(path)
    assert re.findall(r"`([\w-]+\.yaml)` ", text.split("## What is trained")[0]) == [
        "encodecmae-base.yaml",
        "second-stage.yaml",
        "small-offline.yaml",
    ]
    assert len(list(tmp_path.iterdir())) == 2


def test_the_published_recipe_is_the_default():
    described = read_recipe(ROOT / "recipes" / "encodecmae-base.yaml").description
    default = Recipe(name="x", data={"sources": ["x"]})
    for part in ("encodec", "network", "targets", "training"):
        assert getattr(described, part) == getattr(default, part)


def test_what_may_change_in_a_recipe_is_what_the_code_allows():
    text = read(ROOT / "docs" / "pretraining.md")
    (told,) = re.findall(r"^\| may \| (.+) \|$", text, re.M)
    free = set()
    for group in told.split("; "):
        part, *keys = re.findall(r"`(\w+)`", group)
        free |= {(part, key) for key in keys} or {(part,)}
    assert free == set(record._FREE)


def test_cells_name_layers():
    assert listed("`a`, on request") == ["a"]
    assert listed("`0` to `3`") == ["0", "1", "2", "3"]
    assert listed("`1`, `4`, ..., `10`") == ["1", "4", "7", "10"]
    assert listed("`r.1.rnn` to `r.2.rnn`") == ["r.1.rnn", "r.2.rnn"]
    assert listed("-") == []


@pytest.mark.zoo
def test_five_minutes_are_followed_to_the_letter(tmp_path, heschl_home):
    """But for the installation: that of these tests serves."""
    text = read(ROOT / "docs" / "five-minutes.md")
    environment = os.environ | {
        "HESCHL_HOME": str(heschl_home),
        "HESCHL_OFFLINE": "1",
        "PYTHONPATH": str(ROOT / "src"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    found = re.findall(r"(?:[Ss]ave as `([\w.]+)`:\n\n)?^```(\w+)\n(.*?)^```$", text, re.S | re.M)
    printed, n_compared = "", 0
    for file, language, content in found:
        if language == "python":
            assert file, f"a block that belongs to no file: {content[:60]}"
            (tmp_path / file).write_text(content, encoding="utf-8")
        elif language == "console" and "pip install" not in content:
            for line in content.splitlines():
                done = subprocess.run(
                    line.removeprefix("$ "),
                    shell=True,
                    cwd=tmp_path,
                    env=environment,
                    capture_output=True,
                    text=True,
                    check=False,
                )
                printed = done.stdout if done.returncode == 0 else done.stderr
        elif language == "text":
            assert same(printed, content), printed
            n_compared += 1
    assert n_compared == 7
    assert (tmp_path / "report.html").stat().st_size > 100_000


def component_table(text):
    """Return {target: [r2, ...]} from a table on the terminal or in Markdown."""
    found = {}
    for target in natsound165.LABELS:
        rows = re.findall(rf"^(?:.*spectrotemporal.*)?\W{target}\b(.*)$", text, re.M)
        rows += re.findall(rf"^\|.*`{target}`(.*)$", text, re.M)
        found[target] = [float(x) for row in rows[:1] for x in re.findall(r"\d\.\d+", row)]
    return found


def test_pages_agree_on_the_published_components():
    """One set of numbers everywhere, each within 0.01 of the published one."""
    published = natsound165.PUBLISHED["spectrotemporal"]
    protocol = component_table(read(ROOT / "docs" / "pepino2025.md"))
    for page in ("README.md", "docs/getting-started.md"):
        shown = component_table(read(ROOT / page))
        assert {t: v[:1] for t, v in shown.items()} == {t: v[1:] for t, v in protocol.items()}, page
    for target, (theirs, ours) in protocol.items():
        assert theirs == published[target]
        assert abs(ours - theirs) < 0.01


def test_versions_and_licence_agree():
    citation = read(ROOT / "CITATION.cff")
    assert re.search(r"^version: (.+)$", citation, re.M)[1] == __version__
    assert re.search(r"^license: (.+)$", citation, re.M)[1] == "BSD-3-Clause"
    assert 'license = "BSD-3-Clause"' in read(ROOT / "pyproject.toml")
    assert "BSD 3-Clause License" in read(ROOT / "LICENSE")
    assert "## [Unreleased]" in read(ROOT / "CHANGELOG.md")


def test_contributing_names_the_targets_of_the_makefile():
    targets = set(re.findall(r"^([a-z]+):", read(ROOT / "Makefile"), re.M))
    told = set(re.findall(r"`make ([a-z]+)`", read(ROOT / "CONTRIBUTING.md")))
    assert told == targets


def test_no_page_names_a_folder_of_this_machine():
    for page in PAGES:
        assert not re.search(r"/(?:tmp|work|root)/|shared/data", read(page)), page
