"""Layers of four small models against vectors of the original implementations."""

from __future__ import annotations

import official
import pytest
from checks import check_golden

from heschl.models import MODELS, load_model
from heschl.models.weights import convert


@pytest.mark.shared
@pytest.mark.zoo
@pytest.mark.parametrize("name", ["dcase2020", "deepspeech2", "vggish", "zerospeech"])
def test_layers_are_those_of_the_original(name, golden, tmp_path):
    spec, family = MODELS[name], official.BY_NAME[name]
    case = golden.load(spec.aliases[0])
    floats = {k: s for k, s in family.shapes(name).items() if "num_batches_tracked" not in k}
    assert floats == case["state"]
    family.write(name, tmp_path, golden.value)
    if spec.weights.convert:
        convert(tmp_path / spec.weights.files[0].path, keep=spec.weights.keep)
    loaded = load_model(f"{name}@file:{tmp_path}")
    found = loaded.vectors(case["waveforms"])
    assert {layer: v.shape[1] for layer, v in found.items()} == family.LAYERS[name]
    check_golden(found, case, {layer: loaded.site(layer).published for layer in loaded.layers})
