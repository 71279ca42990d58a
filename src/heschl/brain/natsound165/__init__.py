"""natsound165: six components of auditory cortex and the 165 natural sounds they answer to.

Norman-Haignere, Kanwisher and McDermott (Neuron 88, 2015) explained the reliable responses of
11,065 voxels to 165 two-second natural sounds by six components. Their response profiles and the
sounds are published at github.com/snormanhaignere/natsound165-neuron2015, without a licence file:
heschl downloads them for its user and ships only names, folds and hashes (``natsound165.csv``: one
row per sound, in the order of the fMRI releases; folds of Pepino et al., arXiv 2511.16849, 2025).
"""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pandas as pd

from heschl import store
from heschl.brain.dataset import BrainDataset, DatasetSpec
from heschl.brain.natsound165.local_copy import read_copy
from heschl.brain.natsound165.release import (
    CATEGORIES,
    CATEGORIES_SHA256,
    COMMIT,
    COMPONENTS,
    COMPONENTS_SHA256,
    DURATION,
    NAME,
    released_sounds,
    remote_files,
    table_sha256,
)
from heschl.brain.natsound165.tables import (
    check_categories,
    read_categories,
    read_components,
    rows_of,
)
from heschl.errors import StoreError
from heschl.fetch import FetchPlan, download, part_path, plan
from heschl.sounds import Clip, Sounds

#: Components as released, and what they are called in the papers.
LABELS = {
    "lowfreq": "low frequency",
    "highfreq": "high frequency",
    "envsounds": "broadband",
    "pitch": "pitch",
    "speech": "speech",
    "music": "music",
}

#: r2 of component-wise regression; Pepino et al. (2025), Figure 4.
PUBLISHED = {
    "spectrotemporal": {
        "lowfreq": 0.74,
        "highfreq": 0.57,
        "envsounds": 0.46,
        "pitch": 0.54,
        "speech": 0.72,
        "music": 0.33,
    }
}

CITATION = (
    "Norman-Haignere, Kanwisher & McDermott (2015). Distinct cortical pathways for music and "
    "speech revealed by hypothesis-free voxel decomposition. Neuron 88, 1281-1296. "
    "doi:10.1016/j.neuron.2015.11.035. Folds: Pepino, Riera, Kamienkowski & Ferrer (2025), "
    "arXiv 2511.16849"
)
LICENCE = "no licence file: downloaded for the user, not shipped"


def folder() -> Path:
    """Return where the data are, or would be, on this machine."""
    return store.home() / "datasets" / NAME


def fetch_plan() -> FetchPlan:
    """Decide what is to be downloaded; nothing is requested or changed."""
    return plan(NAME, remote_files(), folder())


def fetch(source: Path | None = None) -> Path:
    """Bring the data to this machine.

    Parameters
    ----------
    source : Path, optional
        A local copy: a folder with, anywhere below it, the sounds as ``NAME.wav`` or ``NAME.flac``,
        ``components.mat`` and ``category_labels.csv``. By default what is missing or damaged is
        downloaded.

    Returns
    -------
    Path
        Where they are, as published: a re-encoded sound is written as the published WAV file.

    Raises
    ------
    FetchError
        If the download fails, or the copy is not the published release; then it is not used at all.
    OfflineError
        If something is missing and ``HESCHL_OFFLINE`` is set.
    StoreError
        If the data cannot be written.
    """
    if source is None:
        return download(fetch_plan())
    contents = read_copy(Path(source))
    for path, content in contents.items():
        target = folder() / path
        store.write_atomic(
            target.parent, target.name, functools.partial(Path.write_bytes, data=content)
        )
        part_path(target).unlink(missing_ok=True)
    return folder()


def load() -> BrainDataset:
    """Load the dataset; what is missing is downloaded first.

    Returns
    -------
    BrainDataset
        Of kind "components": responses (165, 6, 1), arbitrary units.

    Raises
    ------
    FetchError, OfflineError
        If something is missing and cannot be downloaded.
    DamagedEntryError
        If ``components.mat`` or ``category_labels.csv`` is not as published. Sounds are not hashed
        again here; activations are keyed on what they hold.
    """
    if not _is_complete():
        fetch()
    released = read_components(folder() / COMPONENTS)
    categories = read_categories(folder() / CATEGORIES)
    sounds = released_sounds()
    names = [sound.name for sound in sounds]
    rows = rows_of(names, released.names)
    check_categories(categories, dict(zip(released.names, released.categories, strict=True)))
    return BrainDataset(
        name=NAME,
        kind="components",
        sounds=Sounds(
            [Clip(s.name, folder() / s.path, categories[s.name]) for s in sounds],
            duration=DURATION,
        ),
        responses=released.responses[rows][:, :, np.newaxis],
        targets=pd.DataFrame(
            {"target": released.targets, "label": [LABELS[name] for name in released.targets]}
        ),
        folds=np.array([sound.fold for sound in sounds], np.int64),
        citation=CITATION,
        licence=LICENCE,
        published=PUBLISHED,
        source={
            "url": "https://github.com/snormanhaignere/natsound165-neuron2015",
            "commit": COMMIT,
            "components_sha256": COMPONENTS_SHA256,
            "categories_sha256": CATEGORIES_SHA256,
            "table_sha256": table_sha256(),
        },
    )


def _is_complete() -> bool:
    """Whether every file is there in its size: quick, where hashing all sounds is not."""
    for file in remote_files():
        try:
            if (folder() / file.path).stat().st_size != file.size:
                return False
        except FileNotFoundError:
            return False
        except OSError as error:
            raise StoreError(
                f"{folder() / file.path}: cannot be read ({error.strerror or error}); check its "
                "permissions or set HESCHL_HOME to another folder"
            ) from error
    return True


SPEC = DatasetSpec(
    name=NAME,
    kind="components",
    n_sounds=165,
    n_targets=6,
    summary="six components of auditory cortex, 165 natural sounds (Norman-Haignere et al. 2015)",
    load=load,
    fetch=fetch,
    plan=fetch_plan,
    licence=LICENCE,
    citation=CITATION,
)

__all__ = ["LABELS", "PUBLISHED", "SPEC", "fetch", "fetch_plan", "folder", "load", "remote_files"]
