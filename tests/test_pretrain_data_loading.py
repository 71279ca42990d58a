"""Batches: the same whatever the workers, the processes and the step a run goes on from."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque

import numpy as np
import pytest
import torch

from heschl.errors import AudioError, HeschlError, UsageError
from heschl.pretrain.data import Source, draw, index_sources, read_crop
from heschl.pretrain.data.loading import Batch, batches
from sound_folders import damage_inside, write

SECONDS = 0.25
OPTIONS = {"seed": 3, "batch_size": 6, "crop_seconds": SECONDS}

# the server of processes is spoken to through a file that is a socket, so are shared arrays
workers = pytest.mark.enable_socket


@pytest.fixture
def index(tmp_path):
    """Files of several kinds, rates and lengths, some shorter than a crop."""
    sounds = tmp_path / "sounds"
    write(sounds / "a.wav", 30_000, 16_000)
    write(sounds / "b.flac", 60_000, 44_100, channels=2)
    write(sounds / "c.ogg", 30_000, 22_050)
    write(sounds / "short.wav", 2000, 16_000)
    write(sounds / "d.wav", 24_000, 24_000)
    return index_sources([Source(sounds)])


def equal(one: Batch, two: Batch):
    assert one.step == two.step
    for name in ("items", "waveforms", "n_samples", "mask_seeds"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    assert one.replaced == two.replaced


def test_a_batch_is_its_items_one_by_one(index):
    for step, batch in enumerate(batches(index, first_step=0, last_step=3, **OPTIONS)):
        assert batch.step == step
        assert batch.waveforms.shape == (6, 6000)
        assert batch.waveforms.dtype == torch.float32
        assert batch.n_samples.dtype == torch.int64
        assert batch.mask_seeds.dtype == batch.items.dtype == np.int64
        np.testing.assert_array_equal(batch.items, step * 6 + np.arange(6))
        for row, item in enumerate(batch.items):
            crop = draw(index, 3, int(item), SECONDS)
            waveform, n_samples = read_crop(
                index.path(crop.file), crop, crop_seconds=SECONDS, sample_rate=24_000
            )
            np.testing.assert_array_equal(batch.waveforms[row], waveform)
            assert batch.n_samples[row] == n_samples
            assert batch.mask_seeds[row] == crop.mask_seed
    assert step == 2


def test_a_run_goes_on_from_any_step(index):
    whole = list(batches(index, first_step=0, last_step=6, **OPTIONS))
    for first in (1, 4, 6):
        rest = list(batches(index, first_step=first, last_step=6, **OPTIONS))
        assert len(rest) == 6 - first
        for one, two in zip(whole[first:], rest, strict=True):
            equal(one, two)


@pytest.mark.parametrize("world_size", [2, 3])
def test_processes_share_the_batch_of_one(index, world_size):
    ranks = [
        batches(index, first_step=1, last_step=3, rank=rank, world_size=world_size, **OPTIONS)
        for rank in range(world_size)
    ]
    whole = batches(index, first_step=1, last_step=3, **OPTIONS)
    for batch, *parts in zip(whole, *ranks, strict=True):
        for rank, part in enumerate(parts):
            rows = np.flatnonzero(batch.items % world_size == rank)
            for name in ("items", "waveforms", "n_samples", "mask_seeds"):
                expected = getattr(batch, name)[rows]
                np.testing.assert_array_equal(getattr(part, name), expected)


@workers
def test_workers_give_the_same_and_end_when_the_consumer_stops(index):
    alone = list(batches(index, first_step=2, last_step=8, **OPTIONS))
    state = torch.get_rng_state()
    loaded = batches(index, first_step=2, last_step=100_000, workers=2, **OPTIONS)
    assert not multiprocessing.active_children()  # none before they are needed
    for one in alone:
        equal(one, next(loaded))
    assert len(multiprocessing.active_children()) == 2
    loaded.close()
    assert not multiprocessing.active_children()
    assert torch.equal(torch.get_rng_state(), state)


@workers
def test_an_error_in_a_worker_is_its_own_and_ends_the_workers(index):
    damage_inside(index.path(1))
    loaded = batches(index, first_step=0, last_step=1000, workers=1, **OPTIONS)
    with pytest.raises(AudioError) as caught:
        deque(loaded)
    text = str(caught.value)
    assert "b.flac, at " in text
    assert text.endswith("skip_bad: true in the recipe's data, or skip_bad=True")
    assert "Traceback" not in text
    assert not multiprocessing.active_children()


@workers
def test_a_worker_that_dies_is_told(index):
    loaded = batches(index, first_step=0, last_step=100_000, workers=1, **OPTIONS)
    next(loaded)
    (child,) = multiprocessing.active_children()
    os.kill(child.pid, signal.SIGKILL)
    with pytest.raises(HeschlError, match="a process that reads training sounds died"):
        deque(loaded)


# damage that the first look does not find


def test_damaged_items_are_drawn_again(index):
    """Good items stay as they are; the others are the next good draw of the same item."""
    before = list(batches(index, first_step=0, last_step=8, **OPTIONS))
    damage_inside(index.path(1))
    after = list(batches(index, first_step=0, last_step=8, skip_bad=True, **OPTIONS))
    n_replaced = 0
    for one, two in zip(before, after, strict=True):
        n_here = 0
        for row, item in enumerate(map(int, one.items)):
            attempt, crop = 0, draw(index, 3, item, SECONDS)
            while not readable(index, crop):
                attempt += 1
                crop = draw(index, 3, item, SECONDS, attempt=attempt)
            n_here += attempt
            expected = readable(index, crop)
            np.testing.assert_array_equal(two.waveforms[row], expected[0])
            assert two.n_samples[row] == expected[1]
            assert two.mask_seeds[row] == crop.mask_seed
            if attempt == 0:
                np.testing.assert_array_equal(two.waveforms[row], one.waveforms[row])
        assert len(two.replaced) == n_here
        assert all("b.flac, at " in why for why in two.replaced)
        n_replaced += n_here
    assert n_replaced >= 3


def readable(index, crop):
    try:
        return read_crop(index.path(crop.file), crop, crop_seconds=SECONDS, sample_rate=24_000)
    except AudioError:
        return None


def test_files_that_are_all_gone_end_training(index):
    for file in range(len(index)):
        index.path(file).unlink()
    with pytest.raises(AudioError, match="item 0: 20 crops in a row cannot be read, the last"):
        next(batches(index, first_step=0, last_step=1, skip_bad=True, **OPTIONS))


# numbers that cannot be


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 7, "world_size": 2}, "batch_size is 7 for 2 processes; .* multiple of 2"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"rank": 2, "world_size": 2}, "rank 2 of 2 processes; expected 0 to 1"),
        ({"first_step": 5, "last_step": 4}, "first_step is 5 and last_step 4"),
        ({"first_step": -1}, "first_step is -1"),
        ({"workers": -1}, "workers is -1"),
        ({"sample_rate": 0}, "sample_rate is 0"),
        ({"crop_seconds": -4.0}, "crop_seconds is -4.0"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_wrong_numbers_are_refused_at_once(index, options, message):
    with pytest.raises(UsageError, match=message):
        batches(index, **{"first_step": 0, "last_step": 9, **OPTIONS, **options})
