"""Pickled tables: every writer is understood, and nothing that a pickle names is ever called."""

from __future__ import annotations

import base64
import io
import os
import pickle
import pickletools
import zlib

import numpy as np
import pandas as pd
import pytest

from heschl.brain.mcdermott import pickled_names as inert_pickle
from heschl.brain.mcdermott.pickled_table import read_table
from heschl.errors import InputError
from heschl.pickles import Record

COLUMNS = ("voxel_id", "hemi", "x_ras", "roi_label_general", "flag")
FRAME = pd.DataFrame(
    {
        "voxel_id": [4, 7, 9],
        "hemi": ["lh", "rh", "lh"],
        "x_ras": [1.5, -2.0, 3.0],
        "roi_label_general": ["Primary", None, np.nan],
        "flag": [True, False, True],
    }
)

#: The same table as pandas itself wrote it: 1.5.3 with an Int64Index, 2.2.3 with protocol 5.
WRITTEN = {
    "pandas 1.5": (
        "eNqNU1Fr1EAQTnKJd1WxHKIeKD74VF8OBBEfChUrSht6ii/iw7Fskr3bpZvk2GzsHVjUB2sL+9bx//iz+qazSc7m6CFuYG"
        "c2OzPfNzszX/2fXd+plunPaJbQYhjnig0niqYMzMYrqunrSj+Hx9/gGLaMT9KpAvOwbS4yzVRGZTFMaUanTBVgbr6UeXx4"
        "UJ/RfcvcbVyIFFFx6QNmk5TZTMSHkpHIOqG1uZOV6WxRh09LqQVVii4wLFEszrNCqzLW1jCoDMF0MXZlcg6h8x123Qh+wH"
        "vYCl38OifAN02Q6MXMpmK86Amcndb3HeN+htFotP8bV7WFjobobLfjOi6gZnpRKZBBhlSDQorYhgj9MAhdGyH07M5v8Fu8"
        "b5H57VXcgfEmz9to22vRBnUdLnZq6fyqRe+FpcAfhV7Y+W880cLjw7VoTdmdbiM3GtmgOTbcv9G8JdrbNtqDVbQdizbG4n"
        "uS47MrDvzAdN8pkVK1gNGbLxc1LKthXXxU7xJWg3UdrLZawuasGEa0wAa9TjJ2RPbsP6wJ/2CCpV61aoLtC1eZB3jYr1j1"
        "PuVzJolIwPicpQILPCeKYqH7KhdE0ghvpyxjiko0mUg6BUvV+JkdilF5Yh/no7m/jiI2JlMiRpZ7mX72tMWMj6+S6uBh+2"
        "8bOI7bSK9dGFEjMrvhJGI745DaLJcDS1KmaZX2GHOhWuMoHoO5Riz1Sr1HpcyPCpKUM2xlqlmdZQGnRRkN/wD9SH9b"
    ),
    "pandas 2.2": (
        "eNqFU01v1DAQTbIJu6UV0EqU9tIry2UlbhxQW7WIr4iAKiFOleVknXVU50OOQ3clKuDA0kq+MfT38LN6K+Mkq2YlKnzwjJ"
        "OZec/jN9+839c9q156vaDZmJajKJdsFEuaMtArL6iiL2v/Fzz5Dmcw1C5JJxL0Tjc8yRSTGRXlKKUZnTBZgl47EHl08q45"
        "Y/pQb7YpRCRheZMD+j6psiKJTgQjoUnCaL2RVWkxa8qjy2QSgV4lsczTsIrjpuRlS96yLRu0V6egHatZYRhrJ3wKF+c/4Q"
        "iGfk/bXyAIgrfXuOrNtxSEvu335qDtQ1AYpgdhlQiVZMjKK0USmTK+63u+bar4jtn5Kr83vNyyuutqr3X+NGawD3xDO/Gz"
        "Lv7zW/H5tkHnO77j926Hclvbb+1Ka2uopAPFH/8XyMLzEpB+2Ol4WmETqJQU27lGJIvyrFSyihS2gz/QfXzH+ic2x/oBh3"
        "YIDbJtLjCv+bzv8tlc5rOHfC6OURKO4PhKkgP3df+DTFIqZxC8+nrVXIxhHHK1sf/ODVcFJnVrWYBjNmXlKKQlyvYuydgp"
        "eWO+Gb4ftbfwawGPUdTAd/m+4c4PFsw9PLyuWQ0+51MmSDIG7XKWJqiFKZEUNbEu84QIGuLfCcuYpAJDYkEnYKhqNzOjEl"
        "Rz09FPevtfFCXNJobjkbEdXnwSoOQUlQp7qt1S5QWgaNBh6Nh1TWY2nEDUNw6nucdiUEnKFK0vdoxsqVI4gmeg7xBDrnYf"
        "USHy05KMqwJ1TRVr7lHCeVmFo78BlYNU"
    ),
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "table.pkl"


def content_of(frame, protocol=4):
    file = io.BytesIO()
    frame.to_pickle(file, protocol=protocol)
    return file.getvalue()


def check(table):
    assert tuple(table.columns) == COLUMNS
    assert table["voxel_id"].tolist() == [4, 7, 9]
    assert table["hemi"].tolist() == ["lh", "rh", "lh"]
    assert table["x_ras"].tolist() == [1.5, -2.0, 3.0]
    assert table["flag"].tolist() == [True, False, True]
    assert table["roi_label_general"].isna().tolist() == [False, True, True]
    assert table["roi_label_general"][0] == "Primary"
    assert [table[name].dtype.kind for name in COLUMNS] == list("iOfOb")


# good ones


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("storage", ["auto", "python", "object"])
def test_tables_of_this_pandas(path, protocol, storage):
    frame = FRAME
    if storage == "object":
        frame = FRAME.astype({"hemi": object, "roi_label_general": object})
    with pd.option_context("mode.string_storage", "python" if storage == "python" else "auto"):
        frame = frame if storage == "object" else pd.DataFrame(FRAME.to_dict("list"))
        path.write_bytes(content_of(frame, protocol))
    check(read_table(path, COLUMNS))


@pytest.mark.parametrize("writer", WRITTEN)
def test_tables_of_earlier_pandas(path, writer):
    path.write_bytes(zlib.decompress(base64.b64decode(WRITTEN[writer])))
    check(read_table(path, COLUMNS))


class Global:
    """A name, written into a pickle whether or not it is there."""

    def __init__(self, module, name):
        self.module, self.name = module, name

    def __call__(self, *args):
        """Is only looked at, never called."""

    def __reduce_ex__(self, protocol):
        return self.name


class Call:
    """A call of a name, and the state that its result is given."""

    def __init__(self, what, *args, state=None):
        self.parts = (what, args) if state is None else (what, args, state)

    def __reduce_ex__(self, protocol):
        return self.parts


class New:
    """An object made by ``__new__`` alone, and its state: how classes without a reduction go."""

    def __init__(self, what, state):
        self.what, self.state = what, state


class Writer(pickle._Pickler):
    def save(self, obj, **options):
        if isinstance(obj, New):
            self.save(obj.what)
            self.write(pickle.EMPTY_TUPLE + pickle.NEWOBJ)
            self.save(obj.state)
            self.write(pickle.BUILD)
        else:
            super().save(obj, **options)

    def save_global(self, obj, name=None):
        if isinstance(obj, Global):
            self.write(pickle.GLOBAL + f"{obj.module}\n{obj.name}\n".encode())
            self.memoize(obj)
        else:
            super().save_global(obj, name)


def written(what, protocol=4):
    file = io.BytesIO()
    Writer(file, protocol).dump(what)
    return file.getvalue()


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_tables_of_pandas_1_1_as_the_release_has_them(path, protocol):
    """Blocks in the state of the manager, an Int64Index, arrays of numpy 1; made by hand."""
    base = "pandas.core.indexes.base"

    def index(kind, data):
        kind = Global("pandas.core.indexes.numeric" if kind == "Int64Index" else base, kind)
        return Call(Global(base, "_new_Index"), kind, {"data": data, "name": None})

    def array(values):
        kind = {"f": "f8", "i": "i8", "b": "b1", "O": "O8"}[values.dtype.kind]
        order = "|" if kind in ("b1", "O8") else "<"
        state = (3, order, None, None, None, -1, -1, 63 if kind == "O8" else 0)
        dtype = Call(Global("numpy", "dtype"), kind, 0, 1, state=state)
        raw = values.ravel().tolist() if kind == "O8" else values.tobytes("F")
        return Call(
            Global("numpy.core.multiarray", "_reconstruct"),
            Global("numpy", "ndarray"),
            (0,),
            b"b",
            state=(1, values.shape, dtype, kind != "O8", raw),
        )

    texts = np.array([["lh", "rh", "lh"], ["Primary", None, np.nan]], object)
    blocks = [
        (array(np.array([[1.5, -2.0, 3.0]])), Call(Global("builtins", "slice"), 2, 3, 1)),
        (array(np.array([[4, 7, 9]])), Call(Global("builtins", "slice"), 0, 1, 1)),
        (array(np.array([[True, False, True]])), array(np.array([4]))),
        (array(texts), Call(Global("builtins", "slice"), 1, 5, 2)),
    ]
    axes = [index("Index", array(np.array(COLUMNS, object)))]
    axes += [index("Int64Index", array(np.array([3, 5, 8])))]
    inner = {"axes": axes, "blocks": [{"values": v, "mgr_locs": p} for v, p in blocks]}
    state = (axes, [v for v, _ in blocks], [], {"0.14.1": inner})
    manager = New(Global("pandas.core.internals.managers", "BlockManager"), state)
    content = {"_mgr": manager, "_typ": "dataframe", "_metadata": [], "attrs": {}}
    path.write_bytes(written(New(Global("pandas.core.frame", "DataFrame"), content), protocol))
    check(read_table(path, COLUMNS))
    expected = pd.read_pickle(path)  # pandas still reads what it wrote then
    assert expected.index.tolist() == [3, 5, 8]
    check(expected.reset_index(drop=True).astype({"hemi": object, "roi_label_general": object}))


def test_a_numpy_scalar_among_the_objects(path):
    frame = FRAME.astype(object)
    frame.loc[1, "voxel_id"] = np.float64(7.0)
    frame["voxel_id"] = pd.Series([np.int64(4), np.float64(7.0), 9], dtype=object)
    path.write_bytes(content_of(frame))
    assert read_table(path, COLUMNS)["voxel_id"].tolist() == [4, 7.0, 9]


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("kind", [object, ">f8", "<f4", "i2"])
@pytest.mark.parametrize("protocol", [2, 5])
def test_orders_and_kinds_of_numbers(path, order, kind, protocol):
    values = np.array([[1, 2, 3], [4, 5, 6]], kind, order=order)
    path.write_bytes(content_of(pd.DataFrame(values, columns=["a", "b", "c"]), protocol))
    table = read_table(path, ("c", "a"))
    assert table["a"].tolist() == [1, 4]
    assert table["c"].tolist() == [3, 6]


def test_many_texts_with_missing_ones(path):
    """Arrow's bitmap and offsets, over a slice that begins within a byte."""
    rng = np.random.default_rng(0)
    texts = [None if rng.random() < 0.3 else "é" * rng.integers(0, 5) for _ in range(100)]
    frame = pd.DataFrame({"a": pd.Series(texts, dtype="str")}).iloc[11:77]
    path.write_bytes(content_of(frame, 5))
    found = [None if pd.isna(text) else text for text in read_table(path, ["a"])["a"]]
    assert found == texts[11:77]


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_a_table_without_rows(path, protocol):
    path.write_bytes(content_of(FRAME.iloc[:0], protocol))
    assert read_table(path, COLUMNS).shape == (0, 5)


def test_columns_that_are_not_wanted_may_be_anything_allowed(path):
    frame = FRAME.assign(odd=pd.Series([[1], {}, ()], dtype=object))
    path.write_bytes(content_of(frame))
    check(read_table(path, COLUMNS))
    with pytest.raises(InputError, match="a value of type list as a value"):
        read_table(path, ["odd"])


# hostile ones


class Evil:
    """Makes a file when it is unpickled in the ordinary way."""

    def __init__(self, canary):
        self.canary = canary

    def __reduce__(self):
        return os.system, (f"touch {self.canary}",)


def refused(path, content, name):
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"{name}.*nothing of it was run") as caught:
        read_table(path, COLUMNS)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_call_of_the_shell(path, tmp_path, protocol):
    canary = tmp_path / "canary"
    content = pickle.dumps(Evil(canary), protocol)
    refused(path, content, r"names (posix|nt)\.system")
    assert not canary.exists()
    pickle.loads(content)
    assert canary.exists()  # the pickle was a dangerous one


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_something_evil_within_a_table(path, tmp_path, protocol):
    canary = tmp_path / "canary"
    inner = pd.DataFrame({"a": pd.Series([Evil(canary), 1], dtype=object)})
    frame = FRAME.assign(odd=pd.Series([inner, 1, 2], dtype=object))
    refused(path, content_of(frame, protocol), r"names (posix|nt)\.system")
    frame = FRAME.assign(odd=pd.Series([1, 2, 3], dtype=object))
    frame.attrs["note"] = Evil(canary)
    refused(path, content_of(frame, protocol), r"names (posix|nt)\.system")
    assert not canary.exists()


