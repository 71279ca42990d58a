"""Any torch module: which layers, where time is, ``torch:MODULE:FUNCTION``, and what is refused."""

from __future__ import annotations

import sys
from textwrap import dedent

import numpy as np
import pytest
import torch
from torch import nn

import heschl
from heschl import cli
from heschl.errors import InputError, MissingDependencyError, UnknownNameError, UsageError
from heschl.models import load_model, wrap
from heschl.models.user import load_torch


def noise(sample_rate=8000, seconds=1.0, n=3):
    rng = np.random.default_rng(0)
    return (0.1 * rng.standard_normal((n, round(sample_rate * seconds)))).astype(np.float32)


class Stacked(nn.Module):
    """A front end, a stack of blocks that has most parameters, and a head."""

    sample_rate = 8000

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.front = nn.Conv1d(1, 8, 200, stride=100)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Conv1d(8, 8, 65, padding=32), nn.ReLU()) for _ in range(3)
        )
        self.unused = nn.Linear(2, 2)
        self.head = nn.Linear(8, 5)

    def forward(self, x):
        x = self.front(x[:, None])
        for block in self.blocks:
            x = x + block(x)
        return self.head(x.mean(-1))


class TestLayers:
    def test_blocks_are_the_layers_if_most_parameters_are_in_them(self):
        model = load_model(Stacked())
        assert model.layers == ("blocks.0", "blocks.1", "blocks.2")
        assert model.extra_layers == (
            "front", "blocks.0.0", "blocks.0.1", "blocks.1.0", "blocks.1.1", "blocks.2.0",
            "blocks.2.1", "head",
        )  # fmt: skip

    def test_direct_children_are_the_layers_otherwise(self):
        class Flat(nn.Module):
            sample_rate = 8000

            def __init__(self):
                super().__init__()
                self.conv = nn.Conv1d(1, 8, 200, stride=100)
                self.head = nn.Sequential(nn.Linear(8, 5), nn.ReLU())

            def forward(self, x):
                return self.head(self.conv(x[:, None]).mean(-1))

        assert load_model(Flat()).layers == ("conv", "head")

    def test_a_sequential_has_its_elements(self):
        layers = nn.Sequential(
            nn.Unflatten(1, (1, -1)), nn.Conv1d(1, 4, 100, stride=50), nn.ReLU(), nn.Flatten()
        )
        model = wrap(layers, sample_rate=8000)
        assert model.layers == ("0", "1", "2", "3")
        assert model(noise())["1"].shape == (3, 4, 159)

    def test_outermost_lists_count(self):
        class Residual(nn.Module):
            sample_rate = 8000

            def __init__(self):
                super().__init__()
                self.stem = nn.Conv1d(1, 8, 200, stride=100)
                self.layer1 = nn.Sequential(
                    nn.Sequential(nn.Conv1d(8, 8, 33, padding=16), nn.ReLU()),
                    nn.Sequential(nn.Conv1d(8, 8, 33, padding=16), nn.ReLU()),
                )
                self.layer2 = nn.Sequential(nn.Conv1d(8, 8, 33, padding=16))

            def forward(self, x):
                return self.layer2(self.layer1(self.stem(x[:, None])))

        assert load_model(Residual()).layers == ("layer1.0", "layer1.1", "layer2.0")

    def test_any_submodule_can_be_asked_for(self):
        module = Stacked().eval()
        model = load_model(module)
        x = noise()
        with torch.no_grad():
            front = module.front(torch.from_numpy(x)[:, None])
            head = module(torch.from_numpy(x)).numpy()
        out = model.vectors(x, ["front", "head"])
        np.testing.assert_allclose(out["front"], front.mean(-1).numpy(), atol=1e-6)
        np.testing.assert_allclose(out["head"], head, atol=1e-6)
        assert model.pooling("head") == "none (no time axis)"
        assert model.pooling("front") == "mean over frames"

    def test_unknown_layers_are_answered_with_the_valid_ones(self):
        with pytest.raises(UnknownNameError, match=r"Did you mean: .*blocks\.2.*Known: front,"):
            wrap(Stacked(), layers=["blocks.3"])
        with pytest.raises(UnknownNameError, match=r"front, blocks\.0\.0"):
            load_model(Stacked()).choose(["fronts"])

    def test_a_chosen_layer_that_is_not_reached_is_refused(self):
        with pytest.raises(InputError, match="is put out by unused"):
            wrap(Stacked(), layers=["front", "unused"])

    def test_time_may_be_the_only_axis(self):
        class Envelope(nn.Module):
            sample_rate = 8000

            def __init__(self):
                super().__init__()
                self.envelope = nn.AvgPool1d(100)

            def forward(self, x):
                return self.envelope(x.abs())

        model = load_model(Envelope())
        x = noise()
        out = model(x)["envelope"]
        assert out.shape == (3, 1, 80)
        assert model.vectors(x)["envelope"].shape == (3, 1)
        np.testing.assert_allclose(out[:, 0], np.abs(x).reshape(3, 80, 100).mean(-1), rtol=1e-5)

    def test_outputs_in_tuples_and_dictionaries(self):
        class Part(nn.Module):
            def forward(self, x):
                return {"frames": [x.reshape(len(x), -1, 100), None], "more": 1}

        class Whole(nn.Module):
            sample_rate = 8000

            def __init__(self):
                super().__init__()
                self.part = Part()

            def forward(self, x):
                return self.part(x)

        assert load_model(Whole())(noise())["part"].shape == (3, 100, 80)

    def test_shapes_leave_statistics_alone(self):
        module = nn.Sequential(nn.Unflatten(1, (1, -1)), nn.BatchNorm1d(1)).train()
        model = wrap(module, sample_rate=8000)
        assert model.shapes(8000) == {"0": (1, 8000), "1": (1, 8000)}
        assert module[1].num_batches_tracked == 0
        assert module.training
        assert all(parameter.requires_grad for parameter in module.parameters())


