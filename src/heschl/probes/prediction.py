"""Prediction: logits of trained networks for all rows, a batch at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from heschl.probes.network import Network, logits, mix, stacks
from heschl.probes.rows import Rows, blocks
from heschl.probes.workers import Workers


def predict(
    networks: Sequence[Network],
    rows: Rows,
    *,
    batch_size: int = 1024,
    n_stacked: int = 1,
    workers: Workers | None = None,
) -> NDArray[np.float32]:
    """Return logits of every network for every row, (n_networks, n_rows, n_classes).

    Parameters
    ----------
    networks : sequence of Network
        On one device.
    rows : Rows
    batch_size : int, optional
        Rows at a time.
    n_stacked : int, optional
        Networks with the same hidden layers that go through the same operations.
    workers : Workers, optional
        Where it runs.
    """
    like, n_classes = networks[0].mixture, len(networks[0].weight)
    out = np.empty((len(networks), rows.n_rows, n_classes), np.float32)
    room = np.empty((rows.n_layers, min(batch_size, rows.n_rows), rows.width), np.float32)
    with torch.inference_mode():
        shares = torch.stack([network.shares() for network in networks])
        for indices in blocks(rows.n_rows, batch_size):
            taken = torch.from_numpy(rows.take(indices, out=room[:, : len(indices)]))
            mixed = mix(shares, taken.to(like.device, like.dtype))

            def work(part: slice, mixed: Tensor = mixed) -> NDArray[np.float32]:
                with torch.inference_mode():  # of each thread
                    return logits(networks[part], mixed[part]).float().cpu().numpy()

            parts = list(stacks(networks, n_stacked))
            run = map if workers is None else workers.map
            for part, outputs in zip(parts, run(work, parts), strict=True):
                out[part, indices] = outputs
    return out