NAMES = [
    "builtins eval",
    "builtins exec",
    "builtins getattr",
    "builtins setattr",
    "builtins __import__",
    "builtins open",
    "builtins object",
    "builtins type",
    "__builtin__ eval",
    "__builtin__ getattr",
    "codecs decode",
    "_codecs decode",
    "copyreg _reconstructor",
    "copyreg __newobj__",
    "functools partial",
    "functools reduce",
    "importlib import_module",
    "nt system",
    "numpy load",
    "numpy fromfile",
    "numpy.core.multiarray fromfile",
    "numpy._core.multiarray fromfile",
    "numpy._core.multiarray add_docstring",
    "numpy.core.numeric load",
    "operator attrgetter",
    "operator methodcaller",
    "os system",
    "pandas eval",
    "pandas read_pickle",
    "pandas DataFrame.to_pickle",
    "pandas DataFrame.__init__.__globals__",
    "pandas io.common.os.system",
    "pandas.io.pickle read_pickle",
    "pandas.core.frame sys.modules",
    "pandas.core.frame DataFrame.query",
    "pandas.core.internals.managers BlockManager.__class__",
    "pickle loads",
    "posix system",
    "pyarrow.lib open_file",
    "runpy run_path",
    "subprocess Popen",
]


@pytest.mark.parametrize("module_and_name", NAMES)
@pytest.mark.parametrize("stacked", [True, False])
def test_names_that_are_not_on_the_list(path, module_and_name, stacked):
    """By both opcodes that look a name up; dots never lead into an allowed object."""
    module, name = module_and_name.split()
    if stacked:
        looked_up = pickle.SHORT_BINUNICODE + bytes([len(module)]) + module.encode()
        looked_up += pickle.SHORT_BINUNICODE + bytes([len(name)]) + name.encode() + b"\x93"
    else:
        looked_up = f"c{module}\n{name}\n".encode()
    refused(path, b"\x80\x04" + looked_up + b")R.", rf"names {module}\.{name}")


