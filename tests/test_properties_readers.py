"""Readers on drawn content: what is written is read again, and agrees with other readers.

Damaged files give the errors that are documented, and no others: whole ones are taken from the
corpus of the fuzzers (fuzz/), and changed at random. Draws are the same every time; looking for new
ones is what the fuzzers are for.
"""

from __future__ import annotations

import csv
import json
import math
import pickle
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from heschl import audio, releases
from heschl.brain import folder as brain_folder
from heschl.models import weights
from heschl.models.encodecmae.gin import Bindings
from heschl.models.weights.receipt import Kept, Receipt, read_receipt
from heschl.pickles import read_inert
from heschl.pickles.plain_makers import PlainMakers
from heschl.pretrain.recipe import read_recipe
from heschl.results import Profile, Results, score_table
from heschl.sounds import ClipFacts
from heschl.store import ArrayEntry
from heschl.studies.folder import Failure, StudyRun, load_run
from heschl.studies.reading import read_study
from heschl.tasks import hear
from heschl.tasks.clip_index import ClipIndex, Entry, Stamp

FUZZ = Path(__file__).resolve().parents[1] / "fuzz"
sys.path.append(str(FUZZ))
import places  # noqa: E402
import targets  # noqa: E402
import watch  # noqa: E402

drawn = settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

#: Texts that files can hold: no halves of characters, which UTF-8 has not.
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,9}", fullmatch=True)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | FLOATS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
RECORDS = st.dictionaries(TEXTS, JSON, max_size=3)
SEEDS = st.integers(0, 2**32 - 1)


@pytest.fixture
def place(tmp_path_factory):
    """Return a function that makes a new folder, for each of many draws one."""
    return lambda: tmp_path_factory.mktemp("drawn")


# what heschl keeps


@drawn
@given(
    rows=st.lists(st.integers(1, 4), min_size=1, max_size=3),
    layers=st.dictionaries(NAMES, st.lists(st.integers(0, 3), max_size=2), min_size=1, max_size=3),
    kind=st.sampled_from(["f4", "f8", "i8", "u1", "?"]),
    description=RECORDS,
    seed=SEEDS,
)
def test_stored_arrays(place, rows, layers, kind, description, seed):
    rng = np.random.default_rng(seed)
    parts = [
        {name: rng.integers(0, 2, (n, *shape)).astype(kind) for name, shape in layers.items()}
        for n in rows
    ]
    entry = ArrayEntry(place())
    for index, part in enumerate(parts):
        entry.write_part(index, part)
    entry.commit(len(parts), description)
    stored = ArrayEntry(entry.folder).open()
    assert stored.description == description
    assert set(stored) == set(layers)
    for name in layers:
        whole = np.concatenate([part[name] for part in parts])
        assert stored.shape(name) == whole.shape
        assert stored[name].dtype == whole.dtype
        np.testing.assert_array_equal(stored[name], whole)


ROWS = st.fixed_dictionaries(
    {
        **dict.fromkeys(("model", "dataset", "metric", "protocol", "scope", "target"), TEXTS),
        "region": st.none() | TEXTS,
        "value": FLOATS,
        "ceiling": st.none() | st.floats(0.1, 1),
        "n_sounds": st.integers(1, 999),
        "provenance": TEXTS,
    }
)


@drawn
@given(rows=st.lists(ROWS, max_size=3), records=st.dictionaries(TEXTS, RECORDS), seed=SEEDS)
def test_results(place, rows, records, seed):
    numbers = np.random.default_rng(seed).standard_normal((2, 3))
    names = dict.fromkeys(("model", "dataset", "metric", "protocol", "provenance", "unit"), "x")
    groups = pd.DataFrame({"listener": ["1", None]})
    profile = Profile(
        **names, groups=groups, layers=("a", "b", "c"), scores=numbers, ceiling=numbers[:, 0]
    )
    whole = Results(score_table(rows), records, profiles=(profile,))
    read = Results.load(whole.save(place()))
    assert read.rows() == whole.rows()
    assert read.provenance == records
    np.testing.assert_array_equal(read.profiles[0].scores, numbers)
    pd.testing.assert_frame_equal(read.profiles[0].groups, groups)
    assert read.profiles[0].layers == profile.layers


