"""Recipes: the published numbers by default, complaints with their lines, what may change later."""

import json
from pathlib import Path

import pytest
import yaml

from heschl.errors import InputError, StoreError
from heschl.pretrain import record
from heschl.pretrain.losses import CODEBOOK_WEIGHTS
from heschl.pretrain.making import configuration, learning_rate
from heschl.pretrain.recipe import CODEBOOKS, SIZES, read_recipe
from heschl.results import environment
from small_pretraining import recipe as small_recipe

RECIPES = Path(__file__).resolve().parents[1] / "recipes"
BEGINNING = "name: mine\ndata:\n  sources: [sounds]\n"  # lines 1 to 3


@pytest.fixture
def read(tmp_path):
    """A function that writes a text as a recipe and reads it."""

    def reading(text):
        (tmp_path / "recipe.yaml").write_text(text)
        return read_recipe(tmp_path / "recipe.yaml")

    return reading


def complaint(read, text):
    with pytest.raises(InputError) as error:
        read(text)
    return str(error.value).partition("recipe.yaml")[2]


# what a recipe says


def test_defaults_are_the_published_numbers(read):
    """protocols.md, section 8; betas and decay: configs/models/encodecmae.gin of the authors."""
    said = read(BEGINNING).description
    assert said.data.crop == 4.0
    training = said.training
    assert (training.batch_size, training.parts, training.steps) == (128, 1, 500_000)
    assert (training.learning_rate, training.warmup, training.clip) == (1e-4, 0, None)
    assert (training.betas, training.weight_decay) == ((0.9, 0.95), 0.05)
    assert training.precision == "16"
    assert (training.mask_gap, training.mask_proportion) == (15, 0.5)
    assert training.masked_weight == 0.9
    assert (said.network.input, said.network.decoder_depth) == ("mel", 2)
    assert (said.network.heads, said.network.hidden) == (12, 4096)
    assert (said.targets.kind, said.targets.codebooks, said.targets.codes) == (
        "encodec",
        None,
        None,
    )
    assert (said.encodec, len(CODEBOOK_WEIGHTS)) == ("facebook/encodec_24khz", 8)
    assert said.checkpoints.every == said.alignment.every == 1000
    assert said.alignment.datasets == ()
    assert [learning_rate(said, step) for step in (0, 1, 499_999)] == [1e-4] * 3


def test_published_sizes(read):
    # models.md, section 2 (7)
    assert SIZES == {"small": (768, 5), "base": (768, 10), "large": (1024, 20)}
    for size, shape in SIZES.items():
        said = read(f"{BEGINNING}network: {size}\n").description
        found = configuration(said)
        assert (found.dim, found.depth) == shape
        assert (found.heads, found.hidden, found.chunk_samples) == (12, 4096, 96_000)
    assert configuration(read(BEGINNING).description).depth == 10
    own = read(f"{BEGINNING}network: {{size: large, dim: 36, input: encodec}}\n").description
    found = configuration(own)
    assert (found.dim, found.depth, found.front_end.kind) == (36, 20, "encodec")


def test_codebooks_of_encodec():
    # bandwidths of 1.5 to 24 kbit/s; a code of 10 bits, 75 times a second, is 0.75
    assert tuple(int(rate / 0.75) for rate in (1.5, 3, 6, 12, 24)) == CODEBOOKS


def test_numbers_as_people_write_them(read):
    said = read(
        f"{BEGINNING}  crop: 2\n"
        "training: {steps: 150_000, learning_rate: 5e-4, precision: 32, betas: [0, 0.5]}\n"
    ).description
    assert (said.data.crop, said.training.steps, said.training.learning_rate) == (2, 150_000, 5e-4)
    assert (said.training.precision, said.training.betas) == ("32", (0.0, 0.5))


def test_sources(read):
    said = read(
        "name: a\ndata: {sources: [{folder: x, weight: 2}, {folder: /y, weight: .5, name: z}]}"
    )
    first, second = said.description.data.sources
    assert (said.folder(first.folder), first.weight, first.name) == (
        said.path.parent / "x",
        2,
        None,
    )
    assert (said.folder(second.folder), second.weight, second.name) == (Path("/y"), 0.5, "z")


