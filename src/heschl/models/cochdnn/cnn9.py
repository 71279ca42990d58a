"""CochCNN9 without its heads, under the names that the official checkpoints have."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from heschl.errors import InputError
from heschl.models.cochdnn.same import SameAvgPool, SameConv, SameMaxPool

#: Maps of the five convolutions, and units of the dense layer.
WIDTHS = (96, 256, 512, 1024, 512)
N_UNITS = 4096

#: What the dense layer takes of each map: frequencies and frames.
POOLED = (5, 9)

#: Frames of a cochleagram that come out as 9; 390 frames are 2 s.
FEWEST_FRAMES = 385


class CNN9(nn.Module):
    """Five convolutions and a dense layer.

    Fresh weights are torch's defaults, as those of the original's word network. The original's
    other networks begin the scale and shift of ``batchnorm0`` at 0.618 and -2.0971, which goes with
    the statistics of cochleagrams that a fresh network has not gathered.

    Parameters
    ----------
    widths : sequence of int, optional
    n_units : int, optional
    """

    def __init__(self, widths: Sequence[int] = WIDTHS, n_units: int = N_UNITS) -> None:
        super().__init__()
        a, b, c, d, e = widths
        self.n_features = n_units
        self.cochleagram = nn.Identity()
        self.batchnorm0 = nn.BatchNorm2d(1)
        self.conv0 = SameConv(1, a, (7, 14), (3, 3))
        self.relu0 = nn.ReLU()
        self.maxpool0 = SameMaxPool((2, 5), (2, 2))
        self.batchnorm1 = nn.BatchNorm2d(a)
        self.conv1 = SameConv(a, b, (4, 8), (2, 2))
        self.relu1 = nn.ReLU()
        self.maxpool1 = SameMaxPool((2, 5), (2, 2))
        self.batchnorm2 = nn.BatchNorm2d(b)
        self.conv2 = SameConv(b, c, (2, 5))
        self.relu2 = nn.ReLU()
        self.conv3 = SameConv(c, d, (2, 5))
        self.relu3 = nn.ReLU()
        self.conv4 = SameConv(d, e, (2, 5))
        self.relu4 = nn.ReLU()
        self.avgpool = SameAvgPool((2, 5), (2, 2))
        self.fullyconnected = nn.Linear(e * POOLED[0] * POOLED[1], n_units)
        self.relufc = nn.ReLU()

    def forward(self, cochleagrams: Tensor) -> Tensor:
        """Run the network.

        Parameters
        ----------
        cochleagrams : Tensor, shape (n_sounds, 1, 211, n_frames)

        Returns
        -------
        Tensor, shape (n_sounds, n_units)

        Raises
        ------
        InputError
            If the dense layer, which has one weight for each place, would need other frames.
        """
        x = self.batchnorm0(self.cochleagram(cochleagrams))
        x = self.maxpool0(self.relu0(self.conv0(x)))
        x = self.maxpool1(self.relu1(self.conv1(self.batchnorm1(x))))
        x = self.relu2(self.conv2(self.batchnorm2(x)))
        x = self.relu4(self.conv4(self.relu3(self.conv3(x))))
        x = self.avgpool(x)
        if tuple(x.shape[-2:]) != POOLED:
            raise InputError(
                f"a cochleagram of {cochleagrams.shape[-1]} frames; the dense layer (relufc) needs "
                f"{FEWEST_FRAMES} to 390, a sound of 1.98 to 2 s: give longer sounds, or ask for "
                "the other layers only"
            )
        return self.relufc(self.fullyconnected(x.flatten(1)))
