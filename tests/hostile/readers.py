"""Heschl's readers of what others give it, each with one path; imported once, in the box."""

from __future__ import annotations

from pathlib import Path

import pandas
import scipy.io.matlab  # noqa: F401
import torch
import xarray
from transformers import Wav2Vec2Config, Wav2Vec2Model

from heschl import audio, studies
from heschl.brain import folder
from heschl.brain.mcdermott import archive, pickled_table, reading
from heschl.dynamics import read_trajectory
from heschl.fetch import RemoteFile, install_members, plan
from heschl.fetch.members import TarMembers
from heschl.models.huggingface.encoders import load_encoder
from heschl.models.weights import conversion
from heschl.models.weights.reading import read_contents
from heschl.pretrain.recipe import read_recipe
from heschl.results import Results
from heschl.tasks.hear import unpacking

TASK = unpacking.Wanted("tones-v1-full", n_clips=4, n_bytes=10_000)


def _checkpoint(path):
    """All of it: every tensor is touched, every value made."""
    contents = read_contents(path)
    for tensor in contents.state().values():
        float(torch.sum(tensor.to(torch.float32)))
    str(contents.values)


def _converted(path):
    conversion.convert(path, Path.cwd() / "converted.safetensors")


def _pickled_table(path):
    pickled_table.read_table(path, ["voxel_id"])


def _release(path):
    archive.unpack(path, Path.cwd() / "release")


def _task(path):
    unpacking.unpack(path, Path.cwd(), TASK)


def _member(path):
    """One member of a tar, as a published model may be in one."""
    file = TarMembers("https://127.0.0.1/nets.tar", root="nets").file("one.pt", sha256="0" * 64)
    assert isinstance(file, RemoteFile)
    install_members(plan("nets", [file], Path.cwd()), path)


def _added(path):
    """Results of others, given as an archive; the study beside it is one of ours."""
    studies.add_results(path.parent / "study", path)


READERS = {
    "checkpoint": _checkpoint,
    "conversion": _converted,
    "table of pandas": _pickled_table,
    "array": reading.read_npy,
    "MATLAB file": reading.read_mat,
    "dataset": folder.load,
    "sound": audio.read,
    "header of a sound": audio.look,
    "study": studies.read_study,
    "folder of a study": studies.load_run,
    "recipe": read_recipe,
    "results": Results.load,
    "added results": _added,
    "trajectory": read_trajectory,
    "release": _release,
    "task": _task,
    "member": _member,
    "model of transformers": load_encoder,
}


def _warm_up():
    """Let the libraries import now what they import late, so that no fork has to."""
    xarray.Dataset({"x": ("y", [1.0])}).to_netcdf(engine="h5netcdf")
    pandas.DataFrame({"x": [1.0]}).to_parquet()
    Wav2Vec2Model(Wav2Vec2Config(num_hidden_layers=0))


_warm_up()
