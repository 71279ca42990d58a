"""NH2015, B2021 and the components: what is loaded, and tables that contradict each other."""

from __future__ import annotations

import contextlib
import csv
import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import scipy.io

from heschl import cli
from heschl.brain import DATASETS, load_dataset, mcdermott, natsound165
from heschl.brain.mcdermott.manifest import write_manifest
from heschl.errors import AudioError, InputError
from mcdermott_release import (
    EXTRA,
    NAMES,
    cells,
    simulate,
    write_components,
    write_release,
    write_sounds,
    write_stim_info,
    write_stimuli,
    write_voxels,
)

KEYS = ["target", "listener", "region", "hemisphere", "x_ras", "y_ras", "n_repeats"]


@pytest.fixture(scope="module")
def stimuli(tmp_path_factory):
    """The sounds of a made-up release, which all tests share."""
    folder = tmp_path_factory.mktemp("sounds")
    write_sounds(folder, np.random.default_rng(0))
    return folder / "stimuli"


class Release:
    """A made-up release, as it is installed; a test may change its tables."""

    def __init__(self, stimuli, **options):
        self.truth = write_release(mcdermott.folder(), stimuli=stimuli, **options)
        self.data = mcdermott.folder() / "data"

    def path(self, name):
        return self.data / "neural" / name

    def change(self, name, change):
        """Replace an array by what ``change`` makes of it, in place or as its result."""
        array = np.load(self.path(name))
        changed = change(array)
        np.save(self.path(name), array if changed is None else changed)

    def change_table(self, name, change):
        change(pd.read_pickle(self.path(name))).to_pickle(self.path(name))

    def load(self, name):
        """Load a dataset as if the files had come as they are now."""
        write_manifest(mcdermott.folder(), None, self.data)
        return load_dataset(name)

    def fails(self, name, match):
        with pytest.raises(InputError, match=match) as caught:
            self.load(name)
        assert str(mcdermott.folder()) in str(caught.value)


@pytest.fixture
def release(stimuli):
    return Release(stimuli)


def same_voxels(found, frame):
    """Naive: look every voxel of a dataset up in the table that was written."""
    assert list(found.columns) == KEYS
    assert len(found) == len(frame)
    for (_, row), (_, true) in zip(found.iterrows(), frame.iterrows(), strict=True):
        assert row["listener"] == f"s{true['subj_idx']}"
        assert (row["hemisphere"], row["x_ras"], row["y_ras"]) == (
            true["hemi"],
            true["x_ras"],
            true["y_ras"],
        )


# what is loaded


def test_nh2015(release):
    data = release.load("nh2015")
    frame, responses = release.truth["nh2015"]
    np.testing.assert_array_equal(data.responses, responses)
    assert data.responses.dtype == np.float64
    assert np.isnan(data.responses[:, 8:, 2]).all()
    assert not np.isnan(data.responses[:, :8]).any()
    assert np.isnan(data.mean_responses()).any(axis=0).tolist() == [False] * 8 + [True] * 4
    same_voxels(data.targets, frame)
    assert data.targets["target"].tolist() == [f"nh2015-{i:05d}" for i in frame["voxel_id"]]
    assert data.targets["n_repeats"].tolist() == [3] * 8 + [2] * 4
    regions = [label if isinstance(label, str) else None for label in frame["roi_label_general"]]
    expected = [r if n == 3 else None for r, n in zip(regions, frame["n_reps"], strict=True)]
    assert data.targets["region"].tolist() == expected
    assert data.kind == "voxels"
    assert data.sounds.names == tuple(NAMES)
    assert data.sounds.categories == tuple(f"kind {i % 11}" for i in range(165))
    assert data.sounds.duration == 2.0


