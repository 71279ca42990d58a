"""Masks, frames and the loss of the pretraining, against loops and hand-made cases."""

import math

import numpy as np
import pytest
import torch

from heschl.errors import UsageError
from heschl.models.encodecmae.frontends import Mel, Spectrogram, Waveform
from heschl.pretrain.frames import Frames, n_frames
from heschl.pretrain.losses import CODEBOOK_WEIGHTS, Counts, count, masked_cross_entropy
from heschl.pretrain.masking import gap_mask, gap_masks


@pytest.mark.parametrize("n", [1, 2, 14, 15, 16, 29, 30, 31, 149, 300, 1001])
def test_half_of_the_frames_are_masked_to_the_exact_count(n):
    for seed in range(20):
        assert gap_mask(n, np.random.default_rng(seed)).sum() == n // 2


class Starts:
    """A generator that gives these starts, one after the other."""

    def __init__(self, *starts):
        self.starts = list(starts)

    def integers(self, low, high):
        start = self.starts.pop(0)
        assert low <= start < high
        return start


def test_gaps_overlap_and_the_last_ones_surplus_is_uncovered_at_the_first():
    # 10 of 20: gaps of 4 from 2, 4 (2 new frames), 12 (4 new) are 10 frames to the count
    exact = gap_mask(20, Starts(2, 4, 12), gap=4)
    np.testing.assert_array_equal(np.flatnonzero(exact), [2, 3, 4, 5, 6, 7, 12, 13, 14, 15])
    # from 2, 8 and 12: 12 frames, two too many: the first two of the first gap are uncovered
    trimmed = gap_mask(20, Starts(2, 8, 12), gap=4)
    np.testing.assert_array_equal(np.flatnonzero(trimmed), [4, 5, 8, 9, 10, 11, 12, 13, 14, 15])


def test_a_clip_shorter_than_a_gap_is_masked_from_its_start():
    # the gap covers all 7 frames; 4 of them are uncovered from its start on
    np.testing.assert_array_equal(np.flatnonzero(gap_mask(7, Starts(0))), [4, 5, 6])


def test_starts_are_as_likely_anywhere():
    masked = np.mean([gap_mask(100, np.random.default_rng(s), gap=5) for s in range(4000)], axis=0)
    inner = masked[10:-10]
    assert abs(inner - inner.mean()).max() < 5 * math.sqrt(0.25 / 4000)


def test_masks_of_a_batch_depend_on_their_own_seeds_alone():
    batch = gap_masks([100, 40], [7, 8], 120)
    np.testing.assert_array_equal(batch[1, :40], gap_mask(40, np.random.default_rng(8)))
    assert not batch[0, 100:].any()
    assert not batch[1, 40:].any()
    np.testing.assert_array_equal(gap_masks([40], [8], 120)[0], batch[1])


@pytest.mark.parametrize(("gap", "proportion"), [(0, 0.5), (15, 1.0), (15, -0.1)])
def test_wrong_masks(gap, proportion):
    with pytest.raises(UsageError, match="expected gaps of at least 1"):
        gap_mask(10, np.random.default_rng(0), gap=gap, proportion=proportion)


def test_frames_in_order_of_time():
    mask = torch.tensor([[1, 0, 0, 1, 0], [0, 1, 1, 0, 0]]).bool()
    valid = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 1, 0]]).bool()
    frames = Frames.of(mask, valid)
    assert frames.order[0].tolist() == [1, 2, 4]
    assert frames.order[1, :2].tolist() == [0, 3]
    assert frames.seen.tolist() == [[True, True, True], [True, True, False]]
    assert torch.equal(frames.sounding, valid)


def test_where_nothing_is_padded_no_keys_are_masked():
    frames = Frames.draw([30, 30], [1, 2], 30, gap=15, proportion=0.5)
    assert frames.seen is None
    assert frames.sounding is None
    assert frames.order.shape == (2, 15)


@pytest.mark.parametrize("front_end", [Mel(), Spectrogram(), Waveform()])
def test_frames_of_so_many_samples_are_those_of_the_front_end(front_end):
    from heschl.models.encodecmae.seanet import SEANetEncoder

    for n_samples in (637, 954, 955, 24_000, 48_000, 95_999, 96_000):
        features = front_end(torch.zeros(1, n_samples))
        if isinstance(front_end, Waveform):
            features = SEANetEncoder()(features).detach()
        assert n_frames(front_end, torch.tensor([n_samples])).tolist() == [features.shape[1]]
    assert n_frames(front_end, torch.tensor([3])).tolist() == [1]


