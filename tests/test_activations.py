"""Activations: the right numbers, computed once, and again whenever anything has changed."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import heschl
from heschl import store
from heschl.activations import describe, extract, extraction
from heschl.activations.batches import MANY_PARTS, ROWS_PER_PART, compute_parts, rows_per_part
from heschl.errors import AudioError, InputError, StoreError, UnknownNameError, UsageError
from heschl.models import AudioModel, load_model
from heschl.models.base import time_average
from heschl.sounds import Clip, Sounds

RATE = 4_000
N_SOUNDS = 2 * ROWS_PER_PART + 6  # three parts, the last one short
N_FRAMES = 20


class Counting(AudioModel):
    """Two layers that are easily computed by hand; counts the sounds that go through it."""

    name = "counting"
    sample_rate = RATE
    layers = ("frames", "energy")

    def __init__(self, *, level=None, version=1, sample_rate=RATE):
        self.level = level
        self.version = version
        self.sample_rate = sample_rate
        self.batches = []
        self.asked = []

    @property
    def n_seen(self):
        return sum(self.batches)

    def identity(self):
        return {"model": "counting", "version": self.version}

    def forward(self, waveforms, layers=None):
        self.batches.append(len(waveforms))
        self.asked.append(tuple(layers))
        frames = waveforms.reshape(len(waveforms), 4, -1, N_FRAMES)  # (n, 4, n / 80, frames)
        out = {"frames": frames, "energy": np.square(frames).mean(axis=2)}
        return {layer: out[layer] for layer in self.choose(layers)}


class Returning(Counting):
    """Returns whatever a function makes of (waveforms, number of calls before)."""

    def __init__(self, function, **options):
        super().__init__(**options)
        self.function = function

    def forward(self, waveforms, layers=None):
        self.batches.append(len(waveforms))
        return self.function(waveforms, len(self.batches) - 1)


def noise(seed, n=RATE // 10):
    return (0.1 * np.random.default_rng(seed).standard_normal(n)).astype(np.float32)


def make(n=N_SOUNDS, *, rate=RATE, duration=0.1, first=0):
    clips = [Clip(f"s{i}", (noise(first + i), rate)) for i in range(n)]
    return Sounds(clips, duration=duration)


def by_hand(sounds, layer):
    """Mean over frames of a layer of `Counting`, in plain loops."""
    rows = []
    for waveform in sounds.waveforms(RATE).astype(np.float64):
        block = len(waveform) // 4
        features = []
        for k in range(4):
            grid = waveform[k * block : (k + 1) * block].reshape(-1, N_FRAMES)
            if layer == "frames":
                features += [sum(row) / N_FRAMES for row in grid]
            else:
                features.append(sum(sum(x * x for x in row) for row in grid) / grid.size)
        rows.append(features)
    return np.array(rows)


def entries():
    return sorted((store.home() / "activations").iterdir())


def assert_same(found, expected):
    assert list(found) == list(expected)
    for layer in expected:
        np.testing.assert_array_equal(found[layer], expected[layer])


# the numbers


@pytest.mark.parametrize("use_store", [True, False])
def test_the_numbers_are_those_of_a_plain_loop(use_store):
    sounds = make()
    found = extract(Counting(), sounds, use_store=use_store)
    assert list(found) == ["frames", "energy"]
    assert found["frames"].shape == (N_SOUNDS, 20)
    assert found["energy"].shape == (N_SOUNDS, 4)
    for layer in found:
        assert found[layer].dtype == np.float32
        np.testing.assert_allclose(found[layer], by_hand(sounds, layer), rtol=1e-5, atol=1e-8)


def test_time_average_by_hand():
    layer = np.array([[[1, 2, 6], [0, 0, 3]], [[-1, 1, 0], [5, 5, 5]]], np.float32)
    np.testing.assert_array_equal(time_average(layer, 2, "x"), [[3, 1], [0, 5]])
    np.testing.assert_array_equal(time_average(layer[:, None], 2, "x"), [[3, 1], [0, 5]])
    np.testing.assert_array_equal(time_average(layer[:, :, :1], 2, "x"), [[1, 0], [-1, 5]])


def test_time_average_loses_nothing_over_many_frames():
    """A float32 running sum over a million frames would be off in the third digit."""
    layer = np.full((1, 1, 1_000_000), 0.1, np.float32)
    assert time_average(layer, 1, "x")[0, 0] == np.float32(0.1)


def test_the_level_is_set():
    sounds = make(4)
    (energy,) = extract(Counting(level=0.2), sounds, layers=["energy"], use_store=False).values()
    np.testing.assert_allclose(energy.mean(axis=1), 0.2**2, rtol=1e-5)


@pytest.mark.parametrize("use_store", [True, False])
@pytest.mark.parametrize("batch_size", [1, 5, 7, 8, 9, 1000])
def test_the_size_of_batches_changes_nothing(batch_size, use_store):
    sounds = make()
    model = Counting()
    found = extract(model, sounds, batch_size=batch_size, use_store=use_store)
    assert_same(found, extract(Counting(), sounds, use_store=False))
    assert max(model.batches) == min(batch_size, N_SOUNDS)
    assert model.n_seen == N_SOUNDS


def test_parts_of_many_sounds_are_larger():
    assert rows_per_part(165) == ROWS_PER_PART
    assert rows_per_part(MANY_PARTS * ROWS_PER_PART) == ROWS_PER_PART
    assert rows_per_part(300_000) == 150


@pytest.mark.parametrize("done", [set(), {0}, {1}, {2}, {0, 1}, {0, 2}, {1, 2}])
def test_only_parts_that_are_missing_are_computed(done):
    sounds, model = make(), Counting()
    found = dict(compute_parts(model, sounds, ["energy"], 5, done, False))
    assert set(found) == {0, 1, 2} - done
    whole = extract(Counting(), sounds, layers=["energy"], use_store=False)["energy"]
    for index, part in found.items():
        rows = slice(index * ROWS_PER_PART, (index + 1) * ROWS_PER_PART)
        np.testing.assert_array_equal(part["energy"], whole[rows])
    assert model.n_seen == sum(len(part["energy"]) for part in found.values())


def test_a_model_that_depends_on_the_batch_gets_one_sound_at_a_time():
    model = Counting()
    model.one_at_a_time = True
    extract(model, make(), batch_size=8)
    assert model.batches == [1] * N_SOUNDS


def test_a_real_model_gives_the_mean_of_its_layers():
    sounds = make(3, duration=0.5)
    model = load_model("melspectrogram")
    with pytest.warns(UserWarning, match="3 of 3 sounds"):
        found = extract("melspectrogram", sounds)
    for layer, output in model(sounds.waveforms(model.sample_rate)).items():
        np.testing.assert_allclose(found[layer], output.astype(np.float64).mean(axis=-1), rtol=1e-6)


def test_only_the_layers_asked_for_in_the_order_of_the_model():
    model = Counting()
    found = extract(model, make(3), layers=["energy"], use_store=False)
    assert list(found) == ["energy"]
    assert model.asked == [("energy",)]
    assert list(extract(model, make(3), layers=["energy", "frames"])) == ["frames", "energy"]


def test_a_function_is_taken_as_a_model():
    sounds = make(3)
    model = heschl.wrap(lambda x: np.abs(x)[:, None], sample_rate=RATE, name="mine")
    found = heschl.extract(model, sounds)
    expected = np.abs(sounds.waveforms(RATE)).mean(axis=1, keepdims=True)
    np.testing.assert_allclose(found["output"], expected, rtol=1e-6)


def test_what_activations_are_is_shown():
    found = extract(Counting(), make(2), use_store=False)
    assert repr(found) == "<Activations of counting: 2 layers>"
    assert len(found) == 2
    assert "energy" in found
    assert "nothing" not in found
    with pytest.raises(KeyError, match="nothing"):
        found["nothing"]


# computed once


def test_the_second_run_reads():
    first, second = Counting(), Counting()
    computed = extract(first, make())
    read = extract(second, make())
    assert first.n_seen == N_SOUNDS
    assert second.n_seen == 0
    assert_same(read, computed)
    assert read.provenance == computed.provenance


def test_names_and_batches_do_not_matter_to_what_is_stored():
    sounds = make(4)
    extract(Counting(), sounds)
    renamed = Sounds(
        [Clip(f"other {c.name}", c.source, "speech") for c in sounds], duration=sounds.duration
    )
    again = Counting()
    extract(again, renamed, batch_size=1)
    assert again.n_seen == 0
    assert len(entries()) == 1


def one_sample_changed():
    changed = noise(1)
    changed[17] += np.float32(1e-7)
    clips = list(make(4))
    return Sounds([clips[0], Clip("s1", (changed, RATE)), *clips[2:]], duration=0.1)


def twenty_sounds_less():
    return make(4)[:3]


def another_order():
    return Sounds(list(make(4))[::-1], duration=0.1)


def another_rate():
    return make(4, rate=RATE + 1)


def another_duration():
    return make(4, duration=0.12)


@pytest.mark.parametrize(
    "sounds",
    [one_sample_changed, twenty_sounds_less, another_order, another_rate, another_duration],
)
def test_other_sounds_are_computed(sounds):
    before = dict(extract(Counting(), make(4)))
    model = Counting()
    found = extract(model, sounds())
    assert model.n_seen == len(sounds())
    assert_same(found, extract(Counting(), sounds(), use_store=False))
    again = Counting()  # and what was there before is still there
    assert_same(extract(again, make(4)), before)
    assert again.n_seen == 0


@pytest.mark.parametrize("options", [{"version": 2}, {"level": 0.1}, {"sample_rate": 2 * RATE}])
@pytest.mark.filterwarnings("ignore:4 of 4 sounds are recorded")
def test_a_changed_model_is_computed(options):
    extract(Counting(), make(4))
    model = Counting(**options)
    found = extract(model, make(4))
    assert model.n_seen == 4
    assert_same(found, extract(Counting(**options), make(4), use_store=False))


def test_a_changed_level_is_computed():
    extract(Counting(level=0.1), make(4))
    model = Counting(level=0.1 + 1e-9)
    extract(model, make(4))
    assert model.n_seen == 4


def test_other_layers_are_computed():
    extract(Counting(), make(4), layers=["energy"])
    model = Counting()
    extract(model, make(4))
    assert model.n_seen == 4


def test_a_new_version_of_the_step_is_computed(monkeypatch):
    extract(Counting(), make(4))
    monkeypatch.setattr(extraction, "VERSION", extraction.VERSION + 1)
    model = Counting()
    extract(model, make(4))
    assert model.n_seen == 4


def test_a_changed_function_is_computed():
    """A user's model is known by what it does, not by its name."""
    first = extract(heschl.wrap(lambda x: x[:, None] ** 2, sample_rate=RATE, name="f"), make(4))
    other = extract(heschl.wrap(lambda x: x[:, None] ** 4, sample_rate=RATE, name="f"), make(4))
    assert first.provenance["activations"] != other.provenance["activations"]
    assert not np.array_equal(first["output"], other["output"])


