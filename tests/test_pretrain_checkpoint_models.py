"""What a training leaves as a model: its configuration, its names, its controls, its weights."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some
from torch import nn

import heschl
from heschl.cli import run
from heschl.errors import InputError, UnknownNameError, UsageError
from heschl.models import check_reference
from heschl.models.encodecmae.configuration import kind, read, write
from heschl.models.encodecmae.frontends import Mel, Spectrogram, Waveform
from heschl.models.encodecmae.model import build, in_training
from heschl.models.loading import outline
from heschl.models.network import weights_sha256
from heschl.models.references import parse
from heschl.models.weights import copy_strict
from heschl.pretrain.network import PretrainingNetwork
from heschl.studies import Running, read_study, run_study
from small_encodecmae import checkpoint, config, state

# the configuration


def shapes(described):
    with torch.device("meta"):
        return build(described).state_dict()


@pytest.mark.parametrize(
    "described",
    [
        config(),
        config(dim=13, depth=1, heads=5, hidden=1, chunk_samples=2049),
        config(dim=768, depth=10, heads=12, hidden=4096),
        config(Mel(n_mels=31, low=0.0, high=7999.5, mean=0.0, std=1e-3, window="povey")),
        config(Spectrogram()),
        config(Spectrogram(16_000, 25.0, 10.0, "hamming", mean=-1 / 3, std=2 / 3)),
        config(Waveform(), depth=1),
        config(Waveform(scale=0.1), depth=1, chunk_samples=7201),
    ],
    ids=str,
)
def test_what_is_written_is_read_again(described):
    text, tensors = write(described), shapes(described)
    found = kind(text, tensors, source="x")
    assert found == described.front_end.kind
    assert read(text, tensors, {"front_end": found}, source="x") == described


@settings(max_examples=300, deadline=None, derandomize=True)
@given(some.integers(1, 10**8))
def test_every_length_of_pieces_is_read_again(n):
    """Written in seconds, which are rounded: 1,073 samples are 0.04470833333333333 s."""
    described = config(dim=3, depth=1, heads=1, hidden=2, chunk_samples=n)
    tensors = {
        "wav_encoder.post_net.weight": torch.empty(3, 256),
        "visible_encoder.encoder_layers.0.att_layer.wq.weight": torch.empty(3, 3),
        "visible_encoder.encoder_layers.0.ff_layer.0.weight": torch.empty(2, 3),
    }
    assert read(write(described), tensors, {"front_end": "mel"}, source="x") == described


def test_a_number_of_seconds_is_rounded_down_as_published():
    text = write(config()).replace("MAX_AUDIO_DURATION = 4.0", "MAX_AUDIO_DURATION = 0.30001")
    found = read(text, shapes(config()), {"front_end": "mel"}, source="x")
    assert found.chunk_samples == 7200  # of 7200.24


# references


@pytest.fixture
def trained(tmp_path):
    """Folder of a checkpoint, as a training leaves it."""
    return checkpoint(tmp_path / "tiny/checkpoints/step-00001000")


def test_names_in_results(trained, tmp_path, monkeypatch):
    assert parse(str(trained)).kind == "checkpoint"
    name = "tiny/step-00001000"
    for text in (trained, trained / "model.pt", f"{trained}/"):
        assert parse(str(text)).name == name
    assert parse(f"{trained}@random:3").name == f"{name}@random:3"
    assert parse(f"{trained}@permuted:0").name == f"{name}@permuted:0"
    for text, wanted in (("own/v1.5.pt", "own/v1.5"), ("v1.5.ckpt", f"{tmp_path.name}/v1.5")):
        checkpoint(tmp_path / text)
        assert parse(str(tmp_path / text)).name == wanted
    assert parse(str(checkpoint(tmp_path / "own/v1.6/model.pt").parent)).name == "own/v1.6"
    monkeypatch.chdir(trained)
    assert parse("../step-00001000").name == parse("model.pt").name == name
    monkeypatch.setenv("HOME", str(tmp_path))
    assert parse("~/tiny/checkpoints/step-00001000").name == name


def test_files_and_folders_are_the_same_model(trained, tmp_path):
    model = heschl.load_model(str(trained))
    assert model.name == "tiny/step-00001000"
    assert model.layers == ("0", "1")
    assert model.every_layer() == ("frontend", "0", "1-nopn", "1")
    own = state()
    assert all(torch.equal(x, own[name]) for name, x in model.network.state_dict().items())
    lightning = tmp_path / "last.ckpt"  # no config: what it does not say is as published
    torch.save({"state_dict": state(config(dim=24, heads=12)), "epoch": 3}, lightning)
    for path in (trained / "model.pt", checkpoint(tmp_path / "mel256-ec-tiny.pt")):
        assert heschl.load_model(str(path)).identity() == model.identity()
    found = heschl.load_model(str(lightning))
    assert (found.architecture["heads"], found.architecture["dim"]) == (12, 24)
    assert found.chunk_samples == 96_000


def test_tensors_of_the_training_are_passed_over(tmp_path):
    network = pretraining()
    path = tmp_path / "run/checkpoints/step-00000000"
    path.mkdir(parents=True)
    content = {"state_dict": network.state_dict(), "config": write(config()), "imports": []}
    torch.save(content, path / "model.pt")
    model = heschl.load_model(str(path))
    own = network.state_dict()
    assert all(torch.equal(x, own[name]) for name, x in model.network.state_dict().items())


def test_controls(trained):
    model = heschl.load_model(str(trained))
    before = torch.get_rng_state()
    fresh = heschl.load_model(f"{trained}@random:0")
    assert torch.equal(torch.get_rng_state(), before)
    assert fresh.architecture == model.architecture
    # small_encodecmae draws as before a training, too: the same seed, the same weights
    assert fresh.identity() == model.identity()
    other = heschl.load_model(f"{trained}@random:1")
    assert other.name == "tiny/step-00001000@random:1"
    assert other.identity() != model.identity()
    shuffled = heschl.load_model(f"{trained}@permuted:0")
    assert shuffled.identity() != model.identity()
    for one, own in zip(shuffled.network.parameters(), model.network.parameters(), strict=True):
        assert torch.equal(one.flatten().sort().values, own.flatten().sort().values)


def test_looking_and_checking(trained, capsys):
    check_reference(str(trained))
    check_reference(f"{trained}@random:0")
    assert outline(str(trained)).shapes(24_000)["1-nopn"] == (12, 74)
    assert run(["info", str(trained)]) == 0
    said = capsys.readouterr().out
    assert f"parameters   {outline(str(trained)).n_parameters():,}\n" in said
    assert "1-nopn (on request)     12 x 149" in said


def test_what_is_no_checkpoint(trained, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=r"empty: a folder without a config\.json or a model\.pt"):
        check_reference(str(tmp_path / "empty"))
    with pytest.raises(UsageError, match=r"It is a run: give one of the folders in its checkpoint"):
        heschl.load_model(str(tmp_path / "tiny"))
    with pytest.raises(UsageError, match=r"nowhere\.pt: no such file; expected the checkpoint of"):
        heschl.load_model(str(tmp_path / "nowhere.pt"))
    with pytest.raises(UsageError, match=r"nowhere\.pt: no such file"):
        check_reference(f"{tmp_path}/nowhere.pt@random:0")
    with pytest.raises(UsageError, match=r"@file:PATH goes with a model of"):
        parse(f"{trained}@file:x.pt")
    with pytest.raises(UnknownNameError, match="unknown model"):
        check_reference("tiny/step-00001000")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "other.pt"),
        (b"RIFF this is no checkpoint", "other.pt"),
        ({"weight": torch.zeros(3, 2)}, r"tensor wav_encoder\.post_net\.weight is missing"),
        ({"state_dict": {}}, "no tensor in its 'state_dict'"),
        ({"state_dict": 3}, "no tensor in its 'state_dict'"),
        ({"state_dict": state(), "config": {"a": 1}}, "its config is of type dict; expected the"),
        ({"state_dict": state(), "config": "A = ["}, "ends inside brackets"),
        ({"state_dict": state(config(heads=6)), "config": write(config())}, None),
        (
            {"state_dict": state(), "config": write(config(dim=13))},
            r"post_net\.weight has shape \(12, 256\); expected 13 along axis 0",
        ),
        (
            {"state_dict": state(), "config": write(config(depth=3))},
            "expected 3 layers, as its config has",
        ),
        (
            {"state_dict": state(), "config": write(config(Spectrogram()))},
            r"post_net\.weight has shape \(12, 256\); expected 513 along axis 1",
        ),
        (
            {"state_dict": state() | {"extra": torch.zeros(1)}, "config": write(config())},
            r"1 tensor \(extra\) is not expected beside",
        ),
        (
            {
                "state_dict": state()
                | {"masker.positional_encoder.scale": torch.tensor(torch.nan)},
                "config": write(config()),
            },
            r"masker\.positional_encoder\.scale has 1 values of 1 that are nan",
        ),
    ],
)
def test_files_of_something_else(tmp_path, content, message):
    path = tmp_path / "other.pt"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    if message is None:  # heads do not show in the shapes: the config says how many there are
        assert heschl.load_model(str(path)).architecture["heads"] == 3
        return
    with pytest.raises(InputError, match=message):
        heschl.load_model(str(path))


@pytest.mark.filterwarnings("ignore::heschl.errors.HeschlWarning")  # sounds of 20 kHz
def test_a_study_of_checkpoints(trained, tmp_path):
    first = checkpoint(tmp_path / "tiny/checkpoints/step-00000000", seed=1)
    path = tmp_path / "study.yaml"
    path.write_text(
        f"study: small\ntitle: A training\nmodels: ['{first}', '{trained}']\n"
        "controls: ['random:4']\ndatasets: [synthetic]\nmetrics: [rsa]\nbootstrap: 0\n"
        "layer_profiles: false\n"
    )
    how = Running(show_progress=False, n_jobs=1)
    run_study(read_study(path), tmp_path / "out", how=how)
    scores = pd.read_csv(tmp_path / "out/scores.csv").dropna(subset="value")
    names = ["tiny/step-00000000", "tiny/step-00001000"]
    assert set(scores["model"]) == {*names, *(f"{name}@random:4" for name in names)}
    alone = heschl.score(
        str(trained), "synthetic", metric="rsa", n_bootstrap=0, show_progress=False
    ).scores.dropna(subset="value")
    together = scores[scores["model"] == names[1]]
    np.testing.assert_allclose(together["value"], alone["value"], rtol=1e-6)


# weights into a network under training


def pretraining(seed=0):
    torch.manual_seed(seed)
    return PretrainingNetwork(
        nn.Identity(),
        256,
        dim=12,
        depth=2,
        heads=3,
        hidden=16,
        decoder_depth=1,
        n_codebooks=2,
        n_codes=5,
    )


def test_a_model_of_a_network_under_training():
    network = pretraining().train()
    before = torch.get_rng_state()
    model = in_training(network, config(), "tiny")
    assert torch.equal(torch.get_rng_state(), before)
    assert network.training
    assert all(one.requires_grad for one in network.parameters())
    own = network.state_dict()
    assert all(torch.equal(x, own[name]) for name, x in model.network.state_dict().items())
    kept = weights_sha256(model.network)
    with torch.no_grad():
        for one in network.parameters():
            one += 1
    assert weights_sha256(model.network) == kept  # copies
    assert model.vectors(np.zeros((1, 24_000), np.float32))["1"].shape == (1, 12)


def test_weights_are_copied_in_place():
    network, other = pretraining(0), pretraining(1)
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.1)
    parameters = dict(network.named_parameters())
    wanted = {name: x.clone() for name, x in other.state_dict().items()}
    copy_strict(network, other.state_dict(), source="x")
    assert all(one is parameters[name] for name, one in network.named_parameters())
    assert all(one.requires_grad for one in network.parameters())
    assert all(torch.equal(x, wanted[name]) for name, x in network.state_dict().items())
    network.head.layer.weight.sum().backward()
    optimizer.step()  # of the parameters that it holds; the file's tensors are not those
    assert not torch.equal(network.head.layer.weight, wanted["head.layer.weight"])
    assert torch.equal(other.head.layer.weight, wanted["head.layer.weight"])


def test_shared_tensors_stay_shared_and_frozen_ones_frozen():
    network, other = pretraining(0), pretraining(1)
    network.wav_encoder.requires_grad_(requires_grad=False)
    copy_strict(network, other.state_dict(), source="x")
    first, second = network.visible_encoder.encoder_layers
    assert first.ff_layer is second.ff_layer
    assert torch.equal(
        first.ff_layer[0].weight, other.visible_encoder.encoder_layers[1].ff_layer[0].weight
    )
    assert not network.wav_encoder.post_net.weight.requires_grad


def test_other_types_become_those_of_the_network():
    network = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    given = {name: x.clone() for name, x in network.state_dict().items()}
    given["0.weight"] = torch.tensor([[1, 2], [3, 4.5]], dtype=torch.bfloat16)
    given["1.num_batches_tracked"] = torch.tensor(7, dtype=torch.int32)
    copy_strict(network, given, source="x")
    assert network[0].weight.dtype == torch.float32
    assert network[0].weight.tolist() == [[1, 2], [3, 4.5]]
    assert network[1].num_batches_tracked.item() == 7
    assert network[1].num_batches_tracked.dtype == torch.int64


FEED_FORWARD = "visible_encoder.encoder_layers.1.ff_layer.0.bias"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("head.layer.bias", None, r"1 tensor \(head\.layer\.bias\) is missing of"),
        ("more", torch.zeros(1), r"1 tensor \(more\) is not expected beside"),
        ("head.layer.bias", torch.zeros(11), r"head\.layer\.bias has shape \(11,\); expected \(10"),
        ("head.layer.bias", torch.full((10,), torch.inf), r"has 10 values of 10 that are nan or"),
        ("head.layer.bias", torch.zeros(10, dtype=torch.int64), r"has numbers of type int64"),
        (FEED_FORWARD, torch.ones(16), r"ff_layer\.0\.bias differ; expected the same values"),
    ],
)
def test_refusals_leave_the_network_as_it_was(name, value, message):
    network = pretraining(0)
    before = weights_sha256(network)
    given = {key: x.clone() for key, x in pretraining(1).state_dict().items()}
    given.pop(name, None)
    if value is not None:
        given[name] = value
    with pytest.raises(InputError, match=message):
        copy_strict(network, given, source="x")
    assert weights_sha256(network) == before