def test_b2021_and_its_other_sounds(release):
    data, extra = release.load("b2021"), mcdermott.load_b2021_extra()
    frame, responses = release.truth["b2021"]
    np.testing.assert_array_equal(data.responses, responses[:165])
    np.testing.assert_array_equal(extra.responses, responses[165:])
    assert extra.responses.shape == (27, 7, 3)
    assert extra.responses.dtype == np.float64
    assert extra.names == tuple(EXTRA)
    same_voxels(data.targets, frame)
    assert data.targets["target"].tolist() == [f"b2021-{i:05d}" for i in frame["voxel_id"]]
    assert data.targets["n_repeats"].tolist() == [3] * 7
    regions = [label if isinstance(label, str) else None for label in frame["roi_label_general"]]
    assert data.targets["region"].tolist() == regions
    assert data.sounds.names == tuple(NAMES)


def test_components_are_in_the_order_of_the_sounds(release):
    data = release.load("nh2015-components")
    np.testing.assert_array_equal(data.responses[:, :, 0], release.truth["R"])
    assert data.responses.shape == (165, 6, 1)
    np.testing.assert_array_equal(mcdermott.load_component_weights(), release.truth["W"])
    assert data.targets["target"].tolist() == list(natsound165.LABELS)
    assert data.targets["label"].tolist() == list(natsound165.LABELS.values())
    assert data.kind == "components"


def test_folds_are_those_of_the_shipped_table(release):
    for name in ("nh2015", "b2021", "nh2015-components"):
        data = release.load(name)
        folds = [sound.fold for sound in natsound165.release.released_sounds()]
        assert data.folds.tolist() == folds
        assert np.bincount(data.folds).tolist() == [33] * 5


def test_responses_are_mapped_and_not_copied(release):
    for name in ("nh2015", "b2021"):
        responses = release.load(name).responses
        owner = responses
        while isinstance(owner.base, np.ndarray):
            owner = owner.base
        assert isinstance(owner, np.memmap)
        with pytest.raises(ValueError, match="read-only"):
            responses[0, 0, 0] = 1


def test_regions_are_joined_by_voxel(release):
    first = release.load("nh2015").targets
    release.change_table("NH2015/df_roi_meta.pkl", lambda f: f.sample(frac=1, random_state=9))
    pd.testing.assert_frame_equal(release.load("nh2015").targets, first)


def test_voxels_in_another_order(release):
    first = release.load("nh2015")
    responses = np.array(first.responses)  # the file that it is mapped from will be written anew
    order = np.random.default_rng(3).permutation(12)
    release.change("NH2015/voxel_features_meta.npy", lambda a: a[order])
    release.change("NH2015/voxel_features_array.npy", lambda a: a[:, order])
    second = release.load("nh2015")
    np.testing.assert_array_equal(second.responses, responses[:, order])
    pd.testing.assert_frame_equal(
        second.targets, first.targets.iloc[order].reset_index(drop=True), check_like=False
    )


@pytest.mark.parametrize("kind", [None, [("voxel_id", "i8")], [("voxel_id", "f8")]])
def test_the_voxels_of_b2021_may_be_a_field(release, kind):
    first = release.load("b2021").targets
    if kind is not None:
        release.change("B2021/voxel_features_meta.npy", lambda a: a.astype(kind))
    pd.testing.assert_frame_equal(release.load("b2021").targets, first)


def test_single_precision(release):
    release.change("NH2015/voxel_features_array.npy", lambda a: a.astype("f4"))
    data = release.load("nh2015")
    assert data.responses.dtype == np.float64
    np.testing.assert_array_equal(
        data.responses, release.truth["nh2015"][1].astype("f4").astype("f8")
    )


def test_coordinates_may_be_rounded_and_missing(release):
    release.change_table(
        "NH2015/df_roi_meta.pkl", lambda f: f.assign(y_ras=f["y_ras"].astype("f4") + 1e-6)
    )
    release.load("nh2015")
    lost = release.truth["nh2015"][0]["voxel_id"][0]

    def lose(table):
        table["x_ras"][table["voxel_id"] == lost] = np.nan

    release.change("NH2015/voxel_features_meta.npy", lose)
    release.fails("nh2015", rf"x_ras of voxel_id {lost} differs")
    release.change_table(
        "NH2015/df_roi_meta.pkl",
        lambda f: f.assign(x_ras=f["x_ras"].where(f["voxel_id"] != lost)),
    )
    assert np.isnan(release.load("nh2015").targets["x_ras"][0])


