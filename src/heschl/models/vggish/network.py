"""The network of VGGish, its submodules named as in the released file."""

from __future__ import annotations

from torch import Tensor, nn

from heschl.models.vggish.frontend import N_MELS, PATCH

CHANNELS = (64, 128, 256, 512)
N_HIDDEN = 4096
N_EMBEDDING = 128

#: Convolutions of each of the four stages; each stage ends with a pooling by 2.
DEPTHS = (1, 1, 2, 2)

#: Standard deviation of fresh weights, which are drawn within twice that; fresh biases are 0
#: (vggish_slim.py and vggish_params.py of tensorflow/models).
INITIAL = 0.01


class Network(nn.Module):
    """Convolutions and dense layers of VGGish.

    Parameters
    ----------
    channels : tuple of int
        Of the four stages.
    n_hidden, n_embedding : int
        Of the dense layers.
    """

    def __init__(
        self,
        channels: tuple[int, ...] = CHANNELS,
        n_hidden: int = N_HIDDEN,
        n_embedding: int = N_EMBEDDING,
    ) -> None:
        super().__init__()
        stages: list[nn.Module] = []
        before = 1
        for width, depth in zip(channels, DEPTHS, strict=True):
            for _ in range(depth):
                stages += [nn.Conv2d(before, width, 3, padding=1), nn.ReLU()]
                before = width
            stages.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*stages)
        shrunk = 2 ** len(channels)
        self.embeddings = nn.Sequential(
            nn.Linear(before * (PATCH // shrunk) * (N_MELS // shrunk), n_hidden),
            nn.ReLU(),
            nn.Linear(n_hidden, n_hidden),
            nn.ReLU(),
            nn.Linear(n_hidden, n_embedding),
            nn.ReLU(),
        )

    def forward(self, patches: Tensor) -> Tensor:
        """Map patches (n_patches, 1, 96, 64) to embeddings (n_patches, n_embedding).

        The dense layers see time first, then frequency, then channels, as in the original of
        TensorFlow.
        """
        x = self.features(patches).permute(0, 2, 3, 1)
        out: Tensor = self.embeddings(x.flatten(1))
        return out

    def reset_parameters(self) -> None:
        """Draw fresh weights as the original did before training."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.trunc_normal_(module.weight, std=INITIAL, a=-2 * INITIAL, b=2 * INITIAL)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
