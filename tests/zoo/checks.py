"""What is asked of the vectors of every model."""

from __future__ import annotations

import numpy as np


def check_golden(found, case, published, tolerance=1e-4):
    """Compare vectors with those of the original: each layer, and the differences between sounds.

    ``published`` maps layers to the keys of the case. The deviation may be ``tolerance`` times the
    root mean square of the layer, and five times that of what differs between sounds.
    """
    assert set(published.values()) == set(case["layers"])
    for layer, key in published.items():
        expected = case["layers"][key].astype(np.float64)
        deviation = found[layer] - expected
        assert found[layer].dtype == np.float32
        assert np.abs(deviation).max() <= tolerance * np.sqrt(np.mean(expected**2)), layer
        between = np.std(expected - expected.mean(axis=0))
        deviation -= deviation.mean(axis=0)
        assert np.abs(deviation).max() <= 5 * tolerance * between, layer


def alone_as_together(model, waveforms):
    """Check that no clip's vectors depend on the clips beside it."""
    together = model.vectors(waveforms)
    for i, waveform in enumerate(waveforms):
        for layer, vector in model.vectors(waveform[None]).items():
            np.testing.assert_allclose(
                vector[0], together[layer][i], rtol=1e-5, atol=1e-6, err_msg=layer
            )
