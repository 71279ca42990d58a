"""The probe's network: a mixture of layers and a multilayer perceptron, for several at once.

Each configuration has parameters of its own. Those of one depth can go through the same operations
together, stacked along a first axis (``n_stacked``), or one by one: the numbers are the same to
rounding. The hidden layers have no bias: the batch normalisation behind them takes it away again.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor

from heschl.probes.products import linear
from heschl.probes.protocols import Configuration

MOMENTUM, EPSILON = 0.1, 1e-5  # of batch normalisation, as torch has them


@dataclass
class Hidden:
    """Parameters and running statistics of one hidden layer.

    Attributes
    ----------
    weight : Tensor, shape (n_out, n_in)
    scale, shift, mean, variance : Tensor, shape (n_out,)
        Of the batch normalisation; the last two are running statistics.
    """

    weight: Tensor
    scale: Tensor
    shift: Tensor
    mean: Tensor
    variance: Tensor


@dataclass
class Network:
    """Parameters of one configuration.

    Attributes
    ----------
    mixture : Tensor, shape (n_layers,)
        |mixture| / sum |mixture| are the shares of the layers.
    hidden : list of Hidden
    weight : Tensor, shape (n_classes, n_hidden)
    bias : Tensor, shape (n_classes,)
    """

    mixture: Tensor
    hidden: list[Hidden] = field(repr=False)
    weight: Tensor = field(repr=False)
    bias: Tensor = field(repr=False)

    def named_tensors(self) -> Iterator[tuple[str, Tensor]]:
        """Yield everything that is learned or measured in training, with names."""
        yield "mixture", self.mixture
        for i, layer in enumerate(self.hidden):
            for name in ("weight", "scale", "shift", "mean", "variance"):
                yield f"hidden.{i}.{name}", getattr(layer, name)
        yield "weight", self.weight
        yield "bias", self.bias

    def parameters(self) -> list[Tensor]:
        """Return what is learned."""
        return [tensor for _, tensor in self.named_tensors() if tensor.requires_grad]

    def shares(self) -> Tensor:
        """Return the shares of the layers, (n_layers,)."""
        size = self.mixture.abs()
        return size / size.sum()

    def places(self) -> list[tuple[int, int]]:
        """Return depth and width of each hidden layer."""
        return [(depth, len(layer.weight)) for depth, layer in enumerate(self.hidden)]

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Take over values by name."""
        with torch.no_grad():
            for name, tensor in self.named_tensors():
                tensor.copy_(tensors[name])

    def copies(self) -> dict[str, Tensor]:
        """Return copies of all values by name."""
        return {name: tensor.detach().clone() for name, tensor in self.named_tensors()}


