"""What goes wrong on real machines: full and read-only disks, ctrl-C, a killed process.

The faults are real ones: a small file system that is filled or mounted read-only (where that is
not allowed, a limit on the size of files, and permissions), and signals to a running command.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import numpy as np
import pytest
import soundfile

import heschl
from heschl import cli, store
from heschl.activations import extract
from heschl.activations.batches import ROWS_PER_PART
from heschl.errors import StoreError
from heschl.models import AudioModel
from heschl.results import Results
from heschl.sounds import Clip, Sounds

resource = pytest.importorskip("resource", reason="needs limits of POSIX")

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals and limits of POSIX")

MODEL = "cochleagram"
RATE = 20_000
N_ROWS = 6  # r2 and r of two targets, r2 of their one listener and of the dataset
N_PARTS = 20
SIZE = 4 << 20  # bytes of the small file system


def make_dataset(folder, n_sounds, seconds):
    """Sounds of noise, each with a slope of its own, and responses of two targets."""
    (folder / "sounds").mkdir(parents=True)
    rng = np.random.default_rng(0)
    lines = ["sound,one,two"]
    for i in range(n_sounds):
        rise = np.linspace(0.1, i / n_sounds, round(seconds * RATE))
        x = rise * rng.standard_normal(len(rise))
        soundfile.write(folder / "sounds" / f"s{i:03d}.wav", x / np.abs(x).max(), RATE)
        lines.append(f"s{i:03d},{i / n_sounds + 0.1 * rng.standard_normal()},{rng.random()}")
    (folder / "responses.csv").write_text("\n".join(lines))
    return folder


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Seventy short sounds: nine parts."""
    return make_dataset(tmp_path_factory.mktemp("data") / "small", 70, 0.06)


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """Enough work that a signal comes in the middle of it: twenty parts."""
    n_sounds = N_PARTS * ROWS_PER_PART - 3
    return make_dataset(tmp_path_factory.mktemp("data") / "large", n_sounds, 0.08)


