"""Writes small releases in the layout of Tuckute, Feather et al. (2023), made up or simulated."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.io
import soundfile

from heschl.brain.natsound165.release import released_sounds

NAMES = [sound.name for sound in released_sounds()]
COMPONENTS = ["lowfreq", "highfreq", "envsounds", "pitch", "speech", "music"]
EXTRA = [f"stim{900 + i}_extra" for i in range(27)]
LABELS = ["Primary", "Lateral", None, "Posterior", "Anterior", np.nan]
VOXELS = [("voxel_id", "i8"), ("subj_idx", "i8"), ("n_reps", "i8")]
PLACES = [("x_ras", "f8"), ("y_ras", "f8"), ("hemi", "S2")]


def simulate(shared, out):
    """Let the script of ../shared write a release with real sounds and few voxels."""
    script = shared / "tools" / "make_mcdermott_fixture.py"
    options = ["--voxels-nh2015", "40", "--voxels-b2021", "60"]
    subprocess.run([sys.executable, str(script), str(out), *options], check=True)
    return out


def cells(texts):
    out = np.empty((len(texts), 1), object)
    out[:, 0] = texts
    return out


def write_release(root, *, n_nh2015=12, n_b2021=7, n_repeats=3, seed=0, stimuli=None):
    """Write ``root/data``: made-up sounds and responses, voxel ids that are not their places.

    ``stimuli`` is a folder of sounds to point to instead of writing them.

    Returns what is true: {"nh2015": (table, responses), "b2021": (table, responses), "R": ...}.
    """
    rng = np.random.default_rng(seed)
    data = root / "data"
    for place in ("neural/NH2015", "neural/B2021", "neural/NH2015comp"):
        (data / place).mkdir(parents=True)
    if stimuli is None:
        write_sounds(data, rng)
    else:
        (data / "stimuli").symlink_to(stimuli, target_is_directory=True)
    write_stimuli(data, NAMES)
    truth = {"nh2015": write_nh2015(data / "neural/NH2015", n_nh2015, n_repeats, rng)}
    truth["b2021"] = write_b2021(data / "neural/B2021", n_b2021, n_repeats, rng)
    order = rng.permutation(165)
    R, W = rng.standard_normal((165, 6)), rng.standard_normal((6, 20))
    names = cells([NAMES[i] for i in order]).T
    write_components(data / "neural/NH2015comp", R=R, W=W, stim_names=names)
    return truth | {"R": R[np.argsort(order)], "W": W}


def write_sounds(data, rng):
    folder = data / "stimuli/165_natural_sounds"
    folder.mkdir(parents=True)
    one = io.BytesIO()
    soundfile.write(one, np.zeros(50), 44_100, format="WAV", subtype="PCM_16")
    for name in NAMES:
        (folder / f"{name}.wav").write_bytes(one.getvalue()[:44] + rng.bytes(100))


def write_stimuli(data, names):
    kind = [("filename", "S60"), ("id", "i8"), ("cat_assignment", "S20")]
    rows = [(f"{n}.wav".encode(), i, f"kind {i % 11}".encode()) for i, n in enumerate(names)]
    np.save(data / "neural/NH2015/neural_stim_meta.npy", np.array(rows, dtype=kind))


def table(n, n_listeners, rng):
    """Voxels in a random order of their ids."""
    return pd.DataFrame(
        {
            "voxel_id": rng.permutation(3 * n)[:n],
            "subj_idx": np.arange(n) % n_listeners,
            "hemi": np.where(rng.random(n) < 0.5, "lh", "rh"),
            "x_ras": rng.integers(-40, 40, n).astype(float),
            "y_ras": rng.integers(-40, 40, n) / 4,
            "roi_label_general": np.array([LABELS[i % 6] for i in range(n)], object),
            "roi_anat_hemi": "not read",
        }
    )


def write_nh2015(folder, n, n_repeats, rng):
    """The last third of the voxels was measured once less, if there is more than one repetition."""
    frame = table(n, 3, rng)
    frame["n_reps"] = n_repeats
    responses = rng.standard_normal((165, n, n_repeats))
    if n_repeats > 1:
        frame.loc[2 * n // 3 :, "n_reps"] -= 1
        responses[:, 2 * n // 3 :, -1] = np.nan
    np.save(folder / "voxel_features_array.npy", responses)
    write_voxels(folder, frame)
    whole = frame[frame["n_reps"] == n_repeats]
    whole.sample(frac=1, random_state=1).drop(columns="n_reps").to_pickle(
        folder / "df_roi_meta.pkl"
    )
    return frame, responses


def write_voxels(folder, frame):
    voxels = np.zeros(len(frame), dtype=VOXELS + PLACES)
    for name in voxels.dtype.names:
        voxels[name] = frame[name].to_numpy()
    np.save(folder / "voxel_features_meta.npy", voxels)


def write_b2021(folder, n, n_repeats, rng):
    frame = table(n, 2, rng)
    responses = rng.standard_normal((192, n, n_repeats))
    np.save(folder / "voxel_features_array.npy", responses)
    np.save(folder / "voxel_features_meta.npy", frame["voxel_id"].to_numpy())
    frame.sample(frac=1, random_state=2).to_pickle(folder / "df_roi_meta.pkl")
    write_stim_info(folder, NAMES + EXTRA)
    return frame, responses


def write_stim_info(folder, names):
    info = {"ids": np.arange(1, 193)[:, None], "stim_names": cells(names)}
    scipy.io.savemat(folder / "stim_info_v4.mat", {"stim_info": info})


def write_components(folder, **changes):
    """Write components.mat, without ``changes`` one with zeros in the order of the sounds."""
    content = {
        "R": np.zeros((165, 6)),
        "W": np.zeros((6, 20)),
        "stim_names": cells(NAMES).T,
        "component_names": cells([cells([name]) for name in COMPONENTS]),
    }
    scipy.io.savemat(folder / "components.mat", content | changes)


def pack(data, path, *, prefix="data"):
    """Write a tar of a release; return its path."""
    with tarfile.open(path, "w") as archive:
        archive.add(Path(data), arcname=prefix)
    return path