def test_other_labels_are_no_region(release):
    release.change_table("B2021/df_roi_meta.pkl", lambda f: f.assign(roi_label_general="TE1.0"))
    assert release.load("b2021").targets["region"].isna().all()


# listeners without data, one repetition


@pytest.mark.parametrize("listed", [0, 3])
def test_a_listener_without_any_response(release, listed):
    frame = release.truth["nh2015"][0]
    gone = (frame["subj_idx"] == 1).to_numpy()
    if listed == 0:
        frame.loc[gone, "n_reps"] = 0
        write_voxels(release.path("NH2015"), frame)
        release.change_table("NH2015/df_roi_meta.pkl", lambda f: f[f["subj_idx"] != 1])

    def lose(responses):
        responses[:, gone] = np.nan

    release.change("NH2015/voxel_features_array.npy", lose)
    data = release.load("nh2015")
    lost = data.targets["listener"] == "s1"
    assert lost.sum() == 4
    assert np.isnan(data.responses[:, lost]).all()
    assert np.isnan(data.mean_responses()[:, lost]).all()
    assert (data.targets["n_repeats"][lost] == 0).all()
    assert (data.targets["n_repeats"][~lost] > 0).all()


@pytest.mark.parametrize("n_repeats", [1, 2, 4])
def test_another_number_of_repetitions(stimuli, n_repeats):
    release = Release(stimuli, n_repeats=n_repeats)
    for name, n in (("nh2015", 12), ("b2021", 7)):
        data = release.load(name)
        assert data.responses.shape == (165, n, n_repeats)
        assert data.targets["n_repeats"].max() == n_repeats
        assert data.targets["region"].notna().any()


def test_b2021_with_a_missing_repetition(release):
    def lose(responses):
        responses[:, 2, 1] = np.nan

    release.change("B2021/voxel_features_array.npy", lose)
    assert release.load("b2021").targets["n_repeats"].tolist() == [3, 3, 2, 3, 3, 3, 3]


# tables that contradict each other


def without_first(frame):
    return frame.iloc[1:]


def set_first(name, value):
    def change(frame):
        frame[name] = [value, *frame[name][1:]]
        return frame

    return change


CONTRADICTIONS = {
    "unequal length, regions": (without_first, r"7 voxels; expected the 8 with all repetitions"),
    "repeated voxel": (lambda f: pd.concat([f, f.iloc[:1]]), "stands there twice"),
    "unknown voxel": (set_first("voxel_id", 999), "voxel_id 999 has no responses"),
    "voxel that is no number": (set_first("voxel_id", -1), "voxel_id of row 0 is -1.0"),
    "half a voxel": (set_first("voxel_id", 0.5), "voxel_id of row 0 is 0.5; expected whole"),
    "text for a number": (lambda f: f.assign(x_ras="far"), "x_ras holds what is no number"),
    "listener": (set_first("subj_idx", 7), "subj_idx of voxel_id .* differs"),
    "x": (set_first("x_ras", 100.0), "x_ras of voxel_id .* differs"),
    "y": (set_first("y_ras", 100.0), "y_ras of voxel_id .* differs"),
    "hemisphere": (lambda f: f.assign(hemi="lh"), "hemi of voxel_id .* differs"),
    "no hemisphere": (set_first("hemi", "left"), "hemisphere of row 0 is 'left'"),
    "lost column": (lambda f: f.drop(columns="subj_idx"), "0 columns are named 'subj_idx'"),
}


@pytest.mark.parametrize("kind", CONTRADICTIONS)
def test_regions_that_contradict_the_voxels(release, kind):
    change, said = CONTRADICTIONS[kind]
    release.change_table("NH2015/df_roi_meta.pkl", change)
    release.fails("nh2015", said)
    release.load("b2021")


def test_a_region_for_a_voxel_with_fewer_repetitions(release):
    frame = release.truth["nh2015"][0]
    release.change_table(
        "NH2015/df_roi_meta.pkl", lambda f: pd.concat([f, frame[8:9].drop(columns="n_reps")])
    )
    release.fails("nh2015", f"9 voxels; expected the 8 .* voxel_id {frame['voxel_id'][8]} is only")


