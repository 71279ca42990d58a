"""What holds for every dataset of the table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from heschl.brain import DATASETS, BrainDataset, load_dataset
from heschl.errors import InputError, UnknownNameError
from mcdermott_release import simulate


@pytest.fixture(scope="session")
def copies(shared, tmp_path_factory):
    """Local copies of the releases, made of ../shared, by dataset."""
    simulated = simulate(shared, tmp_path_factory.mktemp("simulated"))
    mcdermott = dict.fromkeys(("nh2015", "b2021", "nh2015-components"), simulated)
    return {"natsound165": shared / "data" / "natsound165"} | mcdermott


@pytest.fixture(
    params=[
        pytest.param(name, marks=pytest.mark.shared) if spec.fetch is not None else name
        for name, spec in DATASETS.items()
    ]
)
def dataset(request):
    spec = DATASETS[request.param]
    if spec.fetch is not None:
        spec.fetch(request.getfixturevalue("copies")[request.param])
    return load_dataset(request.param)


class TestEveryDataset:
    def test_is_what_the_table_says(self, dataset):
        spec = DATASETS[dataset.name]
        assert isinstance(dataset, BrainDataset)
        assert dataset.kind == spec.kind
        if spec.fetch is None or spec.kind == "components":  # copies for tests have fewer voxels
            assert (len(dataset.sounds), dataset.n_targets) == (spec.n_sounds, spec.n_targets)
        assert dataset.citation == spec.citation
        assert dataset.licence == spec.licence
        assert spec.summary

    def test_sounds_can_be_heard_and_are_known_by_content(self, dataset):
        dataset.sounds.check()
        assert len({facts.digest for facts in dataset.sounds.facts}) == len(dataset.sounds)
        assert all(dataset.sounds.categories)
        x = dataset.sounds[:3].waveforms(16_000)
        assert x.shape == (3, round(16_000 * dataset.sounds.duration))
        assert x.dtype == np.float32

    def test_folds_are_even_and_hold_every_category(self, dataset):
        sizes = np.bincount(dataset.folds)
        assert len(sizes) == 5
        assert sizes.min() == sizes.max()

    def test_responses_vary(self, dataset):
        assert dataset.mean_responses().shape == (len(dataset.sounds), dataset.n_targets)
        measured = ~np.isnan(dataset.responses).all(axis=0)
        assert measured.any(axis=1).all()
        assert (np.std(dataset.responses, axis=0)[measured] > 0).all()

    def test_can_be_loaded_again_unchanged(self, dataset):
        again = load_dataset(dataset.name)
        np.testing.assert_array_equal(again.responses, dataset.responses)
        assert again.sounds.names == dataset.sounds.names

    def test_published_scores_are_of_its_targets(self, dataset):
        for scores in dataset.published.values():
            assert set(scores) <= set(dataset.targets["target"])


def test_objects_names_and_paths(tmp_path):
    data = load_dataset("synthetic")
    assert load_dataset(data) is data
    with pytest.raises(UnknownNameError, match=r"Did you mean: synthetic.*Nor is there a folder"):
        load_dataset("synthetik")
    with pytest.raises(InputError, match="no such folder"):
        load_dataset(Path("synthetic-folder"))
    with pytest.raises(InputError, match="no such folder"):
        load_dataset(str(tmp_path / "nothing"))
