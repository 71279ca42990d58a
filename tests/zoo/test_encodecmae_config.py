"""EnCodecMAE's configs: gin texts read without gin, held against the tensors."""

from __future__ import annotations

import naive_encodecmae as naive
import numpy as np
import official_encodecmae as official
import pytest
from test_encodecmae import SPEC, TINY, noise, random_fill

from heschl.errors import InputError
from heschl.models.encodecmae.gin import Bindings
from heschl.models.encodecmae.model import load


@pytest.fixture
def written(tmp_path):
    """Write a reduced network with a gin text, and load it: ``written(name, text)``."""

    def make(name, text=None, size=None, fill=random_fill):
        official.write(name, tmp_path, fill, size=size or TINY[name], text=text)
        return load(SPEC[name], tmp_path)

    return make


# the language

TEXT = """
import torch.nn
include 'configs/base.gin'
$keys_not_saved=['datasets']
SIZE = 768  # a comment
LONG/macro.value = 3
NAME = 'a # no comment' # a comment
PAIR = [%HALF,
        4.82]  # goes on
HALF = -6.12
SIZE = 1024
LOOP = %LOOP
load_dataset.reader_fns+=[@a/reader]
package.models.Encoder:
    width = %SIZE
    layer = @scope/package.Layer   # a reference

    norm_stats = %PAIR
scope/package.Layer.heads = \\
    12
other.Layer.heads=3
LAST = {'a': %LONG, 'b': (True, None)}
"""


def test_bindings_of_all_forms():
    found = Bindings(TEXT, "f")
    assert found.find("", "SIZE") == 1024
    assert found.find("", "LONG") == 3
    assert found.find("", "NAME") == "a # no comment"
    assert found.pair("Encoder", "norm_stats") == (-6.12, 4.82)
    assert found.whole("Encoder", "width") == 1024
    assert found.find("Encoder", "layer") == "@scope/package.Layer"
    assert found.whole("Layer", "heads", "scope") == 12
    assert found.whole("Layer", "heads") == found.whole("Layer", "heads", "elsewhere") == 3
    assert found.find("", "LAST") == {"a": 3, "b": (True, None)}
    assert found.find("load_dataset", "reader_fns") is None
    assert found.has("Encoder")
    assert not found.has("Decoder")


@pytest.mark.parametrize(
    ("text", "ask"),
    [
        ("A = %A", lambda b: b.find("", "A")),
        ("A = %B", lambda b: b.find("", "A")),
        ("A = __import__('os').getcwd()", lambda b: b.find("", "A")),
        ("A = True", lambda b: b.number("", "A")),
        ("A = 'x'", lambda b: b.number("", "A")),
        ("A = 0", lambda b: b.whole("", "A")),
        ("A = 1.5", lambda b: b.whole("", "A")),
        ("X.a = [1, 2, 3]", lambda b: b.pair("X", "a")),
        ("X.a = ['1', 2]", lambda b: b.pair("X", "a")),
    ],
)
def test_values_of_another_kind_are_refused(text, ask):
    with pytest.raises(InputError, match=r"file\.pt: (A|X\.a) is .* in its config; expected"):
        ask(Bindings(text, "file.pt"))


def test_a_text_that_ends_too_early_is_refused():
    with pytest.raises(InputError, match="ends inside brackets"):
        Bindings("B = 1\nA = [1, 2", "f")
    assert Bindings("B = '['  # (", "f").find("", "B") == "["


def test_an_empty_text_binds_nothing():
    assert Bindings("", "f").find("", "A") is None
    assert Bindings("A", "f").number("", "A") is None


# what it says of the network


