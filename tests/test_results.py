"""Results: written whole, read back exactly, joined, and refused when damaged."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

from heschl import results, store
from heschl.errors import DamagedEntryError, InputError, StoreError
from heschl.results import COLUMNS, Detail, Profile, RdmDetail, Results, merge, score_table

N_SOUNDS, N_FOLDS = 6, 3
TARGETS = ("v1", "007", "v3")


def row(**changes):
    base = {
        "model": "m",
        "dataset": "d",
        "metric": "regression",
        "protocol": "p",
        "scope": "target",
        "target": "v1",
        "region": None,
        "layer": "conv",
        "value": 0.1 + 0.2,
        "unit": "r2",
        "ceiling": None,
        "fraction": None,
        "stderr": None,
        "low": None,
        "high": None,
        "p": None,
        "q": None,
        "n_sounds": N_SOUNDS,
        "provenance": "key",
    }
    return base | changes


def make_detail(seed=0, **changes):
    rng = np.random.default_rng(seed)
    r = rng.standard_normal(len(TARGETS)) / 3
    r[1] = np.nan
    content = {
        "model": "m",
        "dataset": "d",
        "metric": "regression",
        "protocol": "p",
        "provenance": "key",
        "targets": pd.DataFrame(
            {
                "target": TARGETS,
                "listener": ["1", None, "2"],
                "x": [1.5, np.nan, -0.1],
                "voxel": [3, 1, 2],
                "left": [True, False, True],
            }
        ),
        "sounds": pd.DataFrame(
            {
                "sound": [f"s{i}" for i in range(N_SOUNDS)],
                "category": ["a", None] * 3,
                "fold": np.arange(N_SOUNDS) % N_FOLDS,
            }
        ),
        "layers": ("conv", "fc"),
        "measured": rng.standard_normal((N_SOUNDS, len(TARGETS))),
        "predicted": rng.standard_normal((N_SOUNDS, len(TARGETS))),
        "r": r,
        "r2": np.maximum(r, 0) ** 2,
        "layer_index": rng.integers(-1, 2, (N_FOLDS, len(TARGETS))),
        "alpha": 10.0 ** rng.integers(-20, 20, (N_FOLDS, len(TARGETS))),
        "published": {"Zoo (2020)": {"v3": 1 / 3, "v1": 0.5}, "Ark (2021)": {"v1": 0.0}},
    }
    return Detail(**content | changes)


def make_profile(**changes):
    rng = np.random.default_rng(4)
    content = {
        "model": "m",
        "dataset": "d",
        "metric": "rsa",
        "protocol": "p",
        "provenance": "key",
        "unit": "rho",
        "groups": pd.DataFrame({"listener": ["1", "2", "1"], "region": [None, None, "Primary"]}),
        "layers": ("conv", "fc"),
        "scores": rng.standard_normal((3, 2)),
        "ceiling": np.array([0.5, np.nan, 1 / 3]),
    }
    return Profile(**content | changes)


def make(**changes):
    rows = [
        row(target="v1", value=0.1 + 0.2, ceiling=1 / 3, stderr=5e-324),
        row(target="007", value=np.nan, layer=None),
        row(target="v3", value=-0.0, unit="r", ceiling=1.0),
    ]
    content = {
        "scores": score_table(rows),
        "provenance": {"key": {"model": {"name": "ä", "level": 0.1}, "seeds": [1, None]}},
        "details": (make_detail(),),
        "profiles": (make_profile(),),
    }
    return Results(**content | changes)


def assert_same_details(found, expected):
    for one, other in zip(found, expected, strict=True):
        for name in ("model", "dataset", "metric", "protocol", "provenance", "layers"):
            assert getattr(one, name) == getattr(other, name)
        for name in ("measured", "predicted", "r", "r2", "layer_index", "alpha"):
            a, b = getattr(one, name), getattr(other, name)
            assert (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes()), name
        pd.testing.assert_frame_equal(one.targets, other.targets, check_exact=True)
        pd.testing.assert_frame_equal(one.sounds, other.sounds, check_exact=True)
        assert one.published == other.published
        assert list(one.published) == list(other.published)


# the table


def test_the_columns_of_the_table():
    table = score_table([row()])
    assert tuple(table.columns) == COLUMNS
    assert tuple(results.COLUMNS) == tuple(row())  # the order of the documentation


def test_numbers_are_numbers_also_where_all_are_missing():
    for rows in ([row()], [row(value=None)], [row(value=1, ceiling=0, stderr=2)]):
        table = score_table(rows)
        for column in ("value", "ceiling", "fraction", "stderr", "low", "high", "p", "q"):
            assert table[column].dtype == np.float64, column
        assert table["n_sounds"].dtype == np.int64
    assert len(score_table([])) == 0
    assert tuple(score_table([]).columns) == COLUMNS


def test_fractions_of_the_ceiling():
    rows = [row(value=0.3, ceiling=0.4), row(ceiling=None), row(ceiling=-0.1), row(ceiling=0.0)]
    fraction = score_table(rows)["fraction"]
    assert fraction[0] == 0.3 / 0.4
    assert fraction[1:].isna().all()  # not invented where no ceiling is known or positive


def test_profiles_are_read_exactly(tmp_path):
    per_target = make_profile(
        groups=pd.DataFrame({"target": ["v1", "v2", "v3"], "x_ras": [0.5, np.nan, 2.0]})
    )
    made = make(profiles=(make_profile(), per_target))
    found = Results.load(made.save(tmp_path / "run")).profiles
    assert [one.of_targets for one in found] == [False, True]
    for one, other in zip(found, made.profiles, strict=True):
        assert (one.unit, one.layers, one.metric) == (other.unit, other.layers, other.metric)
        np.testing.assert_array_equal(one.scores, other.scores)
        np.testing.assert_array_equal(one.ceiling, other.ceiling)
        pd.testing.assert_frame_equal(one.groups, other.groups, check_exact=True)


def test_dissimilarities_are_read_exactly(tmp_path):
    rng = np.random.default_rng(0)
    groups = pd.DataFrame({"listener": ["1", "2"], "region": [None, "Primary"]}, dtype=object)
    names = dict.fromkeys(("model", "dataset", "metric", "protocol", "provenance"), "x")
    one = RdmDetail(**names, groups=groups, brain=rng.random((2, 6)), compared=rng.random((2, 6)))
    (found,) = Results.load(make(rdms=(one,)).save(tmp_path / "run")).rdms
    np.testing.assert_array_equal(found.brain, one.brain)
    np.testing.assert_array_equal(found.compared, one.compared)
    assert found.groups["listener"].tolist() == ["1", "2"]
    assert found.model == "x"


def test_rows_are_ready_for_json():
    rows = make().rows()
    again = json.loads(json.dumps(rows, allow_nan=False))
    assert again == rows
    assert [r["value"] for r in rows] == [0.1 + 0.2, None, -0.0]
    assert [r["ceiling"] for r in rows] == [1 / 3, None, 1.0]
    assert [r["layer"] for r in rows] == ["conv", None, "conv"]
    assert rows[0]["stderr"] == 5e-324
    assert {type(r["n_sounds"]) for r in rows} == {int}
    assert list(rows[0]) == list(COLUMNS)


# saved and read


def test_what_was_saved_is_read_exactly(tmp_path):
    made = make(details=(make_detail(0), make_detail(1, model="n", provenance="other")))
    folder = made.save(tmp_path / "runs" / "one")
    assert folder == tmp_path / "runs" / "one"
    found = Results.load(str(folder))
    pd.testing.assert_frame_equal(found.scores, made.scores, check_exact=True)
    assert np.signbit(found.scores["value"][2])
    assert found.provenance == made.provenance
    assert_same_details(found.details, made.details)


def test_results_without_details(tmp_path):
    made = make(details=())
    assert Results.load(made.save(tmp_path / "run")).details == ()


def test_what_a_run_folder_holds(tmp_path):
    made = make()
    made.save(tmp_path / "run")
    found = sorted(path.name for path in (tmp_path / "run").iterdir())
    assert len(found) == 4
    assert found[0].startswith("detail-")
    assert found[1].startswith("profile-")
    assert found[2:] == ["results.json", "scores.csv"]
    table = pd.read_csv(tmp_path / "run" / "scores.csv", dtype={"target": str})
    assert table["target"].tolist() == list(TARGETS)
    np.testing.assert_array_equal(table["value"], made.scores["value"])


def test_saved_again_it_is_the_same_to_the_byte(tmp_path):
    made = make()
    made.save(tmp_path / "a")
    Results.load(tmp_path / "a").save(tmp_path / "b")
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes(), path.name


def test_saving_over_an_older_run_gives_the_newer(tmp_path):
    make(details=(make_detail(5),)).save(tmp_path / "run")
    make().save(tmp_path / "run")
    assert_same_details(Results.load(tmp_path / "run").details, make().details)


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"scores": score_table([row(value=np.inf)])}, "scores"),
        ({"scores": score_table([row(ceiling=-np.inf)])}, "scores"),
        ({"provenance": {"key": {"x": float("nan")}}}, "provenance"),
        ({"provenance": {"key": {"x": np.arange(2)}}}, "provenance"),
        (
            {"details": (make_detail(published={"A": {"v1": float("inf")}}),)},
            "details of m on d",
        ),
        (
            {"details": (make_detail(targets=pd.DataFrame({"target": TARGETS, "x": np.inf})),)},
            "details of m on d",
        ),
    ],
)
def test_what_json_cannot_hold_is_refused_before_anything_is_written(tmp_path, changes, place):
    with pytest.raises(InputError, match=f"cannot be saved: in the {place}, .*expected finite"):
        make(**changes).save(tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_failed_save_leaves_no_run(tmp_path, monkeypatch):
    """Whichever file fails: what is there is not taken for results."""
    real = store.write_atomic
    for failing in range(3):
        calls = []

        def write(folder, name, fill, calls=calls, failing=failing):
            calls.append(name)
            if len(calls) == failing + 1:
                raise StoreError("the disk is full")
            return real(folder, name, fill)

        monkeypatch.setattr(store, "write_atomic", write)
        folder = tmp_path / str(failing)
        with pytest.raises(StoreError, match="full"):
            make().save(folder)
        with pytest.raises(InputError, match=r"no results here \(results\.json is missing\)"):
            Results.load(folder)


# damage


@pytest.fixture
def run(tmp_path):
    return make().save(tmp_path / "run")


def test_a_folder_without_results_is_refused(tmp_path, run):
    with pytest.raises(InputError, match="nowhere: no results here"):
        Results.load(tmp_path / "nowhere")
    (run / "results.json").unlink()  # as an interrupted save leaves it
    with pytest.raises(InputError, match=r"run: no results here \(results\.json is missing\)"):
        Results.load(run)


@pytest.mark.parametrize("place", [0, 8, 300, -1])
def test_a_flipped_bit_in_the_details_is_noticed(run, place):
    path = next(run.glob("detail-*"))
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamagedEntryError, match=r"detail-\w+\.safetensors: "):
        Results.load(run)


def test_details_cut_short_or_gone_are_noticed(run):
    path = next(run.glob("detail-*"))
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(DamagedEntryError, match="detail-"):
        Results.load(run)
    path.unlink()
    with pytest.raises(DamagedEntryError, match="detail-"):
        Results.load(run)


def test_details_that_lack_an_array_are_noticed(run):
    old = next(run.glob("detail-*"))
    arrays = store.read_arrays(old)
    del arrays["alpha"]
    new = store.write_arrays(
        run, lambda file: f"detail-{store.file_sha256(file)[:16]}.safetensors", arrays
    )
    text = (run / "results.json").read_text(encoding="utf-8")
    (run / "results.json").write_text(text.replace(old.name, new.name), encoding="utf-8")
    with pytest.raises(DamagedEntryError, match=r"TypeError: .*alpha"):
        Results.load(run)


@pytest.mark.parametrize("content", ["", "{", '{"format": 1,', "\0"])
def test_damaged_json_is_noticed(run, content):
    (run / "results.json").write_text(content, encoding="utf-8")
    with pytest.raises(DamagedEntryError, match=r"results\.json: not readable"):
        Results.load(run)


def test_json_that_is_no_text_is_noticed(run):
    (run / "results.json").write_bytes(b"\xff\xfe{}")
    with pytest.raises(DamagedEntryError, match=r"results\.json: not readable"):
        Results.load(run)


@pytest.mark.parametrize("content", ["[]", "{}", "3", '{"format": 1}', '{"format": "2"}'])
def test_another_format_is_refused(run, content):
    (run / "results.json").write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=r"results\.json: format .*; this heschl reads 3"):
        Results.load(run)


def drop(key):
    def change(content):
        del content[key]

    return change


def put(key, value):
    def change(content):
        content[key] = value

    return change


def detail_without(key):
    def change(content):
        del content["details"][0][key]

    return change


@pytest.mark.parametrize(
    "change",
    [
        *(drop(key) for key in ("rows", "provenance", "details")),
        *(detail_without(key) for key in ("arrays", "targets", "sounds", "layers")),
        put("rows", 3),
        put("rows", [{"value": "high"}]),
        put("provenance", [1]),
        put("details", [None]),
        put("details", [{"arrays": 3}]),
    ],
)
def test_results_that_lack_something_are_refused(run, change):
    path = run / "results.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(DamagedEntryError, match=r"results\.json: not as heschl wrote it"):
        Results.load(run)


# joined


def test_merged_results_keep_rows_and_details_in_order():
    first = make()
    second = Results(
        score_table([row(model="n", provenance="other", value=0.5)]),
        {"other": {"model": {"name": "n"}}},
        (make_detail(3, model="n"),),
    )
    joined = merge([second, first, second])
    assert joined.rows() == second.rows() + first.rows() + second.rows()
    assert joined.provenance == {**first.provenance, **second.provenance}
    assert_same_details(joined.details, second.details + first.details + second.details)
    assert joined.scores["value"].dtype == np.float64
    assert joined.scores.index.tolist() == list(range(5))


def test_merged_alone_they_are_the_same():
    pd.testing.assert_frame_equal(merge([make()]).scores, make().scores)


def computed_from(**changes):
    record = {
        "metric": "regression",
        "protocol": {"name": "pepino2025", "version": 1, "alphas": [1.0]},
        "dataset": {"name": "d", "responses_sha256": "a" * 64, "sounds_sha256": "b" * 64},
    }
    for path, value in changes.items():
        part, key = path.split("__")
        record[part][key] = value
    return record


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"protocol__version": 2}, r"protocol pepino2025 \(regression\) .* version is 1 and 2"),
        ({"protocol__alphas": [2.0]}, r"alphas is \[1.0\] and \[2.0\]"),
        ({"protocol__new": 1}, r"new is None and 1"),
        ({"dataset__responses_sha256": "c" * 64}, r"dataset d .* responses_sha256 is aaaa"),
        ({"dataset__sounds_sha256": "c" * 64}, r"sounds_sha256 is bbbb"),
    ],
)
def test_what_cannot_stand_beside_each_other_is_not_merged(changes, said):
    one, other = (
        Results(score_table([row(provenance=key)]), {key: record})
        for key, record in (("k", computed_from()), ("l", computed_from(**changes)))
    )
    with pytest.raises(InputError, match=said):
        merge([one, other])


@pytest.mark.parametrize(
    "changes", [{"protocol__name": "other"}, {"dataset__name": "e"}, {"dataset__n_sounds": 3}]
)
def test_other_names_may_have_other_content(changes):
    one = Results(score_table([row(provenance="k")]), {"k": computed_from()})
    record = computed_from(**changes)
    record["protocol"]["version"] = 2 if "protocol__name" in changes else 1
    other = Results(score_table([row(provenance="l")]), {"l": record})
    assert len(merge([one, other]).scores) == 2


def test_nothing_to_merge_is_refused():
    with pytest.raises(InputError, match="no results to merge"):
        merge([])


# facts


def test_the_environment_names_the_versions_in_use():
    import platform

    import scipy

    import heschl

    found = results.environment()
    assert found["heschl"] == heschl.__version__
    assert found["numpy"] == np.__version__
    assert found["scipy"] == scipy.__version__
    assert found["python"] == platform.python_version()
    assert json.loads(json.dumps(found)) == found


def test_results_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        make().details = ()
