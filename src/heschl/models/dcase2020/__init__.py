"""The audio captioner that was the baseline of DCASE 2020, task 6: recurrent layers on log-mel.

audio-captioning/dcase-2020-baseline at 654e8089; weights: doi 10.5281/zenodo.3697687. Its licence
allows experiments only, nothing commercial.
"""

from __future__ import annotations

from pathlib import Path

from heschl.fetch import RemoteFile
from heschl.models.base import ModelSpec, Training
from heschl.models.weights import Weights

CHECKPOINT = "dcase_model_baseline_pre_trained.pt"

SPECS = (
    ModelSpec(
        name="dcase2020",
        family="dcase2020",
        summary="3 recurrent layers that hear and 2 layers that write a caption of a sound",
        loader="heschl.models.dcase2020.model:load",
        licence=(
            "Tampere University: experimental and non-commercial use only (code and method); "
            "weights: not stated"
        ),
        citation=(
            "DCASE 2020 Challenge, task 6, baseline; weights doi 10.5281/zenodo.3697687; after "
            "Drossos, Adavanne & Virtanen, WASPAA (2017), arXiv 1706.10006"
        ),
        aliases=("braindnn_dcase2020",),
        weights=Weights(
            files=(
                RemoteFile(
                    f"https://zenodo.org/records/3697687/files/{CHECKPOINT}?download=1",
                    Path(CHECKPOINT),
                    None,
                ),
            ),
            licence=(
                "Tampere University: experimental and non-commercial use only, with the source "
                "acknowledged in publications (licence of the code; none is stated for the weights)"
            ),
            accept=True,
        ),
        training=Training(
            "supervised",
            18.1,
            "Clotho (first version), development split",
            "Tuckute et al. (2023), Methods: 2,893 clips of 15 to 30 s, so 12 to 24 hours: the "
            "middle",
        ),
    ),
)
