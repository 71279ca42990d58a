"""NH2015, B2021 and the components of NH2015, from one release of the McDermott lab.

Tuckute, Feather, Boebinger and McDermott (PLoS Biology 21(12), e3002366, 2023) published, with the
165 sounds, the responses of auditory cortex that they compared with models: of ten listeners
(Norman-Haignere et al., Neuron 88, 2015; eight were scanned three times, two twice) and of twenty
(Boebinger et al., Journal of Neurophysiology 125, 2021), and the six components. One archive of
180 MB holds all of it. No hash of it is published: that of the first download is pinned. heschl
downloads it for its user and ships none of it.
"""

from __future__ import annotations

import functools

from heschl.brain.dataset import DatasetSpec
from heschl.brain.mcdermott.component_dataset import CITATION as COMPONENTS_CITATION
from heschl.brain.mcdermott.component_dataset import load_component_weights, load_components
from heschl.brain.mcdermott.fetching import fetch, fetch_plan
from heschl.brain.mcdermott.release import B2021, COMPONENTS, LICENCE, NH2015, folder, pins
from heschl.brain.mcdermott.voxel_datasets import (
    B2021_CITATION,
    NH2015_CITATION,
    ExtraSounds,
    load_b2021,
    load_b2021_extra,
    load_nh2015,
)

SPECS = (
    DatasetSpec(
        name=NH2015,
        kind="voxels",
        n_sounds=165,
        n_targets=11_065,
        summary="voxels of ten listeners, 165 natural sounds (Norman-Haignere et al. 2015)",
        load=load_nh2015,
        fetch=functools.partial(fetch, NH2015),
        plan=functools.partial(fetch_plan, NH2015),
        licence=LICENCE,
        citation=NH2015_CITATION,
    ),
    DatasetSpec(
        name=B2021,
        kind="voxels",
        n_sounds=165,
        n_targets=26_792,
        summary="voxels of twenty listeners, the same sounds (Boebinger et al. 2021)",
        load=load_b2021,
        fetch=functools.partial(fetch, B2021),
        plan=functools.partial(fetch_plan, B2021),
        licence=LICENCE,
        citation=B2021_CITATION,
    ),
    DatasetSpec(
        name=COMPONENTS,
        kind="components",
        n_sounds=165,
        n_targets=6,
        summary="six components of NH2015, as released by Tuckute, Feather et al. (2023)",
        load=load_components,
        fetch=functools.partial(fetch, COMPONENTS),
        plan=functools.partial(fetch_plan, COMPONENTS),
        licence=LICENCE,
        citation=COMPONENTS_CITATION,
    ),
)

__all__ = [
    "SPECS",
    "ExtraSounds",
    "fetch",
    "fetch_plan",
    "folder",
    "load_b2021",
    "load_b2021_extra",
    "load_component_weights",
    "load_components",
    "load_nh2015",
    "pins",
]
