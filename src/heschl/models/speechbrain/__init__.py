"""Two networks of the SpeechBrain hub: SepFormer separates talkers, MetricGAN+ enhances speech."""

from __future__ import annotations

from pathlib import Path

from heschl.fetch import RemoteFile
from heschl.models.base import ModelSpec, Training
from heschl.models.weights import Weights

_LICENCE = "Apache-2.0 (code and weights of SpeechBrain); the network here is heschl's own code"
_SPEECHBRAIN = "Ravanelli et al., SpeechBrain, arXiv 2106.04624"


def _hub(repository: str, revision: str, name: str, sha256: str | None = None) -> RemoteFile:
    """One file of a repository at a revision that cannot change."""
    url = f"https://huggingface.co/speechbrain/{repository}/resolve/{revision}/{name}"
    return RemoteFile(url=url, path=Path(name), sha256=sha256)


_WHAMR = ("sepformer-whamr", "8ff25187c1c4d4968b31a6cbf5679372cdaf4999")
_VOICEBANK = ("metricgan-plus-voicebank", "a196ce26b3bdace6fa1d819017584bdbcce462a8")

SPECS = (
    ModelSpec(
        name="sepformer",
        family="speechbrain",
        summary="SepFormer: separates two talkers in noise and reverberation (WHAMR!, 8 kHz)",
        loader="heschl.models.speechbrain.sepformer:load",
        licence=_LICENCE,
        citation=f"Subakan et al., ICASSP 2021, arXiv 2010.13154; {_SPEECHBRAIN}",
        aliases=("braindnn_sepformer",),
        weights=Weights(
            files=(_hub(*_WHAMR, "encoder.ckpt"), _hub(*_WHAMR, "masknet.ckpt")),
            licence="Apache-2.0",
        ),
        training=Training(
            "supervised",
            58.03,
            "WHAMR!",
            "Tuckute et al. (2023), Methods: 20,000 files for training",
        ),
    ),
    ModelSpec(
        name="metricgan",
        family="speechbrain",
        summary="MetricGAN+: enhances noisy speech (VoiceBank, 16 kHz)",
        loader="heschl.models.speechbrain.metricgan:load",
        licence=_LICENCE,
        citation=f"Fu et al., Interspeech 2021, arXiv 2104.03538; {_SPEECHBRAIN}",
        aliases=("braindnn_metricgan",),
        weights=Weights(
            files=(
                _hub(
                    *_VOICEBANK,
                    "enhance_model.ckpt",
                    "147bfb866bac8264603546e035bf283370e716ed2f4b7412d308d2bcee88304f",
                ),
            ),
            licence="Apache-2.0",
        ),
        training=Training(
            "supervised",
            9.4,
            "VoiceBank-DEMAND, 28 speakers",
            "as arXiv 2409.12416 has it of these 11,572 sentences, not re-checked; Tuckute et al. "
            "(2023) print the hours of WHAMR! here",
        ),
    ),
)