def test_a_learning_rate_that_rises(read):
    said = read(f"{BEGINNING}training: {{warmup: 3, learning_rate: 2}}\n").description
    assert [learning_rate(said, step) for step in range(5)] == [0.5, 1.0, 1.5, 2.0, 2.0]


def test_the_recipes_that_heschl_brings():
    found = {path.stem: read_recipe(path) for path in RECIPES.glob("*.yaml")}
    assert set(found) == {"encodecmae-base", "second-stage", "small-offline"}
    base = found["encodecmae-base"].description
    assert base.training == type(base.training)()  # the published one is the default
    assert base.targets == type(base.targets)()
    second = found["second-stage"].description
    assert (second.targets.kind, second.training.steps) == ("clusters", 150_000)
    assert found["small-offline"].description.targets.kind == "random-projection"
    for file in found.values():
        assert configuration(file.description)


# complaints

MISSPELT = [
    ("nmae: x", "nmae", "name"),
    ("network:\n  haeds: 3", "haeds", "heads"),
    ("targets:\n  knid: clusters", "knid", "kind"),
    ("training:\n  step: 3", "step", "steps"),
    ("checkpoints:\n  evry: 3", "evry", "every"),
    ("alignment:\n  dataset: [x]", "dataset", "datasets"),
]


@pytest.mark.parametrize(("text", "wrong", "right"), MISSPELT)
def test_misspelt_keys(read, text, wrong, right):
    line = 4 + text.count("\n")
    said = complaint(read, f"{BEGINNING}{text}\n")
    assert said.startswith(f", line {line}: unknown key {wrong!r}. Did you mean: {right}")


def test_misspelt_keys_of_the_data(read):
    said = complaint(read, "name: a\ndata:\n  sources: [x]\n  corp: 2\n")
    assert said.startswith(", line 4: unknown key 'corp'. Did you mean: crop")
    said = complaint(
        read, "name: a\ndata:\n  sources:\n    - x\n    - folder: y\n      wieght: 2\n"
    )
    assert said.startswith(", line 6: unknown key 'wieght'. Did you mean: weight?")


