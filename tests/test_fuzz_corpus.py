"""Every input of the corpus through its target, and whether the fuzzer can find anything at all."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import importlib
import os
import socket
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from heschl import audio, releases
from heschl.brain.folder.responses import read_responses
from heschl.errors import HeschlError, InputError
from heschl.models import weights
from heschl.models.encodecmae import configuration
from heschl.models.weights.receipt import is_there, read_receipt
from heschl.pickles import plain, read_inert
from heschl.store import ArrayEntry
from heschl.studies.folder import load_run
from heschl.studies.names import check_names
from heschl.studies.reading import read_study
from heschl.tasks import hear
from heschl.tasks.hear.unpacking import Wanted, check_archive

FUZZ = Path(__file__).resolve().parents[1] / "fuzz"
CORPUS = FUZZ / "corpus"
INPUTS = sorted(path.relative_to(CORPUS) for path in CORPUS.glob("*/*"))
LARGEST = 8_000

sys.path.append(str(FUZZ))
import places  # noqa: E402
import replay  # noqa: E402
import run  # noqa: E402
import seeds  # noqa: E402
import targets  # noqa: E402
import watch  # noqa: E402


def test_all_targets_are_fuzzed_where_none_is_named(capsys):
    assert run.arguments(["--seconds", "1"]).targets == list(targets.TARGETS)
    assert run.arguments(["pickles"]).targets == ["pickles"]
    with pytest.raises(SystemExit):
        run.arguments(["pickle"])
    assert "unknown target 'pickle'; expected one of: pickles" in capsys.readouterr().err


@pytest.fixture(autouse=True)
def inside(monkeypatch):
    """heschl's own folder is where targets may write."""
    monkeypatch.setenv("HESCHL_HOME", str(places.ROOT / "home"))
    yield
    places.clear()


@pytest.mark.parametrize("name", INPUTS, ids=str)
def test_nothing_of_the_corpus_is_a_finding(name):
    content = (CORPUS / name).read_bytes()
    assert 0 < len(content) <= LARGEST
    watch.watched(targets.load(name.parent.name), costs=False)(content)


def test_every_target_has_seeds():
    assert {path.parts[0] for path in INPUTS} == set(targets.TARGETS)
    assert set(seeds.SEEDS) == set(seeds.WORDS) == set(targets.TARGETS)
    with pytest.raises(SystemExit, match="unknown target 'pickle'; expected one of pickles"):
        targets.load("pickle")


@pytest.mark.parametrize("target", sorted(targets.TARGETS))
def test_seeds_reach_beyond_the_first_check(target, monkeypatch):
    """Of every target some seed is read whole: the checks of what was read are come to."""
    module = importlib.import_module(f"targets.{target}")
    reached = []
    for name in READ_WHOLE[target]:
        monkeypatch.setattr(module, name, noting(getattr(module, name), name, reached))
    for path in sorted((CORPUS / target).iterdir()):
        module.check(path.read_bytes())
    assert set(reached) == set(READ_WHOLE[target])


#: By target, functions that are called with what was read.
READ_WHOLE = {
    "pickles": ("_alike", "decode"),
    "checkpoints": ("_check_torch", "_same"),
    "hear_tasks": ("_check_task",),
    "descriptions": ("check_names",),
    "sounds": ("_check_sound",),
    "gin": ("_check_again",),
    "dataset_folders": ("_check_dataset",),
    "results": (),
    "archives": ("unpack",),
    "stored_entries": ("is_there",),
}


# what was found, and how it is refused now


def study(folder, content):
    (folder / "x.yaml").write_bytes(content)
    check_names(read_study(folder / "x.yaml"))


def sound(folder, content):
    (folder / "x.wav").write_bytes(content)
    audio.read(folder / "x.wav")


def looked(folder, content):
    (folder / "x.mp3").write_bytes(content)
    audio.look(folder / "x.mp3")


def converted(folder, content):
    (folder / "x.pt").write_bytes(content)
    weights.convert(folder / "x.pt")


def gin(_, content):
    there = importlib.import_module("targets.gin").tensors("mel")
    configuration.read(content.decode(), there, {"front_end": "mel"}, source="x")


def task(folder, content):
    module = importlib.import_module("targets.hear_tasks")
    module.check(content)
    hear.load(module.FOLDER)


def index(folder, content):
    places.write(folder, places.parts(content), ["study.json"])
    load_run(folder)