def test_the_key_is_that_of_the_description():
    sounds = make(3)
    found = extract(Counting(), sounds)
    description = describe(Counting(), sounds, ["frames", "energy"])
    key = store.content_key(description)
    assert found.provenance == {"model": "counting", "activations": key, **description}
    assert [entry.name for entry in entries()] == [key]
    assert description["sounds"] == [facts.digest for facts in sounds.facts]
    assert description["identity"] == {"model": "counting", "version": 1}


def test_without_the_store_nothing_is_written_or_read(heschl_home, monkeypatch):
    extract(Counting(), make(4))
    before = sorted(heschl_home.rglob("*"))
    model = Counting()
    extract(model, make(4), use_store=False)
    assert model.n_seen == 4
    assert sorted(heschl_home.rglob("*")) == before
    monkeypatch.setenv("HESCHL_HOME", str(heschl_home / "nothing"))
    extract(Counting(), make(4), use_store=False)
    assert not (heschl_home / "nothing").exists()


# sounds of various lengths


LENGTHS = (400, 400, 400, 800, 400, 240, 240, 240, 240, 240, 800, 80, 80, 400, 400, 400, 400, 400)


def various():
    """Eighteen sounds: three parts, runs of equal lengths, some across parts."""
    clips = [Clip(f"s{i}", (noise(i, n), RATE)) for i, n in enumerate(LENGTHS)]
    return Sounds(clips, duration=None)