def test_the_list_has_nothing_that_acts():
    """What is allowed is a set of pairs without dots, none of a module that opens or runs."""
    for module, name in inert_pickle.ALLOWED:
        assert "." not in name
        assert module.split(".")[0] in {
            "numpy",
            "pandas",
            "pyarrow",
            "builtins",
            "__builtin__",
            "_codecs",
        }
        assert name not in dir(__import__("builtins")) or name in ("bytes", "bytearray", "slice")


def test_allowed_names_are_records_and_not_the_things(path):
    """Calling and changing them does nothing outside of the reader."""
    frame, before = Global("pandas", "DataFrame"), dict(vars(pd.DataFrame))
    path.write_bytes(written(Call(frame, {"a": [1]}, state={"_mgr": 3, "__class__": "x"})))
    with pytest.raises(InputError, match="without columns"):
        read_table(path, ["a"])
    # BUILD with a pair would set attributes of the class itself
    path.write_bytes(b"\x80\x04cpandas\nDataFrame\nN}\x8c\x05shapeK\x01s\x86b.")
    with pytest.raises(InputError, match="no whole pickle"):
        read_table(path, ["a"])
    assert dict(vars(pd.DataFrame)) == before
    assert not hasattr(Record, "shape")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"(ios\nsystem\n.", "opcode INST"),
        (b"\x80\x02(cpandas\nDataFrame\no.", "opcode OBJ"),
        (b"\x80\x02\x82\x01.", "opcode EXT1"),
        (b"\x80\x02\x83\x01\x00.", "opcode EXT2"),
        (b"\x80\x02\x84\x01\x00\x00\x00.", "opcode EXT4"),
        (b"\x80\x02Pthing\n.", "opcode PERSID"),
        (b"\x80\x02NQ.", "opcode BINPERSID"),
        (b"\x80\x05\x97.", "opcode NEXT_BUFFER"),
        (b"\x80\x00N.", "opcode PROTO"),
        (b"\x80\x02Nr\xff\xff\xff\x7f.", "keeps object 2147483647 after 0 others"),
        (b"\x80\x02N.N.", "goes on for 2 bytes"),
    ],
)
def test_opcodes_that_no_table_needs(path, content, said):
    refused(path, content, said)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x80",
        b"\x80\x06N.",
        b"\x80\x63N.",
        b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x0fabc.",  # BINBYTES8 of 2**60 bytes
        b"\x80\x05\x96\xff\xff\xff\xff\xff\xff\xff\x0fabc.",
        b"\x80\x02\x8b\xff\xff\xff\x7f1.",
        b"\x80\x02K\x01)R.",
        b"\x80\x02.",
        b"\x80\x02}K\x01)Rb.",
        b"not a pickle at all",
        b"PK\x03\x04" + b"\0" * 40,
    ],
)
def test_bytes_that_are_no_pickle(path, content):
    path.write_bytes(content)
    with pytest.raises(InputError, match="no whole pickle"):
        read_table(path, COLUMNS)