FAILURES = st.builds(Failure, TEXTS, TEXTS, TEXTS, TEXTS, TEXTS)


@drawn
@given(
    texts=st.tuples(TEXTS, TEXTS, TEXTS),
    models=st.dictionaries(TEXTS, RECORDS, max_size=2),
    runs=st.lists(NAMES, max_size=3),
    failures=st.lists(FAILURES, max_size=2),
)
def test_indices_of_studies(place, texts, models, runs, failures):
    run = StudyRun(
        *texts,
        models=models,
        commands={"m": ["heschl", "score"]},
        runs=tuple(runs),
        failures=tuple(failures),
        n_steps=len(runs),
        added=({"folder": "added", "source": texts[0]},),
    )
    folder = place()
    run.save(folder)
    assert load_run(folder) == run


STAMPS = st.builds(Stamp, st.integers(0, 2**50), st.integers(0, 2**62))
FACTS = st.builds(ClipFacts, NAMES, st.integers(1, 10**6), st.integers(1, 10**9), st.booleans())
ENTRIES = st.builds(Entry, STAMPS, st.none() | STAMPS, FACTS)


@drawn
@given(entries=st.dictionaries(TEXTS, ENTRIES, max_size=4), cut=st.integers(1, 30))
def test_facts_on_clips(place, entries, cut):
    """A line that is cut short costs its own clip and no other."""
    path = place() / "facts.txt"
    with ClipIndex(path) as index:
        for name, entry in entries.items():
            index.add(name, entry)
    assert ClipIndex(path).entries == entries
    if entries:
        path.write_bytes(path.read_bytes()[:-cut])
        kept = list(entries.items())[: -1 if cut > 1 else None]
        assert dict(ClipIndex(path).entries) == dict(kept)


@drawn
@given(
    licence=TEXTS,
    accepted=st.booleans(),
    kept=st.dictionaries(TEXTS, st.builds(Kept, TEXTS, st.integers(0, 2**50), TEXTS, TEXTS)),
)
def test_receipts(place, licence, accepted, kept):
    receipt, folder = Receipt(licence, accepted, kept), place()
    receipt.write(folder)
    assert read_receipt(folder) == receipt


@drawn
@given(files=st.dictionaries(NAMES, st.binary(max_size=20), max_size=3))
def test_manifests_of_releases(place, files):
    root = place()
    (root / releases.DATA).mkdir()
    for name, content in files.items():
        (root / releases.DATA / name).write_bytes(content)
    releases.write(root, "url", None, [Path(name) for name in files])
    installed = releases.read(root)
    assert {str(name): one.size for name, one in installed.files.items()} == {
        name: len(content) for name, content in files.items()
    }
    assert installed.is_unaltered(hashed=True)


# what users write

ENTRY = st.fixed_dictionaries(
    {"name": TEXTS.filter(bool)},
    optional={
        "family": TEXTS.filter(bool),
        "training": st.sampled_from(["self-supervised", "supervised", "hand-built"]),
        "hours": st.floats(0.001, 1e6),
        "parameters": st.integers(1, 10**12),
        "modules": NAMES,
    },
)
STUDIES = st.fixed_dictionaries(
    {
        "study": NAMES,
        "title": TEXTS.filter(bool),
        "models": st.lists(ENTRY, min_size=1, max_size=3),
    },
    optional={
        "datasets": st.lists(NAMES, max_size=2),
        "controls": st.lists(TEXTS.filter(bool), max_size=2),
        "seeds": st.lists(st.integers(0, 2**40), min_size=1, max_size=2),
        "bootstrap": st.integers(0, 10**6),
        "layer_profiles": st.booleans(),
    },
)


