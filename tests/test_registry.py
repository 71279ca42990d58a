"""Registries: names in order, and an unknown name answered with the nearest ones."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest

from heschl.brain import DATASETS
from heschl.encode import PROTOCOLS
from heschl.errors import HeschlError, UnknownNameError
from heschl.models import MODELS
from heschl.registry import Registry, import_object, unknown_name


@dataclass(frozen=True)
class Fruit:
    name: str
    colour: str = ""


NAMES = ("pineapple", "apple", "Banana", "cherry")
FRUIT = Registry("fruit", [Fruit(name) for name in NAMES])


def message(name, known=NAMES):
    return str(unknown_name("fruit", name, known))


def test_a_registry_is_a_mapping_in_order():
    assert tuple(FRUIT) == NAMES
    assert len(FRUIT) == 4
    assert FRUIT["apple"] == Fruit("apple")
    assert [spec.name for spec in FRUIT.values()] == list(NAMES)
    assert "apple" in FRUIT
    assert "plum" not in FRUIT
    assert FRUIT.get("apple") == Fruit("apple")
    assert FRUIT.get("plum") is None
    assert FRUIT.get("plum", 3) == 3


def test_names_are_told_apart_by_case():
    assert "banana" not in FRUIT
    with pytest.raises(UnknownNameError, match=r"unknown fruit 'banana'\. Did you mean: Banana"):
        FRUIT["banana"]


def test_two_entries_of_one_name_are_refused():
    with pytest.raises(ValueError, match="two fruits are named 'apple'"):
        Registry("fruit", [Fruit("apple", "red"), Fruit("plum"), Fruit("apple", "green")])


def test_the_whole_message():
    with pytest.raises(UnknownNameError) as caught:
        FRUIT["aple"]
    assert str(caught.value) == (
        "unknown fruit 'aple'. Did you mean: apple, pineapple? "
        "Known: pineapple, apple, Banana, cherry."
    )
    assert caught.value.exit_code == 2
    assert caught.value.__cause__ is None
    assert isinstance(caught.value, HeschlError)
    assert isinstance(caught.value, KeyError)


@pytest.mark.parametrize(
    ("typed", "nearest"),
    [("appel", "apple"), ("APPLE", "apple"), ("bananna", "Banana"), ("chery", "cherry")],
)
def test_the_nearest_name_comes_first(typed, nearest):
    assert message(typed).split("Did you mean: ")[1].split("?")[0].split(", ")[0] == nearest


def test_nothing_is_offered_where_nothing_is_near():
    assert message("zzz") == "unknown fruit 'zzz'. Known: pineapple, apple, Banana, cherry."


def test_at_most_three_names_are_offered():
    offered = message("item", [f"item{i}" for i in range(9)]).split("mean: ")[1].split("?")[0]
    assert len(offered.split(", ")) == 3


def test_names_that_differ_by_case_are_offered_once():
    assert message("aple", ["apple", "Apple"]).count("pple") == 3  # once offered, twice listed


def test_a_long_list_is_cut():
    names = [f"layer.{i}" for i in range(100)]
    text = message("x", names)
    assert "layer.39, ..." in text
    assert "layer.40" not in text
    assert message("x", names[:40]).endswith("layer.39.")


@pytest.mark.parametrize("name", [None, 3, ("apple",)])
def test_what_is_no_text_is_unknown(name):
    with pytest.raises(UnknownNameError, match="unknown fruit"):
        FRUIT[name]


def test_an_empty_registry():
    with pytest.raises(UnknownNameError, match=r"unknown fruit 'x'\. Known: none\."):
        Registry("fruit", [])["x"]


def test_import_object():
    assert import_object("heschl.registry:Registry") is Registry
    with pytest.raises(AttributeError):
        import_object("heschl.registry:Nothing")


@pytest.mark.parametrize("registry", [MODELS, DATASETS, PROTOCOLS], ids=lambda r: r.kind)
def test_every_misspelt_entry_is_found_again(registry):
    """One letter left out anywhere, or all in capitals: the right name is offered.

    It is the first unless the letter tells names apart ("encodecmae-base-s" is near two).
    """
    near = 0
    for name in registry:
        for typed in {name.upper(), *(name[:i] + name[i + 1 :] for i in range(len(name)))}:
            if typed in registry:
                continue
            with pytest.raises(UnknownNameError) as caught:
                registry[typed]
            assert f"unknown {registry.kind} {typed!r}." in str(caught.value)
            offered = re.search(r"Did you mean: ([^?]*)\?", str(caught.value))[1].split(", ")
            assert name in offered
            near += offered[0] != name
    assert near <= len(registry) / 4
