"""Probes of torch: the same as plain torch, alone or together, and stopped one by one."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from heschl.errors import InputError
from heschl.probes import PROTOCOLS, ArrayRows, Configuration
from heschl.probes import training as module
from heschl.probes.network import fresh_network, logits, losses, mix, stacks
from heschl.probes.prediction import predict
from heschl.probes.search import fitting, search
from heschl.probes.training import Examples, Training
from plain_probe import GRID, PlainProbe, train, train_alike

PROTOCOL = PROTOCOLS["pepino2025"]
N_LAYERS, WIDTH, N_CLASSES = 3, 12, 4


def examples(n, seed=0, multilabel=False, signal=1.0):
    """Layer 1 tells the classes, the others are noise."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).standard_normal((N_CLASSES, WIDTH))
    if multilabel:
        labels = rng.random((n, N_CLASSES)) < 0.4
    else:
        labels = np.eye(N_CLASSES, dtype=bool)[rng.integers(0, N_CLASSES, n)]
    rows = rng.standard_normal((N_LAYERS, n, WIDTH))
    rows[1] += signal * labels @ centres
    return Examples(ArrayRows(rows), labels)


def small(**changes):
    """The protocol with narrower networks and fewer epochs."""
    defaults = {"hidden": ((16,), (16, 16)), "max_epochs": 6, "batch_size": 64}
    return dataclasses.replace(PROTOCOL, **defaults | changes)


def fit(configurations, protocol, *, n=150, multilabel=False, signal=1.0, **options):
    options = {"unit": "mAP" if multilabel else "accuracy"} | options
    pair = [examples(size, seed, multilabel, signal) for seed, size in enumerate((n, 80))]
    training = Training(configurations, *pair, protocol, multilabel=multilabel, **options)
    return training.fit(show_progress=False)


def values(run):
    return {name: tensor.detach().double().numpy() for name, tensor in run.network.named_tensors()}


def largest_difference(one, other):
    assert one.keys() == other.keys()
    return max(np.abs(one[name] - other[name]).max() for name in one)


def test_the_grid_is_that_of_the_study():
    grid = PROTOCOL.grid()
    assert len(grid) == 16
    assert grid[0] == Configuration((1024,), "xavier_uniform", 3.2e-3)
    assert grid[-1] == Configuration((1024, 1024), "xavier_normal", 1e-4)
    plain = [(tuple(hidden), start.__name__.rstrip("_"), rate) for hidden, start, rate in GRID]
    assert plain == [(one.hidden, one.initialization, one.learning_rate) for one in grid]
    assert (PROTOCOL.batch_size, PROTOCOL.max_epochs, PROTOCOL.patience) == (1024, 200, 20)
    assert PROTOCOL.dropout == 0.1


@pytest.mark.parametrize("multilabel", [False, True])
@pytest.mark.parametrize("hidden", [(16,), (16, 16)])
def test_every_number_is_that_of_plain_torch(hidden, multilabel):
    """Modules, Adam and losses of torch, with the same first weights, batches and masks."""
    rate, n_epochs = 1e-3, 4
    protocol = small(max_epochs=n_epochs, patience=n_epochs)
    configuration = Configuration(hidden, "xavier_normal", rate)
    (run,) = fit([configuration], protocol, multilabel=multilabel, dtype=torch.float64, seed=5)
    data, held_out = (examples(size, seed, multilabel) for seed, size in enumerate((150, 80)))
    shape = (N_LAYERS, WIDTH, N_CLASSES)
    plain = PlainProbe(*shape, list(hidden), nn.init.xavier_normal_).double()
    start = fresh_network(configuration, *shape, seed=5, dtype=torch.float64)

    def compare(epoch, loss, outputs):
        assert run.losses[epoch] == pytest.approx(loss, rel=1e-9)
        if epoch + 1 == run.best_epoch:
            found = predict([run.network], held_out.rows)[0]
            np.testing.assert_allclose(found, outputs, rtol=1e-5, atol=1e-6)
            norms = [block for block in plain.hidden if isinstance(block, nn.BatchNorm1d)]
            for norm, layer in zip(norms, run.network.hidden, strict=True):
                np.testing.assert_allclose(layer.mean, norm.running_mean, rtol=1e-9, atol=1e-12)
                np.testing.assert_allclose(layer.variance, norm.running_var, rtol=1e-9)

    curve = train_alike(
        plain, start, *tensors(data), *tensors(held_out), rate,
        multilabel=multilabel, max_epochs=n_epochs, patience=n_epochs, batch_size=64, seed=5,
        after_epoch=compare,
    )  # fmt: skip
    assert run.curve == pytest.approx(curve, rel=1e-9)
    assert len(curve) == n_epochs