def made_up(n=3, n_frames=11, n_codebooks=4, n_codes=7, seed=0):
    rng = torch.Generator().manual_seed(seed)
    logits = torch.randn(n, n_frames, n_codebooks, n_codes, generator=rng)
    codes = torch.randint(n_codes, (n, n_codebooks, n_frames), generator=rng)
    lengths = torch.tensor([n_frames, n_frames - 2, 4])[:n]
    valid = torch.arange(n_frames) < lengths[:, None]
    mask = (torch.rand(n, n_frames, generator=rng) < 0.5) & valid
    return logits, codes, mask, valid


def naive_loss(logits, codes, mask, valid, weights):
    """The definition, one frame and codebook after the other."""
    sums, counts = {True: 0.0, False: 0.0}, {True: 0, False: 0}
    for i in range(logits.shape[0]):
        for t in range(logits.shape[1]):
            if not valid[i, t]:
                continue
            hidden = bool(mask[i, t])
            counts[hidden] += 1
            for q, weight in enumerate(weights):
                p = torch.softmax(logits[i, t, q].double(), 0)[codes[i, q, t]]
                sums[hidden] -= weight * math.log(p)
    masked, visible = sums[True] / counts[True], sums[False] / counts[False]
    return 0.9 * masked + 0.1 * visible, masked, visible


def test_the_loss_is_its_definition():
    logits, codes, mask, valid = made_up()
    weights = torch.tensor(CODEBOOK_WEIGHTS[:4])
    counts = Counts(*count(mask, valid).tolist())
    found = masked_cross_entropy(logits, codes, mask, valid, counts, weights=weights)
    wanted = naive_loss(logits, codes, mask, valid, CODEBOOK_WEIGHTS[:4])
    assert [found.total, found.masked, found.visible] == pytest.approx(wanted, rel=1e-5)


def test_published_weights():
    # protocols.md, section 8
    rounded = (0.2241, 0.1760, 0.1450, 0.1215, 0.1032, 0.0883, 0.0761, 0.0659)
    assert tuple(round(weight, 4) for weight in CODEBOOK_WEIGHTS) == rounded
    assert sum(CODEBOOK_WEIGHTS) == pytest.approx(1, abs=1e-7)


def test_a_step_in_parts_has_the_loss_and_gradient_of_the_whole():
    logits, codes, mask, valid = made_up()
    weights = torch.full((4,), 0.25)
    counts = Counts(*count(mask, valid).tolist())
    whole = logits.clone().requires_grad_()
    loss = masked_cross_entropy(whole, codes, mask, valid, counts, weights=weights)
    loss.total.backward()
    parts = logits.clone().requires_grad_()
    total = 0.0
    for rows in (slice(0, 1), slice(1, 3)):  # of other lengths, so no mean of means
        part = masked_cross_entropy(
            parts[rows], codes[rows], mask[rows], valid[rows], counts, weights=weights
        )
        part.total.backward()
        total += part.total.item()
    assert total == pytest.approx(loss.total.item(), rel=1e-6)
    torch.testing.assert_close(parts.grad, whole.grad)


def test_padding_counts_nowhere():
    logits, codes, mask, valid = made_up()
    counts = Counts(*count(mask, valid).tolist())
    options = {"weights": torch.full((4,), 0.25)}
    before = masked_cross_entropy(logits, codes, mask, valid, counts, **options)
    changed = torch.where(valid[..., None, None], logits, logits + 100 * torch.randn_like(logits))
    after = masked_cross_entropy(changed, codes, mask, valid, counts, **options)
    assert after.total == before.total


def test_a_frame_that_has_no_code_is_left_out():
    logits, codes, mask, valid = made_up(n=1)
    counts = Counts(*count(mask, valid).tolist())
    options = {"weights": torch.full((4,), 0.25)}
    short = masked_cross_entropy(logits, codes[..., :10], mask, valid, counts, **options)
    wanted = masked_cross_entropy(
        logits[:, :10], codes[..., :10], mask[:, :10], valid[:, :10], counts, **options
    )
    assert short.total == wanted.total


def test_no_masked_frame_is_no_division_by_zero():
    logits, codes, _, _ = made_up(n=1)
    valid = torch.ones(1, 11, dtype=torch.bool)
    found = masked_cross_entropy(
        logits, codes, ~valid, valid, Counts(0, 11), weights=torch.full((4,), 0.25)
    )
    assert found.masked == 0
    assert found.total == pytest.approx(0.1 * found.visible)