def start(home, *arguments):
    """Start ``python -m heschl`` as a shell in the foreground would: ctrl-C reaches it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(
            [sys.executable, "-m", "heschl", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ
            | {"HESCHL_HOME": str(home), "PYTHONPATH": os.pathsep.join(sys.path)}
            | {"PYTHONDONTWRITEBYTECODE": "1"},
        )
    finally:
        signal.signal(signal.SIGINT, before)


def call(home, *arguments):
    """Run a command to its end: exit code, standard error, standard output."""
    process = start(home, *arguments)
    out, error = process.communicate(timeout=120)
    return process.returncode, error, out


def score(home, dataset):
    """Score in a process of its own and return the rows of the table."""
    code, error, out = call(home, "score", MODEL, "--dataset", dataset, "--json", "-")
    assert (code, error) == (0, "")
    return json.loads(out)


def parts(home):
    return {
        path.name: path.stat().st_mtime_ns for path in home.glob("activations/*/[0-9]*.safetensors")
    }


def leftovers(home):
    """What is half-written, or says that something is complete."""
    names = ("*.tmp", ".probe*", store.MANIFEST, "results.json")
    return [path.name for name in names for path in home.rglob(name)]


def assert_one_line(error, *words):
    assert error.startswith("heschl: ")
    assert error.count("\n") == 1
    assert error.endswith("\n")
    assert "Traceback" not in error
    for word in words:
        assert word in error


# disks


class Disk:
    """A small disk for HESCHL_HOME that can be filled and made read-only."""

    def __init__(self, place):
        self.place = place
        self.home = place / "home"
        place.mkdir()
        self.mounted = self._mount("-t", "tmpfs", "-o", f"size={SIZE}", "none")
        self.home.mkdir()

    def _mount(self, *options):
        if os.geteuid() != 0 or shutil.which("mount") is None:
            return False
        done = subprocess.run(
            ["mount", *options, str(self.place)], capture_output=True, check=False, timeout=30
        )
        return done.returncode == 0

    def close(self):
        if self.mounted:
            subprocess.run(["umount", str(self.place)], check=True, timeout=30)

    @contextmanager
    def full(self, *, keep):
        """Leave space for so many bytes; without a disk of its own, in each file."""
        if self.mounted:
            free = os.statvfs(self.place)
            filler = self.place / "filler"
            filler.write_bytes(bytes(free.f_bavail * free.f_bsize - keep))
            try:
                yield
            finally:
                filler.unlink()
        else:
            before = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (keep, before[1]))
            try:
                yield
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, before)

    @contextmanager
    def read_only(self):
        if self.mounted:
            assert self._mount("-o", "remount,ro")
            try:
                yield
            finally:
                assert self._mount("-o", "remount,rw")
        elif os.geteuid() == 0:
            pytest.skip("root may write everywhere, and mounting is not allowed here")
        else:
            folders = [self.home, *(p for p in self.home.rglob("*") if p.is_dir())]
            for folder in folders:
                folder.chmod(0o555)
            try:
                yield
            finally:
                for folder in folders:
                    folder.chmod(0o755)

    @property
    def full_message(self):
        return "No space left on device" if self.mounted else "File too large"

    @property
    def read_only_message(self):
        return "Read-only file system" if self.mounted else "Permission denied"


@pytest.fixture
def disk(tmp_path, monkeypatch):
    made = Disk(tmp_path / "disk")
    monkeypatch.setenv("HESCHL_HOME", str(made.home))
    yield made
    made.close()


class Counting(AudioModel):
    """Returns what it gets, some 50 kB for a part; counts the sounds."""

    name = "counting"
    sample_rate = RATE
    layers = ("samples",)
    n_seen = 0

    def identity(self):
        return {"model": "counting"}

    def forward(self, waveforms, layers=None):
        self.n_seen += len(waveforms)
        return {"samples": waveforms[:, :400, None]}


def some_sounds(n=70):
    rng = np.random.default_rng(1)
    noise = rng.standard_normal((n, 500)).astype(np.float32)
    return Sounds([Clip(f"s{i}", (x, RATE)) for i, x in enumerate(noise)], duration=500 / RATE)


class FillsTheDisk(Counting):
    """Somebody else fills the disk while the third batch is computed."""

    def __init__(self, place):
        self.place = place

    def forward(self, waveforms, layers=None):
        out = super().forward(waveforms, layers)
        if self.n_seen > 2 * ROWS_PER_PART:
            free = os.statvfs(self.place)
            (self.place / "others").write_bytes(bytes(free.f_bavail * free.f_bsize))
        return out


def test_extract_on_a_disk_that_fills_up(disk):
    """Two parts fit, the third does not; with space the run goes on from there."""
    if not disk.mounted:
        pytest.skip("needs a disk of its own; mounting is not allowed here")
    sounds, model = some_sounds(), FillsTheDisk(disk.place)
    with pytest.raises(StoreError, match=rf"cannot write .*{disk.full_message}.*Free some"):
        extract(model, sounds)
    (disk.place / "others").unlink()
    assert model.n_seen == 3 * ROWS_PER_PART
    assert leftovers(disk.home) == []
    kept = parts(disk.home)
    assert len(kept) == 2
    model = Counting()
    found = extract(model, sounds)
    assert model.n_seen == len(sounds) - 2 * ROWS_PER_PART
    assert kept.items() < parts(disk.home).items()
    expected = extract(Counting(), sounds, use_store=False)
    np.testing.assert_array_equal(found["samples"], expected["samples"])


def test_a_disk_that_is_too_small_is_noticed_after_the_first_batch(disk):
    if not disk.mounted:
        pytest.skip("needs a disk of its own; mounting is not allowed here")
    model = Counting()
    with (
        disk.full(keep=90_000),
        pytest.raises(StoreError, match=r"cannot write .*0.1 MB are needed and 0.1 MB are free"),
    ):
        extract(model, some_sounds())
    assert model.n_seen == ROWS_PER_PART
    assert parts(disk.home) == {}


def test_extract_on_a_full_disk(disk):
    with disk.full(keep=1000):
        full = rf"cannot write .*({disk.full_message}|are needed).*Free some"
        with pytest.raises(StoreError, match=full):
            extract(Counting(), some_sounds())
        assert leftovers(disk.home) == []
        assert parts(disk.home) == {}
    model = Counting()
    assert extract(model, some_sounds())["samples"].shape == (70, 400)
    assert model.n_seen == 70


def test_the_commands_on_a_full_disk(disk, small):
    """Extract and score fail clearly and leave nothing; with space they succeed."""
    with disk.full(keep=100_000 if disk.mounted else 20_000):
        for command in ("extract", "score"):
            code, error, out = call(disk.home, command, MODEL, "--dataset", small)
            assert (code, out) == (1, "")
            assert_one_line(error, "cannot write", str(disk.home), "Free some")
            assert leftovers(disk.home) == []
        assert parts(disk.home) == {}  # that it does not fit is known after the first batch
    rows = score(disk.home, small)
    assert rows == heschl.score(MODEL, small, use_store=False).rows()
    assert len(rows) == N_ROWS
    assert len(parts(disk.home)) == 9
    assert not list(disk.home.rglob("*.tmp"))


def test_results_on_a_full_disk(disk, small, capsys):
    """The activations are there, but the results do not fit: no run that looks complete."""
    assert cli.run(["extract", MODEL, "--dataset", str(small)]) == 0
    arguments = ["score", MODEL, "--dataset", str(small)]
    capsys.readouterr()
    with disk.full(keep=1000):
        assert cli.run(arguments) == 1
        out, error = capsys.readouterr()
        assert_one_line(error, "cannot write", "runs", disk.full_message)
        assert out == ""
        (run,) = (disk.home / "runs").iterdir()
        assert list(run.iterdir()) == []
        assert cli.run([*arguments, "--no-store", "--json", str(disk.home / "rows.json")]) == 1
        assert not (disk.home / "rows.json").exists()
    assert not list(disk.home.rglob("*.tmp"))
    assert cli.run(arguments) == 0
    assert len(Results.load(run).scores) == N_ROWS


def test_an_archive_on_a_full_disk(disk, small, capsys):
    output = disk.home / "out.npz"
    arguments = ["extract", MODEL, "--dataset", str(small), "--output", str(output)]
    assert cli.run(arguments[:-2]) == 0
    capsys.readouterr()
    with disk.full(keep=10_000):
        assert cli.run(arguments) == 1
        assert_one_line(capsys.readouterr().err, "cannot write", disk.full_message)
        assert not output.exists()
        assert not list(disk.home.rglob("*.tmp"))
    assert cli.run(arguments) == 0
    with np.load(output) as archive:
        assert {name: archive[name].shape for name in archive} == {
            "envelopes": (70, 211),
            "cochleagram": (70, 211),
        }


def test_a_read_only_store_is_refused_before_any_work(disk, small):
    model = Counting()
    with disk.read_only():
        with pytest.raises(StoreError, match=rf"cannot write .*{disk.read_only_message}.*HESCHL_"):
            extract(model, some_sounds())
        assert model.n_seen == 0
        code, error, out = call(disk.home, "score", MODEL, "--dataset", small)
        assert (code, out) == (1, "")
        assert_one_line(error, "cannot write", disk.read_only_message, "set HESCHL_HOME to")
        found = extract(model, some_sounds(), use_store=False)
    assert model.n_seen == len(found["samples"]) == 70
    assert list(disk.home.iterdir()) == []


def test_what_is_stored_is_read_from_a_read_only_store(disk, small, tmp_path, capsys):
    computed = dict(extract(Counting(), some_sounds()))
    assert cli.run(["extract", MODEL, "--dataset", str(small)]) == 0
    before = sorted(disk.home.rglob("*"))
    with disk.read_only():
        model = Counting()
        np.testing.assert_array_equal(extract(model, some_sounds())["samples"], computed["samples"])
        assert model.n_seen == 0
        output = tmp_path / "run"
        code = cli.run(["score", MODEL, "--dataset", str(small), "--output", str(output)])
        assert (code, capsys.readouterr().err) == (0, "")
        assert cli.run(["score", MODEL, "--dataset", str(small)]) == 1
        assert_one_line(capsys.readouterr().err, "cannot write", disk.read_only_message)
    assert len(Results.load(output).scores) == N_ROWS
    assert sorted(disk.home.rglob("*")) == before


def test_a_damaged_entry_in_a_read_only_store(disk):
    extract(Counting(), some_sounds())
    path = sorted(disk.home.rglob("000001-*.safetensors"))[0]
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    model = Counting()
    with disk.read_only(), pytest.raises(StoreError, match=disk.read_only_message):
        extract(model, some_sounds())
    assert model.n_seen == 0
    extract(model, some_sounds())
    assert model.n_seen == ROWS_PER_PART


# interruptions


@pytest.fixture(scope="module")
def undisturbed(large, tmp_path_factory):
    """Rows and names of parts (they hold checksums) of a run that nothing disturbed."""
    home = tmp_path_factory.mktemp("undisturbed")
    rows = score(home, large)
    assert len(parts(home)) == N_PARTS
    return rows, set(parts(home))


def disturb(place, dataset, sent):
    """Send a signal once the first part is there; return the command's end and its home.

    On a machine so busy that the command ends before the signal comes, it is tried again.
    """
    for attempt in range(5):
        home = place / str(attempt)
        process = start(home, "score", MODEL, "--dataset", dataset, "--json", "-")
        deadline = time.monotonic() + 60
        while process.poll() is None and not parts(home) and time.monotonic() < deadline:
            time.sleep(0.001)
        process.send_signal(sent)
        out, error = process.communicate(timeout=60)
        if 0 < len(parts(home)) < N_PARTS:
            assert out == ""
            return process.returncode, error, home
    return pytest.fail(f"never disturbed in the middle: {process.returncode}, {error}")


def test_ctrl_c_keeps_what_is_finished_and_the_next_run_goes_on(tmp_path, large, undisturbed):
    rows, names = undisturbed
    code, error, home = disturb(tmp_path, large, signal.SIGINT)
    kept = parts(home)
    assert code == 130
    assert_one_line(error, "interrupted", "is kept", "the same command goes on")
    assert leftovers(home) == []
    assert kept.keys() < names
    assert score(home, large) == rows
    after = parts(home)
    assert set(after) == names
    assert kept.items() < after.items()  # not written again


def test_a_killed_run_goes_on(tmp_path, large, undisturbed):
    """Nothing can be said or cleaned up then; what is on disk is still usable."""
    rows, names = undisturbed
    code, error, home = disturb(tmp_path, large, signal.SIGKILL)
    kept = parts(home)
    assert (code, error) == (-signal.SIGKILL, "")
    assert not list(home.rglob(store.MANIFEST))
    assert not list(home.rglob("results.json"))
    assert score(home, large) == rows
    after = parts(home)
    assert set(after) == names
    assert kept.items() < after.items()
