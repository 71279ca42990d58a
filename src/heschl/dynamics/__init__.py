"""How a model becomes brain-like: alignment with brains while it is trained, or from checkpoints.

The callbacks of Lightning and transformers are in `heschl.dynamics.lightning` and
`heschl.dynamics.transformers`, which need these packages.
"""

from __future__ import annotations

from heschl.dynamics.baselines import measure_baselines
from heschl.dynamics.checkpoints import Checkpoint, find_checkpoints
from heschl.dynamics.columns import BASELINE_COLUMNS, COLUMNS
from heschl.dynamics.following import Alignment
from heschl.dynamics.hub import PUBLISHED, PublishedTrajectory
from heschl.dynamics.measuring import METRICS, measure
from heschl.dynamics.rise import half_rise
from heschl.dynamics.running import Trace, trace
from heschl.dynamics.table import Trajectory, is_trajectory, read_trajectory, write_baselines
from heschl.dynamics.tracing import CheckpointFailure
from heschl.dynamics.undisturbed import undisturbed

__all__ = [
    "BASELINE_COLUMNS",
    "COLUMNS",
    "METRICS",
    "PUBLISHED",
    "Alignment",
    "Checkpoint",
    "CheckpointFailure",
    "PublishedTrajectory",
    "Trace",
    "Trajectory",
    "find_checkpoints",
    "half_rise",
    "is_trajectory",
    "measure",
    "measure_baselines",
    "read_trajectory",
    "trace",
    "undisturbed",
    "write_baselines",
]
