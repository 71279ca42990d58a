"""wav2vec 2.0: its front end and its numbers."""

from __future__ import annotations

import numpy as np
import official_huggingface as official
import pytest
import torch
from golden_huggingface import check_layers, golden_model
from safetensors.torch import load_file, save_file

from heschl.errors import InputError
from heschl.models.huggingface.wav2vec2 import load, normalised


@pytest.mark.shared
@pytest.mark.zoo
def test_golden_layers(golden):
    with golden_model("wav2vec2", golden) as model:
        check_layers(model, golden.load("braindnn_wav2vec2"), 1e-4)


@pytest.mark.shared
def test_golden_front_end(golden):
    waveforms = golden.load("braindnn_wav2vec2")["waveforms"]
    found = normalised(torch.from_numpy(waveforms)).numpy()
    case = golden.load("braindnn_wav2vec2-frontend")
    np.testing.assert_allclose(found[0], case["first"], atol=1e-5)
    np.testing.assert_allclose(found.mean(axis=1), case["mean_time"], atol=1e-6)


def test_front_end_by_hand():
    x = torch.tensor([[0.0, 2.0] * 300, [1e-4, -1e-4] * 300])
    found = normalised(x)
    torch.testing.assert_close(found[0, :2], torch.tensor([-1.0, 1.0]))
    # 1e-8 of variance beside an eps of 1e-7
    torch.testing.assert_close(found[1, 0], torch.tensor(1e-4 / (1.1e-7) ** 0.5))
    assert bool((normalised(torch.zeros(1, 600)) == 0).all())


def test_less_than_a_frame_is_refused():
    with pytest.raises(InputError, match="at least 400 samples"):
        normalised(torch.zeros(1, 399))


def test_layers_are_the_hidden_states(tmp_path):
    official.write_small("wav2vec2", tmp_path)
    model = load(official.small_spec("wav2vec2"), tmp_path)
    x = (0.1 * np.random.default_rng(0).standard_normal((2, 9000))).astype(np.float32)
    with torch.inference_mode():
        hidden = model.network(
            normalised(torch.from_numpy(x)), output_hidden_states=True
        ).hidden_states
    assert len(hidden) == len(model.layers)
    for expected, found in zip(hidden, model(x).values(), strict=True):
        np.testing.assert_array_equal(found, expected.transpose(1, 2).numpy())


def test_what_only_training_uses_may_be_absent(tmp_path):
    """The released file lacks masked_spec_embed; it must not enter the identity as noise."""
    official.write_small("wav2vec2", tmp_path)
    path = tmp_path / "model.safetensors"
    tensors = load_file(path)
    del tensors["wav2vec2.masked_spec_embed"]
    save_file(tensors, path, metadata={"format": "pt"})
    models = [load(official.small_spec("wav2vec2"), tmp_path) for _ in range(2)]
    assert models[0].identity() == models[1].identity()
    assert bool((models[0].network.masked_spec_embed == 0).all())