def archive(folder, content):
    path = folder / "x.tar.gz"
    path.write_bytes(gzip.compress(content))
    check_archive(path, Wanted("small-v1-full", n_clips=6, n_bytes=100_000))


def array(folder, content):
    places.write(folder, places.parts(content), ["responses.npy"])
    read_responses(folder / "responses.npy")


def entry(folder, content):
    places.write(folder, places.parts(content), ["manifest.json", "0"])
    digest = hashlib.sha256((folder / "0").read_bytes()).hexdigest()
    (folder / "0").rename(folder / f"000000-{digest}.safetensors")
    manifest = folder / "manifest.json"
    manifest.write_text(manifest.read_text().replace("@0", f"000000-{digest}.safetensors"))
    ArrayEntry(folder).open()


REFUSED = {
    "archives/finding-cut-within-its-metadata": (archive, "damaged or cut short"),
    "dataset_folders/finding-header-without-end": (array, "not a readable array .*EOF in multi"),
    "checkpoints/finding-half-a-character": (converted, "half of a character in its name"),
    "descriptions/finding-home-of-nobody": (study, "~nosuch/x': no such user; expected a path"),
    "descriptions/finding-home-of-nobody-data": (study, "~nosuch/x: no such user; expected a path"),
    "descriptions/finding-long-name-data": (study, "File name too long; expected a name, or"),
    "descriptions/finding-long-name-model": (study, "line 3: unknown model 'xxx"),
    "descriptions/finding-long-name-modules": (study, "File name too long; expected a name, or"),
    "descriptions/finding-number-of-sixties": (study, "of 6001 characters; expected numbers of"),
    "descriptions/finding-tags-of-other-values": (study, "'x' with tag tag:yaml.org,2002:times"),
    "gin/finding-doubled-macros": (gin, r"A\d is \d+ characters in its config; expected at most"),
    "gin/finding-infinite-size": (gin, "MODEL_DIM is inf in its config; expected a number"),
    "gin/finding-macros-of-macros": (gin, "expected macros of at most 50 others"),
    "gin/finding-negative-duration": (gin, "pieces of -3 s"),
    "hear_tasks/finding-index-of-many-digits": (task, "1 rows .* expected the columns idx and la"),
    "hear_tasks/finding-long-name-of-split": (task, "splits are .* expected a list of names"),
    "results/finding-added-without-folder": (index, "not as heschl wrote it .KeyError: 'folder'"),
    "results/finding-run-that-is-a-number": (index, "folders of results that are no texts"),
    "sounds/finding-flac-promises-gigabytes": (sound, "the last of the 3892314512 samples it pro"),
    "sounds/finding-not-seekable": (sound, "AU with G723_24, in which no place can be found"),
    "sounds/finding-place-beyond-the-end": (looked, "the last of the 2852 samples it promises"),
    "stored_entries/finding-part-without-arrays": (entry, "its parts cannot be read"),
}


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_was_found_is_refused_in_words(name, tmp_path):
    read, words = REFUSED[name]
    with pytest.raises(HeschlError, match=words):
        read(tmp_path, (CORPUS / name).read_bytes())


def test_lists_of_lists_that_were_found_are_not_written_out():
    tree = read_inert((CORPUS / "pickles/finding-doubled-lists").read_bytes())
    with pytest.raises(InputError, match="repeats more than 50000 values"):
        plain.encode(tree)


@pytest.mark.parametrize("kind", ["release", "receipt"])
def test_damaged_lists_that_were_found_count_as_none_or_as_altered(kind, tmp_path):
    for path in CORPUS.glob("stored_entries/finding-*"):
        places.write(tmp_path, places.parts(path.read_bytes()), ["release.json", "installed.json"])
        if kind == "release":
            installed = releases.read(tmp_path)
            assert installed is None or not installed.is_unaltered(hashed=False)
        else:
            receipt = read_receipt(tmp_path)
            kept = {} if receipt is None else receipt.files
            assert not any(is_there(tmp_path, one, hashed=False) for one in kept.values())


def noting(function, name, reached):
    """Return a function that notes that it was called."""

    def noted(*args, **options):
        reached.append(name)
        return function(*args, **options)

    return noted


def write(place: Path) -> None:
    place.write_text("x")