def tensors(one):
    """Embeddings (n, n_layers, width) in double precision, and labels."""
    return torch.from_numpy(one.rows.array.transpose(1, 0, 2)).double(), torch.from_numpy(
        one.labels
    )


@pytest.mark.parametrize("multilabel", [False, True])
def test_together_is_as_alone(multilabel):
    protocol = small(max_epochs=8, patience=8)
    together = fit(protocol.grid(), protocol, multilabel=multilabel, seed=3)
    for run in together:
        (alone,) = fit([run.configuration], protocol, multilabel=multilabel, seed=3)
        assert alone.curve == run.curve
        assert alone.losses == run.losses
        assert largest_difference(values(alone), values(run)) == 0


def test_stacked_is_as_one_by_one():
    protocol = small(max_epochs=8, patience=8)
    one_by_one = fit(protocol.grid(), protocol, n_stacked=1)
    for n_stacked in (3, 16):
        stacked = fit(protocol.grid(), protocol, n_stacked=n_stacked)
        for one, other in zip(one_by_one, stacked, strict=True):
            assert one.best_epoch == other.best_epoch
            assert largest_difference(values(one), values(other)) < 1e-5


def test_full_width_together_is_as_alone():
    """The grid as it is, for a few epochs."""
    protocol = dataclasses.replace(PROTOCOL, max_epochs=2)
    grid = protocol.grid()
    together = fit(grid, protocol)
    for place in (0, 7, 8, 15):
        (alone,) = fit([grid[place]], protocol)
        assert largest_difference(values(alone), values(together[place])) == 0


def test_full_width_stacked_is_as_alone():
    """In double precision: where a gradient is nearly 0, Adam makes much of rounding."""
    protocol = dataclasses.replace(PROTOCOL, max_epochs=2)
    grid = protocol.grid()
    stacked = fit(grid, protocol, n_stacked=8, dtype=torch.float64)
    for place in (0, 15):
        (alone,) = fit([grid[place]], protocol, dtype=torch.float64)
        assert largest_difference(values(alone), values(stacked[place])) < 1e-9


def test_the_same_seed_gives_the_same_bits_and_another_does_not():
    protocol = small()
    grid = protocol.grid()[:3]
    first, again, other = (fit(grid, protocol, seed=seed) for seed in (1, 1, 2))
    for one, same, different in zip(first, again, other, strict=True):
        assert largest_difference(values(one), values(same)) == 0
        assert largest_difference(values(one), values(different)) > 1e-3


def test_each_is_stopped_by_its_own_patience():
    protocol = small(max_epochs=60, patience=5)
    runs = fit(protocol.grid(), protocol, signal=0.4)
    lengths = [len(run.curve) for run in runs]
    assert len(set(lengths)) > 2
    for run in runs:
        n = len(run.curve)
        assert run.best_epoch == int(np.argmax(run.curve)) + 1  # the first of equals
        assert run.best_score == max(run.curve)
        assert n == min(60, run.best_epoch + 5)
        assert len(run.losses) == n


def test_the_best_epoch_is_kept():
    protocol = small(max_epochs=30, patience=10)
    for run in fit(protocol.grid()[:2], protocol, signal=0.4):
        outputs = predict([run.network], examples(80, 1, signal=0.4).rows)[0]
        labels = examples(80, 1, signal=0.4).labels
        hits = labels[np.arange(80), outputs.argmax(axis=1)]
        assert hits.mean() == run.best_score


def test_the_mixture_finds_the_layer():
    protocol = small(max_epochs=40, learning_rates=(3.2e-3,))
    for run in fit(protocol.grid(), protocol, n=600):
        shares = run.network.shares().detach().numpy()
        assert shares.argmax() == 1
        assert shares.sum() == pytest.approx(1)
        assert run.best_score > 0.6


def test_a_last_batch_of_one_clip_is_left_out():
    protocol = small(max_epochs=2, batch_size=64)
    (run,) = fit([protocol.grid()[0]], protocol, n=129)
    assert len(run.curve) == 2


def test_too_few_clips_are_refused():
    with pytest.raises(InputError, match="1 clips to train on; expected at least 2"):
        fit(small().grid(), small(), n=1)


def test_labels_of_another_length_are_refused():
    with pytest.raises(InputError, match=r"labels of shape \(4, 2\) for 5 clips"):
        Examples(ArrayRows(np.zeros((1, 5, 2))), np.zeros((4, 2), bool))


def test_a_score_that_is_always_nan_is_refused():
    valid = examples(20, 1)
    labels = np.zeros_like(valid.labels)
    labels[:, 0] = True
    training = Training(
        small().grid()[:1],
        examples(50),
        Examples(valid.rows, labels),
        small(),
        unit="auc",
        multilabel=True,
    )
    with pytest.raises(InputError, match=r"\(auc\) of Configuration.* was nan in every epoch"):
        training.fit(show_progress=False)