def fresh_network(
    configuration: Configuration,
    n_layers: int,
    width: int,
    n_classes: int,
    *,
    seed: int,
    device: str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Network:
    """Draw a network: equal shares and Xavier weights; the same numbers on every device.

    The gain is 1 for hidden layers and that of a ReLU, the square root of 2, for the last one,
    whose bias is torch's default, uniform up to 1 / sqrt(n_hidden). Configurations of one
    initialisation and seed start from the same numbers.
    """
    generator = torch.Generator().manual_seed(seed)
    widths = (width, *configuration.hidden)

    def draw(n_in: int, n_out: int, gain: float) -> Tensor:
        weight = torch.empty(n_out, n_in, dtype=dtype)
        if configuration.initialization == "xavier_uniform":
            torch.nn.init.xavier_uniform_(weight, gain, generator)
        else:
            torch.nn.init.xavier_normal_(weight, gain, generator)
        return learned(weight)

    def learned(tensor: Tensor) -> Tensor:
        return tensor.to(device).requires_grad_()

    def hidden(n_in: int, n_out: int) -> Hidden:
        ones, zeros = torch.ones(n_out, dtype=dtype), torch.zeros(n_out, dtype=dtype)
        return Hidden(
            draw(n_in, n_out, 1.0),
            learned(ones.clone()),
            learned(zeros.clone()),
            zeros.clone().to(device),
            ones.clone().to(device),
        )

    layers = [hidden(n_in, n_out) for n_in, n_out in itertools.pairwise(widths)]
    weight = draw(widths[-1], n_classes, math.sqrt(2))
    reach = 1 / math.sqrt(widths[-1])
    bias = torch.empty(n_classes, dtype=dtype).uniform_(-reach, reach, generator=generator)
    return Network(learned(torch.ones(n_layers, dtype=dtype)), layers, weight, learned(bias))


def stacks(networks: Sequence[Network], n_stacked: int) -> Iterator[slice]:
    """Yield slices of neighbours with the same hidden layers, at most ``n_stacked`` each."""
    start = 0
    for _, group in itertools.groupby(networks, key=Network.places):
        stop = start + len(list(group))
        for first in range(start, stop, n_stacked):
            yield slice(first, min(first + n_stacked, stop))
        start = stop


#: Mixtures are computed for a multiple of so many at once, unused ones being 0: a matrix product of
#: another shape rounds differently, which Adam would enlarge where a gradient is nearly 0.
MIXED_TOGETHER = 16


def mix(shares: Tensor, embeddings: Tensor, out: Tensor | None = None) -> Tensor:
    """Mix layers: (n_mixed, n_layers) and (n_layers, n, width) give (n_mixed, n, width).

    ``out`` may have room for it, (n_filled, n, width): a multiple of `MIXED_TOGETHER`. The share of
    a single layer is 1, so that all mixtures are that layer itself.
    """
    n_layers, n, width = embeddings.shape
    if n_layers == 1:
        return embeddings.expand(len(shares), n, width)
    filled = shares.new_zeros(filled_up(len(shares)), n_layers)
    filled[: len(shares)] = shares
    flat = None if out is None else out.view(len(filled), n * width)
    mixed = torch.mm(filled, embeddings.reshape(n_layers, n * width), out=flat)
    return mixed.view(-1, n, width)[: len(shares)]


def share_gradients(gradients: Tensor, embeddings: Tensor) -> Tensor:
    """Return the gradient of `mix` with respect to its shares, (n_mixed, n_layers).

    Parameters
    ----------
    gradients : Tensor, shape (n_filled, n, width)
        With respect to what is mixed, filled up with zeros.
    embeddings : Tensor, shape (n_layers, n, width)
    """
    return gradients.flatten(1) @ embeddings.reshape(len(embeddings), -1).T


def filled_up(n_mixed: int) -> int:
    """Return how many mixtures are computed together, the unused ones being 0."""
    return -(-n_mixed // MIXED_TOGETHER) * MIXED_TOGETHER


def logits(
    networks: Sequence[Network], mixed: Tensor, masks: Sequence[Tensor] | None = None
) -> Tensor:
    """Put mixed layers through perceptrons of one depth.

    Parameters
    ----------
    networks : sequence of Network
        ``n_stacked`` of them.
    mixed : Tensor, shape (n_stacked, n, width)
    masks : sequence of Tensor, shape (n, n_hidden), optional
        What the units of each hidden layer are multiplied by in training (dropout); None for
        prediction, where the running statistics normalise.

    Returns
    -------
    Tensor, shape (n_stacked, n, n_classes)
    """
    x = mixed
    for i in range(len(networks[0].hidden)):
        layers = [network.hidden[i] for network in networks]
        x = linear(x, _stack([layer.weight for layer in layers]))
        x = _rectified(layers, x, None if masks is None else masks[i])
    weight, bias = (_stack([getattr(n, name) for n in networks]) for name in ("weight", "bias"))
    return linear(x, weight) + bias[:, None]


def losses(outputs: Tensor, labels: Tensor, *, multilabel: bool) -> Tensor:
    """Cross-entropy of (n_stacked, n, n_classes) logits with (n, n_classes) labels: (n_stacked,).

    Of one class among all, or of each class by itself (mean over classes).
    """
    if multilabel:
        expected = labels.expand_as(outputs)
        each = F.binary_cross_entropy_with_logits(outputs, expected, reduction="none")
        return each.mean(dim=(1, 2))
    return -(F.log_softmax(outputs, dim=2) * labels).sum(dim=2).mean(dim=1)


def _rectified(layers: Sequence[Hidden], x: Tensor, mask: Tensor | None) -> Tensor:
    """Batch normalisation, dropout and ReLU of (n_stacked, n, n_hidden), each by itself."""
    n_stacked, n, n_hidden = x.shape
    flat = x.transpose(0, 1).reshape(n, n_stacked * n_hidden)
    mean = _stack([layer.mean for layer in layers]).reshape(-1)
    variance = _stack([layer.variance for layer in layers]).reshape(-1)
    scale, shift = (
        _stack([getattr(layer, name) for layer in layers]).reshape(-1)
        for name in ("scale", "shift")
    )
    training = mask is not None
    flat = F.batch_norm(flat, mean, variance, scale, shift, training, MOMENTUM, EPSILON)
    if training and n_stacked > 1:  # of one, the running statistics themselves were updated
        for layer, new_mean, new_variance in zip(
            layers, mean.view(n_stacked, -1), variance.view(n_stacked, -1), strict=True
        ):
            layer.mean.copy_(new_mean)
            layer.variance.copy_(new_variance)
    if mask is not None:
        # in place, as the next, and before it is a view: fresh memory costs more than the work
        flat = flat.mul_(mask.repeat(1, n_stacked))
    return torch.relu_(flat).view(n, n_stacked, n_hidden).transpose(0, 1)


def _stack(tensors: Sequence[Tensor]) -> Tensor:
    """Stack along a new first axis; of a single one it is a view, not a copy."""
    return tensors[0][None] if len(tensors) == 1 else torch.stack(list(tensors))
