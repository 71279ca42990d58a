"""What may be written for a model, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

import heschl
from heschl.errors import UnknownNameError, UsageError
from heschl.models import MODELS, check_reference
from heschl.models.references import Reference, parse


@pytest.mark.parametrize(
    ("text", "expected", "name"),
    [
        ("beats-iter3", Reference("zoo", "beats-iter3"), "beats-iter3"),
        (
            "beats-iter3@random:12",
            Reference("zoo", "beats-iter3", control="random", seed=12),
            "beats-iter3@random:12",
        ),
        (
            "a@permuted:0",
            Reference("zoo", "a", control="permuted"),
            "a@permuted:0",
        ),
        (
            "a@file:/x/y@z.pt",
            Reference("zoo", "a", file=Path("/x/y@z.pt")),
            "a@file:y@z.pt",
        ),
        (
            "a@file:w.pt@permuted:3",
            Reference("zoo", "a", control="permuted", seed=3, file=Path("w.pt")),
            "a@file:w.pt@permuted:3",
        ),
        ("hf:org/name", Reference("hf", "org/name"), "hf:org/name"),
        (
            "hf:org/name@random:1",
            Reference("hf", "org/name", control="random", seed=1),
            "hf:org/name@random:1",
        ),
        ("hear:pkg.module", Reference("hear", "pkg.module"), "hear:pkg.module"),
        ("hear:mod:/w/x.pt", Reference("hear", "mod", "/w/x.pt"), "hear:mod:x.pt"),
        ("torch:mod.sub:make", Reference("torch", "mod.sub", "make"), "torch:mod.sub:make"),
    ],
)
def test_forms(text, expected, name):
    assert parse(text) == expected
    assert parse(text).name == name


def test_a_folder_with_a_configuration_is_one_of_transformers(tmp_path):
    (tmp_path / "mine").mkdir()
    assert parse(str(tmp_path / "mine")).kind == "zoo"
    with pytest.raises(UsageError, match=r"mine: a folder without a config\.json"):
        check_reference(str(tmp_path / "mine"))
    (tmp_path / "mine" / "config.json").write_text("{}")
    found = parse(f"{tmp_path / 'mine'}@random:0")
    assert (found.kind, found.control) == ("hf", "random")
    assert found.name == "hf:mine@random:0"  # no path of a machine in results


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a@random:", "the seed is ''; expected a whole number"),
        ("a@random:-1", "the seed is '-1'"),
        ("a@random:1.5", "the seed is '1.5'"),
        ("a@permuted:one", "the seed is 'one'"),
        ("a@rand:0", "unknown control after '@'; expected one of NAME"),
        ("torch:module:make@shuffled:1", "unknown control after '@'"),
        ("hear:module@shuffled:1", "unknown control after '@'"),
        ("a@file:x@random:0", "fresh weights and weights of a file"),
        ("hf:", "nothing follows hf:"),
        ("torch:module", "no function is named"),
        ("hf:a/b@file:x", "@file:PATH goes with a model of 'heschl list models' only"),
    ],
)
def test_what_has_no_form(text, message):
    with pytest.raises(UsageError, match=message):
        parse(text)


def test_controls_of_what_has_no_weights():
    for control in ("random", "permuted"):
        with pytest.raises(UsageError, match="cochleagram has no weights"):
            heschl.load_model(f"cochleagram@{control}:0")
        with pytest.raises(UsageError, match="cochleagram has no weights"):
            check_reference(f"cochleagram@{control}:0")


def test_unknown_names():
    with pytest.raises(UnknownNameError, match="Did you mean: spectrotemporal"):
        check_reference("spectrotemproal@random:0")


def test_aliases_are_the_published_identifiers():
    assert MODELS["braindnn_spectemp_filters"] is MODELS["spectrotemporal"]
    assert "braindnn_spectemp_filters" not in list(MODELS)