@pytest.mark.parametrize("use_store", [True, False])
@pytest.mark.parametrize(
    ("batch_size", "batches"),
    [
        (1, [1] * 18),
        (2, [2, 1, 1, 1, 2, 2, 1, 1, 2, 2, 2, 1]),
        (8, [3, 1, 1, 5, 1, 2, 5]),
    ],
)
def test_only_equally_long_sounds_go_together(batch_size, batches, use_store):
    model, sounds = Averaging(), various()
    found = extract(model, sounds, batch_size=batch_size, use_store=use_store)
    assert model.batches == batches
    by_hand = [[np.mean(noise(i, n)), np.mean(noise(i, n) ** 2)] for i, n in enumerate(LENGTHS)]
    np.testing.assert_allclose(found["frames"], by_hand, rtol=1e-4, atol=1e-8)


class Averaging(Counting):
    """One layer of two features, over as many frames as there are samples."""

    layers = ("frames",)

    def forward(self, waveforms, layers=None):
        self.batches.append(len(waveforms))
        return {"frames": np.stack([waveforms, waveforms**2], axis=1)}


@pytest.mark.parametrize("done", [set(), {0}, {1}, {2}, {0, 2}])
def test_only_missing_parts_of_various_sounds_are_computed(done):
    whole = extract(Averaging(), various(), use_store=False)["frames"]
    found = dict(compute_parts(Averaging(), various(), ["frames"], 4, done, False))
    assert set(found) == {0, 1, 2} - done
    for index, part in found.items():
        rows = slice(index * ROWS_PER_PART, (index + 1) * ROWS_PER_PART)
        np.testing.assert_array_equal(part["frames"], whole[rows])