@drawn
@given(said=STUDIES, flow=st.booleans())
def test_study_files(place, said, flow):
    path = place() / "study.yaml"
    path.write_text(yaml.safe_dump(said, default_flow_style=flow, allow_unicode=True), "utf-8")
    found = read_study(path).description
    assert (found.study, found.title) == (said["study"], said["title"])
    for entry, one in zip(said["models"], found.models, strict=True):
        read = one.model_dump(mode="json")
        assert {key: read[key] for key in entry} == entry
    assert list(found.seeds) == said.get("seeds", [0])
    assert [one.name for one in found.datasets] == said.get("datasets", [])
    assert found.bootstrap == said.get("bootstrap", 1000)


RECIPES = st.fixed_dictionaries(
    {"name": NAMES, "data": st.fixed_dictionaries({"sources": st.lists(NAMES, min_size=1)})},
    optional={
        "network": st.fixed_dictionaries(
            {"dim": st.integers(12, 999), "heads": st.integers(1, 12)},
            optional={"size": st.sampled_from(["small", "base", "large"])},
        ),
        "training": st.fixed_dictionaries(
            {"steps": st.integers(1, 10**7), "learning_rate": st.floats(1e-9, 1)},
            optional={"precision": st.sampled_from(["16", 16, "32", 32, "bf16"])},
        ),
    },
)


@drawn
@given(said=RECIPES)
def test_recipes(place, said):
    path = place() / "recipe.yaml"
    path.write_text(yaml.safe_dump(said), encoding="utf-8")
    found = read_recipe(path).description
    assert found.name == said["name"]
    assert [str(one.folder) for one in found.data.sources] == said["data"]["sources"]
    for part in ("network", "training"):
        for key, value in said.get(part, {}).items():
            read = getattr(getattr(found, part), key)
            assert read == (str(value) if key == "precision" else value)


LITERALS = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | FLOATS | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner),
    max_leaves=5,
)


@drawn
@given(values=st.dictionaries(st.from_regex(r"[A-Z]{1,4}", fullmatch=True), LITERALS, max_size=3))
def test_gin_texts(values):
    """Macros, arguments that take them, and lists of them, are Python's own literals."""
    lines = [f"{name} = {value!r}" for name, value in values.items()]
    lines += [f"module.Class.{name} = [%{name}, %{name}]  # both" for name in values]
    text = "\n".join(lines) + "\n"
    if "%" in repr(values):  # in a text it would be a macro
        return
    bindings = Bindings(text, "x")
    for name, value in values.items():
        assert repr(bindings.find("", name)) == repr(value)
        assert repr(bindings.find("Class", name)) == repr([value, value])


# tasks and datasets

LABELS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=6)


