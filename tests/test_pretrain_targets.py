"""Targets that need no codec: random projections and clusters, against naive versions."""

import numpy as np
import pytest
import torch
from scipy.stats import chi2

import heschl
from heschl.errors import InputError, StoreError
from heschl.models.encodecmae.frontends import Mel, Spectrogram
from heschl.models.network import weights_sha256
from heschl.pretrain import record
from heschl.pretrain.data import open_index
from heschl.pretrain.data.loading import batches
from heschl.pretrain.making import make, sources
from heschl.pretrain.recipe import read_recipe
from heschl.pretrain.targets.clusters import FRAMES_PER_CLUSTER, Clusters
from heschl.pretrain.targets.projection import CODE_DIM, N_CODES, RandomProjection
from heschl.pretrain.targets.sampling import sample_frames
from small_encodecmae import checkpoint, config
from small_pretraining import recipe, sounds


def noise(n=3, seconds=0.4, seed=0):
    """Noise that is filtered and scaled differently in each clip: frames that differ."""
    rng = torch.Generator().manual_seed(seed)
    x = torch.randn(n, int(24_000 * seconds), generator=rng)
    x[1] = torch.cumsum(x[1], 0) * 0.1
    return x * 10.0 ** -torch.arange(1, n + 1)[:, None]


@pytest.fixture(scope="module")
def clips():
    return [noise(seed=seed) for seed in range(4)]


# random projections


@pytest.fixture(scope="module")
def projection(clips):
    return RandomProjection.draw(clips, n_codebooks=2, n_codes=30, seed=5)


def test_codes_are_the_nearest_vectors_on_the_sphere(clips, projection):
    found = projection(clips[0]).numpy()
    frames = Mel()(clips[0]).numpy().astype(np.float64)
    parts = {name: x.numpy().astype(np.float64) for name, x in projection.fitted().items()}
    assert found.shape == (3, 2, frames.shape[1])
    assert found.dtype == np.int64
    for i, clip in enumerate(frames):
        for t, frame in enumerate(clip):
            for q in range(2):
                place = (frame - parts["mean"]) / parts["std"] @ parts["projections"][q]
                place /= np.sqrt(sum(place**2))
                distances = [np.sqrt(sum((place - one) ** 2)) for one in parts["codebooks"][q]]
                assert distances[found[i, q, t]] == pytest.approx(min(distances), abs=1e-5)
    assert len(np.unique(found)) > 10


