"""What a step will take: about so long, so much memory, so much disk. An estimate, from counts.

Networks: their operations per second of sound, divided by what this machine does in a second.
Analyses: counts of operations with constants measured by ``benchmarks/``. benchmarks/study.py holds
estimates and measurements side by side.
"""

from __future__ import annotations

from dataclasses import dataclass

from heschl.studies.sizes import EFFICIENCY, DataSize, ModelSize, speed
from heschl.studies.steps import Step

#: Probe epochs until all of a grid have stopped, as seen on real tasks.
EPOCHS = 60
#: A matrix product of a probe reaches this share of the speed of large ones.
PROBE_EFFICIENCY = 0.6
BASE_BYTES = 400e6  # Python, numpy, torch


@dataclass(frozen=True)
class Cost:
    """What a step will take.

    Attributes
    ----------
    seconds : float
    memory : float
        Bytes at once.
    disk : float
        Bytes that are kept: activations, results.
    """

    seconds: float
    memory: float
    disk: float

    def __add__(self, other: Cost) -> Cost:
        """Return what both take, one after the other."""
        return Cost(
            self.seconds + other.seconds,
            max(self.memory, other.memory),
            self.disk + other.disk,
        )


NOTHING = Cost(0.0, 0.0, 0.0)


def extraction(model: ModelSize, data: DataSize) -> Cost:
    """Return what it takes to run a model over the sounds of a dataset or task."""
    work = model.gflop * 1e9 * data.seconds / (speed() * EFFICIENCY)
    kept = 4.0 * model.features * data.n_sounds
    memory = BASE_BYTES + 4 * model.parameters * 1.3 + 40 * 4 * model.features * 8
    return Cost(work + 0.005 * data.n_sounds + 1, memory, kept)


def analysis(step: Step, model: ModelSize, data: DataSize) -> Cost:
    """Return what it takes to compare activations with responses or labels."""
    if step.protocol == "linear":
        return _linear(model, data)
    if step.probes:
        return _mlp(model, data)
    share = model.layers / 13  # performance.md measures 13 layers
    if step.metric == "rsa":
        return Cost(1 + 0.4 * share * max(1, data.n_targets / 1000), BASE_BYTES + 5e8, 1e6)
    per_target = 2e-3 if step.protocol == "tuckute2023" else 1e-3
    held = 8.0 * data.n_sounds * (data.n_targets * 6 + model.features)
    kept = 16.0 * data.n_sounds * data.n_targets
    return Cost(share * (1.5 + per_target * data.n_targets), BASE_BYTES + held, kept)


def _linear(model: ModelSize, data: DataSize) -> Cost:
    width = model.features / model.layers
    fit = 0.05 + 100 * 4 * data.n_train * width * data.n_classes / (speed() * 0.1)
    fits = 4 * model.layers + data.n_rounds - 1
    return Cost(fits * fit + 1, BASE_BYTES + 16.0 * data.n_train * width, 1e6)


def _mlp(model: ModelSize, data: DataSize) -> Cost:
    width = model.features / model.layers
    weights = 16 * width * 1024 + 8 * 1024**2
    epoch = 6 * data.n_train * weights / (speed() * PROBE_EFFICIENCY) + 0.05
    epochs = EPOCHS * (1 + (data.n_rounds - 1) / 16)
    grid = 16 * 5 * 4 * (width * 1024 + 1024**2 / 2)
    held = BASE_BYTES + grid + 4.0 * data.n_train * model.features
    return Cost(epochs * epoch, held, 4.0 * data.n_sounds * data.n_classes)
