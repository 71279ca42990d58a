"""AST: its front end and its numbers."""

from __future__ import annotations

import numpy as np
import official_huggingface as official
import pytest
import torch
from golden_huggingface import check_layers, golden_model

from heschl.errors import InputError
from heschl.models.huggingface.published import AST
from heschl.models.huggingface.spectrogram_transformer import load, log_mel


@pytest.fixture
def small(tmp_path):
    official.write_small("ast", tmp_path)
    return load(official.small_spec("ast"), tmp_path)


@pytest.mark.shared
@pytest.mark.zoo
def test_golden_layers(golden):
    with golden_model("ast", golden) as model:
        eps = {m.eps for m in model.network.modules() if isinstance(m, torch.nn.LayerNorm)}
        assert eps == {1e-12}
        check_layers(model, golden.load("braindnn_ast"), 1e-4)


@pytest.mark.shared
def test_golden_front_end(golden):
    waveforms = golden.load("braindnn_ast")["waveforms"]
    found = log_mel(torch.from_numpy(waveforms), AST).numpy()
    case = golden.load("braindnn_ast-frontend")
    np.testing.assert_allclose(found[0], case["first"], atol=1e-5)
    np.testing.assert_allclose(found.mean(axis=1), case["mean_time"], atol=1e-5)
    other = golden.load("frontend-ast")  # computed by torchaudio, in single precision
    np.testing.assert_allclose(found[0], other["full/000"], atol=1e-4)
    np.testing.assert_allclose(found.mean(axis=1), other["layers"]["input_values"], atol=1e-4)


def test_padding_and_floor_of_the_front_end():
    silence = log_mel(torch.zeros(1, 32_000), AST)
    assert silence.shape == (1, 1024, 128)
    torch.testing.assert_close(silence[:, 198:], torch.full((1, 826, 128), 0.46703237))
    floor = (np.log(np.finfo(np.float32).eps) + 4.2677393) / (2 * 4.5689974)
    assert round(floor, 4) == -1.2776
    torch.testing.assert_close(silence[:, :198], torch.full((1, 198, 128), float(floor)))


def test_less_than_a_frame_is_refused():
    with pytest.raises(InputError, match="at least"):
        log_mel(torch.zeros(1, 399), AST)


def test_the_whole_window_is_filled_before_a_sound_is_cut():
    n_samples = 400 + 1023 * 160
    x = 0.1 * torch.randn(1, n_samples, generator=torch.Generator().manual_seed(0))
    assert (log_mel(x, AST)[0, -1] != 0.46703237).all()
    spec = official.small_spec("ast")
    assert load(spec, None).chunk_samples == 400 + 119 * 160
    with torch.device("meta"):
        full = load(type(spec)(**{**vars(spec), "options": {"published": AST}}), None)
    assert full.chunk_samples == n_samples


def test_long_sounds_go_in_pieces(small):
    x = (0.1 * np.random.default_rng(0).standard_normal((2, 60_000))).astype(np.float32)
    n = small.chunk_samples
    pieces = [small.vectors(x[:, start : start + n]) for start in (0, n, 2 * n)]
    for layer, vectors in small.vectors(x).items():
        expected = np.mean([piece[layer] for piece in pieces], axis=0)
        np.testing.assert_allclose(vectors, expected, atol=1e-6)
    short_rest = small.vectors(x[:, : n + 15_999])  # less than a second is left out
    np.testing.assert_array_equal(short_rest["1"], small.vectors(x[:, :n])["1"])


def test_the_mlp_counts_before_it_is_added(small):
    """Block 1's output is its input, plus attention, plus the layer; the network is the witness."""
    x = (0.1 * np.random.default_rng(0).standard_normal((1, 16_000))).astype(np.float32)
    stack = small.network.audio_spectrogram_transformer
    before = {}
    handle = stack.layers[1].layernorm_after.register_forward_hook(
        lambda _module, inputs, _output: before.update(x=inputs[0].clone())
    )
    with torch.inference_mode():
        hidden = small.network(
            log_mel(torch.from_numpy(x), small.published), output_hidden_states=True
        ).hidden_states
    handle.remove()
    expected = (hidden[2] - before["x"]).mean(dim=1).numpy()
    np.testing.assert_allclose(small.vectors(x)["1"], expected, atol=1e-5)
