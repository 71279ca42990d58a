"""Clusters of a trained model's frames: the targets of the second stage.

Source: arXiv 2309.07391, "It 2", with the numbers of habla-liaa/encodecmae at 2dd6759: k-means with
1024 clusters of the teacher's last layer, its normed stream alone (``POSTNORM_LAST_ACTIVATION =
False``, the models named ``_st-nopn``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from heschl.errors import InputError, MissingDependencyError
from heschl.models.encodecmae.model import EnCodecMAE
from heschl.models.network import weights_sha256
from heschl.pretrain.targets.base import Targets
from heschl.pretrain.targets.sampling import sample_frames

N_CLUSTERS = 1024

#: Of each cluster, so many frames are looked at: 0.4 GB for 1024 clusters of 768 features, which is
#: all that is held. The 1000 crops of 4 s that a recipe takes by default have 300,000 frames.
FRAMES_PER_CLUSTER = 128

_BATCH = 4096  # frames that k-means looks at together


class Clusters(Targets):
    """Number of the cluster that a frame of the teacher is nearest to.

    The teacher hears the whole waveforms, zeros after a shorter sound included, and does not cut
    those that are longer than its chunks.

    Parameters
    ----------
    teacher : EnCodecMAE
    centres : Tensor, shape (n_clusters, n_features)

    Raises
    ------
    InputError
        If the centres are not of as many features as the teacher has.
    """

    centres: Tensor

    def __init__(self, teacher: EnCodecMAE, centres: Tensor) -> None:
        super().__init__()
        dim = teacher.architecture["dim"]
        if centres.ndim != 2 or centres.shape[1] != dim:
            raise InputError(
                f"centres have shape {tuple(centres.shape)}; expected (n_clusters, {dim}), as "
                f"{teacher.name} has {dim} features"
            )
        self.front_end = teacher.front_end
        self.network = teacher.network
        self.register_buffer("centres", centres)
        self.n_codebooks, self.n_codes = 1, len(centres)
        self.weights = (1.0,)

    @classmethod
    def fit(
        cls, teacher: EnCodecMAE, batches: Iterable[Tensor], *, n_clusters: int, seed: int
    ) -> Clusters:
        """Cluster the teacher's frames of some sound.

        Parameters
        ----------
        teacher : EnCodecMAE
        batches : iterable of Tensor, shape (n_clips, n_samples)
            Waveforms at 24 kHz, without padding.
        n_clusters, seed : int

        Raises
        ------
        InputError
            If there are fewer frames than clusters.
        MissingDependencyError
            If scikit-learn is not installed.
        """
        kmeans = _kmeans(n_clusters, seed)
        frames, n_frames = sample_frames(
            (_frames(teacher.network, teacher.front_end(x)).flatten(0, 1).numpy() for x in batches),
            FRAMES_PER_CLUSTER * n_clusters,
            seed=seed,
        )
        if n_frames < n_clusters:
            raise InputError(
                f"{n_frames} frames for {n_clusters} clusters; expected at least as many: give "
                "more crops"
            )
        kmeans.fit(frames)
        return cls(teacher, torch.from_numpy(kmeans.cluster_centers_.astype(np.float32)))

    def forward(self, waveforms: Tensor) -> Tensor:  # noqa: D102
        frames = _frames(self.network, self.front_end(waveforms))
        # nearest: |x - c|^2 without |x|^2, which is the same for all centres
        closeness = frames @ self.centres.T - self.centres.square().sum(1) / 2
        return closeness.argmax(-1)[:, None]

    def source(self) -> str:  # noqa: D102
        return weights_sha256(self.network)

    def fitted(self) -> Mapping[str, Tensor]:  # noqa: D102
        return {"centres": self.centres}


def _kmeans(n_clusters: int, seed: int) -> Any:
    try:
        from sklearn.cluster import MiniBatchKMeans
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            "targets of kind clusters need scikit-learn, which is not installed; install heschl "
            'with its extra "pretrain": python -m pip install "heschl[pretrain]"'
        ) from error
    return MiniBatchKMeans(n_clusters, batch_size=_BATCH, n_init=1, random_state=seed)


@torch.no_grad()
def _frames(network: Any, features: Tensor) -> Tensor:
    """Return the last layer's normed stream, (n_clips, n_frames, dim), on the features' device.

    What the model has as its layer "N-nopn"; here nothing leaves the device.
    """
    x = network.masker(network.wav_encoder(features))
    streams = (x, x)
    for layer in network.visible_encoder.encoder_layers:
        streams = layer(streams)
    return streams[0]
