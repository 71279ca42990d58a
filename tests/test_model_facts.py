"""What is known of every model without building it: where it stands, and whether it is true."""

from __future__ import annotations

import csv
import importlib.util
import math
import subprocess
import sys
from pathlib import Path
from typing import get_args, get_type_hints

import numpy as np
import pytest
import scipy.fft

from heschl.errors import UnknownNameError, UsageError
from heschl.models import MODELS, Facts, Training, cochleagram, facts, load_model, spectrotemporal
from heschl.models.facts import costs

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "src" / "heschl" / "models" / "costs.csv"


@pytest.mark.parametrize("spec", MODELS.values(), ids=MODELS)
def test_training_of_every_model_is_told(spec):
    training = spec.training
    assert training.kind in get_args(get_type_hints(Training)["kind"])
    assert training.data
    assert training.source
    if training.kind == "hand-built":
        assert spec.weights is None
        assert training.hours is None
    else:
        assert spec.weights is not None
        assert training.hours > 0


def test_models_that_heard_the_same_agree():
    hours = {name: facts(name).hours for name in MODELS}
    assert hours["encodecmae-base"] == sum(
        hours[f"encodecmae-base-{part}"] for part in ("as", "fma", "ll")
    )
    for family in ("BEATs", "Dasheng", "cochdnn"):
        assert len({hours[name] for name, spec in MODELS.items() if spec.family == family}) == 1
    clips = round((230_356 * 2 + 718_625 * 10) / 3600)  # seconds of speech, and of AudioSet
    assert hours["cochcnn9-word"] == clips
    assert hours["zerospeech"] == pytest.approx((15 * 60 + 40 + 4 * 60 + 40) / 60, abs=0.01)
    assert hours["dcase2020"] == pytest.approx(2_893 * (15 + 30) / 2 / 3600, abs=0.05)


def test_table_of_costs_has_every_model_once_and_in_order():
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["model"] for row in rows] == list(MODELS)
    assert list(costs()) == list(MODELS)
    for name, found in costs().items():
        assert found.layers > 0
        assert found.features >= found.layers
        assert found.gflop > 0
        assert (found.parameters > 0) == (MODELS[name].weights is not None)


@pytest.mark.parametrize("name", [name for name, spec in MODELS.items() if spec.weights is None])
def test_hand_built_models_have_the_layers_and_features_of_the_table(name):
    model = load_model(name)
    noise = np.random.default_rng(0).standard_normal((1, 2 * model.sample_rate), dtype=np.float32)
    vectors = model.vectors(noise)
    known = facts(name)
    assert (known.parameters, known.layers) == (0, len(vectors))
    assert known.features == sum(vector.size for vector in vectors.values())


# which models a reference has the facts of


def test_facts_are_those_of_the_table():
    assert facts("wav2vec2") == Facts(
        name="wav2vec2",
        family="transformers",
        training="supervised",
        hours=960,
        parameters=94_371_712,
        layers=13,
        features=13 * 768,
        gflop=costs()["wav2vec2"].gflop,
    )
    assert facts("braindnn_wav2vec2") == facts("wav2vec2")
    assert facts("cochleagram").training == "hand-built"


@pytest.mark.parametrize("end", ["@random:0", "@permuted:3", "@file:mine.pt"])
def test_other_weights_have_the_size_but_not_the_training(end):
    plain, other = facts("beats-iter3"), facts(f"beats-iter3{end}")
    assert other.name == f"beats-iter3{end}"
    assert other.training is None
    assert other.hours is None
    for same in ("family", "parameters", "layers", "features", "gflop"):
        assert getattr(other, same) == getattr(plain, same)