@pytest.mark.parametrize("protocol", [2, 5])
def test_every_truncation_is_refused(path, protocol):
    content = content_of(FRAME, protocol)
    for n_bytes in range(0, len(content), 7):
        path.write_bytes(content[:n_bytes])
        with pytest.raises(InputError, match=r"table\.pkl: no whole pickle"):
            read_table(path, COLUMNS)


@pytest.mark.parametrize("writer", ["pandas 1.5", "pandas 2.2", "this"])
def test_damage_gives_an_input_error_or_a_table(path, writer):
    good = content_of(FRAME, 5)
    if writer != "this":
        good = zlib.decompress(base64.b64decode(WRITTEN[writer]))
    rng = np.random.default_rng(1)
    n_refused = 0
    for _ in range(400):
        content = bytearray(good)
        for place in rng.integers(0, len(content), rng.integers(1, 4)):
            content[place] = rng.integers(0, 256)
        path.write_bytes(content)
        try:
            table = read_table(path, COLUMNS)
        except InputError:
            n_refused += 1
        else:
            assert tuple(table.columns) == COLUMNS
    assert n_refused > 200


def test_random_bytes(path):
    for seed in range(50):
        path.write_bytes(np.random.default_rng(seed).bytes(300))
        with pytest.raises(InputError):
            read_table(path, COLUMNS)


