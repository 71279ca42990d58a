"""Modules with the HEAR API: a user's file in the current directory."""

from __future__ import annotations

import sys
from textwrap import dedent

import numpy as np
import pytest
import torch

import heschl
from heschl.errors import InputError, MissingDependencyError, UnknownNameError, UsageError
from heschl.models import load_model
from heschl.models.user import load_hear

MODULE = """
    from pathlib import Path

    import torch

    class Net(torch.nn.Module):
        sample_rate = 8000
        timestamp_embedding_size = 6
        scene_embedding_size = 12

        def __init__(self, gain):
            super().__init__()
            torch.manual_seed(0)
            self.conv = torch.nn.Conv1d(1, 4, 200, stride=100)
            self.proj = torch.nn.Linear(4, 6)
            self.gain = gain

        def forward(self, x):
            return self.proj(self.conv(self.gain * x[:, None]).transpose(1, 2))

    def load_model(model_file_path=""):
        gain = float(Path(model_file_path).read_text()) if model_file_path else 1.0
        return Net(gain)

    def get_timestamp_embeddings(audio, model):
        embeddings = model(audio)
        times = (torch.arange(embeddings.shape[1]) * 12.5).expand(len(audio), -1)
        return embeddings, times

    def get_scene_embeddings(audio, model):
        embeddings = model(audio)
        return torch.cat([embeddings.mean(1), embeddings.amax(1)], dim=1)
"""


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write a module into the current directory; it is forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    written = []

    def write(text, name="my_hear"):
        (tmp_path / f"{name}.py").write_text(dedent(text))
        sys.modules.pop(name, None)
        written.append(name)
        return name

    yield write
    for name in written:
        sys.modules.pop(name, None)


def noise(seconds=1.0, n=3):
    rng = np.random.default_rng(0)
    return (0.1 * rng.standard_normal((n, round(8000 * seconds)))).astype(np.float32)


def test_timestamps_are_averaged_and_scenes_can_be_asked_for(write):
    write(MODULE)
    model = load_hear("my_hear")
    assert model.layers == ("timestamp",)
    assert model.sample_rate == 8000
    x = noise()
    module = sys.modules["my_hear"]
    with torch.no_grad():
        # as heschl has it: where no gradient is asked for, torch multiplies by another kernel
        network = module.load_model().requires_grad_(requires_grad=False)
        embeddings, _ = module.get_timestamp_embeddings(torch.from_numpy(x), network)
        scene = module.get_scene_embeddings(torch.from_numpy(x), network)
    assert model(x)["timestamp"].shape == (3, 6, 79)
    np.testing.assert_array_equal(model(x)["timestamp"], embeddings.transpose(1, 2).numpy())
    found = model.vectors(x, ["scene", "timestamp"])
    np.testing.assert_allclose(found["timestamp"], embeddings.mean(1).numpy(), atol=1e-6)
    np.testing.assert_array_equal(found["scene"], scene.numpy())
    np.testing.assert_array_equal(model.vectors(x, ["scene"])["scene"], scene.numpy())
    assert model.pooling("scene") != model.pooling("timestamp") == "mean over frames"


def test_submodules_can_be_asked_for(write):
    write(MODULE)
    model = load_model("hear:my_hear")
    assert model.extra_layers == ("conv", "proj", "scene")
    assert model.name == "hear:my_hear"
    x = noise()
    with torch.no_grad():
        expected = model.network.loaded.conv(torch.from_numpy(x)[:, None]).mean(-1).numpy()
    out = model.vectors(x, ["conv", "timestamp", "scene"])
    np.testing.assert_allclose(out["conv"], expected, atol=1e-6)
    np.testing.assert_allclose(out["timestamp"], model.vectors(x)["timestamp"])
    np.testing.assert_allclose(model.vectors(x, ["conv"])["conv"], expected, atol=1e-6)
    with pytest.raises(UnknownNameError, match="Did you mean: conv"):
        model.choose(["convs"])
    assert model.shapes(8000) == {
        "conv": (4, 79), "proj": (6, 79), "timestamp": (6, 79), "scene": (12, 1)
    }  # fmt: skip


def test_weights_are_handed_over_and_change_the_identity(write, tmp_path):
    write(MODULE)
    (tmp_path / "louder.txt").write_text("3")
    plain, louder = load_hear("my_hear"), load_model("hear:my_hear:louder.txt")
    assert louder.name == "hear:my_hear:louder.txt"
    assert louder.network.loaded.gain == 3
    assert plain.identity() == load_hear("my_hear").identity() != louder.identity()
    with pytest.raises(UsageError, match=r"quieter\.txt: no such file"):
        load_hear("my_hear", "quieter.txt")


