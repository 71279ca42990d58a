"""A user's own folder: every format gives the same dataset, every mistake is named."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from heschl.brain.folder import folds as fold_rules
from heschl.brain.folder import load
from heschl.errors import AudioError, InputError, MissingDependencyError

NAMES = ["rain", "007", "bark", "NA", "violin", "speech 1"]  # as they are to be ordered
TARGETS = ["v10", "v2", "001", "nan"]
N_REPEATS = 3
FORMATS = ("wide.csv", "long.csv", "wide.parquet", "long.parquet", "netcdf", "npy")


def make_responses(n_repeats=N_REPEATS, seed=0):
    values = np.random.default_rng(seed).standard_normal((len(NAMES), len(TARGETS), n_repeats)) / 3
    values[0, 0] *= 1e-9
    values[1, 1] *= 1e17
    return values


def write_csv(path, header, rows):
    with path.open("w", newline="", encoding="utf-8") as handle:
        csv.writer(handle).writerows([header, *rows])


def wide_rows(values, *, repeat):
    """Header and rows, the sounds and repetitions out of order."""
    header = ["sound", *(["repeat"] if repeat else []), *TARGETS]
    rows = [
        [NAMES[s], *([r + 1] if repeat else []), *values[s, :, r].tolist()]
        for r in reversed(range(values.shape[2]))
        for s in reversed(range(len(NAMES)))
    ]
    return header, rows


def long_rows(values, *, repeat):
    header = ["target", "sound", *(["repeat"] if repeat else []), "response"]
    rows = [
        [target, NAMES[s], *([r + 1] if repeat else []), float(values[s, t, r])]
        for t, target in enumerate(TARGETS)
        for s in reversed(range(len(NAMES)))
        for r in range(values.shape[2])
    ]
    return header, rows


def write_responses(folder, form, values):
    """Write responses (n_sounds, n_targets, n_repeats) in one of FORMATS."""
    repeat = values.shape[2] > 1
    if form in ("wide.csv", "long.csv", "wide.parquet", "long.parquet"):
        header, rows = (wide_rows if "wide" in form else long_rows)(values, repeat=repeat)
        if form.endswith("csv"):
            write_csv(folder / "responses.csv", header, rows)
        else:
            pd.DataFrame(rows, columns=header).to_parquet(folder / "responses.parquet")
    elif form == "netcdf":
        pytest.importorskip("h5py")
        import xarray

        order = [3, 0, 5, 1, 2, 4]
        dims = ("target", "sound", "repeat")[: 3 if repeat else 2]
        array = values.transpose(1, 0, 2)[:, order] if repeat else values[order, :, 0].T
        data = xarray.DataArray(
            array, dims=dims, coords={"target": TARGETS, "sound": [NAMES[i] for i in order]}
        )
        xarray.Dataset({"responses": data}).to_netcdf(folder / "responses.nc", engine="h5netcdf")
    else:
        np.save(folder / "responses.npy", values if repeat else values[:, :, 0])


def write_sounds(folder, names=NAMES, *, seconds=0.25, rate=8000, suffix=".wav"):
    place = folder / "sounds"
    place.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(1)
    for name in names:
        x = 0.1 * rng.standard_normal(round(seconds * rate))
        soundfile.write(place / f"{name}{suffix}", x, rate)


def write_tables(folder):
    write_csv(
        folder / "sounds.csv",
        ["sound", "category", "fold"],
        [[name, "abc"[i % 3], i % 3] for i, name in enumerate(NAMES)],
    )
    write_csv(
        folder / "targets.csv",
        ["target", "listener", "region", "x", "note"],
        [[t, i % 2, "Primary", f"{i}.5" if i else "", "7a"] for i, t in enumerate(TARGETS)],
    )


@pytest.fixture
def folder(tmp_path):
    """A whole dataset: wide CSV with three repetitions, both tables, no dataset.json."""
    place = tmp_path / "mydata"
    write_sounds(place)
    write_tables(place)
    write_responses(place, "wide.csv", make_responses())
    return place


def rewrite(path, change):
    """Let a function change the rows (lists of cells, header first) of a CSV file."""
    with path.open(newline="", encoding="utf-8") as handle:
        rows = list(csv.reader(handle))
    changed = change(rows) or rows
    write_csv(path, changed[0], changed[1:])


def refused(folder, *parts, error=InputError):
    """Check that loading fails and that the message holds all parts."""
    with pytest.raises(error) as caught:
        load(folder)
    for part in parts:
        assert part in str(caught.value), str(caught.value)


# --- what is read -----------------------------------------------------------------------------


@pytest.mark.parametrize("n_repeats", [1, 3])
@pytest.mark.parametrize("form", FORMATS)
def test_every_format_gives_the_same_dataset(tmp_path, form, n_repeats):
    place = tmp_path / "mydata"
    write_sounds(place)
    write_tables(place)
    values = make_responses(n_repeats)
    write_responses(place, form, values)
    dataset = load(place)
    np.testing.assert_array_equal(dataset.responses, values)  # exact, to the last bit
    assert dataset.responses.dtype == np.float64
    assert dataset.sounds.names == tuple(NAMES)
    assert dataset.sounds.categories == ("a", "b", "c", "a", "b", "c")
    assert dataset.folds.tolist() == [0, 1, 2, 0, 1, 2]
    assert dataset.targets["target"].tolist() == TARGETS
    assert dataset.targets["listener"].tolist() == ["0", "1", "0", "1"]  # names, not numbers
    assert dataset.targets["x"].tolist()[1:] == [1.5, 2.5, 3.5]
    assert np.isnan(dataset.targets["x"][0])
    assert dataset.targets["note"].tolist() == ["7a"] * 4
    assert (dataset.name, dataset.kind) == ("mydata", "voxels")
    assert dataset.sounds.duration == 0.25
    file = next(place.glob("responses.*"))
    assert dataset.source == {
        "folder": "mydata",
        "responses_sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
    }
    assert str(tmp_path) not in repr(dict(dataset.source))


@pytest.mark.parametrize("form", ["wide.csv", "long.parquet", "netcdf"])
def test_without_tables_sounds_are_sorted_and_targets_as_in_the_file(tmp_path, form):
    write_sounds(tmp_path)
    values = make_responses()
    write_responses(tmp_path, form, values)
    dataset = load(str(tmp_path))
    assert dataset.sounds.names == tuple(sorted(NAMES))
    assert dataset.sounds.categories == (None,) * 6
    assert dataset.targets["target"].tolist() == TARGETS
    order = [NAMES.index(name) for name in sorted(NAMES)]
    np.testing.assert_array_equal(dataset.responses, values[order])
    assert sorted(dataset.folds.tolist()) == [0, 0, 1, 2, 3, 4]


def test_targets_csv_sets_the_order(folder):
    rewrite(folder / "targets.csv", lambda rows: [rows[0], *rows[:0:-1]])
    dataset = load(folder)
    assert dataset.targets["target"].tolist() == TARGETS[::-1]
    np.testing.assert_array_equal(dataset.responses, make_responses()[:, ::-1])


def test_npy_targets_are_numbered_without_a_table(folder):
    (folder / "responses.csv").unlink()
    (folder / "targets.csv").unlink()
    np.save(folder / "responses.npy", np.arange(60).reshape(6, 10))  # whole numbers will do
    dataset = load(folder)
    assert dataset.targets["target"].tolist()[::9] == ["target_01", "target_10"]
    assert dataset.responses[5, 9, 0] == 59


def test_missing_cells_are_nan(folder):
    def blank(rows):
        rows[1][2], rows[2][3], rows[3][4] = "", "NaN", " n/a "

    rewrite(folder / "responses.csv", blank)
    responses = load(folder).responses
    assert np.isnan(responses).sum() == 3
    whole = ~np.isnan(responses)
    np.testing.assert_array_equal(responses[whole], make_responses()[whole])


@pytest.mark.parametrize("form", ["long.csv", "long.parquet"])
def test_missing_rows_of_a_long_table_are_nan(tmp_path, form):
    write_sounds(tmp_path)
    values = make_responses()
    header, rows = long_rows(values, repeat=True)
    rows = [r for r in rows if r[:3] not in (["v2", "bark", 3], ["001", "rain", 1])]
    if form == "long.csv":
        write_csv(tmp_path / "responses.csv", header, rows)
    else:
        pd.DataFrame(rows, columns=header).to_parquet(tmp_path / "responses.parquet")
    dataset = load(tmp_path)
    missing = np.argwhere(np.isnan(dataset.responses)).tolist()
    at = dataset.sounds.names.index
    assert sorted(missing) == sorted([[at("bark"), 1, 2], [at("rain"), 2, 0]])


def test_parquet_with_sounds_in_the_index_or_nulls(tmp_path):
    write_sounds(tmp_path)
    values = make_responses(1)
    frame = pd.DataFrame(values[:, :, 0], columns=TARGETS, index=pd.Index(NAMES, name="sound"))
    frame["v2"] = frame["v2"].astype("Float64")
    frame.loc["rain", "v2"] = pd.NA
    frame.to_parquet(tmp_path / "responses.parquet")
    dataset = load(tmp_path)
    rain = dataset.sounds.names.index("rain")
    assert np.isnan(dataset.responses[rain, 1, 0])
    assert dataset.responses[rain, 0, 0] == values[0, 0, 0]


def test_description_is_taken_over(folder):
    content = {
        "name": "ferrets", "kind": "electrodes", "citation": "Us (2026)", "licence": "CC0-1.0",
        "duration": 0.2,
    }  # fmt: skip
    (folder / "dataset.json").write_text(json.dumps(content))
    dataset = load(folder)
    assert (dataset.name, dataset.kind) == ("ferrets", "electrodes")
    assert (dataset.citation, dataset.licence) == ("Us (2026)", "CC0-1.0")
    assert dataset.sounds.waveforms(8000).shape == (6, 1600)


def test_stereo_and_other_rates_and_formats_are_accepted(folder):
    rng = np.random.default_rng(2)
    stereo = 0.1 * rng.standard_normal((5512, 2)).astype(np.float32)  # 0.25 s but for 23 us
    (folder / "sounds" / "bark.wav").unlink()
    soundfile.write(folder / "sounds" / "bark.FLAC", stereo, 22050, subtype="PCM_24", format="FLAC")
    (folder / "sounds" / "._bark.wav").write_bytes(b"left behind by a Mac")
    (folder / "sounds" / "notes.txt").write_text("not a sound")
    dataset = load(folder)
    assert dataset.sounds.duration == 0.25  # the median
    waveform, rate = dataset.sounds[2].read()
    assert rate == 22050
    np.testing.assert_allclose(waveform, stereo.mean(axis=1), atol=1e-6)
    assert dataset.sounds.waveforms(8000).shape == (6, 2000)


def test_loading_from_within_the_folder_names_it(folder, monkeypatch):
    monkeypatch.chdir(folder)
    dataset = load(".")
    assert dataset.name == "mydata"
    assert dataset.source["folder"] == "mydata"


def test_excel_writes_a_byte_order_mark(folder):
    path = folder / "responses.csv"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    np.testing.assert_array_equal(load(folder).responses, make_responses())


# --- folds ------------------------------------------------------------------------------------


def test_drawn_folds_are_balanced_within_categories_and_deterministic():
    rng = np.random.default_rng(0)
    for _ in range(20):
        n = int(rng.integers(5, 200))
        categories = [None if c == "d" else str(c) for c in rng.choice(list("abcd"), n)]
        folds = fold_rules.stratified_folds(categories, "x")
        np.testing.assert_array_equal(folds, fold_rules.stratified_folds(categories, "x"))
        sizes = np.bincount(folds, minlength=5)
        assert np.ptp(sizes) <= 1
        for category in set(categories):
            within = folds[[c == category for c in categories]]
            assert np.ptp(np.bincount(within, minlength=5)) <= 1
        fold_rules.check_folds(folds, "x")


def test_drawn_folds_are_shuffled_but_fixed():
    folds = fold_rules.stratified_folds([None] * 20, "x")
    order = np.random.Generator(np.random.PCG64(0)).permutation(20)
    assert folds[order].tolist() == [0, 1, 2, 3, 4] * 4
    assert folds.tolist() != [0, 1, 2, 3, 4] * 4


def test_folds_are_drawn_by_category_when_the_table_has_none(folder):
    rewrite(folder / "sounds.csv", lambda rows: [row[:2] for row in rows])
    expected = fold_rules.stratified_folds(["a", "b", "c", "a", "b", "c"], "x")
    np.testing.assert_array_equal(load(folder).folds, expected)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (["0", "1", "0", "1", "0", "1"], "2 folds"),
        (["0", "1", "3", "0", "1", "3"], "no sound is in fold 2"),
        (["1", "2", "3", "1", "2", "3"], "no sound is in fold 0"),
        (["-1", "0", "1", "2", "0", "1"], "a fold is -1"),
        (["0", "1", "1.5", "2", "0", "1"], "fold in row 3 is '1.5'"),
        (["0", "1", "2", "", "0", "1"], "fold in row 4 is ''"),
        (["0", "1", "2", "train", "0", "1"], "fold in row 4 is 'train'"),
        (["0", "1", "2", "inf", "0", "1"], "fold in row 4 is 'inf'"),
    ],
)
def test_bad_folds_are_refused(folder, column, message):
    def put(rows):
        for row, fold in zip(rows[1:], column, strict=True):
            row[2] = fold

    rewrite(folder / "sounds.csv", put)
    refused(folder, "sounds.csv", message)


def test_too_few_sounds_for_drawn_folds(tmp_path):
    write_sounds(tmp_path, NAMES[:4])
    refused(tmp_path, "4 sounds cannot be split into 5 folds")


# --- mistakes ---------------------------------------------------------------------------------


def test_no_such_folder(tmp_path):
    refused(tmp_path / "nowhere", "nowhere", "no such folder")
    file = tmp_path / "file.csv"
    file.write_text("")
    refused(file, "no such folder")


def test_no_sounds(folder):
    for path in (folder / "sounds").iterdir():
        path.unlink()
    refused(folder, "sounds: no sounds", ".wav")
    (folder / "sounds").rmdir()
    refused(folder, "sounds: no sounds")


def test_two_files_of_one_name(folder):
    write_sounds(folder, ["rain"], suffix=".flac")
    refused(folder, "rain.flac and rain.wav have the same name")


def test_no_responses_or_several(folder):
    np.save(folder / "responses.npy", make_responses())
    refused(folder, "several", "responses.csv, responses.npy")
    (folder / "responses.npy").unlink()
    (folder / "responses.csv").unlink()
    refused(folder, "holds no responses", "responses.parquet", "responses.nc")


def test_sounds_without_responses(folder):
    rewrite(folder / "responses.csv", lambda rows: [r for r in rows if r[0] not in ("NA", "bark")])
    refused(folder, "responses.csv: no responses to sound 'NA', 'bark'")


def test_responses_without_sounds(folder):
    def add(rows):
        rows += [[f"extra{i}", r, *"1234"] for i in range(7) for r in (1, 2, 3)]

    rewrite(folder / "responses.csv", add)
    refused(folder, "names sound 'extra0'", "'extra4' and 2 more", "not found")


def test_sounds_csv_must_name_the_files(folder):
    rewrite(folder / "sounds.csv", lambda rows: rows[:-1])
    refused(folder, "sounds.csv: has no row for sound 'speech 1'")
    write_tables(folder)
    rewrite(folder / "sounds.csv", lambda rows: [*rows, ["ghost", "a", "1"]])
    refused(folder, "sounds.csv: names sound 'ghost', not found")
    write_tables(folder)
    rewrite(folder / "sounds.csv", lambda rows: [*rows, rows[1]])
    refused(folder, "sounds.csv: sound 'rain' occurs twice")


@pytest.mark.parametrize("header", [["name", "category", "fold"], ["sound", "category", "folds"]])
def test_sounds_csv_has_known_columns(folder, header):
    rewrite(folder / "sounds.csv", lambda rows: [header, *rows[1:]])
    refused(folder, "sounds.csv: has the columns", header[0], "expected 'sound'")


def test_duplicate_rows(folder):
    rewrite(folder / "responses.csv", lambda rows: [*rows, rows[1]])
    refused(folder, "two rows for sound 'speech 1', repetition 3")
    header, rows = wide_rows(make_responses(1), repeat=False)
    write_csv(folder / "responses.csv", header, [*rows, rows[2]])
    refused(folder, "two rows for sound 'NA'", "column 'repeat'")
    header, rows = long_rows(make_responses(), repeat=True)
    write_csv(folder / "responses.csv", header, [*rows, rows[-1]])
    refused(folder, "two rows for sound 'rain' and target 'nan', repetition 3")
    header, rows = long_rows(make_responses(1), repeat=False)
    write_csv(folder / "responses.csv", header, [*rows, rows[0]])
    refused(folder, "two rows for sound 'speech 1' and target 'v10'", "column 'repeat'")


@pytest.mark.parametrize("cell", ["loud", "1,5", "1.2.3", "--", "3 mV"])
def test_cells_that_are_no_numbers(folder, cell):
    def put(rows):
        rows[4][3] = cell

    rewrite(folder / "responses.csv", put)
    refused(folder, "responses.csv: row 4, column 'v2'", repr(cell), "not a number")


def test_infinite_responses(folder):
    def put(rows):
        rows[4][3] = "inf"

    rewrite(folder / "responses.csv", put)
    refused(folder, "infinite")


def test_parquet_column_of_text(folder):
    (folder / "responses.csv").unlink()
    header, rows = wide_rows(make_responses(), repeat=True)
    frame = pd.DataFrame(rows, columns=header)
    frame["v2"] = "loud"
    frame.to_parquet(folder / "responses.parquet")
    refused(folder, "responses.parquet, column 'v2'", "not numbers")


def test_unequal_numbers_of_repetitions_in_a_wide_table(folder):
    rewrite(folder / "responses.csv", lambda rows: rows[:-1])
    refused(folder, "sound 'rain' has no row for repetition 1", "[1, 2, 3]")


@pytest.mark.parametrize("repeat", ["first", "1.5", ""])
def test_repeat_must_be_a_whole_number(folder, repeat):
    def put(rows):
        rows[2][1] = repeat

    rewrite(folder / "responses.csv", put)
    refused(folder, f"repeat in row 2 is {repeat!r}", "whole number")


def test_columns_of_responses(folder):
    path = folder / "responses.csv"
    with path.open(newline="") as handle:
        rows = list(csv.reader(handle))
    write_csv(path, ["stimulus", *rows[0][1:]], rows[1:])
    refused(folder, "no column 'sound'", "'stimulus'")
    write_csv(path, [*rows[0][:-1], "v2"], rows[1:])
    refused(folder, "two columns are named 'v2'")
    write_csv(path, ["sound", "repeat"], [row[:2] for row in rows[1:]])
    refused(folder, "no column of a target")
    write_csv(path, ["sound", "repeat", "target", "response", "listener"], [["rain", *"1234"]])
    refused(folder, "'response', 'listener'", "targets.csv")
    write_csv(path, rows[0], [])
    refused(folder, "holds no rows")
    path.write_text("\n".join(";".join(row) for row in rows))
    refused(folder, "no column 'sound'", "comma-separated")
    path.write_text("")
    refused(folder, "is empty")


def test_ragged_or_unreadable_csv(folder):
    path = folder / "responses.csv"
    text = path.read_text()
    path.write_text(text.replace("\n", ",9\n", 3).replace(",9\n", "\n", 1))
    refused(folder, "row 1 has 7 cells, but the header 6")
    path.write_bytes("sound,vé\n".encode("latin-1"))
    refused(folder, "not a readable CSV", "UTF-8")
    path.write_text('sound,v1\n"rain,1\n')
    refused(folder, "not a readable CSV")


@pytest.mark.parametrize("name", ["responses.parquet", "responses.nc", "responses.npy"])
@pytest.mark.parametrize("content", [b"", b"this is none of them" * 20])
def test_damaged_files_are_named(folder, name, content):
    if name.endswith("nc"):
        pytest.importorskip("h5py")
    (folder / "responses.csv").unlink()
    (folder / name).write_bytes(content)
    refused(folder, f"{name}: not a readable")


def test_npy_needs_the_order_of_the_sounds(folder):
    (folder / "responses.csv").unlink()
    np.save(folder / "responses.npy", make_responses())
    (folder / "sounds.csv").unlink()
    refused(folder, "responses.npy has no names of sounds", "sounds.csv")


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.ones((5, 4, 3)), "responses to 5 sounds, but sounds.csv has 6 rows"),
        (np.ones((6, 5, 3)), "4 rows, but the responses are of 5 targets"),
        (np.ones(6), "shape (6,)"),
        (np.ones((6, 0)), "shape (6, 0)"),
        (np.ones((6, 4, 1, 1)), "shape (6, 4, 1, 1)"),
        (np.ones((6, 4), complex), "type complex128"),
        (np.full((6, 4), "1"), "expected real numbers"),
        (np.full((6, 4), None), "not a readable array"),  # would have to be unpickled
    ],
)
def test_bad_arrays(folder, array, message):
    (folder / "responses.csv").unlink()
    np.save(folder / "responses.npy", array, allow_pickle=True)
    refused(folder, message)


def test_npz_is_no_npy(folder):
    (folder / "responses.csv").unlink()
    with (folder / "responses.npy").open("wb") as handle:
        np.savez(handle, make_responses())
    refused(folder, "several arrays")


def test_bad_netcdf(folder):
    pytest.importorskip("h5py")
    import xarray

    (folder / "responses.csv").unlink()

    def write(name, array, dims, coords):
        data = xarray.DataArray(array, dims=dims, coords=coords)
        xarray.Dataset({name: data}).to_netcdf(folder / "responses.nc", engine="h5netcdf")

    good = {"sound": NAMES, "target": TARGETS}
    write("betas", np.ones((6, 4)), ("sound", "target"), good)
    refused(folder, "no variable 'responses' but 'betas'")
    write("responses", np.ones((6, 4)), ("sound", "voxel"), {"sound": NAMES})
    refused(folder, "('sound', 'voxel')", "expected sound, target")
    write("responses", np.ones((6, 4)), ("sound", "target"), {"sound": NAMES})
    refused(folder, "coordinate 'target' of names")
    write("responses", np.ones((6, 4)), ("sound", "target"), good | {"target": [1, 2, 3, 4]})
    refused(folder, "coordinate 'target' of names")
    write("responses", np.ones((6, 4)), ("sound", "target"), good | {"target": ["v2"] * 4})
    refused(folder, "'target' holds 'v2' twice")


def test_targets_csv_must_match(folder):
    rewrite(folder / "targets.csv", lambda rows: rows[:-1])
    refused(folder, "targets.csv: has no row for target 'nan'")
    write_tables(folder)
    rewrite(folder / "targets.csv", lambda rows: [*rows, ["v99", *rows[1][1:]]])
    refused(folder, "targets.csv: names target 'v99', not found")
    write_tables(folder)
    rewrite(folder / "targets.csv", lambda rows: [*rows, rows[1]])
    refused(folder, "targets.csv: target 'v10' occurs twice")
    write_tables(folder)
    rewrite(folder / "targets.csv", lambda rows: [["voxel", *rows[0][1:]], *rows[1:]])
    refused(folder, "targets.csv: has no column 'target'")
    write_tables(folder)
    rewrite(folder / "targets.csv", lambda rows: [*rows[:2], ["v2", "", *rows[2][2:]], *rows[3:]])
    refused(folder, "targets.csv: row 2 has no listener")


def test_npy_target_names_must_be_unique(folder):
    (folder / "responses.csv").unlink()
    np.save(folder / "responses.npy", make_responses())
    rewrite(folder / "targets.csv", lambda rows: [*rows[:-1], rows[1]])
    refused(folder, "targets.csv: target 'v10' occurs twice")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"nome": "x"}', "unknown key 'nome'"),
        ('{"kind": "eeg"}', "kind is 'eeg'"),
        ('{"kind": ["voxels"]}', "kind is ['voxels']"),
        ('{"name": 3}', "name is 3; expected text"),
        ('{"name": ""}', "name is ''; expected text"),
        ('{"citation": null}', "citation is None; expected text"),
        ('{"duration": 0}', "duration is 0; expected seconds"),
        ('{"duration": -1.5}', "duration is -1.5"),
        ('{"duration": "2"}', "duration is '2'"),
        ('{"duration": true}', "duration is True"),
        ('{"duration": NaN}', "NaN is no number"),
        ('{"duration": 1e999}', "duration is inf"),
        ("[1]", "holds [1]; expected an object"),
        ("{", "not readable as JSON"),
    ],
)
def test_bad_dataset_json(folder, content, message):
    (folder / "dataset.json").write_text(content)
    refused(folder, "dataset.json", message)


def test_sounds_of_different_durations(folder):
    write_sounds(folder, ["bark"], seconds=0.26)
    write_sounds(folder, ["007"], seconds=0.2)
    refused(folder, "'007' lasts 0.200 s", "'bark' 0.260 s", '{"duration": 2.0}')
    (folder / "dataset.json").write_text('{"duration": 0.25}')
    x = load(folder).sounds.waveforms(8000)
    assert x.shape == (6, 2000)
    assert np.all(x[1, 1600:] == 0)  # padded


def test_durations_within_a_millisecond_are_one(folder):
    write_sounds(folder, ["bark"], seconds=0.2509)
    assert load(folder).sounds.duration == 0.25
    write_sounds(folder, ["bark"], seconds=0.2515)
    refused(folder, "'bark' 0.252 s")


def test_sounds_that_cannot_be_heard(folder):
    path = folder / "sounds" / "bark.wav"
    soundfile.write(path, np.zeros(2000), 8000)
    refused(folder, "bark", "silent", error=AudioError)
    soundfile.write(path, np.r_[np.ones(1999), np.nan], 8000, subtype="FLOAT")
    refused(folder, "bark.wav", "nan", error=AudioError)
    path.write_bytes(b"no sound at all")
    refused(folder, "bark.wav", "damaged", error=AudioError)
    (folder / "dataset.json").write_text('{"duration": 0.25}')
    refused(folder, "bark.wav", "damaged", error=AudioError)


@pytest.mark.parametrize(
    ("suffix", "module", "extra"),
    [
        ("parquet", "pyarrow", "parquet"),
        ("nc", "xarray", "netcdf"),
        ("nc", "h5netcdf", "netcdf"),
    ],
)
def test_missing_packages_name_the_extra(folder, monkeypatch, suffix, module, extra):
    (folder / "responses.csv").rename(folder / f"responses.{suffix}")
    monkeypatch.setitem(sys.modules, module, None)
    refused(folder, module, f'pip install "heschl[{extra}]"', error=MissingDependencyError)


def test_nothing_is_decoded_before_the_tables_fit(folder, monkeypatch):
    monkeypatch.setattr("heschl.audio.read", lambda path: pytest.fail(f"read {path}"))
    rewrite(folder / "responses.csv", lambda rows: rows[:-1])
    refused(folder, "no row for repetition")


# --- documentation ----------------------------------------------------------------------------


def test_the_documented_example_runs(tmp_path):
    page = Path(__file__).parents[1] / "docs" / "your-own-dataset.md"
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    script = "\n".join(blocks)
    source = Path(sys.modules["heschl"].__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        cwd=tmp_path, env={"PYTHONPATH": str(source)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    dataset = load(tmp_path / "mydata")
    assert dataset.responses.shape == (30, 20, 3)
    assert done.stdout.strip().splitlines()[0].startswith("BrainDataset(name='ferret-pilot'")
    assert dataset.sounds.duration == 2.0
    assert set(dataset.sounds.categories) == {"tone", "noise", "click train"}
