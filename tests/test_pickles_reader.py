"""The reader of foreign pickles against Python's own, and its limits."""

from __future__ import annotations

import collections
import io
import math
import pickle
import pickletools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checkpoint_files import call, name, text
from heschl.errors import InputError
from heschl.pickles import Limits, Record, read_inert
from heschl.pickles.inert import FAULTS, is_record_class
from heschl.pickles.records import ForeignNameError, shown

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.binary(max_size=20)
)
#: Of keys: up to 64 bits; larger ones are refused (see below).
NUMBERS = st.integers(1 - 2**64, 2**64 - 1)
KEYS = st.text(max_size=5) | NUMBERS | st.tuples(NUMBERS, st.text(max_size=3))
VALUES = st.recursive(
    SCALARS | st.frozensets(st.integers(0, 9)) | st.sets(st.text(max_size=3)),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(KEYS, inner, max_size=4)
        | st.tuples(inner, inner)
        | st.tuples(inner, inner, inner, inner)
    ),
    max_leaves=20,
)


@settings(max_examples=150, deadline=None)
@given(VALUES)
def test_plain_values_are_what_pickle_reads(value):
    """Protocols 4 and 5 write everything here without a name."""
    for protocol in (4, 5):
        for content in (
            pickle.dumps(value, protocol),
            pickletools.optimize(pickle.dumps(value, protocol)),
        ):
            found = read_inert(content, allowed=())
            assert found == value
            assert repr(found) == repr(pickle.loads(content))


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_shared_parts_stay_one(protocol):
    part = [1, 2]
    found = read_inert(pickle.dumps({"a": part, "b": part}, protocol))
    assert found["a"] is found["b"]


def test_python_writer_too():
    """The writer in Python (not C) frames and keeps in other ways."""
    value = {"a": [1, (2, 3, 4, 5)], "b": "x" * 70000, "c": {1: b"y" * 300}}
    for protocol in (4, 5):
        stream = io.BytesIO()
        pickle._Pickler(stream, protocol).dump(value)
        assert read_inert(stream.getvalue()) == value


class Sample:
    def __init__(self, a):
        self.a = a


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_objects_become_records(protocol):
    found = read_inert(pickle.dumps([Sample(1), Sample([2])], protocol))
    assert [type(one) is type(found[0]) for one in found] == [True, True]
    assert isinstance(found[0], Record)
    assert found[0].origin == (Sample.__module__, "Sample")
    assert found[0].args == ()
    assert [one.state for one in found] == [{"a": 1}, {"a": [2]}]


class Dictionary(dict):
    pass


class Listing(list):
    pass


@pytest.mark.parametrize("protocol", [2, 4])
def test_what_containers_hold_is_noted(protocol):
    listing, dictionary = Listing([1, 2]), Dictionary(a=1)
    one, two = read_inert(pickle.dumps([listing, dictionary], protocol))
    assert one.entries == [1, 2]
    assert two.entries == [("a", 1)]
    listing = Listing(range(3000))  # several times APPENDS
    assert read_inert(pickle.dumps(listing, protocol)).entries == list(range(3000))


class Keyworded:
    def __getnewargs_ex__(self):
        return (1,), {"b": 2}

    def __new__(cls, *args, **kwargs):
        return super().__new__(cls)


def test_keywords_and_results_that_are_called():
    found = read_inert(pickle.dumps(Keyworded(), 4))
    assert found.args == ((1,), {"b": 2})
    twice = b"\x80\x02" + call(call(name("a", "b"), text("x")), text("y")) + b"."
    outer = read_inert(twice)
    assert outer.origin == ("a", "b")
    assert outer.args[0].args == ("x",)
    assert outer.args[1] == ("y",)


def test_a_name_that_is_not_called():
    found = read_inert(b"\x80\x02" + name("os", "system") + b".")
    assert is_record_class(found)
    assert found.origin == ("os", "system")
    assert found.__module__.startswith("heschl")


