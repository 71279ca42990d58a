"""Brain datasets: sounds, and the responses of listeners to them."""

from __future__ import annotations

import os
from pathlib import Path

from heschl.brain import folder, mcdermott, natsound165, synthetic
from heschl.brain.dataset import BrainDataset, DatasetSpec
from heschl.errors import UnknownNameError
from heschl.registry import Registry

DATASETS: Registry[DatasetSpec] = Registry(
    "dataset", [natsound165.SPEC, *mcdermott.SPECS, synthetic.SPEC]
)


def load_dataset(dataset: str | Path | BrainDataset) -> BrainDataset:
    """Return a dataset by its name, from a folder of a user's own, or as it is.

    Parameters
    ----------
    dataset : str, Path or BrainDataset
        A name of ``heschl list``, or the path of a folder in the layout of
        docs/your-own-dataset.md. A name goes before a folder of the same name; write ``./NAME`` for
        the folder.

    Returns
    -------
    BrainDataset

    Raises
    ------
    UnknownNameError
        If there is neither a dataset of that name nor such a folder.
    OfflineError, FetchError
        If the data are not on this machine and can't be brought.

    Examples
    --------
    >>> load_dataset("synthetic").n_targets
    120
    """
    if isinstance(dataset, BrainDataset):
        return dataset
    if isinstance(dataset, str) and dataset in DATASETS:
        return DATASETS[dataset].load()
    path = Path(dataset).expanduser()
    if path.is_dir() or isinstance(dataset, Path) or os.sep in dataset:
        return folder.load(path)
    try:
        return DATASETS[dataset].load()
    except UnknownNameError as error:
        raise UnknownNameError(f"{error} Nor is there a folder of that name.") from None


__all__ = ["DATASETS", "BrainDataset", "DatasetSpec", "load_dataset"]