def test_a_pickle_that_is_too_large_is_not_read(path, monkeypatch):
    content = content_of(FRAME)
    monkeypatch.setattr(inert_pickle, "LARGEST_PICKLE", len(content))
    path.write_bytes(content)
    check(read_table(path, COLUMNS))
    path.write_bytes(content + b"!")
    with pytest.raises(InputError, match=f"has {len(content) + 1} bytes; expected"):
        read_table(path, COLUMNS)


def test_a_pickle_that_is_not_there(path):
    with pytest.raises(InputError, match=r"table\.pkl: cannot be read"):
        read_table(path, COLUMNS)


# other things than the table


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ([1, 2], "holds list; expected a DataFrame"),
        ({"voxel_id": [1]}, "holds dict"),
        (np.arange(3), "holds _reconstructRecord"),
        (FRAME.drop(columns="hemi"), "0 columns are named 'hemi'; it has: voxel_id, x_ras"),
        (FRAME.set_axis(["hemi", "hemi", "x_ras", "a", "b"], axis=1), "2 columns are named 'hemi'"),
        (FRAME.set_axis(range(5), axis=1), "columns have no names"),
        (FRAME.set_index(["hemi", "flag"]), "MultiIndex"),
        (FRAME["hemi"], r"Series"),
        (FRAME.assign(hemi=pd.Categorical(["a", "b", "a"])), "Categorical"),
        (FRAME.assign(x_ras=pd.to_datetime(["2020-01-01"] * 3)), "[Dd]atetime"),
        (FRAME.assign(x_ras=[1j, 2j, 3j]), "numpy type 'c16'; expected numbers or texts"),
    ],
)
def test_what_is_no_such_table(path, what, said):
    path.write_bytes(pickle.dumps(what, 4))
    with pytest.raises(InputError, match=said):
        read_table(path, ("hemi", "x_ras"))


