"""The grid of 16 probes beside plain torch, one configuration after the other; and a large task.

Plain torch is ``tests/plain_probe.py``: modules, data loader and Adam of torch, embeddings in
memory. Both train the whole grid for the same number of epochs, with validation after each. The
large task has 100,000 made-up clips with 13 layers of 768 features: its embeddings, 4 GB, go from
the store to a scratch file and from there through the grid, in a process of its own whose largest
memory is printed.

Run: python benchmarks/probes.py
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from timing import interleaved

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
import plain_probe
from heschl.probes import PROTOCOLS, ArrayRows, MlpProbeProtocol
from heschl.probes.training import Examples, Training

#: Training clips, layers, features, classes, epochs: small tasks, then ESC-50 and CREMA-D with a
#: base model, and ESC-50 with a large one.
SIZES = (
    (240, 2, 128, 10, 20),
    (240, 13, 768, 10, 10),
    (1200, 13, 768, 50, 4),
    (4500, 13, 768, 6, 2),
    (1200, 25, 1024, 50, 3),
)
RUNS = 5
N_CLIPS, N_LAYERS, WIDTH, N_CLASSES = 100_000, 13, 768, 50


def protocol(max_epochs: int) -> MlpProbeProtocol:
    found = PROTOCOLS["pepino2025"]
    assert isinstance(found, MlpProbeProtocol)
    return dataclasses.replace(found, max_epochs=max_epochs)


def made_up(n: int, n_layers: int, width: int, n_classes: int, seed: int) -> Examples:
    rng = np.random.default_rng(seed)
    labels = np.eye(n_classes, dtype=bool)[rng.integers(0, n_classes, n)]
    return Examples(ArrayRows(rng.standard_normal((n_layers, n, width), np.float32)), labels)


def compare(n: int, n_layers: int, width: int, n_classes: int, n_epochs: int) -> None:
    train, valid = (made_up(m, n_layers, width, n_classes, i) for i, m in enumerate((n, n // 3)))
    tensors = []
    for one in (train, valid):
        assert isinstance(one.rows, ArrayRows)
        tensors.append(torch.from_numpy(np.ascontiguousarray(one.rows.array.transpose(1, 0, 2))))
        tensors.append(torch.from_numpy(one.labels))

    def together() -> None:
        chosen = protocol(n_epochs)
        Training(chosen.grid(), train, valid, chosen, unit="accuracy", multilabel=False).fit(
            show_progress=False
        )

    def one_by_one() -> None:
        for point in plain_probe.GRID:
            plain_probe.train(*tensors, *point, max_epochs=n_epochs)

    found = interleaved({"together": together, "plain": one_by_one}, runs=RUNS)
    ours, theirs = found["together"].wall, found["plain"].wall
    print(
        f"{n:7} x {n_layers:2} x {width:4}, {n_classes:2} classes{ours / n_epochs:12.3f}"
        f"{theirs / n_epochs:12.3f}{theirs / ours:8.2f}",
        flush=True,
    )


def large() -> None:
    """In a process of its own: store embeddings, train the grid for an epoch, print as JSON."""
    from heschl import store
    from heschl.activations import Activations
    from heschl.study.embeddings import Embeddings

    layers = [f"layer{i}" for i in range(N_LAYERS)]
    rng = np.random.default_rng(0)
    splits: dict[str, Activations] = {}
    labels: dict[str, NDArray[np.bool_]] = {}
    began = time.perf_counter()
    for name, share in {"train": 0.8, "valid": 0.1, "test": 0.1}.items():
        n, size = round(N_CLIPS * share), 500
        entry = store.ArrayEntry(store.home() / name)
        for index in range(n // size):
            rows = rng.standard_normal((N_LAYERS, size, WIDTH), np.float32)
            entry.write_part(index, dict(zip(layers, rows, strict=True)))
        entry.commit(n // size, {})
        splits[name] = Activations(entry.open(), layers, {"model": "made up"})
        labels[name] = np.eye(N_CLASSES, dtype=bool)[rng.integers(0, N_CLASSES, n)]
    stored = time.perf_counter()
    chosen = protocol(1)
    embeddings = Embeddings(splits)
    with embeddings.rows({"train": ["train"], "valid": ["valid"]}, None) as rows_of:
        assembled = time.perf_counter()
        train, valid = (Examples(rows_of[name], labels[name]) for name in ("train", "valid"))
        training = Training(chosen.grid(), train, valid, chosen, unit="accuracy", multilabel=False)
        training.fit(show_progress=False)
    trained = time.perf_counter()
    kind = type(rows_of["train"]).__name__
    # not ru_maxrss, which begins with that of the process that started this one
    status = Path("/proc/self/status").read_text()
    peak = int(status.split("VmHWM:")[1].split()[0]) * 1024
    print(json.dumps([stored - began, assembled - stored, trained - assembled, peak, kind]))


def show_large() -> None:
    with tempfile.TemporaryDirectory() as home:
        code = (
            "import probes\nfrom heschl.study import embeddings\n"
            "embeddings.IN_MEMORY = 0.0  # as if the task were larger than the memory\n"
            "probes.large()"
        )
        environment: dict[str, Any] = {**os.environ, "HESCHL_HOME": home}
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env=environment,
            cwd=Path(__file__).resolve().parent,
        )
    stored, assembled, trained, peak, kind = json.loads(done.stdout)
    print(
        f"{N_CLIPS:,} clips x {N_LAYERS} layers x {WIDTH}: stored in {stored:.0f} s, laid out for "
        f"training in {assembled:.0f} s ({kind}), an epoch of the grid {trained:.0f} s = "
        f"{0.9 * N_CLIPS / trained:.0f} clips/s x 16; peak memory {peak / 1e9:.2f} GB"
    )


def main() -> None:
    print(f"the grid of 16, seconds an epoch, medians of {RUNS} in turns")
    print(f"{'clips, layers, features':32}{'together':>12}{'plain torch':>12}{'ratio':>8}")
    for size in SIZES:
        compare(*size)
    show_large()


if __name__ == "__main__":
    main()
