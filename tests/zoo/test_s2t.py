"""S2T: its front end and its numbers."""

from __future__ import annotations

import numpy as np
import official_huggingface as official
import pytest
import torch
from golden_huggingface import check_layers, golden_model

from heschl.errors import InputError
from heschl.models.huggingface.published import S2T
from heschl.models.huggingface.speech2text import load, log_mel


@pytest.mark.shared
@pytest.mark.zoo
def test_golden_layers(golden):
    with golden_model("s2t", golden) as model:
        check_layers(model, golden.load("braindnn_s2t"), 1e-4)


@pytest.mark.shared
def test_golden_front_end(golden):
    waveforms = golden.load("braindnn_s2t")["waveforms"]
    found = log_mel(torch.from_numpy(waveforms), S2T).numpy()
    case = golden.load("braindnn_s2t-frontend")
    np.testing.assert_allclose(found[0], case["first"], atol=1e-4)
    np.testing.assert_allclose(found.mean(axis=1), case["mean_time"], atol=1e-5)


def test_bands_have_zero_mean_and_unit_biased_deviation():
    x = 0.1 * torch.randn(2, 16_000, generator=torch.Generator().manual_seed(0))
    found = log_mel(x, S2T).double().numpy()
    assert found.shape == (2, 98, 80)
    np.testing.assert_allclose(found.mean(axis=1), 0, atol=1e-6)
    np.testing.assert_allclose(found.std(axis=1), 1, atol=1e-6)  # numpy's is the biased one


def test_digital_silence_is_zero_and_finite():
    x = torch.zeros(2, 16_000)
    x[1] = 0.1 * torch.randn(16_000, generator=torch.Generator().manual_seed(0))
    found = log_mel(x, S2T)
    assert bool((found[0] == 0).all())
    torch.testing.assert_close(found[1:], log_mel(x[1:], S2T))


def test_less_than_a_frame_is_refused():
    with pytest.raises(InputError, match="at least"):
        log_mel(torch.zeros(1, 399), S2T)


def test_layers_are_the_hidden_states_and_the_last_is_normalised(tmp_path):
    official.write_small("s2t", tmp_path)
    model = load(official.small_spec("s2t"), tmp_path)
    x = (0.1 * np.random.default_rng(0).standard_normal((2, 16_000))).astype(np.float32)
    with torch.inference_mode():
        found = model.network(
            log_mel(torch.from_numpy(x), model.published), output_hidden_states=True
        )
    hidden = [*found.hidden_states[:-1], found.last_hidden_state]
    assert len(hidden) == len(model.layers) == 4
    for expected, layer in zip(hidden, model(x).values(), strict=True):
        np.testing.assert_array_equal(layer, expected.transpose(1, 2).numpy())


def test_the_first_layer_by_hand(tmp_path):
    """Two convolutions with gates, times the square root of the width, plus positions from 2 on."""
    official.write_small("s2t", tmp_path)
    model = load(official.small_spec("s2t"), tmp_path)
    x = (0.1 * np.random.default_rng(0).standard_normal((1, 16_000))).astype(np.float32)
    state = torch.load(tmp_path / "pytorch_model.bin", weights_only=True)
    h = log_mel(torch.from_numpy(x), model.published).transpose(1, 2)
    for i in range(2):
        conv = f"model.encoder.conv.conv_layers.{i}"
        h = torch.nn.functional.conv1d(
            h, state[f"{conv}.weight"], state[f"{conv}.bias"], stride=2, padding=2
        )
        value, gate = h.chunk(2, dim=1)
        h = value * torch.sigmoid(gate)
    width, n_frames = h.shape[1:]
    rates = np.exp(-np.log(10_000) * np.arange(width // 2) / (width // 2 - 1))
    angles = (2 + np.arange(n_frames))[:, None] * rates
    positions = np.concatenate([np.sin(angles), np.cos(angles)], axis=1).T
    expected = h.numpy() * np.sqrt(width) + positions
    np.testing.assert_allclose(model(x)["Embedding"], expected, atol=1e-4)


def test_long_sounds_go_in_pieces_as_long_as_the_positions_reach(tmp_path):
    official.write_small("s2t", tmp_path)
    model = load(official.small_spec("s2t"), tmp_path)
    n = 100 * 4 * 160
    assert model.chunk_samples == n
    x = (0.1 * np.random.default_rng(0).standard_normal((1, 2 * n))).astype(np.float32)
    halves = [model.vectors(x[:, :n]), model.vectors(x[:, n:])]
    for layer, vectors in model.vectors(x).items():
        np.testing.assert_allclose(vectors, (halves[0][layer] + halves[1][layer]) / 2, atol=1e-5)
