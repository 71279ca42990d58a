"""CochResNet50 without its heads, under the names that the official checkpoints have.

He et al., CVPR (2016), arXiv 1512.03385, with the stride of a bottleneck in its middle convolution.
"""

from __future__ import annotations

from torch import Tensor, nn

#: Bottlenecks of each of the four layers.
DEPTHS = (3, 4, 6, 3)
WIDTH = 64
EXPANSION = 4


class Bottleneck(nn.Module):
    """Three convolutions, and a way around them.

    Parameters
    ----------
    n_in : int
        Maps that come in.
    width : int
        Maps inside; four times as many go out.
    stride : int
        Of the middle convolution, and of the way around.
    """

    def __init__(self, n_in: int, width: int, stride: int) -> None:
        super().__init__()
        n_out = EXPANSION * width
        self.conv1 = nn.Conv2d(n_in, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, n_out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(n_out)
        self.relu = nn.ReLU()
        self.downsample = (
            None
            if stride == 1 and n_in == n_out
            else nn.Sequential(nn.Conv2d(n_in, n_out, 1, stride, bias=False), nn.BatchNorm2d(n_out))
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (n_sounds, n_in, n_frequencies, n_frames) to (n_sounds, 4 * width, ..., ...)."""
        around = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)))
        return self.relu(self.bn3(self.conv3(x)) + around)


class ResNet50(nn.Module):
    """A convolution, four layers of bottlenecks, and the mean over frequency and time.

    Fresh convolutions are normal, of variance 2 / (maps that go out * size of the kernel), as those
    of the original (He et al., ICCV 2015).

    Parameters
    ----------
    width : int, optional
        Maps inside the bottlenecks of the first layer, doubled from layer to layer.
    """

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.n_features = 8 * EXPANSION * width
        self.cochleagram = nn.Identity()
        self.conv1 = nn.Conv2d(1, width, 7, 2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv1_relu1 = nn.ReLU()
        self.maxpool1 = nn.MaxPool2d(3, 2, padding=1)
        self.layer1 = _layer(width, width, DEPTHS[0], 1)
        self.layer2 = _layer(4 * width, 2 * width, DEPTHS[1], 2)
        self.layer3 = _layer(8 * width, 4 * width, DEPTHS[2], 2)
        self.layer4 = _layer(16 * width, 8 * width, DEPTHS[3], 2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, cochleagrams: Tensor) -> Tensor:
        """Run the network.

        Parameters
        ----------
        cochleagrams : Tensor, shape (n_sounds, 1, 211, n_frames)

        Returns
        -------
        Tensor, shape (n_sounds, 32 * width, 1, 1)
        """
        x = self.conv1_relu1(self.bn1(self.conv1(self.cochleagram(cochleagrams))))
        x = self.maxpool1(x)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.avgpool(x)


def _layer(n_in: int, width: int, depth: int, stride: int) -> nn.Sequential:
    rest = [Bottleneck(EXPANSION * width, width, 1) for _ in range(depth - 1)]
    return nn.Sequential(Bottleneck(n_in, width, stride), *rest)