class Memory:
    """A checkpoint in memory that interrupts after some saves."""

    def __init__(self, stop_after=None):
        self.saved, self.n_saved, self.stop_after = None, 0, stop_after

    def load(self):
        return self.saved

    def save(self, arrays):
        self.saved = {name: np.array(array) for name, array in arrays.items()}
        self.n_saved += 1
        if self.n_saved == self.stop_after:
            raise KeyboardInterrupt


def test_an_interrupted_training_ends_as_one_that_was_not(monkeypatch):
    monkeypatch.setattr(module, "BETWEEN_CHECKPOINTS", -1.0)
    monkeypatch.setattr(module, "SAVING_SHARE", -1.0)
    protocol = small(max_epochs=25, patience=6)

    def training():
        return Training(
            protocol.grid(), examples(150, 0, signal=0.4), examples(80, 1, signal=0.4), protocol,
            unit="accuracy", multilabel=False,
        )  # fmt: skip

    whole = training().fit(show_progress=False)
    checkpoint = Memory(stop_after=9)
    with pytest.raises(KeyboardInterrupt):
        training().fit(checkpoint, show_progress=False)
    resumed = training()
    runs = resumed.fit(checkpoint, show_progress=False)
    assert checkpoint.n_saved == max(len(run.curve) for run in runs)
    for one, other in zip(whole, runs, strict=True):
        assert one.curve == other.curve
        assert one.losses == other.losses
        assert largest_difference(values(one), values(other)) == 0


def test_first_weights_are_those_of_xavier():
    wide = Configuration((1024,), "xavier_uniform", 1e-3)
    network = fresh_network(wide, 2, 300, 10, seed=0)
    weight = network.hidden[0].weight.detach()
    reach = np.sqrt(6 / (300 + 1024))
    assert weight.abs().max() <= reach
    assert weight.std() == pytest.approx(reach / np.sqrt(3), rel=0.01)
    normal = dataclasses.replace(wide, initialization="xavier_normal")
    normal = fresh_network(normal, 2, 300, 10, seed=0)
    assert normal.weight.detach().std() == pytest.approx(
        np.sqrt(2) * np.sqrt(2 / (1024 + 10)), rel=0.02
    )
    assert network.bias.abs().max() <= 1 / 32
    assert network.shares().tolist() == [0.5, 0.5]


def test_mixing_by_hand():
    x = torch.arange(12.0).reshape(2, 3, 2)
    mixed = mix(torch.tensor([[0.25, 0.75], [1.0, 0.0]]), x)
    np.testing.assert_allclose(mixed[0], 0.25 * x[0] + 0.75 * x[1])
    np.testing.assert_allclose(mixed[1], x[0])


def test_a_single_layer_is_not_mixed():
    """Its share stays 1, and what is learned is what plain torch learns of it."""
    rows = examples(150, 0).rows.array[1:2], examples(80, 1).rows.array[1:2]
    data, held_out = (
        Examples(ArrayRows(array), examples(len(array[0]), seed).labels)
        for seed, array in enumerate(rows)
    )
    protocol = small(max_epochs=4, patience=4, batch_size=64)
    (run,) = Training(
        [Configuration((16,), "xavier_normal", 1e-3)], data, held_out, protocol,
        unit="accuracy", multilabel=False, dtype=torch.float64,
    ).fit(show_progress=False)  # fmt: skip
    assert run.network.mixture.tolist() == [1.0]
    plain = PlainProbe(1, WIDTH, N_CLASSES, [16], nn.init.xavier_normal_).double()
    start = fresh_network(run.configuration, 1, WIDTH, N_CLASSES, seed=0, dtype=torch.float64)
    curve = train_alike(
        plain, start, *tensors(data), *tensors(held_out), 1e-3,
        max_epochs=4, patience=4, batch_size=64,
    )  # fmt: skip
    assert run.curve == curve


def test_losses_are_those_of_torch():
    rng = np.random.default_rng(0)
    outputs = torch.from_numpy(rng.standard_normal((2, 7, 4)))
    labels = torch.from_numpy(np.eye(4)[rng.integers(0, 4, 7)])
    for multilabel, loss in ((True, nn.BCEWithLogitsLoss()), (False, nn.CrossEntropyLoss())):
        found = losses(outputs, labels, multilabel=multilabel)
        np.testing.assert_allclose(found, [loss(one, labels) for one in outputs], rtol=1e-12)


def test_stacks_are_neighbours_of_one_depth():
    grid = small().grid()
    networks = [fresh_network(one, 1, 2, 2, seed=0) for one in grid]
    assert list(stacks(networks, 16)) == [slice(0, 8), slice(8, 16)]
    assert list(stacks(networks, 3))[:3] == [slice(0, 3), slice(3, 6), slice(6, 8)]
    assert len(list(stacks(networks, 1))) == 16


