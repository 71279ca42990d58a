"""EnCodecMAEs with a few numbers in them, in files of the published layout."""

from pathlib import Path

import torch

from heschl.models.controls import seeded
from heschl.models.encodecmae.configuration import Configuration, write
from heschl.models.encodecmae.frontends import Mel
from heschl.models.encodecmae.model import build
from heschl.models.encodecmae.network import initialise


def config(front_end=None, *, dim=12, depth=2, heads=3, hidden=16, chunk_samples=96_000):
    return Configuration(front_end or Mel(), dim, depth, heads, hidden, chunk_samples)


def state(described=None, seed=0):
    """The tensors of a network of a configuration, drawn as before a training."""
    with seeded(seed):
        network = build(described or config())
        initialise(network)
    return dict(network.state_dict())


def checkpoint(path: Path, described=None, seed=0) -> Path:
    """Write a checkpoint: a file, or a folder with a ``model.pt`` if the path has no suffix."""
    described = described or config()
    file = path if path.suffix else path / "model.pt"
    file.parent.mkdir(parents=True, exist_ok=True)
    content = {"state_dict": state(described, seed), "config": write(described), "imports": []}
    torch.save(content, file)
    return path
