"""Extraction beside the bare forward pass, batches beside single clips, memory beside its estimate.

Extraction is everything that `heschl.extract` does from files of sound to stored vectors: read,
resample, trial of memory, front end, network, hooks, averages over time, checks, store. The bare
forward pass is the front end and the network alone, on waveforms that are in memory already, in the
same batches. The networks have fresh weights.

Run: python benchmarks/extraction.py [MODEL ...]
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from timing import interleaved

MODELS = ("encodecmae-base", "beats-iter3", "dasheng-base", "cochresnet50-word", "wav2vec2")
N_SOUNDS, N_SINGLE, RUNS, RATE, SECONDS = 165, 40, 3, 44_100, 2  # as natsound165 has


def sounds_in(folder: Path, n_sounds: int = N_SOUNDS) -> Any:
    """Two-second sounds as files, as a dataset has them."""
    from heschl.brain import load_dataset
    from heschl.sounds import Clip, Sounds

    paths = [folder / f"{i:03d}.flac" for i in range(N_SOUNDS)]
    if not paths[0].exists():
        waveforms = load_dataset("synthetic").sounds.waveforms(RATE)
        for path, waveform in zip(
            paths, waveforms[np.arange(N_SOUNDS) % len(waveforms)], strict=True
        ):
            soundfile.write(path, waveform, RATE)
    return Sounds([Clip(path.stem, path) for path in paths[:n_sounds]], duration=SECONDS)


def measure(name: str, folder: Path) -> None:
    """Time one model in turns; print a line."""
    import torch

    from heschl.activations import extract
    from heschl.models import load_model

    sounds = sounds_in(folder)
    model = load_model(f"{name}@random:0")
    waveforms = model.prepare(sounds.waveforms(model.sample_rate))

    def bare(batch_size: int) -> None:
        with torch.inference_mode():
            for start in range(0, len(waveforms), batch_size):
                batch = torch.from_numpy(waveforms[start : start + batch_size])
                for piece in model.pieces(model.inputs(batch)):  # type: ignore[attr-defined]
                    model.run(piece)  # type: ignore[attr-defined]

    def whole(batch_size: int, n_sounds: int) -> None:
        with tempfile.TemporaryDirectory() as home:
            os.environ["HESCHL_HOME"] = home
            extract(model, sounds_in(folder, n_sounds), batch_size=batch_size)

    many = interleaved(
        {"extract": lambda: whole(8, N_SOUNDS), "bare": lambda: bare(8)},
        runs=RUNS,
    )
    few = interleaved(
        {"batches": lambda: whole(8, N_SINGLE), "single": lambda: whole(1, N_SINGLE)},
        runs=RUNS,
    )
    seconds = {label: timing.wall for label, timing in (many | few).items()}
    print(
        f"{name:22}{seconds['extract']:10.2f}{seconds['bare']:10.2f}"
        f"{seconds['extract'] / seconds['bare']:8.2f}{seconds['single']:12.2f}"
        f"{seconds['single'] / seconds['batches']:10.2f}",
        end="",
        flush=True,
    )


def memory(name: str, folder: Path, batch_size: int) -> None:
    """In a process of its own: print the estimate and then the measured peak, in bytes."""
    import resource

    from heschl.activations import extract, plan_memory
    from heschl.models import load_model

    sounds = sounds_in(folder, N_SINGLE)
    model = load_model(f"{name}@random:0")
    plan = plan_memory(model, sounds, batch_size=batch_size)
    extract(model, sounds, use_store=False, batch_size=batch_size)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps([plan.peak_bytes, peak]))


def main() -> None:
    names = sys.argv[1:] or MODELS
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        sounds_in(folder)
        print(
            f"{N_SOUNDS} sounds of {SECONDS} s ({N_SINGLE} for one by one beside batches), "
            f"seconds, medians of {RUNS} in turns"
        )
        print(
            f"{'':22}{'extract':>10}{'bare':>10}{'ratio':>8}{'one by one':>12}"
            f"{'/ batch 8':>10}   estimate/peak MB (batch 8, 32)"
        )
        for name in names:
            measure(name, folder)
            for batch_size in (8, 32):
                code = (
                    f"import extraction as e, pathlib; "
                    f"e.memory({name!r}, pathlib.Path({str(folder)!r}), {batch_size})"
                )
                done = subprocess.run(
                    [sys.executable, "-c", code],
                    capture_output=True,
                    text=True,
                    check=True,
                    cwd=Path(__file__).resolve().parent,
                )
                estimate, peak = json.loads(done.stdout)
                print(f"   {estimate / 1e6:.0f}/{peak / 1e6:.0f} = {estimate / peak:.2f}", end="")
            print(flush=True)


if __name__ == "__main__":
    main()