def test_the_front_end_is_that_of_the_config(written):
    text = official.config("encodecmae-base", TINY["encodecmae-base"])
    text = text.replace("[-6.12, 4.82]", "[1, 2]").replace("'hanning'", "'povey'")
    text = text.replace("frame_shift = 13.28", "frame_shift = 10").replace(
        "DURATION = 4", "DURATION = 1.5"
    )
    model = written("encodecmae-base", text + "MelspectrogramProcessor.low_freq = 50.0\n")
    front_end = model.front_end
    assert (front_end.mean, front_end.std, front_end.low, front_end.window) == (1, 2, 50, "povey")
    assert (front_end.frame_length, front_end.frame_shift) == (637, 240)
    assert model.chunk_samples == 36_000
    assert model.identity()["front_end"]["mean"] == 1
    assert model.forward(noise(1, 5000))["0"].shape[-1] == 1 + (5000 - 637) // 240


def test_the_text_of_the_training_scripts_is_understood_too(written):
    """As its authors write it: full names, blocks, macros that are set later."""
    text = """
NUM_MEL_BINS=256
encodecmae.tasks.features.MelspectrogramProcessor:
    sample_frequency=24000
    frame_shift=13.28
    frame_length=26.56
    num_mel_bins=%NUM_MEL_BINS
    norm_stats=[-6.12, 4.82]
    window_type='hanning'
MODEL_DIM=768
encoder/encodecmae.models.transformers.TransformerEncoder:
    model_dim=%MODEL_DIM
    num_layers=%NUM_ENCODER_LAYERS
encoder/encodecmae.models.transformers.MultiHeadAttention:
    num_heads=%NUM_ENCODER_HEADS
NUM_ENCODER_HEADS=7
NUM_ENCODER_LAYERS=3
MODEL_DIM=28
"""
    size = official.Size(28, 3, hidden=20, heads=7, tokens=16)
    model = written("encodecmae-base", text, size)
    assert model.network.visible_encoder.encoder_layers[0].att_layer.heads == 7
    assert model.front_end == load(SPEC["encodecmae-small"], None).front_end


def test_without_a_text_all_is_as_published(written):
    named = written("encodecmae-base").identity()  # the tensors are mapped: before it is replaced
    assert written("encodecmae-base", text="").identity() == named


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ("MODEL_DIM = 28", "MODEL_DIM = 768"),
            r"wav_encoder\.post_net\.weight has shape \(28, 256\)",
        ),
        (("BINS = 256", "BINS = 128"), r"post_net\.weight has shape \(28, 256\); expected 128"),
        (
            ("_HEADS = 12", "_HEADS = 5"),
            r"0\.att_layer\.wq\.weight has shape .*; expected 25 .* 5 heads",
        ),
        (("_LAYERS = 3", "_LAYERS = 10"), r"encoder_layers\.2; expected 10 layers"),
        (("htk_compat", "window_type = 'kaiser'\nX.htk_compat"), "window 'kaiser'"),
        (("[-6.12, 4.82]", "[-6.12, 0]"), "norm_stats"),
        (("frame_shift = 13.28", "frame_shift = 0"), "every 0"),
        (("use_energy = False", "use_energy = True"), "use_energy is True"),
        (("WavEncoder.post_net", "WavEncoder.fs = 16000\nWavEncoder.p"), "WavEncoder.fs is 16000"),
        (
            ("WavEncoder.post_net", "encoder/TransformerEncoder.norm_type = 'prenorm'\nX.p"),
            "norm_type",
        ),
    ],
)
def test_a_config_that_disagrees_is_refused(written, change, message):
    text = official.config("encodecmae-base", TINY["encodecmae-base"])
    assert change[0] in text
    if "kaiser" in change[1]:  # after the one that is there
        text = text.replace("window_type = 'hanning'", "window_type = 'kaiser'")
    with pytest.raises(InputError, match=message):
        written("encodecmae-base", text.replace(*change))


@pytest.mark.parametrize("name", ["encodecmae-base", "encodecmae-ec-base", "encodecmae-spec-base"])
def test_a_tensor_of_another_shape_is_named(written, name):
    for key, shape in official.shapes(name, TINY[name]).items():
        if not official.is_used(key) or not key.endswith(
            ("norm1.bias", "wo.weight", "15.conv.conv.bias")
        ):
            continue

        def fill(asked, right, key=key, shape=shape):
            return random_fill(asked, (3, *shape) if asked == key else right)

        with pytest.raises(InputError, match=key.replace(".", r"\.")):
            written(name, fill=fill)


