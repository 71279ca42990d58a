"""The engine that runs steps on devices: Lightning Fabric."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from heschl.errors import MissingDependencyError, UsageError
from heschl.pretrain.recipe import TrainingPart

if TYPE_CHECKING:
    from lightning.fabric import Fabric

_PRECISIONS = {"32": "32-true", "16": "16-mixed", "bf16": "bf16-mixed"}


def launch(part: TrainingPart) -> Fabric:
    """Start the processes of a training, one for each device.

    On several machines, or where the processes have been started already (``torchrun``, SLURM),
    Fabric finds that in the environment.

    Raises
    ------
    MissingDependencyError
        If lightning is not installed.
    UsageError
        If the devices are not there, or cannot do the precision.
    """
    try:
        from lightning.fabric import Fabric
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f"pretraining needs {error.name}, which is not installed; install heschl with its "
            'extra "pretrain": python -m pip install "heschl[pretrain]"'
        ) from error
    _check_precision(part)
    several = part.devices * part.nodes > 1
    options: dict[str, Any] = {
        "accelerator": part.accelerator,
        "devices": part.devices,
        "num_nodes": part.nodes,
        "strategy": "ddp" if several else "auto",
        "precision": _PRECISIONS[part.precision],
    }
    try:
        fabric = Fabric(**options)
    except Exception as error:  # Fabric's own are of many kinds
        raise UsageError(
            f"{part.devices} devices of {part.accelerator!r} with precision {part.precision}: "
            f"{error}; expected devices that torch has here"
        ) from error
    fabric.launch()
    return fabric


def _check_precision(part: TrainingPart) -> None:
    import torch

    on_cpu = part.accelerator == "cpu" or (
        part.accelerator == "auto" and not torch.accelerator.is_available()
    )
    if part.precision == "16" and on_cpu:
        raise UsageError(
            "precision is '16', the published one, which needs a GPU; expected '32' or 'bf16' on a "
            "CPU: set training: precision"
        )


def scale_of(fabric: Fabric) -> dict[str, Any]:
    """Return what half precision has to remember: the scale of the loss."""
    return dict(fabric.strategy.precision.state_dict())


def restore_scale(fabric: Fabric, content: dict[str, Any]) -> None:
    """Put back what `scale_of` returned."""
    fabric.strategy.precision.load_state_dict(content)
