"""Training data: folders of sounds of any kind, as batches of crops that a seed determines.

Which file an item of training is cut from, and where, is a function of the seed and the item's
number alone (`drawing`); nothing is remembered between items. So a run goes on exactly from a step
number, with any number of workers, and several processes share a batch without talking to each
other. `sources` names the files, `index` holds what is known of them, `scanning` finds it out,
`keeping` writes it down, `unchanged` compares, `tested` refuses the sounds of a test, `cropping`
reads a crop. Batches are made by `heschl.pretrain.data.loading` (with `steps`, `reading`, `batch`),
which needs torch and is imported where it is used.
"""

from __future__ import annotations

from heschl.pretrain.data.cropping import read_crop
from heschl.pretrain.data.drawing import Crop, draw
from heschl.pretrain.data.index import IndexedSource, SoundIndex
from heschl.pretrain.data.keeping import open_index, read_index, write_index
from heschl.pretrain.data.scanning import index_sources
from heschl.pretrain.data.sources import Source, file_names
from heschl.pretrain.data.tested import refuse_tested
from heschl.pretrain.data.unchanged import check_unchanged

__all__ = [
    "Crop",
    "IndexedSource",
    "SoundIndex",
    "Source",
    "check_unchanged",
    "draw",
    "file_names",
    "index_sources",
    "open_index",
    "read_crop",
    "read_index",
    "refuse_tested",
    "write_index",
]