@pytest.mark.parametrize("key", ["wav_encoder.post_net.weight", "masker.positional_encoder.scale"])
def test_a_missing_tensor_is_named(tmp_path, key):
    import torch

    state = official.state("encodecmae-base", random_fill, TINY["encodecmae-base"])
    del state[key]
    torch.save({"state_dict": state}, tmp_path / "mel256-ec-base.pt")
    with pytest.raises(InputError, match=key.replace(".", r"\.")):
        load(SPEC["encodecmae-base"], tmp_path)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("encodecmae-base", "encodecmae-spec-base"),
        ("encodecmae-base", "encodecmae-ec-base"),
        ("encodecmae-ec-base", "encodecmae-base"),
        ("encodecmae-spec-base", "encodecmae-base"),
    ],
)
def test_a_checkpoint_of_another_front_end_is_refused(tmp_path, name, other):
    official.write(other, tmp_path, random_fill, size=TINY[other])
    file = tmp_path / f"{official.PUBLISHED[other]}.pt"
    with pytest.raises(InputError, match=r"post_net\.weight has shape|SpectrogramProcessor in"):
        load(SPEC[name], file)


# the spectrogram, whose settings are published nowhere else


def test_the_spectrogram_is_that_of_the_config(written):
    name = "encodecmae-spec-base"
    text = official.config(name, TINY[name]).replace("'hanning'", "'povey'")
    model = written(name, text)
    x = noise(2, 5000)
    x[1] *= 4  # an energy of more than the floor of 1
    found = model.forward(x, ["frontend"])["frontend"]
    for i in range(2):
        expected = naive.spectrogram(x[i], "povey", mean=-8.5, std=3.5)
        np.testing.assert_allclose(found[i].T, expected, atol=2e-3)
    assert model.front_end.n_features == 513


def test_what_the_text_leaves_out_is_the_processors_own(written):
    """Its arguments by default: 25 ms every 10 ms at 16 kHz, Povey's window, no normalisation."""
    size = official.Size(28, 2, hidden=20, n_in=257, tokens=16)
    model = written("encodecmae-spec-base", "SpectrogramProcessor.dither = 0.0", size)
    front_end = model.front_end
    assert (front_end.frame_length, front_end.frame_shift) == (400, 160)
    assert (front_end.window, front_end.mean, front_end.std) == ("povey", 0, 1)


@pytest.mark.parametrize("text", ["", "MODEL_DIM = 28", "X.processors = [@SpectrogramProcessor]"])
def test_without_its_settings_the_spectrogram_is_refused(written, text):
    with pytest.raises(
        InputError, match=r"no SpectrogramProcessor in its config.*published nowhere"
    ):
        written("encodecmae-spec-base", text)


def test_settings_that_are_not_those_of_the_tensors_are_refused(written):
    name = "encodecmae-spec-base"
    text = official.config(name, TINY[name]).replace("frame_length = 26.56", "frame_length = 50")
    with pytest.raises(InputError, match=r"post_net\.weight has shape \(28, 513\); expected 1025"):
        written(name, text)


def test_fresh_weights_take_the_frames_of_the_mel_spectrogram():
    model = load(SPEC["encodecmae-spec-base"], None)
    assert (model.front_end.frame_length, model.front_end.frame_shift) == (637, 318)
    assert model.forward(noise(1, 48_000), ["frontend"])["frontend"].shape == (1, 513, 149)
    assert model.network.wav_encoder.post_net.weight.shape == (768, 513)


def test_a_config_that_is_no_text_is_refused(tmp_path):
    import torch

    state = official.state("encodecmae-base", random_fill, TINY["encodecmae-base"])
    torch.save({"state_dict": state, "config": [1]}, tmp_path / "mel256-ec-base.pt")
    with pytest.raises(InputError, match="type list"):
        load(SPEC["encodecmae-base"], tmp_path)