def connect() -> None:
    with socket.socket() as one:
        one.connect(("127.0.0.1", 9))


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda folder: write(folder / "x"), "was opened for writing"),
        (lambda folder: (folder / "x").mkdir(), "os.mkdir of"),
        (lambda folder: (places.ROOT / "y").symlink_to(folder), "os.symlink"),
        (lambda _: subprocess.run([sys.executable, "-c", ""], check=True), "subprocess.Popen"),
        (lambda _: os.system("true"), "os.system"),
        (lambda _: connect(), "socket.connect"),
    ],
    ids=["a file", "a folder", "a link", "a process", "a command", "a connection"],
)
def test_what_no_input_may_cause_is_seen(act, words, tmp_path):
    def check(_: bytes) -> None:
        with contextlib.suppress(OSError):  # even if it fails, and a reader goes on after it
            act(tmp_path)

    with pytest.raises(watch.FindingError, match=words):
        watch.watched(check, costs=False)(b"")
    watch.watched(lambda _: write(places.ROOT / "x"), costs=False)(b"")


def test_memory_and_time_of_one_input_are_seen(monkeypatch):
    monkeypatch.setattr(watch, "MOST_SECONDS", 0)
    with pytest.raises(watch.FindingError, match=r"s of computing; expected at most 0"):
        watch.watched(lambda _: sum(range(1000)), costs=True)(b"")
    monkeypatch.setattr(watch, "MOST_SECONDS", 60)
    monkeypatch.setattr(watch, "MOST_BYTES", 30_000_000)
    check = watch.watched(lambda content: bytearray(int(content)) and None, costs=True)
    check(b"1000")
    for _ in range(2):  # a peak that was reached before counts again
        with pytest.raises(watch.FindingError, match=r"\d\d MB of memory; expected at most 30"):
            check(b"80000000")


def test_several_files_in_one_input():
    files = {"a.json": b"{}\n=== x y", "b/c.csv": b"", "d": b"\0\n\n"}
    assert places.parts(places.joined(files)) == files
    assert places.parts(b"no name") == {}
    with places.folder() as folder:
        places.write(folder, files | {"../e": b"1"}, ["b/c.csv"])
        assert [path.name for path in folder.rglob("*.*")] == ["c.csv"]
    assert not folder.exists()


PLANTED = '''
from heschl.errors import InputError

def check(content):
    """Fall over one word, which is not in the seed."""
    if content[:1] == b"h":
        if content[:2] == b"he":
            if content[:3] == b"hes":
                raise KeyError("planted")
'''


@pytest.mark.skipif(find_spec("atheris") is None, reason="atheris is for Linux on x86_64 only")
def test_a_planted_bug_is_found(tmp_path):
    """The whole chain: instrumented, found by its coverage, reported, and the input kept."""
    package = tmp_path / "fuzz"
    (package / "targets").mkdir(parents=True)
    for path in FUZZ.glob("*.py"):
        (package / path.name).write_bytes(path.read_bytes())
    (package / "targets" / "planted.py").write_text(PLANTED)
    source = (FUZZ / "targets" / "__init__.py").read_text()
    source = source.replace('"pickles": (', '"planted": ("targets.planted",),\n    "pickles": (', 1)
    (package / "targets" / "__init__.py").write_text(source)
    (package / "corpus" / "planted").mkdir(parents=True)
    (package / "corpus" / "planted" / "seed").write_bytes(b"xxxx")
    command = [sys.executable, "run.py", "planted", "--seconds", "60", "--found", str(tmp_path)]
    done = subprocess.run(command, cwd=package, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    (found,) = (tmp_path / "planted").glob("crash-*")
    assert found.read_bytes()[:3] == b"hes"
    assert str(found) in done.stdout
    assert "1 findings" in done.stdout
    assert "KeyError: 'planted'" in (tmp_path / "planted" / "log.txt").read_text()


def test_one_input_is_looked_at(tmp_path, capsys, monkeypatch):
    path = CORPUS / "gin" / "mel"
    replay.main("gin", [str(path)])
    assert capsys.readouterr().out == f"{path}: nothing found\n"
    monkeypatch.setattr(targets, "load", lambda _: lambda content: write(tmp_path / "x"))
    with pytest.raises(watch.FindingError, match="was opened for writing"):
        replay.main("gin", [str(path)])


def test_without_atheris_it_says_what_to_do(monkeypatch, capsys):
    monkeypatch.setattr(run.importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(sys, "argv", ["run.py", "pickles"])
    assert run.main() == 2
    said = capsys.readouterr().err
    assert "atheris is not installed" in said
    assert "tests/test_fuzz_corpus.py" in said
