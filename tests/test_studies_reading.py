"""Study files: what they may say, and complaints that name the line."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from heschl.errors import InputError
from heschl.studies import read_study
from heschl.studies.names import check_names
from heschl.studies.steps import models_of, steps_of

ROOT = Path(__file__).resolve().parents[1]
GOOD = """\
study: small
title: Two models
models:
  - cochleagram
  - melspectrogram
datasets: [synthetic]
"""


@pytest.fixture
def study(tmp_path):
    """A function that writes text as a study file and reads it."""

    def read(text: str):
        path = tmp_path / "study.yaml"
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return read_study(path)

    return read


def complaint(read, text: str) -> str:
    with pytest.raises(InputError) as error:
        check_names(read(text))
    return str(error.value)


def test_defaults_are_those_of_the_published_study(study):
    said = study(GOOD).description
    assert said.metrics == ("regression", "rsa")
    assert said.protocols == said.probes == ("pepino2025",)
    assert said.seeds == (0,)
    assert said.bootstrap == 1000
    assert [model.name for model in said.models] == ["cochleagram", "melspectrogram"]


def test_an_unknown_model_in_line_14_is_named_with_the_nearest(study):
    models = "".join(f"  - {name}\n" for name in ("cochleagram", "vggish", "ast", "beats-iter1"))
    text = "# a comment\n\nstudy: s\ntitle: t\ndatasets: [synthetic]\n\nmodels:\n" + models
    text += "  - beats-iter2\n  - wav2vec2\n  - encodecmae-bas\n"
    assert text.splitlines()[13] == "  - encodecmae-bas"
    said = complaint(study, text)
    assert "line 14: unknown model 'encodecmae-bas'" in said
    assert "Did you mean: encodecmae-base" in said


def test_a_misspelt_key_is_named_with_the_nearest(study):
    said = complaint(study, GOOD + "metric: [rsa]\n")
    assert "line 7: unknown key 'metric'. Did you mean: metrics" in said
    said = complaint(study, GOOD.replace("  - cochleagram", "  - name: cochleagram\n    famly: x"))
    assert "line 5: unknown key 'famly'. Did you mean: family" in said
    assert "bootstrap" not in said, "only the keys of a model are offered"


def test_all_mistakes_are_listed_in_the_order_of_their_lines(study):
    text = GOOD.replace("melspectrogram", "melspectogram").replace("[synthetic]", "[sinthetic]")
    lines = complaint(study, text + "controls: [random]\nprobes: [linaer]\n").splitlines()
    assert "4 mistakes" in lines[0]
    assert [line.split(":")[0].strip() for line in lines[1:]] == [
        "line 5", "line 6", "line 7", "line 8",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "empty"),
        ("- a\n- b\n", "a list; expected keys"),
        ("study: [", "not YAML"),
        (GOOD + "study: again\n", "line 7: 'study' a second time"),
        (GOOD.replace("study: small\n", ""), "line 1: no 'study'"),
        (GOOD.replace("small", "a/b"), "line 1: study is 'a/b'"),
        (GOOD + "bootstrap: 10\n", "line 7: bootstrap is 10; expected at least 100"),
        (GOOD + "bootstrap: many\n", "line 7: bootstrap is 'many'"),
        (GOOD + "seeds: [-1]\n", "line 7: seeds is -1"),
        (GOOD + "seeds: []\n", "line 7: seeds is []"),
        (GOOD + "layer_profiles: 1\n", "line 7: layer_profiles is 1"),
        (GOOD + "metrics: [rsb]\n", "line 7: unknown metric 'rsb'"),
        (GOOD + "protocols: [tuckute2023]\n", "metric 'rsa' has none of the protocols"),
        (GOOD.replace("datasets: [synthetic]", "seeds: [0]"), "neither datasets nor tasks"),
        (GOOD.replace("melspectrogram", "cochleagram"), "line 5: 'cochleagram' a second time"),
        (GOOD + "tasks: [./nowhere]\n", "line 7: ./nowhere: no such folder"),
        (GOOD + "tasks: [{name: a/b, from: x}]\n", "from: goes with a task of 'heschl list'"),
        (GOOD.replace("cochleagram", "cochleagram@random:0"), "cochleagram has no weights"),
        (GOOD.replace("cochleagram", "{name: vggish, hours: 3}"), "vggish is known"),
        (GOOD.replace("cochleagram", "{name: 'torch:a:b', modules: x}"), "modules: x is no folder"),
        (GOOD.replace("cochleagram", "torch:a"), "no function is named"),
        (GOOD + "tasks: &t [a]\nprobes: *t\n", "line 8: an alias (*t)"),
        (GOOD + "title2: !!python/object:os.system x\n", "line 7: 'x' with tag tag:yaml.org"),
        (GOOD + "controls: !mine x\n", "line 7: 'x' with tag !mine"),
    ],
)  # fmt: skip
def test_wrong_files(study, text, expected):
    assert expected in complaint(study, text)


def test_billion_laughs_are_not_expanded(study):
    rows = ["a0: &a0 [lol, lol]"]
    rows += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    assert "line 2: an alias (*a0)" in complaint(study, "\n".join(rows))


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_study(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes("title: Gehör".encode("latin-1"))
    with pytest.raises(InputError, match="not UTF-8"):
        read_study(tmp_path / "latin.yaml")
    (tmp_path / "large.yaml").write_bytes(b"#" * 1_000_001)
    with pytest.raises(InputError, match="1,000,001 bytes"):
        read_study(tmp_path / "large.yaml")
    (tmp_path / "deep.yaml").write_text("a: " + "[" * 20_000)
    with pytest.raises(InputError, match="line 1: nested more than 20 deep"):
        read_study(tmp_path / "deep.yaml")


def test_steps_come_model_by_model_with_controls_of_what_is_learned(study):
    file = study(
        GOOD.replace("melspectrogram", "vggish")
        + "controls: [random:3, permuted:1]\ntasks: [synthetic-tones]\nseeds: [5, 6]\n"
    )
    assert [name for name, _ in models_of(file)] == [
        "cochleagram", "vggish", "vggish@random:3", "vggish@permuted:1",
    ]  # fmt: skip
    steps = [(one.metric, one.protocol, one.seed) for one in steps_of(file)][:4]
    assert steps == [
        ("regression", "pepino2025", 5),
        ("rsa", "pepino2025", 5),
        ("probe", "pepino2025", 5),
        ("probe", "pepino2025", 6),
    ]
    names = [one.name for one in steps_of(file)]
    assert len(set(names)) == len(names) == 16


def test_the_published_study_is_complete():
    file = read_study(ROOT / "studies" / "pepino2025.yaml")
    check_names(file)
    said = file.description
    assert len(said.models) == 36
    assert [entry.name for entry in said.datasets] == ["nh2015", "b2021", "nh2015-components"]
    assert [entry.name for entry in said.tasks] == [
        "esc50", "fsd50k", "nsynth-pitch", "speech-commands", "crema-d", "gtzan",
    ]  # fmt: skip
    # 36 models x (3 datasets x 2 metrics + 6 tasks)
    assert len(steps_of(file)) == 36 * 12