def test_of_other_models_only_the_name_is_known(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    for reference in (
        "hf:org/name",
        "hear:module",
        "torch:module:function",
        "hf:org/name@random:0",
    ):
        assert facts(reference) == Facts(reference)
    assert facts(str(tmp_path)) == Facts(f"hf:{tmp_path.name}")


def test_what_is_no_model_is_an_error():
    with pytest.raises(UnknownNameError, match="Did you mean: wav2vec2"):
        facts("wav2vec")
    with pytest.raises(UsageError, match="seed"):
        facts("wav2vec2@random:x")


def test_facts_need_no_torch():
    code = (
        "import sys; from heschl.models import facts; facts('dasheng-12b@random:0');"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


# operations, from the architecture by hand; a product and its sum are two


def fourier(n_frames, n_fft):
    return n_frames * 2.5 * n_fft * math.log2(n_fft)


def dense(n_times, *pairs):
    return 2 * n_times * sum(a * b for a, b in pairs)


def metricgan():
    n_frames, n_bins, units = 126, 257, 200
    gates = (n_bins, 4 * units), (units, 4 * units), (2 * units, 4 * units), (units, 4 * units)
    linear = (2 * units, 300), (300, n_bins)
    return dense(n_frames, *gates, *gates) + dense(n_frames, *linear) + fourier(n_frames, 512)


def vggish():
    n_frames, n_patches = 198, 2
    maps = ((96, 64, 1, 64), (48, 32, 64, 128), (24, 16, 128, 256), (24, 16, 256, 256))
    maps += ((12, 8, 256, 512), (12, 8, 512, 512))  # 3 x 3, padded
    convolutions = sum(times * bands * 9 * a * b for times, bands, a, b in maps)
    linear = (6 * 4 * 512, 4096), (4096, 4096), (4096, 128)
    front_end = fourier(n_frames, 512) + dense(n_frames, (257, 64))
    return front_end + 2 * n_patches * convolutions + dense(n_patches, *linear)


def dasheng(width, depth):
    n_frames, n_tokens = 201, 50
    block = dense(n_tokens, (width, 3 * width), (width, width), (width, 8 * width))
    attention = 2 * dense(n_tokens, (n_tokens, width))
    patches = dense(n_tokens, (64 * 4, width))
    front_end = fourier(n_frames, 512) + dense(n_frames, (257, 64))
    return front_end + patches + depth * (block + attention)


def melspectrogram():
    return fourier(201, 512) + dense(201, (257, 128))


@pytest.mark.parametrize(
    ("name", "operations"),
    [
        ("metricgan", metricgan()),
        ("vggish", vggish()),
        ("dasheng-base", dasheng(768, 12)),
        ("dasheng-06b", dasheng(1280, 32)),
        ("dasheng-12b", dasheng(1536, 40)),
        ("melspectrogram", melspectrogram()),
    ],
)
def test_operations_are_those_of_the_architecture(name, operations):
    assert facts(name).gflop == pytest.approx(operations / 2 / 1e9, rel=1e-5)


class Counting(np.ndarray):
    """An array that counts the operations of the products it goes into."""

    __array_priority__ = 1.0  # of arrays put together, too
    operations = 0

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **kwargs):
        plain = [np.asarray(one) for one in inputs]
        if out is not None:
            kwargs["out"] = tuple(np.asarray(one) for one in out)
        found = getattr(ufunc, method)(*plain, **kwargs)
        if ufunc is np.matmul:
            Counting.operations += 2 * plain[0].shape[-1] * np.size(found)
        return np.asarray(found).view(Counting)


def test_operations_without_torch_are_those_that_are_carried_out(monkeypatch):
    """Transforms and products as they are made; the means over time, which hardly count, too."""
    n_samples, transforms = 40_000, []

    def counted(transform, share):
        def call(x, *args, **kwargs):
            transforms.append(share * x.size * math.log2(x.shape[-1]))
            return transform(x, *args, **kwargs)

        return call

    monkeypatch.setattr(cochleagram.scipy.fft, "rfft", counted(scipy.fft.rfft, 2.5))
    monkeypatch.setattr(cochleagram.scipy.fft, "ifft", counted(scipy.fft.ifft, 5))
    lowpass = cochleagram._lowpass().view(Counting)
    monkeypatch.setattr(cochleagram, "_lowpass", lambda: lowpass)
    noise = np.random.default_rng(0).standard_normal(n_samples, dtype=np.float32)
    Counting.operations = 0
    sounds = np.asarray(cochleagram.cochleagram(noise))
    expected = sum(transforms) + Counting.operations
    assert facts("cochleagram").gflop == pytest.approx(expected / 2 / 1e9, rel=1e-5)
    spectrotemporal.modulation_power(sounds.view(Counting))
    expected = sum(transforms) + Counting.operations
    assert facts("spectrotemporal").gflop == pytest.approx(expected / 2 / 1e9, rel=2e-3)


@pytest.fixture(scope="module")
def script():
    """The script that writes the table."""
    spec = importlib.util.spec_from_file_location("costs", ROOT / "benchmarks" / "costs.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["melspectrogram", "metricgan", "zerospeech"])
def test_measured_again_costs_are_those_of_the_table(name, script):
    found, known = script.measure(name), costs()[name]
    assert found.gflop == pytest.approx(known.gflop, rel=1e-5)
    assert vars(found) | {"gflop": 0} == vars(known) | {"gflop": 0}
