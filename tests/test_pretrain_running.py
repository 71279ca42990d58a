"""Trainings: going on exactly, parts and processes, scored checkpoints, what goes wrong."""

import os
import shutil
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

import heschl
from heschl.cli import run as command_line
from heschl.errors import (
    AudioError,
    HeschlError,
    InputError,
    StoreError,
    UnknownNameError,
    UsageError,
)
from heschl.models.encodecmae.frontends import Mel
from heschl.models.encodecmae.network import Network
from heschl.models.weights import read_contents
from heschl.pretrain import pretrain, read_recipe, stepping
from heschl.pretrain.data import open_index
from heschl.pretrain.data.loading import batches
from heschl.pretrain.frames import Frames
from heschl.pretrain.making import make, sources
from heschl.pretrain.masking import gap_mask
from heschl.pretrain.stepping import Stepper
from small_pretraining import recipe, sounds

#: The embedded sounds end at 10 kHz, the network could hear more.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.* recorded at 20000 Hz:heschl.errors.HeschlWarning"
)


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """As the processes that are started here: bits depend on the number of threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def train(folder, run="run", **changes):
    return pretrain(read_recipe(recipe(folder, **changes)), folder / run, show_progress=False)


def weights(checkpoint):
    return dict(read_contents(checkpoint / "model.pt").state("state_dict"))


def assert_equal_weights(a, b, **tolerance):
    a, b = weights(a), weights(b)
    assert a.keys() == b.keys()
    for name in a:
        torch.testing.assert_close(a[name], b[name], **(tolerance or {"rtol": 0, "atol": 0}))


def losses(folder):
    return pd.read_csv(folder / "losses.csv")


@pytest.fixture(scope="module")
def whole(tmp_path_factory, one_thread):
    """A training that was never interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    return train(folder)


def test_the_loss_falls(tmp_path):
    train(tmp_path, training={"steps": 60}, checkpoints={"every": 60})
    found = losses(tmp_path / "run")
    assert found["step"].tolist() == list(range(1, 61))
    # a guess at random costs log(20) = 3.0; first weights guess worse
    assert found["loss"][:5].mean() > 3.3
    assert found["loss"][-5:].mean() < 2.95
    np.testing.assert_allclose(
        found["loss"], 0.9 * found["masked_loss"] + 0.1 * found["visible_loss"], rtol=1e-5
    )


def test_steps_against_a_plain_training(tmp_path, whole):
    """The first steps again, with what torch has: same items, masks, codes and losses."""
    file = read_recipe(recipe(tmp_path))
    index = open_index(tmp_path, sources(file), show_progress=False)
    made = make(file, tmp_path, index)
    kept = load_file(tmp_path / "targets.safetensors")
    optimizer = torch.optim.AdamW(
        made.network.parameters(), lr=1e-2, betas=(0.9, 0.95), weight_decay=0.05
    )
    found = []
    for batch in batches(index, seed=0, batch_size=4, first_step=0, last_step=3, crop_seconds=0.5):
        features = Mel()(batch.waveforms)
        z = (features - kept["mean"]) / kept["std"]
        near = torch.cdist(
            (z @ kept["projections"][:, None])
            / (z @ kept["projections"][:, None]).norm(dim=-1, keepdim=True),
            kept["codebooks"][:, None],
        )
        codes = near.argmin(-1)  # (n_codebooks, n_clips, n_frames)
        total, n_hidden, n_seen = {True: 0, False: 0}, 0, 0
        for i, n in enumerate(batch.n_samples.tolist()):
            n_frames = (n - 637) // 318 + 1
            mask = torch.from_numpy(gap_mask(n_frames, np.random.default_rng(batch.mask_seeds[i])))
            valid = torch.ones(1, n_frames, dtype=torch.bool)
            logits = made.network(features[i : i + 1, :n_frames], Frames.of(mask[None], valid))[0]
            for hidden in (True, False):
                rows = mask if hidden else ~mask
                for q in range(2):
                    total[hidden] = total[hidden] + 0.5 * torch.nn.functional.cross_entropy(
                        logits[rows, q], codes[q, i, :n_frames][rows], reduction="sum"
                    )
            n_hidden, n_seen = n_hidden + int(mask.sum()), n_seen + int((~mask).sum())
        loss = 0.9 * total[True] / n_hidden + 0.1 * total[False] / n_seen
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        found.append(loss.item())
    np.testing.assert_allclose(losses(whole.folder)["loss"][:3], found, rtol=1e-4)


def test_parts_of_a_step_are_the_step(tmp_path, whole):
    in_parts = train(tmp_path, training={"parts": 3})
    np.testing.assert_allclose(
        losses(in_parts.folder)["loss"], losses(whole.folder)["loss"], rtol=1e-4
    )
    assert_equal_weights(in_parts.checkpoint, whole.checkpoint, rtol=1e-3, atol=1e-4)