class TestBatches:
    def test_a_model_that_depends_on_the_batch_goes_one_at_a_time(self):
        class Relative(nn.Module):
            sample_rate = 8000

            def __init__(self):
                super().__init__()
                self.out = nn.Identity()

            def forward(self, x):
                return self.out((x - x.mean()).reshape(len(x), -1, 100).square().mean(1))

        sounds = heschl.load_dataset("synthetic").sounds[:3]
        model = wrap(Relative(), one_at_a_time=True)
        assert model.one_at_a_time
        assert not load_model(Relative()).one_at_a_time
        found = heschl.extract(model, sounds, show_progress=False)["out"]
        alone = [
            heschl.extract(model, sounds[i : i + 1], show_progress=False)["out"] for i in range(3)
        ]
        np.testing.assert_array_equal(found, np.concatenate(alone))


class TestSampleRates:
    def test_another_rate_than_its_own_is_refused(self):
        with pytest.raises(UsageError, match="sample_rate=16000 for a model whose attribute"):
            wrap(Stacked(), sample_rate=16_000)
        assert wrap(Stacked(), sample_rate=8000).sample_rate == 8000

    @pytest.mark.parametrize("rate", [None, 0, -1, 44.1, "8000", True])
    def test_what_is_no_rate(self, rate):
        module = nn.Identity()
        module.sample_rate = rate
        with pytest.raises(UsageError, match="expected a whole number of Hz"):
            load_model(module)

    def test_whole_numbers_of_other_types(self):
        for rate in (8000.0, np.int64(8000), torch.tensor(8000)):
            module = nn.Sequential(nn.Identity())
            module.sample_rate = rate
            assert load_model(module).sample_rate == 8000


def test_a_module_that_cannot_run_says_on_what():
    class Fixed(nn.Module):
        sample_rate = 8000

        def __init__(self):
            super().__init__()
            self.head = nn.Linear(8000, 2)

        def forward(self, x):
            return self.head(x)

    with pytest.raises(InputError, match="Fixed, given 2 sounds of 1 and 2 s, raised RuntimeError"):
        load_model(Fixed())
    with pytest.raises(InputError, match="function, given 2 sounds of 2 s, raised ZeroDiv"):
        wrap(lambda x: 1 / 0, sample_rate=8000)