def test_prediction_does_not_depend_on_the_batch():
    networks = [fresh_network(one, N_LAYERS, WIDTH, N_CLASSES, seed=0) for one in small().grid()]
    rows = examples(50).rows
    whole = predict(networks, rows, batch_size=50, n_stacked=8)
    assert whole.shape == (16, 50, N_CLASSES)
    np.testing.assert_allclose(predict(networks, rows, batch_size=7), whole, rtol=2e-5, atol=1e-6)
    mixed = mix(torch.stack([networks[9].shares()]), torch.from_numpy(rows.array))
    expected = logits([networks[9]], mixed).detach()[0]
    np.testing.assert_allclose(whole[9], expected, rtol=2e-5, atol=1e-6)


def test_scores_are_those_of_a_plain_probe_within_the_spread_of_seeds():
    """Nothing shared but the protocol: other first weights, batches and masks."""
    protocol = small(hidden=((32,),), learning_rates=(1e-3,), max_epochs=40, patience=40)
    data, held_out = examples(400, 0, signal=0.5), examples(300, 1, signal=0.5)
    ours = [
        Training(
            protocol.grid()[:1], data, held_out, protocol,
            unit="accuracy", multilabel=False, seed=seed,
        ).fit(show_progress=False)[0].best_score
        for seed in range(5)
    ]  # fmt: skip
    tensors = [
        torch.from_numpy(array)
        for one in (data, held_out)
        for array in (np.ascontiguousarray(one.rows.array.transpose(1, 0, 2)), one.labels)
    ]
    theirs = [
        train(
            *tensors, [32], nn.init.xavier_uniform_, 1e-3,
            max_epochs=40, patience=40, batch_size=64, seed=seed,
        )[1]
        for seed in range(5)
    ]  # fmt: skip
    spread = np.sqrt((np.var(ours, ddof=1) + np.var(theirs, ddof=1)) / 5)
    assert abs(np.mean(ours) - np.mean(theirs)) < 3 * spread + 0.005
    assert np.mean(ours) > 0.5


def test_a_grid_that_does_not_fit_is_searched_in_parts():
    protocol = small(max_epochs=8, patience=8)
    pair = examples(150, 0), examples(80, 1)
    options = {"unit": "accuracy", "multilabel": False, "show_progress": False}
    together = search(protocol.grid(), *pair, protocol, **options)
    each = 5 * 4 * (WIDTH * 16 + 16 * N_CLASSES)
    parts = fitting(protocol.grid(), pair[0], 3 * each)
    assert [len(part) for part in parts] == [3, 3, 2, *[1] * 8]
    divided = search(protocol.grid(), *pair, protocol, n_bytes=3 * each, **options)
    assert divided.chosen == together.chosen == int(np.argmax(together.scores))
    for name in ("scores", "epochs", "curves", "losses"):
        np.testing.assert_array_equal(getattr(divided, name), getattr(together, name))
    np.testing.assert_array_equal(
        *(predict([one.network], pair[1].rows)[0] for one in (together, divided))
    )
    np.testing.assert_array_equal(together.scores, np.nanmax(together.curves, axis=1))


def test_a_search_in_parts_goes_on_at_its_part():
    protocol = small(max_epochs=5, patience=5)
    pair = examples(150, 0), examples(80, 1)
    options = {"unit": "accuracy", "multilabel": False, "show_progress": False, "n_bytes": 1}
    whole = search(protocol.grid(), *pair, protocol, **options)
    places = [Memory() for _ in protocol.grid()]
    places[3].stop_after = 1
    with pytest.raises(KeyboardInterrupt):
        search(protocol.grid(), *pair, protocol, checkpoints=places.__getitem__, **options)
    assert [place.n_saved for place in places[:5]] == [1, 1, 1, 1, 0]
    resumed = search(protocol.grid(), *pair, protocol, checkpoints=places.__getitem__, **options)
    np.testing.assert_array_equal(resumed.losses, whole.losses)
    assert resumed.chosen == whole.chosen


@pytest.mark.gpu
def test_a_gpu_learns_what_the_cpu_learns():
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    protocol = small(max_epochs=4, patience=4)
    on_cpu = fit(protocol.grid(), protocol, dtype=torch.float64)
    on_gpu = fit(protocol.grid(), protocol, dtype=torch.float64, device="cuda")
    for one, other in zip(on_cpu, on_gpu, strict=True):
        assert one.best_epoch == other.best_epoch
        np.testing.assert_allclose(one.losses, other.losses, rtol=1e-9)
        found = {name: tensor.cpu().numpy() for name, tensor in other.best.items()}
        expected = {name: tensor.numpy() for name, tensor in one.best.items()}
        assert largest_difference(expected, found) < 1e-8
