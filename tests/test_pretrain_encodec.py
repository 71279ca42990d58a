"""EnCodec as targets and as a front end: against transformers, and in whole small trainings."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file

import heschl
from heschl.errors import InputError
from heschl.models.encodecmae.frontends import Spectrogram
from heschl.models.encodecmae.network import Network
from heschl.models.network import weights_sha256
from heschl.models.weights import read_contents
from heschl.pretrain import encodec, pretrain, read_recipe
from heschl.pretrain.losses import CODEBOOK_WEIGHTS
from heschl.pretrain.targets.encodec import EnCodecCodes
from small_pretraining import recipe

pytestmark = pytest.mark.filterwarnings("ignore:.*does not have many workers")

WAVEFORMS = torch.randn(2, 12_345, generator=torch.Generator().manual_seed(0)) * 0.1
SIZES = {"dim": 16, "depth": 2, "heads": 2, "hidden": 24}


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """EnCodec at 24 kHz with weights of no training, whose codes vary all the same."""
    from transformers import EncodecConfig, EncodecModel
    from transformers.utils import logging

    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = EncodecModel(EncodecConfig()).eval()
        with torch.no_grad():
            for name, parameter in model.encoder.named_parameters():
                if name.endswith("original0"):  # else the signal dies out on its way
                    parameter *= 1.6
            spread = model.encoder(WAVEFORMS[:, None]).std(-1).mean()
            for i, layer in enumerate(model.quantizer.layers):
                layer.codebook.embed.normal_(std=float(spread) / (i + 1))
    place = tmp_path_factory.mktemp("codecs") / "encodec"
    logging.disable_progress_bar()
    model.save_pretrained(place)
    logging.enable_progress_bar()
    return place


@pytest.fixture(scope="module")
def published(folder):
    """The same by transformers alone."""
    from transformers import EncodecModel

    return EncodecModel.from_pretrained(folder).eval()


@pytest.fixture(scope="module")
def codec(folder):
    return encodec.load_encodec(folder)


def codes_of(model, waveforms, bandwidth):
    with torch.no_grad():
        return model.encode(waveforms[:, None], bandwidth=bandwidth).audio_codes[0]


def test_codes_are_those_of_transformers_at_6_kbit(codec, published):
    found = EnCodecCodes(codec)(WAVEFORMS)
    assert found.shape == (2, 8, 39)  # 12345 samples, 75 frames a second: 38.6
    assert found.dtype == torch.int64
    assert torch.equal(found, codes_of(published, WAVEFORMS, 6.0))
    assert min(len(one.unique()) for one in found.transpose(0, 1)) > 1
    assert encodec.codes(codec, torch.zeros(1, 96_000), 8).shape == (1, 8, 300)


def test_weights_of_the_codebooks(codec):
    targets = EnCodecCodes(codec)
    assert (targets.n_codebooks, targets.n_codes) == (8, 1024)
    assert targets.weights == CODEBOOK_WEIGHTS
    fewer = EnCodecCodes(codec, 2)
    assert fewer.weights == (0.5, 0.5)
    assert torch.equal(fewer(WAVEFORMS), EnCodecCodes(codec)(WAVEFORMS)[:, :2])


def test_nothing_of_it_is_trained(codec):
    assert not codec.training
    assert not any(one.requires_grad for one in codec.parameters())
    assert not EnCodecCodes(codec)(WAVEFORMS).requires_grad


def test_the_encoder_is_that_of_transformers(codec, published):
    state = torch.get_rng_state()
    encoder = encodec.front_end_of(codec)
    assert torch.equal(torch.get_rng_state(), state)
    for n in (12_345, 12_160, 321, 7):
        with torch.no_grad():
            wanted = published.encoder(WAVEFORMS[:, None, :n]).transpose(1, 2)
            found = encoder(WAVEFORMS[:, :n])
        torch.testing.assert_close(found, wanted, atol=1e-5, rtol=0)
    assert wanted.abs().max() > 1e-3
    own = {x.data_ptr() for x in encoder.parameters()}
    assert not own & {x.data_ptr() for x in codec.parameters()}


def test_the_names_of_older_files(folder, tmp_path, codec):
    """The published file has the names that weight norms had before torch 2.1."""
    tensors = load_file(folder / "model.safetensors")
    for new, old in (("original0", "weight_g"), ("original1", "weight_v")):
        tensors = {k.replace(f"parametrizations.weight.{new}", old): x for k, x in tensors.items()}
    assert "encoder.layers.0.conv.weight_g" in tensors
    save_file(tensors, tmp_path / "model.safetensors", {"format": "pt"})
    shutil.copy(folder / "config.json", tmp_path)
    assert weights_sha256(encodec.load_encodec(tmp_path)) == weights_sha256(codec)


# what is no EnCodec at 24 kHz


def changed(folder, place, **values):
    config = json.loads((folder / "config.json").read_text()) | values
    place.mkdir(exist_ok=True)
    (place / "config.json").write_text(json.dumps(config))
    return place


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {  # facebook/encodec_48khz
                "sampling_rate": 48_000,
                "audio_channels": 2,
                "normalize": True,
                "chunk_length_s": 1.0,
                "overlap": 0.01,
                "use_causal_conv": False,
                "norm_type": "time_group_norm",
                "target_bandwidths": [3.0, 6.0, 12.0, 24.0],
            },
            "sampling_rate is 48000; expected 24000: EnCodec at 24 kHz, as facebook/encodec_24khz",
        ),
        ({"model_type": "wav2vec2"}, "model_type is 'wav2vec2'; expected 'encodec'"),
        ({"codebook_size": 512}, "codebook_size is 512; expected 1024"),
        ({"upsampling_ratios": [8, 5, 4, 4]}, "upsampling_ratios is .*; expected .8, 5, 4, 2"),
        ({"pad_mode": "constant"}, "pad_mode is 'constant'; expected 'reflect'"),
        ({"num_filters": "many"}, r"config\.json: not readable .*expected the config\.json of"),
    ],
)
def test_configurations_of_something_else(folder, tmp_path, values, message):
    with pytest.raises(InputError, match=message):
        encodec.load_encodec(changed(folder, tmp_path / "other", **values))


@pytest.mark.parametrize("text", ["{", "[]", "\x00"])
def test_a_damaged_configuration(tmp_path, text):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(InputError, match=r"config\.json: not readable"):
        encodec.load_encodec(tmp_path)


def test_tensors_of_something_else(folder, tmp_path):
    shutil.copy(folder / "config.json", tmp_path)
    with pytest.raises(InputError, match=r"none of model\.safetensors"):
        encodec.load_encodec(tmp_path)
    tensors = load_file(folder / "model.safetensors")
    codebook = "quantizer.layers.3.codebook.embed"
    for name, tensor, message in (
        (codebook, None, f"tensor {codebook} is missing"),
        (codebook, torch.full((1024, 128), torch.nan), f"tensor {codebook} is not finite"),
        ("encoder.layers.0.conv.bias", torch.zeros(5), r"has shape \(5,\), expected \(32,\)"),
        ("encoder.layers.99.conv.bias", torch.zeros(5), "is not expected"),
    ):
        others = {key: x for key, x in tensors.items() if key != name}
        if tensor is not None:
            others[name] = tensor
        save_file(others, tmp_path / "model.safetensors", {"format": "pt"})
        with pytest.raises(InputError, match=message):
            encodec.load_encodec(tmp_path)


def test_numbers_of_codebooks(codec):
    with pytest.raises(InputError, match="codebooks is 5; expected one of 2, 4, 8, 16, 32"):
        EnCodecCodes(codec, 5)
    assert EnCodecCodes(codec, 16)(WAVEFORMS).shape == (2, 16, 39)


# whole trainings


def train(folder, codec, **network):
    file = recipe(
        folder,
        encodec=codec,
        data={"crop": 0.3},
        network=network,
        targets={"kind": "encodec", "codebooks": None, "codes": None},
        training={"steps": 2},
    )
    return pretrain(read_recipe(file), folder / "run", show_progress=False)


def state_of(checkpoint):
    return read_contents(checkpoint / "model.pt").state("state_dict")


def layers_of(state, features):
    """Layers "0" and "1" of a trained network, averaged over time."""
    network = Network(torch.nn.Identity(), features.shape[-1], **SIZES)
    network.load_state_dict({name: state[name] for name in network.state_dict()})
    kept = []
    network.visible_encoder.encoder_layers[0].register_forward_hook(
        lambda module, taken, given: kept.append(given[0])
    )
    with torch.no_grad():
        last = network(features)
    return {"0": kept[0].mean(1).numpy(), "1": last.mean(1).numpy()}


def test_a_training_on_what_the_encoder_makes_of_waveforms(tmp_path, folder, published):
    shutil.copytree(folder, tmp_path / "codec")
    done = train(tmp_path, "codec", input="encodec")  # from the folder of the recipe
    first, last = (state_of(tmp_path / f"run/checkpoints/step-0000000{n}") for n in (0, 2))
    inside = [name for name in last if name.startswith("wav_encoder.encoder.")]
    assert len(inside) == len(published.encoder.state_dict())
    assert all(torch.equal(first[name], last[name]) for name in inside)
    moved = [name for name in last if not torch.equal(first[name], last[name])]
    assert set(last) - set(moved) == set(inside)  # all else is trained
    assert last["head.layer.weight"].shape == (8 * 1024, 16)

    model = heschl.load_model(str(done.checkpoint))
    assert model.architecture["front_end"] == {"kind": "encodec", "scale": 1.0}
    assert model.chunk_samples == 7200
    waveforms = WAVEFORMS[:, :7200]
    with torch.no_grad():
        features = published.encoder(waveforms[:, None]).transpose(1, 2)
    wanted = layers_of(last, features)
    found = model.vectors(waveforms.numpy())
    assert list(found) == ["0", "1"]
    for layer, values in found.items():
        np.testing.assert_allclose(values, wanted[layer], rtol=1e-4, atol=1e-5)

    again = train(tmp_path, "codec", input="encodec")
    assert again.step == 2
    path = tmp_path / "codec/model.safetensors"
    tensors = load_file(path)
    tensors["quantizer.layers.0.codebook.embed"] += 1
    save_file(tensors, path, {"format": "pt"})
    with pytest.raises(InputError, match="codes of a model whose weights have SHA-256"):
        train(tmp_path, "codec", input="encodec")


def test_the_loss_of_the_first_step_is_that_of_the_codes(tmp_path, folder, published):
    """A spectrogram as input; loss by hand, from the first checkpoint and transformers' codes."""
    from heschl.pretrain.data import open_index
    from heschl.pretrain.data.loading import batches
    from heschl.pretrain.frames import Frames, n_frames
    from heschl.pretrain.making import make, sources

    done = train(tmp_path, str(folder), input="spectrogram")
    file = read_recipe(tmp_path / "recipe.yaml")
    index = open_index(tmp_path / "run", sources(file), show_progress=False)
    network = make(file, tmp_path / "run", index).network
    (batch,) = batches(index, seed=0, batch_size=4, first_step=0, last_step=1, crop_seconds=0.3)
    network.load_state_dict(state_of(tmp_path / "run/checkpoints/step-00000000"))
    features = Spectrogram()(batch.waveforms)
    lengths = n_frames(Spectrogram(), batch.n_samples).tolist()
    frames = Frames.draw(
        lengths, batch.mask_seeds.tolist(), features.shape[1], gap=15, proportion=0.5
    )
    codes = codes_of(published, batch.waveforms, 6.0)
    with torch.no_grad():
        logits = network(features, frames).log_softmax(-1).double()
    sums, counts = [0.0, 0.0], [0, 0]
    for i, n in enumerate(lengths):
        for t in range(n):
            hidden = int(frames.mask[i, t])
            counts[hidden] += 1
            for q in range(8):
                sums[hidden] -= CODEBOOK_WEIGHTS[q] * float(logits[i, t, q, codes[i, q, t]])
    wanted = 0.9 * sums[1] / counts[1] + 0.1 * sums[0] / counts[0]
    losses = pd.read_csv(tmp_path / "run/losses.csv")
    assert losses["loss"][0] == pytest.approx(wanted, rel=1e-4)
    model = heschl.load_model(str(done.checkpoint))
    assert model.architecture["front_end"]["kind"] == "spectrogram"
    state = state_of(done.checkpoint)
    found = model.vectors(WAVEFORMS[:, :7200].numpy())
    wanted = layers_of(state, Spectrogram()(WAVEFORMS[:, :7200]))
    for layer, values in found.items():
        np.testing.assert_allclose(values, wanted[layer], rtol=1e-4, atol=1e-5)