def test_moments_are_those_of_all_frames(clips, projection):
    frames = np.concatenate([Mel()(x).numpy().reshape(-1, 256) for x in clips]).astype(np.float64)
    varies = frames.std(axis=0) > 1e-6
    assert 200 < varies.sum() < 256  # the lowest of 256 bands hold no bin of the spectrum
    np.testing.assert_allclose(projection.mean, frames.mean(axis=0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(projection.std[varies], frames.std(axis=0)[varies], rtol=1e-5)
    assert np.isposinf(projection.std.numpy()[~varies]).all()


def test_bands_that_never_vary_do_not_matter(clips, projection):
    before = projection(clips[0])
    constant = torch.isinf(projection.std)
    others = projection.projections.clone()
    others[:, constant] = 1e6
    mean = torch.where(constant, 1e3, projection.mean)
    changed = RandomProjection(mean, projection.std, others, projection.codebooks)
    assert torch.equal(changed(clips[0]), before)


def test_draws_depend_on_the_seed_alone(clips, projection):
    torch.manual_seed(77)
    before = torch.get_rng_state()
    other = RandomProjection.draw(clips[:1], n_codebooks=2, n_codes=30, seed=5)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(other.projections, projection.projections)
    assert torch.equal(other.codebooks, projection.codebooks)
    assert not torch.equal(other.mean, projection.mean)
    drawn = RandomProjection.draw(clips[:1], n_codebooks=2, n_codes=30, seed=6)
    assert not torch.equal(drawn.projections, projection.projections)


def test_draws_are_those_of_best_rq(clips):
    """arXiv 2202.01855: 8192 codes of 16 dimensions, normal; projections Xavier-uniform."""
    assert (N_CODES, CODE_DIM) == (8192, 16)
    drawn = RandomProjection.draw(clips[:1], n_codebooks=1, n_codes=N_CODES, seed=0)
    assert drawn.codebooks.shape == (1, 8192, 16)
    assert drawn.projections.shape == (1, 256, 16)
    bound = (6 / (256 + 16)) ** 0.5
    assert 0.99 * bound < drawn.projections.abs().max() <= bound
    assert drawn.projections.std().item() == pytest.approx(bound / 3**0.5, rel=0.03)
    np.testing.assert_allclose(drawn.codebooks.norm(dim=-1), 1, rtol=1e-5)
    # directions of normal vectors: the second moments of a uniform one on the sphere
    moments = drawn.codebooks[0].T @ drawn.codebooks[0] / 8192
    np.testing.assert_allclose(moments, np.eye(16) / 16, atol=0.005)
    assert (drawn.n_codebooks, drawn.n_codes, drawn.weights) == (1, 8192, (1.0,))


@pytest.mark.parametrize("batch", [torch.zeros(2, 4000), None])
def test_sound_in_which_nothing_varies(batch):
    with pytest.raises(InputError, match="no mel band varies over"):
        RandomProjection.draw([] if batch is None else [batch], n_codebooks=1, n_codes=4, seed=0)


# frames that are kept


def test_few_frames_are_all_kept_in_their_order():
    parts = [np.arange(6, dtype=np.float32).reshape(3, 2), np.full((2, 2), 9, np.float32)]
    kept, n = sample_frames(iter(parts), 10, seed=0)
    np.testing.assert_array_equal(kept, np.concatenate(parts))
    assert n == 5
    assert sample_frames(iter([]), 10, seed=0)[1] == 0


def test_each_of_many_frames_is_as_likely():
    counts = np.zeros(40)
    for seed in range(2000):
        parts = np.split(np.arange(40, dtype=np.float32)[:, None], [3, 15, 16, 33])
        kept, n = sample_frames(parts, 10, seed=seed)
        assert (kept.shape, n, len(np.unique(kept))) == ((10, 1), 40, 10)
        counts[kept[:, 0].astype(int)] += 1
    # variances of draws without replacement are smaller than those of the test
    assert ((counts - 500) ** 2 / 500).sum() < chi2.ppf(0.999, 39)


# clusters


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    return heschl.load_model(str(checkpoint(tmp_path_factory.mktemp("teacher") / "mel.pt")))


@pytest.fixture(scope="module")
def clusters(teacher, clips):
    return Clusters.fit(teacher, clips, n_clusters=6, seed=3)


def taught(teacher, waveforms):
    """Frames of the last layer's normed stream, as the model gives them: (n, dim)."""
    found = teacher.forward(waveforms.numpy(), ["1-nopn"])["1-nopn"]
    return found.transpose(0, 2, 1).reshape(-1, found.shape[1])


def test_centres_are_as_good_as_those_of_k_means(teacher, clips, clusters):
    from sklearn.cluster import KMeans

    frames = np.concatenate([taught(teacher, x) for x in clips]).astype(np.float64)
    assert len(frames) < 6 * FRAMES_PER_CLUSTER  # so all of them are looked at
    best = KMeans(6, n_init=5, random_state=0).fit(frames)
    centres = clusters.centres.numpy()
    inertia = sum(min(((frame - centre) ** 2).sum() for centre in centres) for frame in frames)
    spread = ((frames - frames.mean(axis=0)) ** 2).sum()
    assert best.inertia_ < 0.8 * spread  # there is something to be found
    assert inertia < best.inertia_ + 0.1 * (spread - best.inertia_)


def test_codes_are_the_nearest_centres(teacher, clips):
    """Centres of different lengths: the nearest one is not the one of the largest product."""
    frames = taught(teacher, clips[0])
    centres = frames[::9] * np.linspace(0.2, 3, len(frames[::9]))[:, None]
    found = Clusters(teacher, torch.from_numpy(centres.astype(np.float32)))(clips[0])
    assert found.shape == (3, 1, len(frames) // 3)
    for code, frame in zip(found.flatten().tolist(), frames, strict=True):
        distances = [((frame - centre) ** 2).sum() for centre in centres]
        assert distances[code] == pytest.approx(min(distances), rel=1e-4)
    assert len(found.unique()) > 2


def test_the_teacher_is_never_trained(teacher, clips):
    before = weights_sha256(teacher.network)
    found = Clusters.fit(teacher, clips, n_clusters=4, seed=0)
    codes = found(clips[0].requires_grad_())
    clips[0].requires_grad_(requires_grad=False)
    assert not codes.requires_grad
    assert all(one.grad is None and not one.requires_grad for one in found.parameters())
    assert weights_sha256(teacher.network) == before == found.source()
    assert not teacher.network.training


def test_all_is_on_the_device_of_the_waveforms(tmp_path):
    """On the meta device whatever left it would have no values, and fail."""
    model = heschl.load_model(str(checkpoint(tmp_path / "x.pt")))
    found = Clusters(model, torch.zeros(5, 12)).to("meta")
    codes = found(torch.empty(2, 24_000, device="meta"))
    assert (codes.device.type, codes.shape) == ("meta", (2, 1, 74))


def test_fewer_frames_than_clusters(teacher):
    with pytest.raises(InputError, match=r"8 frames for 9 clusters; expected at least as many"):
        Clusters.fit(teacher, [noise()[:1, :2863]], n_clusters=9, seed=0)


def test_centres_of_another_teacher(teacher):
    with pytest.raises(InputError, match=r"centres have shape \(5, 8\); expected \(n_clusters, 12"):
        Clusters(teacher, torch.zeros(5, 8))


# from a recipe


def made(folder, **changes):
    file = read_recipe(recipe(folder, **changes))
    index = open_index(folder / "run", sources(file), show_progress=False)
    return make(file, folder / "run", index).targets


def second_stage(teacher, **more):
    return {"kind": "clusters", "teacher": teacher, "codebooks": 1, "codes": 4} | more


def test_moments_are_those_of_the_first_crops_of_the_training(tmp_path):
    targets = made(tmp_path, targets={"crops": 30})
    file = read_recipe(tmp_path / "recipe.yaml")
    index = open_index(tmp_path / "run", sources(file), show_progress=False)
    steps = batches(index, seed=0, batch_size=4, first_step=0, last_step=8, crop_seconds=0.5)
    crops = [x[:n] for b in steps for x, n in zip(b.waveforms, b.n_samples, strict=True)][:30]
    assert min(map(len, crops)) < 12_000  # without the padding of what is shorter
    frames = np.concatenate([Mel()(crop[None])[0].numpy() for crop in crops])
    np.testing.assert_allclose(targets.mean, frames.mean(axis=0), rtol=1e-4, atol=1e-5)


def test_what_was_fitted_is_kept_with_the_run(tmp_path):
    teacher = str(checkpoint(tmp_path / "first"))
    before = made(tmp_path, targets=second_stage(teacher))
    record.keep(tmp_path / "run", read_recipe(tmp_path / "recipe.yaml").description)
    again = made(tmp_path, targets=second_stage(teacher, crops=1))  # nothing is fitted again
    assert torch.equal(again.centres, before.centres)
    path = tmp_path / "run/targets.safetensors"
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(StoreError, match="cannot go on without its targets"):
        made(tmp_path, targets=second_stage(teacher))


def test_what_was_fitted_for_a_training_that_never_began_is_fitted_again(tmp_path):
    assert made(tmp_path, targets={"codes": 5}).n_codes == 5
    assert made(tmp_path, targets={"codes": 7}).n_codes == 7


def test_a_teacher_may_move_but_not_change(tmp_path):
    checkpoint(tmp_path / "first")
    made(tmp_path, targets=second_stage("first"))
    record.keep(tmp_path / "run", read_recipe(tmp_path / "recipe.yaml").description)
    (tmp_path / "first").rename(tmp_path / "moved")
    assert made(tmp_path, targets=second_stage("moved")).n_codes == 4
    checkpoint(tmp_path / "other", seed=1)
    with pytest.raises(InputError, match=r"codes of a model whose weights have SHA-256"):
        made(tmp_path, targets=second_stage("other"))


def test_a_teacher_with_other_frames(tmp_path):
    fast = Spectrogram(sample_rate=24_000, frame_shift_ms=6.64)
    checkpoint(tmp_path / "fast", config(fast))
    with pytest.raises(InputError, match=r"fast makes 72 frames of a crop, and the network 36"):
        made(tmp_path, targets=second_stage("fast"))


def test_a_teacher_of_another_kind(tmp_path):
    with pytest.raises(InputError, match=r"teacher is cochleagram; expected an EnCodecMAE"):
        made(tmp_path, targets=second_stage("cochleagram"))


def test_a_name_is_not_taken_for_the_folder_of_a_run(tmp_path):
    """As in recipes/second-stage.yaml, whose run may lie beside it under the model's name."""
    sounds(tmp_path / "cochleagram")
    with pytest.raises(InputError, match=r"teacher is cochleagram; expected an EnCodecMAE"):
        made(tmp_path, targets=second_stage("cochleagram"))