@pytest.mark.enable_socket  # workers are spoken to through one that is a file
def test_workers_change_nothing(tmp_path, whole):
    assert_equal_weights(train(tmp_path, data={"workers": 1}).checkpoint, whole.checkpoint)


class StoppedError(Exception):
    pass


@pytest.mark.parametrize("at", [1, 3, 4, 6])
def test_an_interrupted_training_goes_on_to_the_same_bits(tmp_path, whole, monkeypatch, at):
    original, done = Stepper.step, []

    def step(self, batch):
        if len(done) == at - 1:
            raise StoppedError
        done.append(batch.step)
        return original(self, batch)

    with monkeypatch.context() as patched:
        patched.setattr(Stepper, "step", step)
        with pytest.raises(StoppedError):
            train(tmp_path)
    if at > 1:
        assert losses(tmp_path / "run")["step"].tolist() == list(range(1, at))
    again = train(tmp_path)
    assert_equal_weights(again.checkpoint, whole.checkpoint)
    pd.testing.assert_frame_equal(losses(again.folder), losses(whole.folder))


def test_a_killed_training_goes_on_to_the_same_bits(tmp_path, whole):
    """Kill -9 as soon as the first checkpoint after the beginning is there, wherever that is."""
    path = recipe(tmp_path, training={"steps": 6})
    command = [sys.executable, "-m", "heschl", "pretrain", str(path), "-o", str(tmp_path / "run")]
    process = subprocess.Popen(command, env=os.environ | {"OMP_NUM_THREADS": "1"})
    deadline = time.monotonic() + 120
    while not (tmp_path / "run/checkpoints/step-00000002/model.pt").exists():
        assert process.poll() in (None, 0), "it ended by itself"
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.kill()
    process.wait()
    partial = tmp_path / "run/checkpoints/.0123456789abcdef.tmp"  # as if killed while it wrote
    partial.mkdir()
    (partial / "model.pt").write_bytes(b"half")
    again = train(tmp_path)
    assert again.step == 6
    assert_equal_weights(again.checkpoint, whole.checkpoint)
    assert not list((tmp_path / "run/checkpoints").glob(".*"))


def test_mixed_precision_goes_on_to_the_same_bits(tmp_path):
    straight = train(tmp_path, "straight", training={"precision": "bf16", "steps": 4})
    train(tmp_path, training={"precision": "bf16", "steps": 2})
    assert_equal_weights(
        train(tmp_path, training={"precision": "bf16", "steps": 4}).checkpoint, straight.checkpoint
    )
    found = losses(straight.folder)["loss"]
    assert found.notna().all()
    single = train(tmp_path, "single", training={"steps": 1})
    np.testing.assert_allclose(found[0], losses(single.folder)["loss"][0], rtol=0.02)


def test_more_steps_go_on_from_the_last_checkpoint(tmp_path, whole):
    shutil.copytree(whole.folder, tmp_path / "run")
    longer = train(tmp_path, training={"steps": 8})
    straight = train(tmp_path, "straight", training={"steps": 8})
    assert_equal_weights(longer.checkpoint, straight.checkpoint)


