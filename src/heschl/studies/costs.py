"""What a job takes: time, memory, disk, and what is read over the network. Estimates, from counts.

Networks: their operations per second of sound, over what a core or a GPU does in a second.
Analyses: counts of operations with the constants below, in seconds of one core, which
``benchmarks/scale.py`` holds beside measurements; docs/scale.md says where each was measured.
"""

from __future__ import annotations

from dataclasses import dataclass

from heschl.studies.sizes import EFFICIENCY, DataSize, ModelSize, core_speed
from heschl.studies.steps import Step
from heschl.threads import n_threads

#: Probe epochs until all of a grid have stopped, as seen on real tasks.
EPOCHS = 60
#: A matrix product of a probe reaches this share of the speed of large ones.
PROBE_EFFICIENCY = 0.6
BASE_BYTES = 400e6  # Python, numpy, torch
#: Seconds of a core for each sound, and for each second of it, that is read, resampled and hashed.
PER_SOUND, PER_SECOND = 5e-4, 5e-4
#: Seconds of a core for each parameter of a network that is built and filled.
PER_PARAMETER = 3e-8
#: Models without parameters run on no GPU. A cochleagram takes so many billion operations for a
#: second of sound, in short transforms; what a model does beyond that are products of matrices.
#: Seconds of a core for a billion of either.
COCHLEAGRAM, PER_GFLOP_OF_TRANSFORMS, PER_GFLOP_OF_PRODUCTS = 0.28, 0.07, 0.0125
#: Regression: seconds of a core for a layer, for a target, and for a target in a layer, each with
#: 165 sounds (the decompositions of five folds; a thousand resamples; fits and layer profiles).
PER_LAYER, PER_TARGET, PER_LAYER_AND_TARGET = 0.11, 2e-4, 2.4e-4
#: Similarity: seconds of a core for a thousand resamples of 165 sounds and one brain.
PER_BRAIN = 0.13
SOUNDS_MEASURED = 165
#: Logistic regression: seconds of a core of a fit, and for each clip, feature and class of it.
PER_FIT, PER_FIT_AND_NUMBER = 0.03, 5e-8
#: Bytes of what the tables of scores say of a target, as JSON and as CSV.
BYTES_PER_TARGET = 1400.0
#: Bytes of a result that do not depend on its size: provenance, names of layers and sounds.
BYTES_OF_A_RESULT = 1.5e4


@dataclass(frozen=True)
class Pace:
    """How fast a process works.

    Attributes
    ----------
    cores : float
    core_speed : float
        Operations a second of each, in products of large matrices.
    gpu_speed : float
        Operations a second of its GPU in networks; 0 without one.
    """

    cores: float
    core_speed: float
    gpu_speed: float = 0.0


@dataclass(frozen=True)
class Cost:
    """What a job takes.

    Attributes
    ----------
    serial : float
        Seconds of one core, however many there are.
    parallel : float
        Seconds of a core that any number of them share.
    operations : float
        Of networks and probes, at the pace of large matrices: what a GPU can do.
    memory : float
        Bytes at once.
    disk : float
        Bytes that are written and kept: activations, results.
    read : float
        Bytes that are read: weights, sounds, responses, activations.
    """

    serial: float = 0.0
    parallel: float = 0.0
    operations: float = 0.0
    memory: float = 0.0
    disk: float = 0.0
    read: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        """Return what both take, one after the other."""
        return Cost(
            self.serial + other.serial,
            self.parallel + other.parallel,
            self.operations + other.operations,
            max(self.memory, other.memory),
            self.disk + other.disk,
            self.read + other.read,
        )

    def seconds_at(self, pace: Pace) -> float:
        """Return the seconds that a process of some pace takes, its reading and writing aside."""
        return self.serial + self.parallel / pace.cores + self.network_seconds_at(pace)

    def network_seconds_at(self, pace: Pace) -> float:
        """Return the seconds of them that are networks and probes."""
        return self.operations / (pace.gpu_speed or pace.cores * pace.core_speed)

    @property
    def seconds(self) -> float:
        """Seconds of this machine, all its cores."""
        return self.seconds_at(here())

    @property
    def core_seconds(self) -> float:
        """Seconds of this machine's cores, added up."""
        return self.seconds_at(Pace(1, core_speed()))

    @property
    def network(self) -> float:
        """Bytes that pass between a process and the disk, which others may share."""
        return self.disk + self.read


NOTHING = Cost()


def here() -> Pace:
    """Return the pace of this machine's cores together."""
    return Pace(n_threads(), core_speed())