def small(shape, raw, kind="f8", order="<"):
    dtype = Call(Global("numpy", "dtype"), kind, state=(3, order))
    array = Call(Global("numpy._core.numeric", "_frombuffer"), raw, dtype, shape, "C")
    columns = Call(
        Global("numpy._core.multiarray", "_reconstruct"),
        state=(1, (1,), Call(Global("numpy", "dtype"), "O8"), False, ["a"]),
    )
    index = Global("pandas.core.indexes.base", "_new_Index")
    axes = [Call(index, Global("pandas", "Index"), {"data": columns})]
    axes += [Call(index, Global("pandas", "RangeIndex"), {"start": 0, "stop": 2, "step": 1})]
    place = Call(Global("builtins", "slice"), 0, 1, 1)
    block = Call(Global("pandas._libs.internals", "_unpickle_block"), array, place, 2)
    manager = Call(Global("pandas.core.internals.managers", "BlockManager"), (block,), axes)
    return written(Call(Global("pandas", "DataFrame"), state={"_mgr": manager}))


def test_parts_that_do_not_fit_together(path):
    path.write_bytes(small((1, 2), bytes(16)))
    assert read_table(path, ["a"])["a"].tolist() == [0, 0]
    for shape, raw, kind, order in [
        ((1, 2), bytes(15), "f8", "<"),
        ((1, 3), bytes(16), "f8", "<"),
        ((1, 3), bytes(24), "f8", "<"),
        ((2, 2), bytes(32), "f8", "<"),
        ((1, 1, 2), bytes(16), "f8", "<"),
        ((-1, -2), bytes(16), "f8", "<"),
        ((0, 2**62), b"", "f8", "<"),
        ((2**40, 2**40), b"", "f8", "<"),
        ((1, 2), bytes(16), "V8", "<"),
        ((1, 2), bytes(16), "O8", "|"),
        ((1, 2), [1, 2], "f8", "<"),
        ((1, 2), bytes(16), "f8", "<f8,"),
        (2, bytes(16), ["f8"], "<"),
        ((1.0, 2), bytes(16), "f8", "<"),
    ]:
        path.write_bytes(small(shape, raw, kind, order))
        with pytest.raises(InputError, match="not the published table"):
            read_table(path, ["a"])


