"""The six official tasks: what is published, where, and what it takes.

The archives are those of the HEAR 2021 record on Zenodo. Numbers of clips and their durations:
hearbenchmark.com/hear-tasks. No hash of the archives is published with them: that of the first
download is pinned. heschl downloads them for its user and ships none of them.
"""

from __future__ import annotations

import functools

from heschl.tasks.hear.fetching import Release, fetch, fetch_plan, load_release
from heschl.tasks.spec import TaskSpec
from heschl.tasks.task import Prediction

HEAR = (
    "Turian, Shier, Khan, Raj, Schuller, Steinmetz et al. (2022). HEAR: Holistic evaluation of "
    "audio representations. Proceedings of the NeurIPS 2021 Competitions and Demonstrations Track, "
    "PMLR 176, 125-145"
)


def _spec(
    *,
    name: str,
    release: str,
    summary: str,
    prediction: Prediction,
    unit: str,
    n_classes: int,
    n_clips: int,
    clip: float,
    licence: str,
    citation: str,
    n_rounds: int = 1,
) -> TaskSpec:
    """Make a row of the table; ``clip`` is the mean duration of a clip in seconds."""
    citation = f"{citation}. In the form of: {HEAR}"
    published = Release(name, release, n_clips, n_clips * clip, licence, citation)
    return TaskSpec(
        name=name,
        summary=summary,
        load=functools.partial(load_release, published),
        fetch=functools.partial(fetch, published),
        plan=functools.partial(fetch_plan, published),
        licence=licence,
        citation=citation,
        aliases=(release,),
        prediction=prediction,
        unit=unit,
        n_classes=n_classes,
        n_clips=n_clips,
        n_rounds=n_rounds,
        seconds=published.seconds,
    )


SPECS = (
    _spec(
        name="esc50",
        release="esc50-v2.0.0-full",
        summary="environmental sounds of 50 kinds, five folds (ESC-50)",
        prediction="multiclass",
        unit="accuracy",
        n_classes=50,
        n_clips=2_000,
        n_rounds=5,
        clip=5.0,
        licence="CC BY-NC 3.0",
        citation=(
            "Piczak (2015). ESC: Dataset for environmental sound classification. Proceedings of "
            "the 23rd ACM International Conference on Multimedia, 1015-1018. "
            "doi:10.1145/2733373.2806390"
        ),
    ),
    _spec(
        name="fsd50k",
        release="fsd50k-v1.0-full",
        summary="sound events of 200 kinds, several in a clip (FSD50K)",
        prediction="multilabel",
        unit="mAP",
        n_classes=200,
        n_clips=51_185,
        clip=108.3 * 3600 / 51_197,  # of the 51,197 clips that FSD50K itself has
        licence="CC BY 4.0; each clip its own Creative Commons licence, some non-commercial",
        citation=(
            "Fonseca, Favory, Pons, Font & Serra (2022). FSD50K: An open dataset of human-labeled "
            "sound events. IEEE/ACM Transactions on Audio, Speech, and Language Processing 30, "
            "829-852. doi:10.1109/TASLP.2021.3133208"
        ),
    ),
    _spec(
        name="nsynth-pitch",
        release="nsynth_pitch-v2.2.3-50h",
        summary="pitch of notes of instruments, 88 keys (NSynth, 50 hours)",
        prediction="multiclass",
        unit="accuracy",
        n_classes=88,
        n_clips=49_060,
        clip=4.0,
        licence="CC BY 4.0",
        citation=(
            "Engel, Resnick, Roberts, Dieleman, Norouzi, Eck & Simonyan (2017). Neural audio "
            "synthesis of musical notes with WaveNet autoencoders. Proceedings of the 34th "
            "International Conference on Machine Learning, PMLR 70, 1068-1077"
        ),
    ),
    _spec(
        name="speech-commands",
        release="speech_commands-v0.0.2-full",
        summary="ten spoken words, other words, or none (Speech Commands)",
        prediction="multiclass",
        unit="accuracy",
        n_classes=12,
        n_clips=100_503,
        clip=1.0,
        licence="CC BY 4.0",
        citation=(
            "Warden (2018). Speech Commands: A dataset for limited-vocabulary speech recognition. "
            "arXiv 1804.03209"
        ),
    ),
    _spec(
        name="crema-d",
        release="tfds_crema_d-1.0.0-full",
        summary="six emotions in acted speech, five folds (CREMA-D)",
        prediction="multiclass",
        unit="accuracy",
        n_classes=6,
        n_clips=7_438,
        n_rounds=5,
        clip=5.0,
        licence="Open Database License 1.0",
        citation=(
            "Cao, Cooper, Keutmann, Gur, Nenkova & Verma (2014). CREMA-D: Crowd-sourced emotional "
            "multimodal actors dataset. IEEE Transactions on Affective Computing 5(4), 377-390. "
            "doi:10.1109/TAFFC.2014.2336244"
        ),
    ),
    _spec(
        name="gtzan",
        release="tfds_gtzan-1.0.0-full",
        summary="ten genres of music, ten folds (GTZAN)",
        prediction="multiclass",
        unit="accuracy",
        n_classes=10,
        n_clips=1_000,
        n_rounds=10,
        clip=30.0,
        licence="none given with the data: downloaded for the user, not shipped",
        citation=(
            "Tzanetakis & Cook (2002). Musical genre classification of audio signals. IEEE "
            "Transactions on Speech and Audio Processing 10(5), 293-302. "
            "doi:10.1109/TSA.2002.800560"
        ),
    ),
)