def test_two_processes_train_as_one(tmp_path, whole):
    """Real processes, gloo between them; sums are in another order, so to rounding."""
    path = recipe(tmp_path, training={"devices": 2})
    command = [sys.executable, "-m", "heschl", "pretrain", str(path), "-o", str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(
        losses(tmp_path / "run")["loss"], losses(whole.folder)["loss"], rtol=1e-4
    )
    assert_equal_weights(
        tmp_path / "run/checkpoints/step-00000006", whole.checkpoint, rtol=1e-3, atol=1e-4
    )
    assert done.stdout.count("6 steps") == 1


def test_checkpoints_have_the_published_layout_and_are_scored(whole):
    content = torch.load(whole.checkpoint / "model.pt", weights_only=True)
    assert set(content) == {"state_dict", "config", "imports"}
    assert "MODEL_DIM = 16" in content["config"]
    model = heschl.load_model(str(whole.checkpoint))
    assert model.name == "run/step-00000006"
    assert model.layers == ("0", "1")
    scored = heschl.score(model, "synthetic", n_bootstrap=0, use_store=False, show_progress=False)
    assert scored.scores["value"].notna().any()
    fresh = heschl.load_model(f"{whole.checkpoint}@random:0")
    assert fresh.identity()["weights_sha256"] != model.identity()["weights_sha256"]


def test_a_checkpoint_gives_the_activations_that_the_network_had(whole):
    state = weights(whole.checkpoint)
    network = Network(torch.nn.Identity(), 256, dim=16, depth=2, heads=2, hidden=24)
    network.load_state_dict({name: state[name] for name in network.state_dict()})
    waveforms = torch.randn(2, 12_000, generator=torch.Generator().manual_seed(0)) * 0.1
    with torch.no_grad():
        wanted = network(Mel()(waveforms)).mean(1)
    found = heschl.load_model(str(whole.checkpoint)).vectors(waveforms.numpy(), ["1"])["1"]
    np.testing.assert_allclose(found, wanted.numpy(), rtol=1e-4, atol=1e-5)


def test_only_the_last_two_checkpoints_can_be_gone_on_from(whole):
    folders = sorted((whole.folder / "checkpoints").iterdir())
    assert [one.name for one in folders] == [f"step-0000000{n}" for n in (0, 2, 4, 6)]
    kept = [(one / "training.safetensors").exists() for one in folders]
    assert kept == [False, False, True, True]


def test_alignment_while_it_trains(tmp_path, whole, capsys):
    alignment = {"datasets": ["synthetic"], "every": 3, "metrics": ["regression"]}
    path, run = recipe(tmp_path, alignment=alignment), tmp_path / "run"
    assert command_line(["pretrain", str(path), "-o", str(run)]) == 0
    said = capsys.readouterr().out.splitlines()
    checkpoint = run / "checkpoints/step-00000006"
    assert said[0] == f"tiny: 6 steps, checkpoint: {checkpoint}"
    assert said[-1] == str(run / "report.html")
    assert "tiny" in (run / "report.html").read_text()
    assert_equal_weights(checkpoint, whole.checkpoint)  # it disturbs nothing
    np.testing.assert_array_equal(losses(run)["loss"], losses(whole.folder)["loss"])
    page = tmp_path / "again.html"
    assert command_line(["report", str(run), "-o", str(page)]) == 0
    assert page.read_bytes() == (run / "report.html").read_bytes()
    assert command_line(["report", str(run), str(tmp_path / "nowhere"), "-o", str(page)]) == 1
    assert "nowhere: no trajectory here" in capsys.readouterr().err
    table = pd.read_csv(run / "trajectory.csv", keep_default_na=False)
    assert sorted(set(table["step"])) == [0, 3, 6]
    last = heschl.score(
        str(checkpoint), "synthetic", n_bootstrap=0, use_store=False, show_progress=False
    ).scores
    rows = table.query("step == 6 and layer == '' and unit == 'r2'")
    for row in rows.itertuples():
        same = last[(last["unit"] == "r2") & (last["target"] == row.target)]
        same = same[same["region"].isna() if not row.region else same["region"] == row.region]
        assert float(row.value) == pytest.approx(same["value"].item(), abs=1e-6)
    assert {"all"} < set(rows["target"])


def test_second_stage(tmp_path, whole):
    """Clusters of the first model's frames as targets, its weights to begin with."""
    done = train(
        tmp_path,
        "second",
        targets={"kind": "clusters", "teacher": str(whole.checkpoint), "codebooks": 1, "codes": 8},
        training={"steps": 2, "first_weights": str(whole.checkpoint)},
    )
    first = weights(done.folder / "checkpoints/step-00000000")
    taught = weights(whole.checkpoint)
    name = "visible_encoder.encoder_layers.0.att_layer.wq.weight"
    assert torch.equal(first[name], taught[name])
    assert first["head.layer.weight"].shape == (8, 16)


def test_another_seed_is_another_training(tmp_path, whole, capsys):
    command = ["pretrain", str(recipe(tmp_path)), "--seed", "1", "-o", str(tmp_path / "run")]
    assert command_line(command) == 0
    first = losses(tmp_path / "run")["loss"]
    assert (first != losses(whole.folder)["loss"]).all()
    assert command_line(["pretrain", str(recipe(tmp_path)), "--seed", "-1"]) == 2
    assert "--seed is -1; expected a whole number from 0 on" in capsys.readouterr().err


# what goes wrong


def test_a_loss_that_is_no_number_stops_and_keeps_the_last_checkpoint(tmp_path, monkeypatch):
    original = stepping.masked_cross_entropy
    seen = []

    def broken(*arguments, **options):
        seen.append(1)
        loss = original(*arguments, **options)
        if len(seen) < 4:
            return loss
        return type(loss)(loss.total * float("nan"), loss.masked, loss.visible)

    monkeypatch.setattr(stepping, "masked_cross_entropy", broken)
    with pytest.raises(HeschlError, match=r"step 4: the loss is nan \(items 12 to 15\)"):
        train(tmp_path)
    run = tmp_path / "run"
    assert sorted(p.name for p in (run / "checkpoints").iterdir())[-1] == "step-00000002"
    assert losses(run)["step"].tolist() == [1, 2, 3]
    monkeypatch.undo()
    assert train(tmp_path, training={"learning_rate": 1e-3}).step == 6


def test_a_real_explosion_is_no_checkpoint(tmp_path):
    with pytest.raises(HeschlError, match=r"is not finite|the loss is (nan|inf)"):
        train(tmp_path, training={"learning_rate": 1e30, "steps": 50}, checkpoints={"every": 1})
    saved = sorted((tmp_path / "run/checkpoints").iterdir())
    assert all(torch.isfinite(x).all() for x in weights(saved[-1]).values())


def test_wrong_sounds(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty"):
        train(tmp_path, data={"sources": ["empty"]})
    with pytest.raises(InputError, match="nowhere"):
        train(tmp_path, data={"sources": ["nowhere"]})


def test_damaged_files_are_named_before_anything_begins(tmp_path):
    sounds(tmp_path / "sounds")
    (tmp_path / "sounds/3.wav").write_bytes(b"RIFF not a sound at all, whatever its name says")
    with pytest.raises(AudioError, match=r"3\.wav"):
        train(tmp_path)
    assert not (tmp_path / "run/checkpoints").exists()
    assert train(tmp_path, data={"skip_bad": True}, training={"steps": 1}).step == 1


def test_tested_sounds_are_not_trained_on(tmp_path):
    """The training would hear what it is compared on: a dataset whose sounds are in the folder."""
    brain = tmp_path / "brain"
    sounds(brain / "sounds")
    responses = np.random.default_rng(0).standard_normal((6, 3))
    table = pd.DataFrame(responses, columns=["a", "b", "c"])
    table.insert(0, "sound", [str(i) for i in range(6)])
    table.to_csv(brain / "responses.csv", index=False)
    (brain / "dataset.json").write_text('{"duration": 0.2}')
    with pytest.raises(InputError, match=r"0\.wav"):
        train(tmp_path, data={"sources": ["brain/sounds"]}, alignment={"datasets": [str(brain)]})


def test_an_unknown_dataset_is_refused_before_anything_begins(tmp_path):
    with pytest.raises(UnknownNameError, match="Did you mean: synthetic"):
        train(tmp_path, alignment={"datasets": ["synthetik"]})
    assert not (tmp_path / "run/checkpoints").exists()


def test_another_recipe_is_not_gone_on_with(tmp_path, whole):
    shutil.copytree(whole.folder, tmp_path / "run")
    with pytest.raises(InputError, match=r"network\.dim is 20; the training in .* began with 16"):
        train(tmp_path, network={"dim": 20})
    with pytest.raises(InputError, match="has done 6 steps; the recipe has 5"):
        train(tmp_path, training={"steps": 5})


def test_weights_of_another_size(tmp_path, whole):
    with pytest.raises(InputError, match=r"wav_encoder\.post_net\.weight has shape \(16, 256\)"):
        train(tmp_path, network={"dim": 20}, training={"first_weights": str(whole.checkpoint)})


def test_a_damaged_checkpoint(tmp_path, whole):
    shutil.copytree(whole.folder, tmp_path / "run")
    path = tmp_path / "run/checkpoints/step-00000006/training.safetensors"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(StoreError, match="remove the folder step-00000006 to go on"):
        train(tmp_path, training={"steps": 8})
    shutil.rmtree(path.parent)
    assert train(tmp_path, training={"steps": 8}).step == 8


def test_a_full_disk_leaves_the_last_checkpoint(tmp_path):
    """Files may grow to 40 kB only, as on a full disk: the weights do not fit."""
    path = recipe(tmp_path)
    train(tmp_path, training={"steps": 2})
    recipe(tmp_path, training={"steps": 6})
    code = (
        "import resource, signal, sys\n"
        "from pathlib import Path\n"
        "from heschl.pretrain import pretrain, read_recipe\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))\n"
        f"pretrain(read_recipe({str(path)!r}), Path({str(tmp_path / 'run')!r}))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "StoreError" in done.stderr.splitlines()[-1], done.stderr
    folders = sorted(p.name for p in (tmp_path / "run/checkpoints").iterdir())
    assert folders == ["step-00000000", "step-00000002"]
    assert train(tmp_path).step == 6


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"training": {"precision": "16"}}, "needs a GPU; expected '32' or 'bf16'"),
        ({"network": {"heads": 17}}, "heads is 17 for layers of 16"),
    ],
)
def test_what_cannot_be_trained(tmp_path, changes, message):
    with pytest.raises((UsageError, InputError), match=message):
        train(tmp_path, **changes)