def test_the_trial_of_memory_is_with_the_longest():
    tried = []

    class Tried(Averaging):
        def peak_bytes(self, waveforms, layers=None):
            tried.append(waveforms.shape)
            return 1_000

    extract(Tried(), various(), use_store=False)
    assert tried[0] == (1, 800)


def test_sounds_of_various_lengths_are_known_as_such():
    description = describe(Averaging(), various(), ["frames"])
    assert description["duration"] is None
    first = extract(Averaging(), various())
    again = Averaging()
    assert_same(extract(again, various()), first)
    assert again.n_seen == 0


def test_silent_sounds_where_they_may_be():
    sounds = Sounds(
        [*make(3), Clip("quiet", (np.zeros(400, np.float32), RATE))],
        duration=0.1,
        may_be_silent=True,
    )
    found = extract(Counting(level=0.1), sounds, use_store=False)
    np.testing.assert_array_equal(found["energy"][3], 0)


# damage and interruption


def damage_part(entry, index):
    path = sorted(entry.glob("*.safetensors"))[index]
    content = bytearray(path.read_bytes())
    content[-3] ^= 4
    path.write_bytes(content)


def damage_manifest(entry):
    (entry / store.MANIFEST).write_text('{"parts": [')


def lose_part(entry):
    sorted(entry.glob("*.safetensors"))[0].unlink()