@pytest.mark.parametrize("kind", ["unequal length, regions", "repeated voxel", "unknown voxel"])
def test_regions_that_contradict_the_voxels_of_b2021(release, kind):
    change, said = CONTRADICTIONS[kind]
    release.change_table("B2021/df_roi_meta.pkl", change)
    release.fails("b2021", said.replace("7 voxels; expected the 8", "6 voxels; expected the 7"))
    release.load("nh2015")


def repeat_first_voxel(table):
    table["voxel_id"][1] = table["voxel_id"][0]


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("voxel_features_meta.npy", lambda a: a[1:], r"shape \(165, 12, 3\), but .* 11 voxels"),
        ("voxel_features_array.npy", lambda a: a[:, 1:], r"\(165, 11, 3\), but .* 12 voxels"),
        ("voxel_features_array.npy", lambda a: a[1:], r"shape \(164, 12, 3\)"),
        ("voxel_features_array.npy", lambda a: a[..., 0], r"shape \(165, 12\)"),
        ("voxel_features_array.npy", lambda a: a[..., :0], r"shape \(165, 12, 0\)"),
        (
            "voxel_features_array.npy",
            lambda a: np.zeros(a.shape, "i8"),
            "type int64; expected real",
        ),
        ("voxel_features_meta.npy", repeat_first_voxel, "stands there twice"),
        ("voxel_features_meta.npy", lambda a: a["voxel_id"], "fields none; expected"),
        ("voxel_features_meta.npy", lambda a: a[["voxel_id"]], "the field 'subj_idx'"),
        ("neural_stim_meta.npy", lambda a: a[:-1], "lists 164 sounds; expected 165"),
        ("neural_stim_meta.npy", lambda a: a[::-1], f"sound 0 is '{NAMES[-1]}'; .*'{NAMES[0]}'"),
        ("neural_stim_meta.npy", lambda a: a["id"], "expected one dimension and the field"),
    ],
)
def test_arrays_that_contradict_each_other(release, name, change, said):
    release.change(f"NH2015/{name}", change)
    release.fails("nh2015", said)


def test_repetitions_that_contradict_the_table(release):
    ids = release.truth["nh2015"][0]["voxel_id"]

    def measure(responses):
        responses[:, 9, 2] = 0.5

    release.change("NH2015/voxel_features_array.npy", measure)
    release.fails("nh2015", rf"voxel_id {ids[9]} has responses in 3 .* n_reps is 2.*\(1 such")

    def lose(responses):
        responses[:, 9, 2] = np.nan
        responses[:, 0, 1] = np.nan

    release.change("NH2015/voxel_features_array.npy", lose)
    release.fails("nh2015", rf"voxel_id {ids[0]} has responses in 2 .* n_reps is 3")


@pytest.mark.parametrize("name", ["nh2015", "b2021"])
def test_a_repetition_of_some_sounds_only(release, name):
    def lose(responses):
        responses[4:6, 3, 1] = np.nan

    release.change(f"{name.upper()}/voxel_features_array.npy", lose)
    voxel = release.truth[name][0]["voxel_id"][3]
    release.fails(name, rf"repetition 1 of voxel_id {voxel} is nan for 2 of 165 sounds")


def test_infinite_responses(release):
    def spoil(responses):
        responses[0, 0, 0] = np.inf

    release.change("B2021/voxel_features_array.npy", spoil)
    with pytest.raises(InputError, match="b2021: responses hold infinite values"):
        release.load("b2021")


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (NAMES[::-1] + EXTRA, "sound 0 is"),
        (EXTRA + NAMES, "sound 0 is 'stim900_extra'"),
        (NAMES + EXTRA[:-1], "191 sounds, 191 of them different; expected 192"),
        (NAMES + EXTRA[:-1] + EXTRA[:1], "192 sounds, 191 of them different"),
    ],
)
def test_other_sounds_in_b2021(release, names, said):
    write_stim_info(release.path("B2021"), names)
    release.fails("b2021", said)