def test_is_scored_like_any_model(write):
    write(MODULE)
    result = heschl.score("hear:my_hear", "synthetic", n_bootstrap=0, show_progress=False)
    assert set(result.scores["model"]) == {"hear:my_hear"}
    assert result.scores["value"].notna().all()


def test_controls(write):
    write(MODULE)
    plain = load_hear("my_hear").identity()
    for control in ("random:1", "permuted:1"):
        changed = load_model(f"hear:my_hear@{control}")
        assert changed.identity() != plain
        assert changed.identity() == load_model(f"hear:my_hear@{control}").identity()


def test_submodules_that_see_single_frames_are_no_layers(write):
    """Many HEAR modules cut sounds into frames, which become the batch, or go one by one."""
    write(
        MODULE.replace(
            "embeddings = model(audio)\n        times",
            "frames = audio[:, :8000 * (audio.shape[1] // 8000)].reshape(-1, 2000)\n"
            "        embeddings = model(frames).mean(1).reshape(len(audio), -1, 6)\n"
            "        times",
        ),
        "framed",
    )
    model = load_hear("framed")
    assert model.extra_layers == ("scene",)
    assert model(noise())["timestamp"].shape == (3, 6, 4)
    write(
        MODULE.replace(
            "embeddings = model(audio)\n        times",
            "embeddings = torch.stack([model(f).mean(1) for f in audio.split(2000, 1)], dim=1)\n"
            "        times",
        ),
        "looped",
    )
    looped = load_hear("looped")
    assert looped.extra_layers == ("scene",)
    np.testing.assert_allclose(looped(noise())["timestamp"], model(noise())["timestamp"], atol=1e-5)


def test_without_timestamps_the_scene_is_the_layer(write):
    write(MODULE.replace("get_timestamp_embeddings", "something_else"))
    model = load_hear("my_hear")
    assert model.layers == ("scene",)
    assert model(noise())["scene"].shape == (3, 12, 1)
    assert model.vectors(noise(), ["proj"])["proj"].shape == (3, 6)


def test_a_model_that_is_not_of_torch(write):
    write("""
        import numpy as np

        class Model:
            sample_rate = 8000.0

        def load_model(model_file_path):
            assert model_file_path == ""
            return Model()

        def get_timestamp_embeddings(audio, model):
            power = audio.numpy().reshape(len(audio), -1, 100) ** 2
            return power.mean(2, keepdims=True), np.arange(power.shape[1])
    """)
    model = load_hear("my_hear")
    x = noise()
    expected = (x.reshape(3, -1, 100) ** 2).mean(2)[:, None]
    np.testing.assert_allclose(model(x)["timestamp"], expected, rtol=1e-6)
    assert model.extra_layers == ()
    assert model.identity() == load_hear("my_hear").identity()


@pytest.mark.parametrize(
    ("old", "new", "error", "message"),
    [
        ("def load_model", "def load", UsageError, "has no load_model; expected the HEAR API"),
        ("sample_rate = 8000", "rate = 8000", UsageError, "sample_rate is 'not there'"),
        ("sample_rate = 8000", "sample_rate = 0.5", UsageError, "sample_rate is 0.5"),
        ("return Net(gain)", "raise ValueError('no')", InputError, "raised ValueError: no"),
        ("return embeddings, times", "return None", InputError, "returned a NoneType"),
        ("return embeddings, times", "return embeddings[0], times", InputError,
         r"shape \(19\d?|returned torch\.float32 of shape \(\d+, 6\) for 2 sounds"),
        ("embeddings = model(audio)\n        times", "embeddings = model(audio, 1)\n        times",
         InputError, "given 2 sounds of 1 and 2 s, raised TypeError"),
    ],
)  # fmt: skip
def test_what_is_not_as_the_api_says(write, old, new, error, message):
    assert old in dedent(MODULE) or old in MODULE
    write(MODULE.replace(old, new))
    with pytest.raises(error, match=message):
        load_hear("my_hear")


def test_no_embeddings_at_all(write):
    write("def load_model(path=''): pass")
    with pytest.raises(UsageError, match="get_timestamp_embeddings and no get_scene_embeddings"):
        load_hear("my_hear")


def test_modules_that_cannot_be_imported(write, tmp_path):
    with pytest.raises(UsageError, match=r"no module 'not_there'.*a file not_there\.py"):
        load_hear("not_there")
    write("import surely_not_installed")
    with pytest.raises(MissingDependencyError, match="my_hear needs surely_not_installed"):
        load_hear("my_hear")
    write("raise RuntimeError('broken')", "broken_hear")
    with pytest.raises(InputError, match="importing broken_hear raised RuntimeError: broken"):
        load_hear("broken_hear")
    with pytest.raises(UsageError, match=r"no name of a module.*without \.py"):
        load_hear("my-hear")
    assert str(tmp_path) not in sys.path
