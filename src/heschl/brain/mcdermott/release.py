"""What is published, where, and what of it is used.

Facts on the layout: github.com/gretatuckute/auditory_brain_dnn, ``aud_dnn/utils.py`` and
``setup_utils/download_files.py``.
"""

from __future__ import annotations

import functools
from pathlib import Path, PurePosixPath

from heschl import store
from heschl.brain.natsound165.release import released_sounds

#: The release, which holds all three datasets; also the name of its folder.
RELEASE = "tuckute_feather_2023"
URL = f"https://mcdermottlab.mit.edu/{RELEASE}/data.tar"
ARCHIVE = "data.tar"

NH2015 = "nh2015"
B2021 = "b2021"
COMPONENTS = "nh2015-components"

#: Tables, by their place in the release.
STIMULI = PurePosixPath("neural/NH2015/neural_stim_meta.npy")
NH2015_RESPONSES = PurePosixPath("neural/NH2015/voxel_features_array.npy")
NH2015_VOXELS = PurePosixPath("neural/NH2015/voxel_features_meta.npy")
NH2015_REGIONS = PurePosixPath("neural/NH2015/df_roi_meta.pkl")
B2021_RESPONSES = PurePosixPath("neural/B2021/voxel_features_array.npy")
B2021_VOXELS = PurePosixPath("neural/B2021/voxel_features_meta.npy")
B2021_REGIONS = PurePosixPath("neural/B2021/df_roi_meta.pkl")
B2021_STIMULI = PurePosixPath("neural/B2021/stim_info_v4.mat")
COMPONENTS_MAT = PurePosixPath("neural/NH2015comp/components.mat")

#: What each dataset reads, apart from the sounds.
TABLES = {
    NH2015: (STIMULI, NH2015_RESPONSES, NH2015_VOXELS, NH2015_REGIONS),
    B2021: (STIMULI, B2021_RESPONSES, B2021_VOXELS, B2021_REGIONS, B2021_STIMULI),
    COMPONENTS: (STIMULI, COMPONENTS_MAT),
}

N_SOUNDS = 165

TUCKUTE = (
    "Tuckute, Feather, Boebinger & McDermott (2023). Many but not all deep neural network audio "
    "models capture brain responses and exhibit correspondence between model stages and brain "
    "regions. PLoS Biology 21(12), e3002366. doi:10.1371/journal.pbio.3002366"
)
NORMAN_HAIGNERE = (
    "Norman-Haignere, Kanwisher & McDermott (2015). Distinct cortical pathways for music and "
    "speech revealed by hypothesis-free voxel decomposition. Neuron 88, 1281-1296. "
    "doi:10.1016/j.neuron.2015.11.035"
)
BOEBINGER = (
    "Boebinger, Norman-Haignere, McDermott & Kanwisher (2021). Music-selective neural populations "
    "arise without musical training. Journal of Neurophysiology 125, 2237-2263. "
    "doi:10.1152/jn.00588.2020"
)
FOLDS = "Folds: Pepino, Riera, Kamienkowski & Ferrer (2025), arXiv 2511.16849"
LICENCE = "none given with the data: downloaded for the user, not shipped"


def folder() -> Path:
    """Return where the release is, or would be, on this machine; it serves all three datasets."""
    return store.home() / "datasets" / RELEASE


def pins() -> Path:
    """Return where hashes pinned on first use are kept."""
    return store.home() / "pins.txt"


def sound_path(name: str) -> PurePosixPath:
    """Return where the release has a sound."""
    return PurePosixPath("stimuli/165_natural_sounds") / f"{name}.wav"


@functools.cache
def wanted_files() -> tuple[PurePosixPath, ...]:
    """Return the files that are used, tables first, then the sounds in the order of the dataset."""
    tables = dict.fromkeys(path for paths in TABLES.values() for path in paths)
    return (*tables, *(sound_path(sound.name) for sound in released_sounds()))