@pytest.mark.parametrize(
    ("damage", "n_computed"),
    [
        (lambda entry: damage_part(entry, 0), ROWS_PER_PART),
        (lambda entry: damage_part(entry, 2), 6),
        (lose_part, ROWS_PER_PART),
        (damage_manifest, 0),
        (lambda entry: (entry / store.MANIFEST).unlink(), 0),
    ],
)
def test_what_is_damaged_is_noticed_and_computed_again(caplog, damage, n_computed):
    """And only that: the parts that still match their checksum are kept."""
    expected = dict(extract(Counting(), make()))
    (entry,) = entries()
    complete = (entry / store.MANIFEST).is_file()
    damage(entry)
    complete = complete and (entry / store.MANIFEST).is_file()
    model = Counting()
    with caplog.at_level(logging.WARNING, logger="heschl"):
        found = extract(model, make())
    assert_same(found, expected)
    assert model.n_seen == n_computed
    assert ("stored activations are damaged" in caplog.text) == complete
    again = Counting()
    assert_same(extract(again, make()), expected)
    assert again.n_seen == 0


class Interrupted(Counting):
    """Is stopped once it has seen so many sounds."""

    def __init__(self, after):
        super().__init__()
        self.after = after

    def forward(self, waveforms, layers=None):
        if self.n_seen >= self.after:
            raise KeyboardInterrupt
        return super().forward(waveforms, layers)


@pytest.mark.parametrize(("after", "kept"), [(0, 0), (12, 8), (16, 16), (20, 16)])
def test_an_interrupted_run_goes_on(heschl_home, after, kept):
    with pytest.raises(KeyboardInterrupt):
        extract(Interrupted(after), make(), batch_size=4)
    assert not list(heschl_home.rglob("*.tmp"))
    assert not list(heschl_home.rglob(store.MANIFEST))
    model = Counting()
    found = extract(model, make())
    assert model.n_seen == N_SOUNDS - kept
    assert_same(found, extract(Counting(), make(), use_store=False))


def test_a_store_that_cannot_be_written_is_refused_before_any_work(heschl_home, monkeypatch):
    (heschl_home / "file").write_text("")
    monkeypatch.setenv("HESCHL_HOME", str(heschl_home / "file"))
    model = Counting()
    with pytest.raises(StoreError, match=r"cannot write .*activations"):
        extract(model, make(4))
    assert model.n_seen == 0


# what is refused


def test_wrong_arguments_are_refused_before_any_work():
    model = Counting()
    with pytest.raises(UnknownNameError, match=r"layer of counting 'energie'.*mean: energy"):
        extract(model, make(4), layers=["energy", "energie"])
    with pytest.raises(UnknownNameError, match=r"unknown model 'cochlegram'.*cochleagram"):
        extract("cochlegram", make(4))
    with pytest.raises(UsageError, match="layers is empty; expected at least one name"):
        extract(model, make(4), layers=[])
    for size in (0, -1):
        with pytest.raises(UsageError, match=f"batch_size is {size}; expected a whole number"):
            extract(model, make(4), batch_size=size)
    assert model.n_seen == 0
    assert not (store.home() / "activations").exists()


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.zeros(400, np.float32), "bad: silent"),
        (np.full(400, np.nan, np.float32), "bad: 400 samples are nan"),
    ],
)
def test_bad_sounds_are_refused_before_any_work(bad, message):
    sounds = Sounds([*make(40), Clip("bad", (bad, RATE))], duration=0.1)
    model = Counting()
    with pytest.raises(AudioError, match=message):
        extract(model, sounds)
    assert model.n_seen == 0
    assert not (store.home() / "activations").exists()


def good(waveforms):
    return {"frames": waveforms[:, None, :40], "energy": waveforms[:, None, :40]}


def with_value(value):
    def function(waveforms, call):
        out = {layer: array.copy() for layer, array in good(waveforms).items()}
        if call == 1:
            out["energy"][2, 0, 7] = value
        return out

    return function