def test_makers_stand_for_names():
    content = pickle.dumps(collections.OrderedDict(a=1), 2)
    makers = {("collections", "OrderedDict"): dict}
    assert read_inert(content, allowed=(), makers=makers) == {"a": 1}
    with pytest.raises(ForeignNameError, match=r"names collections\.OrderedDict"):
        read_inert(content, allowed=())


def test_persistent_identifiers():
    content = b"\x80\x02" + text("there") + b"Q."
    assert read_inert(content, persistent=lambda one: one.upper()) == "THERE"
    with pytest.raises(InputError, match="BINPERSID"):
        read_inert(content)


def test_a_stream_stands_behind_the_pickle():
    stream = io.BytesIO(pickle.dumps([1], 2) + pickle.dumps("b", 4) + b"rest")
    assert read_inert(stream) == [1]
    assert read_inert(stream) == "b"
    assert stream.read() == b"rest"


def test_limits():
    with pytest.raises(InputError, match="more than 20 opcodes"):
        read_inert(pickle.dumps(list(range(30)), 2), limits=Limits(opcodes=20))
    many = b"".join(name("a", f"b{i}") for i in range(6))
    with pytest.raises(InputError, match="more than 5 names"):
        read_inert(b"\x80\x02(" + many + b"t.", limits=Limits(names=5))
    same = b"".join(name("a", "b") for _ in range(6))
    assert len(read_inert(b"\x80\x02(" + same + b"t.", limits=Limits(names=5))) == 6


@pytest.mark.parametrize(
    "key",
    [
        ((1,), 2),
        tuple(range(17)),
        2**65,
        (2**65,),
        frozenset({1}),
        (frozenset({1}), 2),
    ],
)
def test_keys_that_could_take_long_to_hash(key):
    for value in ({key: 1}, {key}, frozenset({key})):
        with pytest.raises(InputError, match="has a key of type"):
            read_inert(pickle.dumps(value, 4))


@pytest.mark.parametrize(
    "content",
    [
        b"\x80\x02]K\x01b.",  # a state for a list
        b"\x80\x02K\x01)R.",  # a call of a number
        b"\x80\x02" + name("a", "b") + b"K\x01R.",  # arguments that are no tuple
        b"\x80\x02(K\x01a.",  # what is below the mark is out of reach
        b"\x80\x02K\x01(0K\x02a.",
        b"\x80\x02}(K\x01u.",  # a key without a value
        b"\x80\x02K\x01e.",  # no mark
        b"\x80\x02h\x05.",  # nothing kept there
        b"\x80\x02}]K\x01s.",  # a list as a key
        b"\x80\x04K\x01K\x02\x93.",  # names that are no texts
        b"\x80\x04)(\x90.",  # values added to a tuple
        b"\x80\x02" + name("a", "b") + b"(K\x01u.",  # entries set in a name
        b"\x80\x02" + name("a", "b") + b"}b.",  # a state for a name
        b"\x80\x02" + name("a", "b") + b"K\x01a.",
    ],
)
def test_what_makes_no_sense(content):
    with pytest.raises(FAULTS):
        read_inert(content)


def test_many_arguments_are_not_copied():
    """A long tuple may be the arguments of many calls."""
    long = b"(" + b"N" * 50_000 + b"tq\x00"
    calls = (name("a", "b") + b"h\x00R") * 2000
    found = read_inert(b"\x80\x02" + long + b"(" + calls + b"t.")
    assert all(one.args is found[0].args for one in found)
    with pytest.raises(TypeError, match="50000 arguments"):
        read_inert(b"\x80\x02" + long + b"0" + calls + b".", makers={("a", "b"): list})


def test_what_is_shown_of_foreign_texts():
    assert shown("os.system") == "os.system"
    assert shown("a\x1b[2J\nb\u202e") == "a?[2J?b?"
    assert shown("x" * 101) == "x" * 100 + "..."


def test_numbers_at_the_edges():
    for value in (math.inf, -math.inf, -0.0, 2**31, -(2**31) - 1, 2**63, 2**64, 5e-324):
        assert math.copysign(1, read_inert(pickle.dumps(value, 2))) == math.copysign(1, value)
        assert read_inert(pickle.dumps(value, 2)) == value