WRONG = [
    ("training: {steps: 0}", "steps is 0; input should be greater than 0"),
    ("training: {steps: 1.5}", "steps is 1.5; input should be a valid integer"),
    ("training: {steps: '3'}", "steps is '3'; input should be a valid integer"),
    ("training: {batch_size: -1}", "batch_size is -1; input should be greater than 0"),
    ("training: {learning_rate: -1e-4}", "learning_rate is '-1e-4'; input should be greater than"),
    ("training: {learning_rate: fast}", "learning_rate is 'fast'; input should be a valid number"),
    ("training: {learning_rate: yes}", "learning_rate: a truth value (True); expected a number"),
    ("training: {learning_rate: .inf}", "learning_rate is inf; input should be a finite number"),
    ("training: {weight_decay: .nan}", "weight_decay is nan; input should be"),
    ("training: {betas: [0.9]}", "betas has no entry 2; expected one"),
    ("training: {betas: [0.9, 1]}", "betas is 1; input should be less than 1"),
    ("training: {betas: 0.9}", "betas is 0.9; expected a list"),
    ("training: {warmup: -1}", "warmup is -1; input should be greater than or equal to 0"),
    ("training: {precision: 64}", "precision is '64'; input should be '32', '16' or 'bf16'"),
    ("training: {seed: 4294967296}", "seed is 4294967296; input should be less than 4294967296"),
    ("training: {mask_proportion: 1}", "mask_proportion is 1; input should be less than 1"),
    ("training: {masked_weight: 1.1}", "masked_weight is 1.1; input should be less than or equal"),
    ("training: {accelerator: tpu}", "accelerator is 'tpu'; input should be 'auto', 'cpu', 'cuda'"),
    ("training: [3]", "training is [3]; expected keys and their values"),
    ("checkpoints:", "checkpoints is None; expected keys and their values"),
    ("checkpoints: {every: 0}", "every is 0; input should be greater than 0"),
    ("alignment: {datasets: NH2015}", "datasets is 'NH2015'; expected a list"),
    ("alignment: {metrics: [rsaa]}", "metrics is 'rsaa'; input should be 'rsa' or 'regression'"),
    ("network: huge", "size is 'huge'; input should be 'small', 'base' or 'large'"),
    ("network: {input: waveform}", "input is 'waveform'; input should be 'mel', 'spectrogram' or"),
    ("network: {dim: 16, heads: 17}", "network: heads is 17 for layers of 16; expected at most 16"),
    ("encodec: ''", "encodec is ''; string should have at least 1 character"),
    ("targets: {kind: clusters}", "targets: kind is clusters and teacher None; expected a teacher"),
    ("targets: {teacher: x}", "targets: kind is encodec and teacher 'x'; expected a teacher for"),
    (
        "targets: {kind: random-projection, teacher: x}",
        "targets: kind is random-projection and teacher 'x'; expected a teacher for clusters",
    ),
    (
        "targets: {kind: clusters, teacher: x, codebooks: 2}",
        "targets: clusters are one codebook, not 2; expected codebooks: 1, or none",
    ),
    ("targets: {codebooks: 5}", "targets: codebooks is 5; expected one of 2, 4, 8, 16, 32"),
    ("targets: {codes: 512}", "targets: EnCodec's codebooks have 1024 codes, not 512; expected"),
    ("targets: {kind: random-projection, codes: 1}", "codes is 1; input should be greater than 1"),
    ("targets: {crops: 0}", "crops is 0; input should be greater than 0"),
]


@pytest.mark.parametrize(("text", "message"), WRONG)
def test_wrong_values(read, text, message):
    assert complaint(read, f"{BEGINNING}{text}\n").startswith(f", line 4: {message}")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("{}", "no 'sources'; expected it here"),
        ("{sources: []}", "data: no sources; expected at least one folder"),
        ("{sources: x}", "sources is 'x'; expected a list"),
        ("{sources: [3]}", "sources is 3; expected keys and their values"),
        ("{sources: [{weight: 3}]}", "no 'folder'; expected it here"),
        ("{sources: [{folder: x, weight: 0}]}", "weight is 0; input should be greater than 0"),
        (
            "{sources: [{folder: x, weight: 2}, y]}",
            "data: source y has no weight and others have one; expected a weight for every source",
        ),
        ("{sources: [x], crop: 0}", "crop is 0; input should be greater than 0"),
        ("{sources: [x], workers: -1}", "workers is -1; input should be greater than or equal"),
        ("{sources: [x], skip_bad: 1}", "skip_bad is 1; input should be a valid boolean"),
    ],
)
def test_wrong_data(read, data, message):
    assert complaint(read, f"name: a\ndata: {data}\n").startswith(f", line 2: {message}")


def test_several_mistakes_are_told_at_once_in_their_order(read):
    said = complaint(read, "name: a b\ndata: {sources: [x]}\ntraining:\n  steps: 0\n  seeds: 1\n")
    lines = said.splitlines()
    assert lines[0] == ": 3 mistakes"
    assert [line.split(":")[0] for line in lines[1:]] == ["  line 1", "  line 4", "  line 5"]


def test_texts_that_are_no_recipe(read, tmp_path):
    assert complaint(read, "data: {sources: [x]}\n") == ", line 1: no 'name'; expected it here"
    assert complaint(read, "") == ": empty; expected keys such as 'data:'"
    assert complaint(read, "- a\n") == ": a list; expected keys such as 'data:'"
    assert "a second time" in complaint(read, f"{BEGINNING}name: b\n")
    assert "not YAML" in complaint(read, "name: [\n")
    with pytest.raises(InputError, match=r"cannot be read .*; expected a recipe"):
        read_recipe(tmp_path / "nowhere.yaml")


