"""What the plan of a study says beside what the study takes: seconds, memory, disk, by model.

The study is one that takes minutes: models without weights and one with fresh ones, the embedded
brain and task. Each model runs in a process of its own with an empty store, so that its largest
memory and what it keeps are its own.

Run: python benchmarks/study.py [STUDY.yaml]
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

STUDY = """\
study: bench
title: Planned and measured
models: [melspectrogram, cochleagram, spectrotemporal, "vggish@random:0", "wav2vec2@random:0"]
datasets: [synthetic]
tasks: [synthetic-tones]
probes: [linear, pepino2025]
"""


def measure(path: Path, model: str, folder: Path) -> None:
    """In a process of its own: plan and run one model, print as JSON."""
    from heschl import store
    from heschl.studies import Running, plan_study, read_study, run_study
    from heschl.studies.costs import NOTHING

    file = read_study(path)
    plan = plan_study(file, folder)
    planned = sum((one.cost for one in plan.steps if one.step.model == model), NOTHING)
    began = time.perf_counter()
    run_study(file, folder, models=[model], how=Running(show_progress=False))
    seconds = time.perf_counter() - began
    status = Path("/proc/self/status").read_text()
    memory = int(status.split("VmHWM:")[1].split()[0]) * 1024
    disk = sum(one.stat().st_size for one in (store.home() / "activations").rglob("*.safetensors"))
    kept = planned.seconds, planned.memory, planned.disk
    print(json.dumps([*kept, seconds, memory, disk]))


def main() -> None:
    from heschl.studies import read_study
    from heschl.studies.steps import models_of

    with tempfile.TemporaryDirectory() as place:
        given = sys.argv[1:]
        path = Path(given[0]).resolve() if given else Path(place) / "bench.yaml"
        if not given:
            path.write_text(STUDY, encoding="utf-8")
        print(f"{'planned and measured':34}{'seconds':>16}{'memory, GB':>16}{'disk, MB':>16}")
        for i, (model, _) in enumerate(models_of(read_study(path))):
            code = (
                "import study, sys\nfrom pathlib import Path\n"
                "study.measure(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))"
            )
            done = subprocess.run(
                [sys.executable, "-W", "ignore", "-c", code, path, model, f"{place}/out{i}"],
                capture_output=True,
                text=True,
                check=True,
                cwd=Path(__file__).resolve().parent,
                env={**os.environ, "HESCHL_HOME": f"{place}/home{i}"},
            )
            s0, m0, d0, s1, m1, d1 = json.loads(done.stdout.splitlines()[-1])
            print(
                f"{model:34}{s0:8.0f}{s1:8.0f}{m0 / 1e9:8.1f}{m1 / 1e9:8.1f}"
                f"{d0 / 1e6:8.0f}{d1 / 1e6:8.0f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