# torch:MODULE:FUNCTION

MODULE = """
    import torch
    import heschl

    class Net(torch.nn.Module):
        sample_rate = 8000

        def __init__(self, width=4):
            super().__init__()
            torch.manual_seed(0)
            self.conv = torch.nn.Conv1d(1, width, 200, stride=100)
            self.act = torch.nn.ReLU()

        def forward(self, x):
            return self.act(self.conv(x[:, None]))

    def build():
        return Net()

    ready = Net()

    def octaves(x):
        return x.reshape(len(x), -1, 100).swapaxes(1, 2)

    octaves.sample_rate = 8000

    def make_octaves():
        return octaves

    def wrapped():
        return heschl.wrap(Net(), layers=["act"], level=0.1)

    def needs(width):
        return Net(width)

    def no_rate():
        net = torch.nn.Sequential(torch.nn.Identity())
        return net

    def nothing():
        pass

    def fails():
        raise OSError("no such checkpoint")

    number = 3

    class Broken(Net):
        def forward(self, x):
            return self.act(self.conv(x[:, None]) / 0)

    class OtherRate(Net):
        def forward(self, x):
            if x.shape[1] % 44_100:
                raise ValueError("expected sounds at 44,100 Hz")

    class GrowingTwice(torch.nn.Module):
        sample_rate = 8000

        def __init__(self):
            super().__init__()
            self.square = torch.nn.Identity()

        def forward(self, x):
            frames = x.reshape(len(x), -1, 400).mean(-1)
            self.square(frames[:, :, None] * frames[:, None])
"""


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written = []

    def write(text, name="my_models"):
        path = tmp_path / f"{name.replace('.', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))
        written.append(name)

    yield write
    for name in list(sys.modules):
        if any(f"{one}.".startswith(f"{name}.") for one in written):
            del sys.modules[name]


@pytest.fixture
def module(write):
    write(MODULE)