def test_crops_that_would_be_left_out_when_the_model_is_used(read):
    # pieces of at most 2048 samples are: 0.0853 s at 24 kHz
    short = read("name: a\ndata: {sources: [x], crop: 0.0853}\n").description
    with pytest.raises(InputError, match=r"crop is 0.0853 s, 2047 samples at 24000 Hz; expected"):
        configuration(short)
    enough = read("name: a\ndata: {sources: [x], crop: 0.0854}\n").description
    assert configuration(enough).chunk_samples == 2050


def test_crops_are_as_long_as_those_that_are_read(read):
    """0.29 * 24000 is a little less than 6960."""
    said = read("name: a\ndata: {sources: [x], crop: 0.29}\n").description
    assert configuration(said).chunk_samples == 6960


# what may change from one session to the next


def kept(folder, **changes):
    return read_recipe(small_recipe(folder, **changes)).description


@pytest.mark.parametrize(
    "changes",
    [
        {"training": {"steps": 9, "parts": 2, "devices": 2, "accelerator": "auto"}},
        {"training": {"learning_rate": 1e-5, "warmup": 10, "clip": 1.0, "first_weights": "x.pt"}},
        {"data": {"workers": 3, "sources": [{"folder": "moved", "name": "sounds"}]}},
        {"checkpoints": {"every": 5}, "encodec": "codec"},
        {"alignment": {"datasets": ["synthetic"], "every": 3}},
    ],
)
def test_what_may_change(tmp_path, changes):
    record.check(tmp_path, kept(tmp_path))  # nothing has begun
    assert not record.begun(tmp_path)
    record.keep(tmp_path, kept(tmp_path))
    assert record.begun(tmp_path)
    changed = kept(tmp_path, **changes)
    record.check(tmp_path, changed)
    record.keep(tmp_path, changed)
    content = json.loads((tmp_path / record.FILE).read_text())
    assert type(changed).model_validate_json(json.dumps(content["recipe"])) == changed
    assert content["environment"] == environment()
    record.check(tmp_path, kept(tmp_path))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "other"}, "name is 'other'; the training in .* began with 'tiny'"),
        ({"data": {"crop": 1}}, r"data\.crop is 1\.0; .* began with 0\.5"),
        ({"network": {"heads": 4}}, r"network\.heads is 4; .* began with 2"),
        ({"network": {"size": "large"}}, r"network\.size is 'large'; .* began with 'base'"),
        ({"targets": {"codes": 7}}, r"targets\.codes is 7; .* began with 20"),
        ({"training": {"batch_size": 5}}, r"training\.batch_size is 5; .* began with 4"),
        ({"training": {"seed": 1}}, r"training\.seed is 1; .* began with 0"),
        ({"training": {"betas": [0.9, 0.99]}}, r"betas is \[0\.9, 0\.99\]; .* \[0\.9, 0\.95\]"),
        ({"training": {"masked_weight": 1}}, r"training\.masked_weight is 1\.0; .* 0\.9"),
        ({"training": {"precision": "bf16"}}, r"training\.precision is 'bf16'; .* '32'"),
    ],
)
def test_what_may_not_change(tmp_path, changes, message):
    record.keep(tmp_path, kept(tmp_path))
    with pytest.raises(InputError, match=message):
        record.check(tmp_path, kept(tmp_path, **changes))
    record.check(tmp_path, kept(tmp_path))  # it was not written


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"recipe": 3}'])
def test_a_damaged_record(tmp_path, text):
    (tmp_path / record.FILE).write_text(text)
    with pytest.raises(StoreError, match=r"recipe\.json: not readable"):
        record.check(tmp_path, kept(tmp_path))


def test_a_file_that_yaml_writes_is_read_again(tmp_path):
    said = kept(tmp_path, training={"learning_rate": 3e-5, "clip": 0.5})
    path = tmp_path / "again.yaml"
    path.write_text(yaml.safe_dump(said.model_dump(mode="json", exclude_none=True)))
    assert read_recipe(path).description == said
