"""Alignment logged by Lightning and by the Trainer of transformers, in real trainings."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

import small_training
from heschl.dynamics import read_trajectory
from heschl.errors import InputError, MissingDependencyError, UsageError
from small_training import Net, assert_same

#: Lightning and torch say much about small trainings.
pytestmark = pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")


class Clips(Dataset):
    """Twelve clips with labels, in the form that each trainer takes."""

    def __init__(self, *, named=False):
        self.named = named
        x, y = small_training.batch(0, size=24)
        self.x, self.y = x + y[:, None], y

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        if self.named:
            return {"waveforms": self.x[i], "labels": self.y[i]}
        return self.x[i], self.y[i]


@pytest.fixture(scope="module")
def data():
    return small_training.components()


# Lightning


def lightning():
    return pytest.importorskip("lightning.pytorch")


def lightning_module():
    """A LightningModule around the network, defined late: the package is optional."""

    class Module(lightning().LightningModule):
        sample_rate = small_training.RATE

        def __init__(self):
            super().__init__()
            self.net = Net()
            self.seen = []

        def forward(self, waveforms):
            return self.net(waveforms)

        def training_step(self, batch, index):
            x, y = batch
            loss = nn.functional.cross_entropy(self(x + 0.1 * torch.randn_like(x)), y)
            self.seen.append(loss.item())
            return loss

        def configure_optimizers(self):
            return torch.optim.Adam(self.parameters(), lr=1e-2)

    return Module


def fit(callbacks, folder, steps=6, **options):
    """Train for a few steps; return the module."""
    L = lightning()
    L.seed_everything(0, verbose=False)
    module = lightning_module()()
    trainer = L.Trainer(
        max_steps=steps,
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        default_root_dir=folder,
        callbacks=callbacks,
        **options,
    )
    trainer.fit(module, DataLoader(Clips(), batch_size=4, shuffle=True))
    return module


def watch(data, folder, **options):
    lightning()
    from heschl.dynamics.lightning import AlignmentCallback

    return AlignmentCallback(data, folder=folder, **({"every": 2, "metrics": ["rsa"]} | options))


def test_lightning_logs_alignment_and_trains_the_same(data, tmp_path):
    plain = fit([], tmp_path)
    watched = fit([watch(data, tmp_path / "run", model=lambda m: m.net)], tmp_path)
    assert_same(watched.state_dict(), plain.state_dict())
    found = read_trajectory(tmp_path / "run")
    assert found.steps == (0, 2, 4, 6)
    assert "conv.0" in set(found.scores["layer"])
    assert list(found.losses["step"]) == [1, 2, 3, 4, 5, 6]
    assert list(found.losses["loss"]) == pytest.approx(plain.seen)


def test_lightning_averages_the_losses_of_a_step(data, tmp_path):
    module = fit(
        [watch(data, tmp_path / "run", every=3)], tmp_path, steps=3, accumulate_grad_batches=2
    )
    found = read_trajectory(tmp_path / "run")
    assert found.steps == (0, 3)
    assert "net.conv.0" in set(found.scores["layer"])  # the whole module by default
    means = [sum(module.seen[2 * i : 2 * i + 2]) / 2 for i in range(3)]
    assert list(found.losses["step"]) == [1, 2, 3]
    assert list(found.losses["loss"]) == pytest.approx(means)


def test_lightning_keeps_the_losses_of_a_training_that_fails(data, tmp_path):
    class Stops(lightning().Callback):
        def on_train_batch_end(self, trainer, *args):
            if trainer.global_step == 3:
                raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        fit([watch(data, tmp_path / "run"), Stops()], tmp_path)
    found = read_trajectory(tmp_path / "run")
    assert found.steps == (0, 2)
    assert list(found.losses["step"]) == [1, 2, 3]


def test_lightning_refuses_before_the_first_step(data, tmp_path):
    seen = []
    with pytest.raises(UsageError, match="is no model"):
        fit([watch(data, tmp_path / "run", model=lambda m: seen.append(m))], tmp_path)
    assert len(seen) == 1
    assert seen[0].seen == []  # no batch went through
    with pytest.raises(UsageError, match="every is 0"):
        watch(data, tmp_path, every=0)


# transformers


class Classifier(nn.Module):
    """What the Trainer takes: a model that returns its loss."""

    sample_rate = small_training.RATE

    def __init__(self):
        super().__init__()
        self.net = Net()

    def forward(self, waveforms, labels=None):
        if labels is None:
            return {"logits": self.net(waveforms)}
        logits = self.net(waveforms + 0.1 * torch.randn_like(waveforms))
        return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}


def train(callbacks, folder, steps=6, **options):
    """Train for a few steps; return the model and what was logged."""
    pytest.importorskip("accelerate")
    from transformers import Trainer, TrainingArguments, set_seed

    set_seed(0)
    model = Classifier()
    arguments = TrainingArguments(
        output_dir=str(folder),
        max_steps=steps,
        per_device_train_batch_size=4,
        report_to="none",
        use_cpu=True,
        logging_steps=1,
        save_strategy="no",
        disable_tqdm=True,
        dataloader_pin_memory=False,
        **options,
    )
    trainer = Trainer(model, arguments, train_dataset=Clips(named=True), callbacks=callbacks)
    trainer.train()
    return model, [line for line in trainer.state.log_history if "loss" in line]


def watch_trainer(data, folder, **options):
    from heschl.dynamics.transformers import AlignmentCallback

    return AlignmentCallback(data, folder=folder, **({"every": 2, "metrics": ["rsa"]} | options))


def test_the_trainer_logs_alignment_and_trains_the_same(data, tmp_path):
    plain, logged = train([], tmp_path)
    callback = watch_trainer(data, tmp_path / "run", model=lambda m: m.net)
    watched, _ = train([callback], tmp_path)
    assert_same(watched.state_dict(), plain.state_dict())
    found = read_trajectory(tmp_path / "run")
    assert found.steps == (0, 2, 4, 6)
    assert list(found.losses["step"]) == [line["step"] for line in logged] == [1, 2, 3, 4, 5, 6]
    for name in ("loss", "learning_rate", "grad_norm"):
        assert list(found.losses[name]) == pytest.approx([line[name] for line in logged])


def test_the_trainer_steps_once_for_several_batches(data, tmp_path):
    callback = watch_trainer(data, tmp_path / "run", layers=["net.norm"], every=1)
    train([callback], tmp_path, steps=2, gradient_accumulation_steps=2)
    found = read_trajectory(tmp_path / "run")
    assert found.steps == (0, 1, 2)
    assert set(found.scores["layer"]) == {"", "net.norm"}


def test_the_trainer_refuses_before_the_first_step(data, tmp_path):
    pytest.importorskip("accelerate")
    callback = watch_trainer(
        data, tmp_path / "run", model=lambda m: nn.Identity(), sample_rate=4000
    )
    with pytest.raises(InputError, match="no tensor of real numbers"):
        train([callback], tmp_path)
    assert not (tmp_path / "run" / "trajectory.csv").exists()


def test_only_the_main_process_measures(data, tmp_path):
    """The hooks of another process touch neither the model nor the folder."""
    other = SimpleNamespace(is_global_zero=False, global_step=2, is_world_process_zero=False)
    callback = watch(data, tmp_path / "lightning")
    callback.on_fit_start(other, None)
    callback.on_train_start(other, None)
    callback.on_train_batch_end(other, None, {"loss": torch.ones(())}, None, 0)
    callback.on_train_end(other, None)
    trainer = watch_trainer(data, tmp_path / "trainer")
    for hook in (trainer.on_train_begin, trainer.on_step_end, trainer.on_train_end):
        hook(None, other, None, model=None)
    trainer.on_log(None, other, None, logs={"loss": 1.0})
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_the_lightning_that_is_in_use_is_taken(monkeypatch):
    lightning()
    from heschl.dynamics.lightning import _callback_class

    older = SimpleNamespace(Callback=object())
    monkeypatch.setitem(sys.modules, "pytorch_lightning", older)
    assert _callback_class() is lightning().Callback
    monkeypatch.setitem(sys.modules, "lightning.pytorch", None)
    assert _callback_class() is older.Callback
    monkeypatch.setitem(sys.modules, "pytorch_lightning", None)
    with pytest.raises(MissingDependencyError, match=r"heschl\[pretrain\]"):
        _callback_class()
