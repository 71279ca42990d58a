"""The SpectroTemporal model on 165 two-second sounds, beside a plain version of itself in torch.

The plain version computes what the description says: inverse transforms of full length for every
subband, and 111 two-dimensional transforms of 422 x 1170 per sound; it is timed on a few sounds.
Both get the same number of threads. Prints medians, the ratio, the agreement and the peak memory.

Run: python benchmarks/spectrotemporal.py
"""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import numpy as np

from timing import interleaved

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

N_SOUNDS, PLAIN_SOUNDS, RUNS = 165, 4, 3


def waveforms() -> np.ndarray:
    """Return the synthetic dataset's sounds, repeated to 165."""
    from heschl.brain import load_dataset

    some = load_dataset("synthetic").sounds.waveforms(20_000)
    return some[np.arange(N_SOUNDS) % len(some)]


def ours(sounds: np.ndarray) -> np.ndarray:
    from heschl.models import load_model

    return load_model("spectrotemporal")(sounds)["avgpool"]


def peak_megabytes() -> float:
    """Peak resident memory of a process that computes the features of all sounds once."""
    code = "import spectrotemporal as s; s.ours(s.waveforms())"
    folder = Path(__file__).resolve().parent
    subprocess.run([sys.executable, "-c", code], check=True, cwd=folder)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def main() -> None:
    import torch

    import plain_spectrotemporal
    from heschl.models import load_model
    from heschl.threads import n_threads

    peak = peak_megabytes()
    threads = n_threads()
    torch.set_num_threads(threads)
    sounds = waveforms()
    few = load_model("spectrotemporal").prepare(sounds[:PLAIN_SOUNDS])
    filters = plain_spectrotemporal.filterbank()
    found: dict[str, np.ndarray] = {}

    def plain() -> None:
        found["plain"] = np.stack(
            [
                plain_spectrotemporal.modulation_power(
                    plain_spectrotemporal.cochleagram(sound), filters
                ).numpy()
                for sound in few
            ]
        )

    def fast() -> None:
        found["heschl"] = ours(sounds)[..., 0]

    timings = interleaved({"heschl": fast, "plain torch": plain}, runs=RUNS)
    per_sound = {
        "heschl": timings["heschl"].wall / N_SOUNDS,
        "plain torch": timings["plain torch"].wall / PLAIN_SOUNDS,
    }
    difference = np.abs(found["heschl"][:PLAIN_SOUNDS] - found["plain"])
    rms = np.sqrt(np.mean(found["plain"] ** 2))
    print(f"SpectroTemporal, {N_SOUNDS} sounds of 2 s, {threads} threads")
    for name, seconds in per_sound.items():
        ratio = seconds / per_sound["heschl"]
        print(f"{name:14}{1000 * seconds:10.1f} ms per sound{ratio:10.2f} x heschl")
    print(f"heschl, all sounds: {timings['heschl'].wall:.1f} s")
    print(f"largest difference: {difference.max() / rms:.1e} of the features' rms")
    print(f"peak memory of a process: {peak:.0f} MB")


if __name__ == "__main__":
    main()