def test_sounds_in_another_order_are_refused_everywhere(release):
    write_stimuli(release.data, [NAMES[1], NAMES[0], *NAMES[2:]])
    for name in ("nh2015", "b2021", "nh2015-components"):
        release.fails(name, f"sound 0 is '{NAMES[1]}'; expected '{NAMES[0]}'")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"R": np.zeros((164, 6))}, r"R has shape \(164, 6\)"),
        ({"R": np.full((165, 6), np.nan)}, "expected finite numbers"),
        ({"R": cells(["a"])}, "R has shape"),
        ({"stim_names": cells([*NAMES[:-1], "x"])}, "not the 165 published ones: .*x"),
        ({"stim_names": cells(NAMES[:-1] + NAMES[:1])}, "165 sounds are not the 165 published"),
        ({"component_names": cells(["a"] * 6)}, "its components are a, a"),
    ],
)
def test_components_that_are_not_as_published(release, changes, said):
    write_components(release.path("NH2015comp"), **changes)
    release.fails("nh2015-components", said)


@pytest.mark.parametrize("W", [np.zeros((5, 9)), np.zeros(6), np.full((6, 2), np.inf)])
def test_weights_that_are_not_as_published(release, W):
    write_components(release.path("NH2015comp"), W=W)
    release.load("nh2015-components")
    with pytest.raises(InputError, match=r"W has shape .* expected finite numbers of shape \(6, "):
        mcdermott.load_component_weights()


# damaged files


class Evil:
    def __reduce__(self):
        return (print, ("evil",))


ARRAYS = ["NH2015/voxel_features_array.npy", "NH2015/voxel_features_meta.npy"]


@pytest.mark.parametrize("name", [*ARRAYS, "NH2015/neural_stim_meta.npy"])
@pytest.mark.parametrize("kind", ["objects", "empty", "text", "npz", "cut"])
def test_arrays_that_are_none(release, name, kind, capsys):
    path = release.path(name)
    content = path.read_bytes()
    if kind == "objects":
        np.save(path, np.array([Evil()] * 12, object), allow_pickle=True)
    elif kind == "npz":
        np.savez(path.with_suffix(".npz"), a=np.zeros(3))
        path.with_suffix(".npz").rename(path)
    else:
        path.write_bytes({"empty": b"", "text": b"no array", "cut": content[:-20]}[kind])
    release.fails("nh2015", r"\.npy: (not a readable array|holds several arrays)")
    assert "evil" not in capsys.readouterr().out


