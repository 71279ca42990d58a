"""What holds for every model of the table, and for models that a user brings."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

import heschl
from heschl import store
from heschl.errors import InputError, UnknownNameError, UsageError
from heschl.models import MODELS, AudioModel, load_model, wrap

#: The others are in zoo/test_every_model.py.
WEIGHTLESS = [spec.name for spec in MODELS.values() if spec.weights is None]


def noise(sample_rate, seconds=2.0, n=2):
    x = np.random.default_rng(0).standard_normal((n, round(seconds * sample_rate)))
    return (0.1 * x).astype(np.float32)


@pytest.mark.parametrize("name", WEIGHTLESS)
class TestEveryModelWithoutWeights:
    def test_layers_are_as_announced(self, name):
        model = load_model(name)
        assert model.name == name
        out = model(noise(model.sample_rate))
        assert tuple(out) == model.layers
        for array in out.values():
            assert array.dtype == np.float32
            assert array.ndim >= 3
            assert len(array) == 2
            assert np.isfinite(array).all()

    def test_some_layers_equal_those_of_all(self, name):
        model = load_model(name)
        x = noise(model.sample_rate)
        everything = model(x)
        for layer in model.layers:
            (only,) = model(x, [layer]).values()
            np.testing.assert_array_equal(only, everything[layer])

    def test_does_not_change_its_input(self, name):
        model = load_model(name)
        x = noise(model.sample_rate)
        before = x.copy()
        model(x)
        np.testing.assert_array_equal(x, before)

    def test_identity_is_json_and_its_own(self, name):
        model = load_model(name)
        key = store.content_key(dict(model.identity()))
        json.dumps(dict(model.identity()))
        others = [load_model(other) for other in WEIGHTLESS if other != name]
        assert key not in [store.content_key(dict(other.identity())) for other in others]

    def test_the_table_says_where_it_is_from(self, name):
        spec = MODELS[name]
        assert spec.summary
        assert spec.licence
        assert spec.citation
        assert spec.family


def test_unknown_model_and_layer():
    with pytest.raises(UnknownNameError, match="Did you mean: spectrotemporal"):
        load_model("spectrotemproal")
    with pytest.raises(UnknownNameError, match=r"layer of cochleagram 'cochlea'.*cochleagram"):
        load_model("cochleagram").choose(["cochlea"])


def test_import_loads_no_torch_and_no_pandas():
    code = (
        "import heschl, sys; print([m for m in ('torch', 'pandas', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_public_names_resolve():
    for name in heschl.__all__:
        assert getattr(heschl, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'scroe'"):
        _ = heschl.scroe


class TestFunctions:
    def test_dictionary_of_layers(self):
        def two(x):
            return {"wave": x[:, None, :], "power": x[:, None, ::100] ** 2}

        model = wrap(two, sample_rate=8000)
        assert (model.name, model.layers) == ("two", ("wave", "power"))
        x = noise(8000)
        np.testing.assert_array_equal(model(x)["power"], x[:, None, ::100] ** 2)

    def test_array_and_sample_rate_attribute(self):
        class Mine:
            sample_rate = 8000

            def __call__(self, x):
                return np.abs(x.reshape(len(x), -1, 100)).mean(axis=2)[:, None]

        model = load_model(Mine())
        assert model.layers == ("output",)
        assert model.name == "Mine"
        assert model(noise(8000))["output"].shape == (2, 1, 160)

    def test_time_axis_and_layers_without_time(self):
        model = wrap(
            lambda x: {"frames first": np.stack([x[:, ::100], x[:, ::100]], axis=2)},
            sample_rate=8000,
            time_axis=1,
        )
        assert model(noise(8000))["frames first"].shape == (2, 2, 160)
        flat = wrap(lambda x: x[:, :7], sample_rate=8000)
        assert flat(noise(8000))["output"].shape == (2, 7, 1)

    def test_level(self):
        model = wrap(lambda x: x[:, None], sample_rate=8000, level=0.05)
        out = model(noise(8000))["output"]
        np.testing.assert_allclose(np.sqrt((out**2).mean(axis=-1)), 0.05, rtol=1e-5)

    def test_identity_follows_what_the_function_does(self):
        def scaled(factor):
            return wrap(lambda x: factor * x[:, None], sample_rate=8000, name="scaled")

        assert scaled(2).identity() == scaled(2).identity()
        assert scaled(2).identity() != scaled(2.001).identity()

    @pytest.mark.parametrize(
        ("function", "message"),
        [
            (lambda x: {}, "returned no layers"),
            (lambda x: "text", "expected numbers"),
            (lambda x: x.mean(axis=1), "expected numbers of shape"),
        ],
    )
    def test_what_is_no_activation(self, function, message):
        with pytest.raises(InputError, match=message):
            wrap(function, sample_rate=8000)

    def test_wrong_use(self):
        with pytest.raises(UsageError, match="sample rate"):
            load_model(lambda x: x)
        with pytest.raises(UsageError, match="is no model"):
            load_model(3.0)
        with pytest.raises(UsageError, match="0"):
            wrap(lambda x: x, sample_rate=0)
        with pytest.raises(UnknownNameError, match="layer of f"):
            wrap(lambda x: {"a": x}, sample_rate=8000, layers=["b"], name="f")


torch = pytest.importorskip("torch")


class Conv(torch.nn.Module):
    """Convolution (time last), a recurrent layer (time second), a layer without time."""

    sample_rate = 8000

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv = torch.nn.Conv1d(1, 4, 400, stride=200)
        self.norm = torch.nn.BatchNorm1d(4)
        self.rnn = torch.nn.GRU(4, 6, batch_first=True)
        self.head = torch.nn.Linear(6, 3)

    def forward(self, x):
        x = self.norm(self.conv(x[:, None]))
        x, _ = self.rnn(x.transpose(1, 2))
        return self.head(x.mean(dim=1))


class TestTorchModules:
    def test_layers_in_order_of_execution_with_time_last(self):
        model = load_model(Conv())
        assert model.layers == ("conv", "norm", "rnn", "head")
        shapes = {layer: array.shape for layer, array in model(noise(8000)).items()}
        assert shapes == {
            "conv": (2, 4, 79),
            "norm": (2, 4, 79),
            "rnn": (2, 6, 79),
            "head": (2, 3, 1),
        }

    def test_values_are_those_of_the_module(self):
        module = Conv().eval()
        x = noise(8000)
        with torch.no_grad():
            expected = module.conv(torch.from_numpy(x)[:, None]).numpy()
        np.testing.assert_allclose(load_model(module)(x)["conv"], expected, rtol=1e-6)

    def test_training_state_is_left_alone(self):
        module = Conv().train()
        module.rnn.eval()
        before = {key: value.clone() for key, value in module.state_dict().items()}
        model = load_model(module)
        model(noise(8000))
        assert module.training
        assert module.norm.training
        assert not module.rnn.training
        for key, value in module.state_dict().items():
            assert torch.equal(value, before[key]), key
        assert not any(part._forward_hooks for part in module.modules())

    def test_changed_weight_changes_the_identity(self):
        module = Conv()
        model = load_model(module)
        before = model.identity()
        assert load_model(Conv()).identity() == before
        with torch.no_grad():
            module.conv.weight[0, 0, 0] += 0.01
        assert model.identity() != before

    def test_a_layer_on_request_counts_for_the_identity(self):
        module = Conv()
        model = wrap(module, layers=["conv"])
        assert "head" in model.extra_layers
        before = model.identity()
        with torch.no_grad():
            module.head.bias += 5
        assert model.identity() != before

    def test_chosen_and_unknown_layers(self):
        class Nested(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.stack = torch.nn.Sequential(
                    torch.nn.Conv1d(1, 2, 100, stride=100), torch.nn.ReLU()
                )

            def forward(self, x):
                return self.stack(x[:, None])

        model = wrap(Nested(), sample_rate=8000, layers=["stack.1"])
        assert model.layers == ("stack.1",)
        assert model(noise(8000))["stack.1"].min() >= 0
        with pytest.raises(UnknownNameError, match=r"stack\.0"):
            wrap(Nested(), sample_rate=8000, layers=["stack.2"])

    def test_ambiguous_time_axis_is_asked_for(self):
        class Square(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.gram = torch.nn.Identity()

            def forward(self, x):
                frames = x.reshape(len(x), -1, 1000)
                return self.gram(frames @ frames.transpose(1, 2))

        with pytest.raises(InputError, match="give time_axis"):
            wrap(Square(), sample_rate=8000)
        model = wrap(Square(), sample_rate=8000, time_axis=2)
        assert model(noise(8000))["gram"].shape == (2, 16, 16)

    def test_is_scored_like_any_model(self):
        result = heschl.score(Conv(), "synthetic", show_progress=False)
        scores = result.scores
        assert set(scores["model"]) == {"Conv"}
        assert scores["value"].notna().all()


def test_subclass_is_taken_as_it_is():
    class Energy(AudioModel):
        name = "energy"
        sample_rate = 8000
        layers = ("energy",)

        def forward(self, waveforms, layers=None):
            return {"energy": (waveforms**2)[:, None]}

        def identity(self):
            return {"model": "energy"}

    model = Energy()
    assert load_model(model) is model
    assert repr(model) == "<Energy energy: 1 layers, 8000 Hz>"