class TestReferences:
    def test_a_function_that_returns_a_module(self, module):
        model = load_model("torch:my_models:build")
        assert model.name == "torch:my_models:build"
        assert model.layers == ("conv", "act")
        x = noise()
        network = sys.modules["my_models"].Net()
        with torch.no_grad():
            expected = network(torch.from_numpy(x)).mean(-1).numpy()
        np.testing.assert_allclose(model.vectors(x)["act"], expected, atol=1e-6)

    @pytest.mark.parametrize("function", ["Net", "ready", "build", "wrapped"])
    def test_whatever_gives_a_module(self, module, function):
        model = load_torch("my_models", function)
        assert model.vectors(noise())["act"].shape == (3, 4)
        assert isinstance(model.network, nn.Module)

    @pytest.mark.parametrize("function", ["octaves", "make_octaves"])
    def test_functions_of_waveforms(self, module, function):
        assert load_torch("my_models", function)(noise())["output"].shape == (3, 100, 80)

    def test_what_a_user_has_wrapped_stays_as_it_is(self, module):
        model = load_torch("my_models", "wrapped")
        assert model.layers == ("act",)
        assert model.level == 0.1

    def test_layers(self, module):
        assert load_torch("my_models", "build", layers=["act"]).layers == ("act",)
        with pytest.raises(UnknownNameError, match="conv, act"):
            load_torch("my_models", "build", layers=["relu"])

    def test_modules_in_packages_and_installed_ones(self, write):
        write(MODULE, "my_package.deep.models")
        assert load_torch("my_package.deep.models", "build").layers == ("conv", "act")
        with pytest.raises(UsageError, match="takes"):
            load_torch("torch.nn", "Linear")

    def test_modules_that_import_their_neighbours_when_called(self, write):
        write("def width(): return 4", "my_neighbour")
        write(
            MODULE.replace("return Net()", "import my_neighbour; return Net(my_neighbour.width())")
        )
        assert load_torch("my_models", "build").vectors(noise())["act"].shape == (3, 4)

    def test_is_scored_like_any_model(self, module):
        result = heschl.score(
            "torch:my_models:build", "synthetic", n_bootstrap=0, show_progress=False
        )
        assert set(result.scores["model"]) == {"torch:my_models:build"}
        assert result.scores["value"].notna().all()

    def test_controls(self, module):
        plain = load_model("torch:my_models:build").identity()
        for control in ("random:1", "permuted:1"):
            reference = f"torch:my_models:build@{control}"
            assert load_model(reference).identity() == load_model(reference).identity() != plain

    @pytest.mark.parametrize(
        ("function", "error", "message"),
        [
            ("built", UnknownNameError, "Did you mean: build"),
            ("needs", UsageError, r"takes \(width\); expected a function without arguments"),
            ("no_rate", UsageError, "returned a Sequential whose sample_rate is 'not there'"),
            ("nothing", UsageError, "returned None; expected an AudioModel, or a torch module"),
            ("number", UsageError, "is an int; expected a function"),
            ("fails", InputError, r"fails\(\) of my_models raised OSError: no such checkpoint"),
            ("OtherRate", InputError, "raised ValueError: expected sounds at 44,100 Hz"),
            ("GrowingTwice", InputError, "more than one axis grows: give time_axis"),
        ],
    )
    def test_what_is_refused(self, module, function, error, message):
        with pytest.raises(error, match=message):
            load_torch("my_models", function)

    def test_modules_that_cannot_be_imported(self, write):
        with pytest.raises(UsageError, match=r"no module 'not_there'.*a file not_there\.py"):
            load_torch("not_there", "build")
        write("import surely_not_installed", "lacking")
        with pytest.raises(MissingDependencyError, match="lacking needs surely_not_installed"):
            load_torch("lacking", "build")
        write("1 / 0", "broken")
        with pytest.raises(InputError, match="importing broken raised ZeroDivisionError"):
            load_torch("broken", "build")
        write("def f(:", "unfinished")
        with pytest.raises(InputError, match="importing unfinished raised SyntaxError"):
            load_torch("unfinished", "build")
        for name in ("models/mine.py", "mine.py"):
            with pytest.raises(UsageError, match=r"without \.py"):
                load_torch(name, "build")


class TestCommandLine:
    def test_what_is_scored_and_shown(self, module, capsys):
        score = [
            "score",
            "torch:my_models:build",
            "--dataset",
            "synthetic",
            "-q",
            "--bootstrap",
            "0",
        ]
        assert cli.run([*score, "--layers", "conv"]) == 0
        out = capsys.readouterr().out
        assert "torch:my_models:build" in out
        assert "conv" in out
        assert cli.run(["info", "torch:my_models:build"]) == 0
        lines = [line.split() for line in capsys.readouterr().out.splitlines()]
        assert ["sample", "rate", "8000", "Hz"] in lines
        assert ["conv", "4", "x", "159", "80", "4", "mean", "over", "frames"] in lines

    @pytest.mark.parametrize(
        ("reference", "code", "message"),
        [
            ("torch:my_models:built", 2, "Did you mean: build"),
            ("torch:not_there:build", 2, "no module 'not_there'"),
            ("torch:my_models", 2, "no function is named"),
            ("torch:my_models:no_rate", 2, "expected a whole number of Hz"),
            ("torch:my_models:Broken", 1, "layer 'act': nan or infinite activations for"),
            ("torch:my_models:OtherRate", 1, "44,100 Hz"),
        ],
    )
    def test_what_is_refused(self, module, capsys, reference, code, message):
        score = ["score", reference, "--dataset", "synthetic", "-q", "--bootstrap", "0"]
        assert cli.run(score) == code
        captured = capsys.readouterr()
        assert message in captured.err
        assert captured.err.count("\n") == 1
        assert captured.out == ""