@pytest.mark.parametrize("name", ["B2021/stim_info_v4.mat", "NH2015comp/components.mat"])
def test_damaged_matlab_files(release, name):
    """Whatever is damaged, a file is read in full or refused; nothing else gets out."""
    path = release.path(name)
    good = path.read_bytes()
    dataset = "b2021" if name.startswith("B2021") else "nh2015-components"
    rng = np.random.default_rng(2)
    bad = [good[:n] for n in (0, 5, 100, 128, 140, 1000, len(good) // 2)]
    for _ in range(8):
        content = bytearray(good)
        for place in rng.integers(128, 4000, 4):
            content[place] = rng.integers(0, 256)
        bad.append(bytes(content))
    for i, content in enumerate(bad):
        path.write_bytes(content)
        with contextlib.suppress(InputError):
            release.load(dataset)
            assert i >= 7, "a file that is cut short was read"


def test_a_matlab_file_of_something_else(release):
    scipy.io.savemat(release.path("B2021/stim_info_v4.mat"), {"other": 1})
    release.fails("b2021", "has no structure stim_info with stim_names")
    scipy.io.savemat(release.path("B2021/stim_info_v4.mat"), {"stim_info": 1})
    release.fails("b2021", "has no structure stim_info with stim_names")


def test_a_sound_that_is_damaged(release):
    name = NAMES[3]
    (release.data / "stimuli").unlink()
    write_sounds(release.data, np.random.default_rng(0))
    (release.data / f"stimuli/165_natural_sounds/{name}.wav").write_bytes(b"no sound")
    data = release.load("nh2015")
    with pytest.raises(AudioError, match=name):
        data.sounds.waveforms(16_000)


# the simulated release of ../shared, with the real sounds and components


@pytest.fixture(scope="module")
def simulated(shared, tmp_path_factory):
    root = simulate(shared, tmp_path_factory.mktemp("simulated"))
    return SimpleNamespace(root=root, truth=np.load(root / "truth.npz"))


@pytest.mark.shared
def test_simulated_voxels_follow_their_signal(simulated):
    """The mean over repetitions correlates with the true signal as its reliability says."""
    mcdermott.fetch("nh2015", simulated.root)
    for name in ("nh2015", "b2021"):
        data = load_dataset(name)
        signal = simulated.truth[f"{name}_signal"][:165]
        mean = np.nanmean(data.responses, axis=2)
        n = data.targets["n_repeats"].to_numpy()
        one = simulated.truth[f"{name}_reliability_one_scan"]
        expected = np.sqrt(n * one / (1 + (n - 1) * one))  # Spearman-Brown
        r = [np.corrcoef(mean[:, i], signal[:, i])[0, 1] for i in range(data.n_targets)]
        np.testing.assert_allclose(r, expected, atol=0.2)
        assert abs(np.mean(r - expected)) < 0.03


@pytest.mark.shared
def test_simulated_tables_agree_with_pandas(simulated):
    mcdermott.fetch("nh2015", simulated.root)
    for name in ("nh2015", "b2021"):
        table = pd.read_pickle(simulated.root / f"data/neural/{name.upper()}/df_roi_meta.pkl")
        targets = load_dataset(name).targets.set_index("target")
        for _, row in table.iterrows():
            found = targets.loc[f"{name}-{row['voxel_id']:05d}"]
            assert found["listener"] == f"s{row['subj_idx']}"
            assert (found["x_ras"], found["y_ras"]) == (row["x_ras"], row["y_ras"])
            assert found["hemisphere"] == row["hemi"]
            region = row["roi_label_general"]
            assert found["region"] == region if isinstance(region, str) else found["region"] is None
        rest = targets.drop([f"{name}-{i:05d}" for i in table["voxel_id"]])
        assert rest["region"].isna().all()
        assert (rest["n_repeats"] == 2).all()


@pytest.mark.shared
def test_components_are_those_of_natsound165(simulated, shared):
    mcdermott.fetch("nh2015-components", simulated.root)
    natsound165.fetch(shared / "data" / "natsound165")
    found, other = load_dataset("nh2015-components"), natsound165.load()
    np.testing.assert_array_equal(found.responses, other.responses)
    assert found.sounds.names == other.sounds.names
    assert found.targets.equals(other.targets)
    np.testing.assert_array_equal(found.folds, other.folds)
    np.testing.assert_array_equal(
        found.sounds[:5].waveforms(16_000), other.sounds[:5].waveforms(16_000)
    )
    weights = scipy.io.loadmat(shared / "data/natsound165/components.mat")["W"]
    np.testing.assert_array_equal(mcdermott.load_component_weights(), weights)


@pytest.mark.shared
def test_names_and_folds_are_those_of_the_fmri_releases(simulated, shared):
    with (shared / "data/natsound165/folds_pepino2025.csv").open(newline="") as handle:
        rows = [(row["stimulus"], int(row["fold"])) for row in csv.DictReader(handle)]
    data = DATASETS["nh2015"]
    data.fetch(simulated.root)
    loaded = data.load()
    assert list(zip(loaded.sounds.names, loaded.folds.tolist(), strict=True)) == rows


@pytest.mark.shared
def test_info_and_list_on_the_command_line(simulated, capsys):
    def heschl(*arguments):
        assert cli.run(list(map(str, arguments))) == 0
        return capsys.readouterr().out

    assert "tuckute_feather_2023" in heschl("fetch", "nh2015", "--from", simulated.root)
    facts = json.loads(heschl("info", "nh2015", "--json"))
    assert (facts["targets"], facts["repeats"], facts["folds"]) == (40, 3, 5)
    listed = heschl("list", "datasets")
    assert all(name in listed for name in ("nh2015", "b2021", "nh2015-components"))
    assert "1 present" in heschl("fetch", "b2021", "--dry-run")