@drawn
@given(classes=st.lists(LABELS, min_size=2, max_size=4, unique=True), draw=st.data())
def test_hear_tasks(place, classes, draw):
    """Vocabulary and labels as the standard library writes them."""
    splits, root = ("train", "valid", "test"), place()
    with (root / "labelvocabulary.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("idx", "label"), *enumerate(classes)])
    metadata = dict.fromkeys(("embedding_type",), "scene") | {
        "prediction_type": "multilabel",
        "splits": list(splits),
        "sample_duration": draw.draw(st.none() | st.floats(0.01, 100)),
        "evaluation": ["mAP", "unheard_of"],
    }
    (root / "task_metadata.json").write_text(json.dumps(metadata), encoding="utf-8")
    said = {}
    for split in splits:
        (root / "16000" / split).mkdir(parents=True)
        chosen = st.lists(st.sampled_from(classes), unique=True)
        several = [*draw.draw(st.lists(chosen, max_size=3)), classes]  # no class is absent
        said[split] = {f"{split}{i}.wav": labels for i, labels in enumerate(several)}
        (root / f"{split}.json").write_text(json.dumps(said[split]), encoding="utf-8")
        for name in said[split]:
            (root / "16000" / split / name).touch()
    task = hear.load(root)
    assert task.classes == tuple(classes)
    assert (task.duration, task.units) == (metadata["sample_duration"], ("mAP",))
    for split, labels in said.items():
        assert task.splits[split].sounds.names == tuple(labels)
        expected = [[name in found for name in classes] for found in labels.values()]
        np.testing.assert_array_equal(task.splits[split].labels, expected)


@drawn
@given(
    n_targets=st.integers(1, 3),
    n_repeats=st.integers(1, 2),
    missing=st.sampled_from(["", "nan", "NA"]),
    as_array=st.booleans(),
    seed=SEEDS,
)
def test_dataset_folders(place, n_targets, n_repeats, missing, as_array, seed):
    """Exact numbers, in a table by names or in an array in the order of the sounds."""
    rng, root, n_sounds = np.random.default_rng(seed), place(), 5
    values = rng.standard_normal((n_sounds, n_targets, n_repeats))
    values[rng.random(values.shape) < 0.1] = np.nan
    names = [f"s{i}" for i in rng.permutation(n_sounds)]
    (root / "sounds").mkdir()
    for name in names:
        noise = rng.uniform(-0.5, 0.5, 20)
        soundfile.write(root / "sounds" / f"{name}.wav", noise, 8_000, subtype="PCM_16")
    (root / "sounds.csv").write_text("sound\n" + "\n".join(names) + "\n")
    if as_array:
        np.save(root / "responses.npy", values)
    else:
        rows = [["sound", "repeat", *(f"t{t}" for t in range(n_targets))]]
        for s, r in rng.permutation([(s, r) for s in range(n_sounds) for r in range(n_repeats)]):
            cells = [missing if math.isnan(x) else repr(float(x)) for x in values[s, :, r]]
            rows.append([names[s], str(r), *cells])
        with (root / "responses.csv").open("w", newline="") as file:
            csv.writer(file).writerows(rows)
    dataset = brain_folder.load(root)
    assert dataset.sounds.names == tuple(names)
    np.testing.assert_array_equal(dataset.responses, values)


# sounds


@drawn
@given(
    n_samples=st.integers(1, 3000),
    n_channels=st.integers(1, 3),
    rate=st.sampled_from([8_000, 16_000, 44_100]),
    kind=st.sampled_from(["WAV", "FLAC", "AIFF"]),
    seed=SEEDS,
)
def test_sound_files(place, n_samples, n_channels, rate, kind, seed):
    """16-bit samples are read exactly, whole and in part."""
    rng, path = np.random.default_rng(seed), place() / f"x.{kind.lower()}"
    samples = rng.integers(-(2**15), 2**15, (n_samples, n_channels), np.int16)
    soundfile.write(path, samples, rate, format=kind, subtype="PCM_16")
    assert audio.look(path) == audio.AudioFacts(n_samples, rate, n_channels)
    waveform, found = audio.read(path)
    assert found == rate
    np.testing.assert_allclose(waveform, (samples / 2**15).mean(axis=1), atol=1e-7, rtol=0)
    start, n = int(rng.integers(n_samples)), int(rng.integers(1, 500))
    part, _ = audio.read_part(path, start, n)
    np.testing.assert_array_equal(part, waveform[start : start + n])


# pickles and checkpoints

SCALARS = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | FLOATS | TEXTS
PLAIN = st.recursive(
    SCALARS | st.binary(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(TEXTS | st.integers(0, 99), inner, max_size=3)
        | st.tuples(inner, inner)
    ),
    max_leaves=10,
)


@drawn
@given(value=PLAIN, protocol=st.integers(2, 5))
def test_pickles_of_plain_values(value, protocol):
    content = pickle.dumps(value, protocol)
    found = read_inert(content, allowed=(), makers=PlainMakers().makers)
    assert repr(found) == repr(pickle.loads(content)) == repr(value)


TYPES = ("float32", "float64", "float16", "bfloat16", "int64", "int8", "uint8", "bool")


@st.composite
def tensors(draw):
    """A tensor of any type and up to three axes: whole, transposed, cut or repeated."""
    shape = draw(st.lists(st.integers(0, 3), max_size=3))
    whole = (
        torch.arange(math.prod(shape))
        .reshape(shape)
        .to(getattr(torch, draw(st.sampled_from(TYPES))))
    )
    if not shape:
        return whole
    change = draw(st.sampled_from(["none", "transposed", "cut", "repeated"]))
    if change == "transposed":
        return whole.transpose(0, -1)
    if change == "cut":
        return whole[draw(st.integers(0, shape[0])) :]
    return whole.unsqueeze(0).expand(2, *shape) if change == "repeated" else whole


STATES = st.dictionaries(st.text(max_size=6), tensors(), min_size=1, max_size=3)


def same(one: torch.Tensor, other: torch.Tensor) -> bool:
    return one.dtype == other.dtype and one.shape == other.shape and bool((one == other).all())


@drawn
@given(state=STATES, zipped=st.booleans(), more=st.dictionaries(NAMES, SCALARS, max_size=3))
def test_files_of_torch(place, state, zipped, more):
    """The same as torch's restricted reader, and the same once more when it is converted."""
    path = place() / "model.pt"
    content = more | {"Model": state, "Shared": next(iter(state.values()))}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    theirs = torch.load(path, weights_only=True)
    found = weights.read_contents(path)
    again = weights.read_contents(weights.convert(path))
    for read in (found, again):
        assert all(same(read.state("Model")[name], theirs["Model"][name]) for name in state)
        assert same(read.state()["Shared"], theirs["Shared"])
        assert repr(read.values) == repr({**more, "Model": {}})


@drawn
@given(state=STATES, metadata=st.dictionaries(TEXTS.filter(lambda x: x != "heschl"), TEXTS))
def test_files_of_safetensors(place, state, metadata):
    path = place() / "model.safetensors"
    whole = {name: one.contiguous().clone() for name, one in state.items() if name}
    whole = {name: one for name, one in whole.items() if name != "__metadata__"} or {
        "w": torch.ones(1)
    }
    save_file(whole, path, {key: value for key, value in metadata.items() if key not in whole})
    read = weights.read_contents(path).state()
    assert set(read) == set(whole)
    assert all(same(read[name], one) for name, one in whole.items())


# what is damaged


def changed(content: bytes, changes: list[tuple[str, float, float, bytes]]) -> bytes:
    """Return bytes with pieces taken away, put in, replaced, repeated; places are shares."""
    for kind, start, length, piece in changes:
        first = round(start * len(content))
        last = min(len(content), first + round(length * 20))
        middle = {
            "take": b"",
            "put": piece + content[first:last],
            "replace": piece,
            "repeat": content[first:last] * 2,
            "flip": bytes(byte ^ 1 << len(piece) % 8 for byte in content[first:last]),
        }[kind]
        content = content[:first] + middle + content[last:]
    return content


SHARES = st.floats(0, 1)
CHANGES = st.tuples(
    st.sampled_from(["take", "put", "replace", "repeat", "flip"]),
    SHARES,
    SHARES,
    st.binary(max_size=8),
)


@pytest.mark.parametrize("target", sorted(targets.TARGETS))
def test_damaged_files_give_documented_errors(target, monkeypatch):
    """`check` of a target lets these pass and nothing else; and nothing is written elsewhere."""
    monkeypatch.setenv("HESCHL_HOME", str(places.ROOT / "home"))
    check = watch.watched(targets.load(target), costs=False)
    whole = [path.read_bytes() for path in sorted((FUZZ / "corpus" / target).iterdir())]

    @settings(drawn, max_examples=40)
    @given(content=st.sampled_from(whole), changes=st.lists(CHANGES, min_size=1, max_size=3))
    def damage(content, changes):
        check(changed(content, changes))

    damage()
    places.clear()
