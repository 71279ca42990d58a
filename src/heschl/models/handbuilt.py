"""Models of which nothing is learned: the baselines."""

from __future__ import annotations

from heschl.models.base import ModelSpec, Training

_LICENCE = "BSD-3-Clause (heschl's own code; no weights)"
_TRAINING = Training("hand-built", None, "none", "nothing is learned")

SPECS = (
    ModelSpec(
        name="spectrotemporal",
        family="hand-built",
        summary="power in 111 spectrotemporal modulation filters of a cochleagram (baseline)",
        loader="heschl.models.spectrotemporal:SpectroTemporal",
        licence=_LICENCE,
        citation=(
            "Chi, Ru & Shamma, J Acoust Soc Am 118 (2005); "
            "Norman-Haignere & McDermott, PLoS Biol 16 (2018)"
        ),
        aliases=("braindnn_spectemp_filters",),
        training=_TRAINING,
    ),
    ModelSpec(
        name="cochleagram",
        family="hand-built",
        summary="compressed envelopes of 211 ERB-spaced filters at 200 Hz",
        loader="heschl.models.cochleagram:Cochleagram",
        licence=_LICENCE,
        citation="McDermott & Simoncelli, Neuron 71 (2011); Kell et al., Neuron 98 (2018)",
        training=_TRAINING,
    ),
    ModelSpec(
        name="melspectrogram",
        family="hand-built",
        summary="power in 128 mel bands, and its logarithm, every 10 ms",
        loader="heschl.models.melspectrogram:MelSpectrogram",
        licence=_LICENCE,
        citation="Slaney, Auditory Toolbox, Interval Research Technical Report 10 (1998)",
        training=_TRAINING,
    ),
)
