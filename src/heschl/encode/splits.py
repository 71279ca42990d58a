"""Random halves of the sounds, drawn as published."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from heschl.encode.protocols import CorrectedRidgeProtocol
from heschl.errors import InputError

Split = tuple[NDArray[np.intp], NDArray[np.intp]]


def random_splits(protocol: CorrectedRidgeProtocol, n_sounds: int) -> list[Split]:
    """Training and test sounds of every split.

    One legacy generator draws them all: of each split first the training sounds from all, then the
    test sounds from the list of the others. The second draw only shuffles them, but moves the
    generator on.

    Raises
    ------
    InputError
        If the protocol is not about so many sounds.
    """
    if n_sounds != protocol.n_train + protocol.n_test:
        raise InputError(
            f"{n_sounds} sounds, but protocol {protocol.name!r} splits "
            f"{protocol.n_train + protocol.n_test} sounds into {protocol.n_train} and "
            f"{protocol.n_test}; use another protocol for other sounds"
        )
    generator = np.random.RandomState(protocol.seed)  # legacy: the published draws
    splits = []
    for _ in range(protocol.n_splits):
        train = generator.choice(n_sounds, protocol.n_train, replace=False)
        others = [i for i in range(n_sounds) if i not in set(train.tolist())]
        test = generator.choice(others, protocol.n_test, replace=False)
        splits.append((train.astype(np.intp), test.astype(np.intp)))
    return splits
