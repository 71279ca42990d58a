"""The golden cases of AST, wav2vec 2.0 and S2T, through files in the layout of the hub."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import official_huggingface as official

from heschl.models.huggingface import SPECS
from heschl.registry import import_object


@contextmanager
def golden_model(name: str, golden: Any) -> Iterator[Any]:
    """The full-size model, filled as models.md 18.3 says; its files are removed at the end."""
    (spec,) = (spec for spec in SPECS if spec.name == name)
    prefix = official.prefix(name)

    def fill(key: str, shape: tuple[int, ...]) -> np.ndarray:
        if key.startswith(("model.decoder.", "lm_head.")):  # no layer needs them
            return np.broadcast_to(np.float32(0), shape)
        return golden.value(key.removeprefix(prefix), shape)

    with tempfile.TemporaryDirectory() as folder:
        official.write(name, Path(folder), fill)
        yield import_object(spec.loader)(spec, Path(folder))


def check_layers(model: Any, case: dict[str, Any], tolerance: float) -> None:
    """Hold every layer's vectors, and their differences between sounds, against the case."""
    assert [model.site(layer).published for layer in model.layers] == list(case["layers"])
    vectors = model.vectors(case["waveforms"])
    for layer, expected in zip(model.layers, case["layers"].values(), strict=True):
        found = vectors[layer]
        assert found.shape == expected.shape
        assert np.abs(found - expected).max() <= tolerance * np.abs(expected).max(), layer
        # layers that hardly depend on the sound would pass without hearing it
        for i, j in ((0, 1), (0, 2), (1, 2)):
            between = expected[i] - expected[j]
            error = found[i] - found[j] - between
            assert np.abs(error).max() <= 1e-3 * np.abs(between).max(), (layer, i, j)