def extraction(model: ModelSize, data: DataSize) -> Cost:
    """Return what it takes to run a model that is loaded over the sounds of a dataset or task.

    Parameters
    ----------
    model : ModelSize
    data : DataSize
    """
    gflop = model.gflop * data.seconds
    return Cost(
        serial=0.1 + _reading(data),
        parallel=0.0 if model.parameters else _by_hand(model) * data.seconds,
        operations=1e9 * gflop / EFFICIENCY if model.parameters else 0.0,
        memory=BASE_BYTES + 4 * model.parameters * 1.3 + 40 * 4 * model.features * 8,
        disk=4.0 * model.features * data.n_sounds,
        read=data.audio_bytes,
    )


def _by_hand(model: ModelSize) -> float:
    """Return the seconds of a core that a model without parameters takes for one of sound."""
    transforms = min(model.gflop, COCHLEAGRAM)
    products = model.gflop - transforms
    return PER_GFLOP_OF_TRANSFORMS * transforms + PER_GFLOP_OF_PRODUCTS * products


def _reading(data: DataSize) -> float:
    return PER_SOUND * data.n_sounds + PER_SECOND * data.seconds


def loading(model: ModelSize) -> Cost:
    """Return what it takes to have a model at hand in a process that had another one."""
    return Cost(
        serial=PER_PARAMETER * model.parameters,
        memory=BASE_BYTES + 4 * model.parameters * 1.3,
        read=4.0 * model.parameters,
    )


def opening(data: DataSize) -> Cost:
    """Return what it takes to have the sounds and responses of data at hand in a process."""
    return Cost(
        serial=_reading(data),
        memory=BASE_BYTES + data.response_bytes,
        read=data.audio_bytes + data.response_bytes,
    )


def analysis(step: Step, model: ModelSize, data: DataSize) -> Cost:
    """Return what it takes to compare activations with responses or labels.

    Parameters
    ----------
    step : Step
        What is computed.
    model : ModelSize
    data : DataSize
    """
    if step.protocol == "linear":
        return _linear(model, data)
    if step.probes:
        return _mlp(model, data)
    return _similarity(model, data) if step.metric == "rsa" else _regression(step, model, data)


def _activations(model: ModelSize, data: DataSize) -> float:
    """Return the bytes of activations, which every analysis reads."""
    return 4.0 * model.features * data.n_sounds


def _regression(step: Step, model: ModelSize, data: DataSize) -> Cost:
    twice = 2 if step.protocol == "tuckute2023" else 1
    each = PER_LAYER * model.layers + PER_LAYER_AND_TARGET * model.layers * data.n_targets
    held = 8.0 * data.n_sounds * (data.n_targets * 6 + model.features)
    arrays = 16.0 * data.n_sounds * data.n_targets + 8.0 * model.layers * data.n_targets
    return Cost(
        serial=0.15,
        parallel=(twice * each + PER_TARGET * data.n_targets) * data.n_sounds / SOUNDS_MEASURED,
        memory=BASE_BYTES + held,
        disk=arrays + BYTES_OF_A_RESULT + BYTES_PER_TARGET * data.n_targets,
        read=_activations(model, data),
    )


def _similarity(model: ModelSize, data: DataSize) -> Cost:
    matrices = 8.0 * data.n_brains * data.n_sounds**2  # two upper triangles for each brain
    return Cost(
        serial=0.15,
        parallel=PER_BRAIN * data.n_brains * (data.n_sounds / SOUNDS_MEASURED) ** 2,
        memory=BASE_BYTES + 1e8 + 20 * matrices,
        disk=BYTES_OF_A_RESULT + matrices,
        read=_activations(model, data),
    )


def _linear(model: ModelSize, data: DataSize) -> Cost:
    width = model.features / model.layers
    fit = PER_FIT + PER_FIT_AND_NUMBER * data.n_train * width * data.n_classes
    fits = 4 * model.layers + data.n_rounds - 1
    return Cost(
        serial=0.2 + fits * fit,
        memory=BASE_BYTES + 16.0 * data.n_train * width,
        disk=BYTES_OF_A_RESULT + 4.0 * data.n_sounds * data.n_classes,
        read=_activations(model, data),
    )


def _mlp(model: ModelSize, data: DataSize) -> Cost:
    width = model.features / model.layers
    weights = 16 * width * 1024 + 8 * 1024**2
    epochs = EPOCHS * (1 + (data.n_rounds - 1) / 16)
    grid = 16 * 5 * 4 * (width * 1024 + 1024**2 / 2)
    return Cost(
        serial=epochs * 0.05,
        operations=epochs * 6 * data.n_train * weights / PROBE_EFFICIENCY,
        memory=BASE_BYTES + grid + 4.0 * data.n_train * model.features,
        disk=BYTES_OF_A_RESULT + 4.0 * data.n_sounds * data.n_classes,
        read=_activations(model, data),
    )