@pytest.mark.parametrize("state", [None, 1, [1], ("a", "b"), "_mgr", {}, {"_mgr": None}])
def test_a_table_with_another_state(path, state):
    path.write_bytes(written(Call(Global("pandas", "DataFrame"), state=state)))
    with pytest.raises(InputError, match="not the published table: a DataFrame without columns"):
        read_table(path, ["a"])


@pytest.mark.parametrize("arguments", [(), (None, None), (1, 2), ([1], [2]), ([], []), ([], "ab")])
@pytest.mark.parametrize("state", [None, 1, (), (0, 0, 0, {}), {"0.14.1": 1}])
def test_a_manager_of_blocks_of_something_else(path, arguments, state):
    manager = Global("pandas.core.internals.managers", "BlockManager")
    manager = Call(manager, *arguments, state=state)
    path.write_bytes(written(Call(Global("pandas", "DataFrame"), state={"_mgr": manager})))
    with pytest.raises(InputError, match="not the published table"):
        read_table(path, ["a"])


def test_the_reader_agrees_with_pandas(path):
    """Random tables of 0 to 60 rows, in all protocols; pandas' own reader is the reference."""
    rng = np.random.default_rng(5)
    for protocol in (2, 3, 4, 5):
        for n in rng.integers(0, 60, 5):
            frame = pd.DataFrame(
                {
                    "a": rng.standard_normal(n),
                    "b": rng.integers(-(2**62), 2**62, n),
                    "c": [f"v{i}" if i % 3 else None for i in rng.integers(0, 9, n)],
                    "d": rng.standard_normal(n).astype("f4"),
                    "e": rng.random(n) < 0.5,
                }
            ).sample(frac=0.8, random_state=1)
            frame.to_pickle(path, protocol=protocol)
            expected = pd.read_pickle(path)
            found = read_table(path, list("abcde"))
            for name in "abde":
                np.testing.assert_array_equal(found[name], expected[name])
            texts = expected["c"].astype(object)
            assert found["c"].fillna("-").tolist() == texts.fillna("-").tolist()


@pytest.mark.shared
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("dataset", ["NH2015", "B2021"])
def test_tables_of_the_simulated_release(simulated_release, path, dataset, protocol):
    names = ["voxel_id", "subj_idx", "hemi", "x_ras", "y_ras", "roi_label_general"]
    expected = pd.read_pickle(simulated_release / f"data/neural/{dataset}/df_roi_meta.pkl")
    expected.to_pickle(path, protocol=protocol)
    table = read_table(path, names)
    for name in names:
        np.testing.assert_array_equal(
            table[name].fillna("-").to_numpy(object), expected[name].fillna("-").to_numpy(object)
        )


@pytest.fixture(scope="session")
def simulated_release(shared, tmp_path_factory):
    from mcdermott_release import simulate

    return simulate(shared, tmp_path_factory.mktemp("simulated"))


def test_hostile_pickles_are_well_formed():
    """The opcodes of the hand-written ones are what they are meant to be."""
    names = [op.name for op, _, _ in pickletools.genops(b"\x80\x02\x82\x01.")]
    assert names == ["PROTO", "EXT1", "STOP"]
