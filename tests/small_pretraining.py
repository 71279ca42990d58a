"""A recipe that trains in a second, on sounds made for it."""

from pathlib import Path

import numpy as np
import soundfile
import yaml

RATE = 16_000


def sounds(folder: Path, n: int = 6, seconds: float = 1.2) -> Path:
    """Tones in noise, each file at its own pitch; one is shorter than a crop."""
    rng = np.random.default_rng(3)
    folder.mkdir(parents=True)
    for i in range(n):
        length = int(RATE * (0.2 if i == 1 else seconds))
        time = np.arange(length) / RATE
        wave = 0.2 * np.sin(2 * np.pi * 150 * (i + 1) * time) + 0.05 * rng.standard_normal(length)
        soundfile.write(folder / f"{i}.wav", wave.astype(np.float32), RATE)
    return folder


def recipe(folder: Path, **changes) -> Path:
    """Write a recipe; changes are those of its parts, as ``training={"steps": 3}``."""
    if not (folder / "sounds").exists():
        sounds(folder / "sounds")
    content = {
        "name": "tiny",
        "data": {"sources": ["sounds"], "crop": 0.5, "workers": 0},
        "network": {"dim": 16, "depth": 2, "heads": 2, "hidden": 24, "decoder_depth": 1},
        "targets": {"kind": "random-projection", "codebooks": 2, "codes": 20, "crops": 8},
        "training": {
            "steps": 6,
            "batch_size": 4,
            "learning_rate": 1e-2,
            "precision": "32",
            "accelerator": "cpu",
        },
        "checkpoints": {"every": 2},
    }
    for part, values in changes.items():
        content[part] = (content.get(part) or {}) | values if isinstance(values, dict) else values
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path