def changing(shape_of):
    """A model whose second call gives another shape."""

    def function(waveforms, call):
        out = good(waveforms)
        return out | {"energy": np.ones(shape_of(len(waveforms)))} if call == 1 else out

    return function


@pytest.mark.parametrize("use_store", [True, False])
@pytest.mark.parametrize(
    ("function", "message"),
    [
        (with_value(np.nan), "layer 'energy': nan or infinite activations for 's10'"),
        (with_value(np.inf), "layer 'energy': nan or infinite activations for 's10'"),
        (
            changing(lambda n: (n - 1, 1, 5)),
            r"layer 'energy': shape \(7, 1, 5\) for 8 sounds; expected \(n_sounds, ..., n_frames\)",
        ),
        (changing(lambda n: (1, n, 5)), r"layer 'energy': shape \(1, 8, 5\) for 8 sounds"),
        (changing(lambda n: (n,)), r"layer 'energy': shape \(8,\) for 8 sounds"),
        (changing(lambda n: ()), r"layer 'energy': shape \(\) for 8 sounds"),
        (changing(lambda n: (n, 1, 0)), r"layer 'energy': shape \(8, 1, 0\) .*least one frame"),
        (
            changing(lambda n: (n, 3, 40)),
            r"layer 'energy': 3 features for some sounds, 1 for others; expected as many for every",
        ),
        (
            lambda x, call: {"frames": x[:, None]},
            r"counting returned the layers \['frames'\]; expected also 'energy'",
        ),
    ],
)
def test_what_a_model_may_not_return(heschl_home, function, message, use_store):
    with pytest.raises(InputError, match=message):
        extract(Returning(function), make(20), use_store=use_store)
    assert not list(heschl_home.rglob("*.tmp"))
    assert not list(heschl_home.rglob("*.json"))


def test_other_numbers_of_features_in_a_later_part_are_refused():
    def function(waveforms, call):
        n_features = 1 if call * 8 < ROWS_PER_PART else 2
        return {x: np.ones((len(waveforms), n_features, 3)) for x in ("frames", "energy")}

    with pytest.raises(InputError, match="layer 'frames': 2 features for some sounds, 1 for"):
        extract(Returning(function), make())


def test_numbers_of_frames_may_differ():
    """They are averaged."""

    def function(waveforms, call):
        x = np.arange(len(waveforms))[:, None, None] + np.zeros((1, 2, 3 + call))
        return {"frames": x, "energy": x}

    found = extract(Returning(function), make(12))
    np.testing.assert_array_equal(found["energy"][:, 1], [*range(8), *range(4)])


def test_sounds_recorded_at_a_low_rate_are_warned_of():
    clips = [Clip(str(r), (noise(r), r)) for r in (RATE, RATE // 2, RATE // 4, 2 * RATE)]
    with pytest.warns(UserWarning, match="it hears nothing") as caught:
        extract(Counting(), Sounds(clips, duration=0.1), use_store=False)
    assert [str(warning.message) for warning in caught] == [
        "2 of 4 sounds are recorded at 1000 Hz or more, below the 4000 Hz of counting: above "
        "500 Hz it hears nothing"
    ]
    assert caught[0].filename == __file__


def test_no_more_is_free_than_a_process_may_take():
    """In a process of its own, which it limits to 300 MB more than it has."""
    pytest.importorskip("resource", reason="needs limits of POSIX")
    if not Path("/proc/self/status").is_file():
        pytest.skip("needs the limits of Linux")
    code = (
        "import resource\n"
        "from heschl.activations import bytes_free\n"
        "before = bytes_free('cpu')\n"
        "status = open('/proc/self/status').read()\n"
        "now = 1024 * int(status.split('VmData:')[1].split()[0])\n"
        "resource.setrlimit(resource.RLIMIT_DATA, (now + 300_000_000, resource.RLIM_INFINITY))\n"
        "print(before, bytes_free('cpu'))\n"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    before, after = map(int, found.stdout.split())
    assert after == pytest.approx(300e6, abs=5e6)
    assert before > after
