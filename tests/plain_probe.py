"""A straightforward probe of protocol pepino2025 in plain torch, one configuration at a time.

Independent of heschl: modules, data loader and optimiser of torch, scores of scikit-learn. Where a
test wants the same numbers, it hands over first weights, batches and masks.
"""

from __future__ import annotations

import copy

import numpy as np
import torch
from sklearn.metrics import accuracy_score, average_precision_score
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

GRID = [
    (hidden, initialization, rate)
    for hidden in ([1024], [1024, 1024])
    for initialization in (nn.init.xavier_uniform_, nn.init.xavier_normal_)
    for rate in (3.2e-3, 1e-3, 3.2e-4, 1e-4)
]


class GivenDropout(nn.Dropout):
    """Dropout with a mask that a test hands over, if it does."""

    mask = None

    def forward(self, x):
        return super().forward(x) if self.mask is None or not self.training else x * self.mask


class PlainProbe(nn.Module):
    def __init__(self, n_layers, width, n_classes, hidden, initialization, dropout=0.1):
        super().__init__()
        self.mixture = nn.Parameter(torch.ones(n_layers))
        blocks = []
        for n_in, n_out in zip([width, *hidden], hidden, strict=False):
            linear = nn.Linear(n_in, n_out)
            initialization(linear.weight, gain=nn.init.calculate_gain("linear"))
            blocks += [linear, nn.BatchNorm1d(n_out), GivenDropout(dropout), nn.ReLU()]
        self.hidden = nn.Sequential(*blocks)
        self.out = nn.Linear(hidden[-1], n_classes)
        initialization(self.out.weight, gain=nn.init.calculate_gain("relu"))

    def forward(self, x):
        shares = self.mixture.abs() / self.mixture.abs().sum()
        return self.out(self.hidden((x * shares[None, :, None]).sum(dim=1)))


def validation_score(labels, outputs, multilabel):
    if multilabel:
        return average_precision_score(labels, outputs, average="macro")
    return accuracy_score(labels.argmax(axis=1), outputs.argmax(axis=1))


def predict(model, x):
    model.eval()
    with torch.no_grad():
        return torch.cat([model(part) for part in x.split(1024)]).numpy()


def train(
    train_x, train_y, valid_x, valid_y, hidden, initialization, rate, *,
    multilabel=False, max_epochs=200, patience=20, batch_size=1024, seed=0,
):  # fmt: skip
    """Train one configuration; embeddings are (n, n_layers, width), labels (n, n_classes)."""
    torch.manual_seed(seed)
    model = PlainProbe(*train_x.shape[1:], train_y.shape[1], hidden, initialization)
    targets = train_y.float() if multilabel else train_y.int().argmax(dim=1)
    loss_of = nn.BCEWithLogitsLoss() if multilabel else nn.CrossEntropyLoss()
    loader = DataLoader(TensorDataset(train_x, targets), batch_size=batch_size, shuffle=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    best, best_score, best_epoch, curve = None, -np.inf, 0, []
    for epoch in range(1, max_epochs + 1):
        model.train()
        for x, y in loader:
            if len(x) < 2:
                continue
            optimizer.zero_grad()
            loss_of(model(x), y).backward()
            optimizer.step()
        curve.append(validation_score(valid_y.numpy(), predict(model, valid_x), multilabel))
        if curve[-1] > best_score:
            best_score, best_epoch = curve[-1], epoch
            best = copy.deepcopy(model.state_dict())
        if epoch - best_epoch >= patience:
            break
    model.load_state_dict(best)
    return model, best_score, curve


def take_over(model, start):
    """Give a plain probe the first weights of one of heschl's; return what it is to learn.

    The bias before a batch normalisation has no gradient but rounding, which Adam would enlarge: it
    stays 0.
    """
    linears = [block for block in model.hidden if isinstance(block, nn.Linear)]
    with torch.no_grad():
        for linear, layer in zip(linears, start.hidden, strict=True):
            linear.weight.copy_(layer.weight)
            linear.bias.zero_()
            linear.bias.requires_grad_(False)
        model.out.weight.copy_(start.weight)
        model.out.bias.copy_(start.bias)
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def train_alike(
    model, start, train_x, train_y, valid_x, valid_y, rate, *,
    multilabel=False, max_epochs=200, patience=20, batch_size=1024, seed=0, after_epoch=None,
):  # fmt: skip
    """Train with the first weights, batches and dropout masks of heschl; return the curve."""
    optimizer = torch.optim.Adam(take_over(model, start), lr=rate)
    drops = [block for block in model.hidden if isinstance(block, nn.Dropout)]
    targets = train_y.to(train_x.dtype) if multilabel else train_y.int().argmax(dim=1)
    loss_of = nn.BCEWithLogitsLoss() if multilabel else nn.CrossEntropyLoss()
    curve = []
    while len(curve) < max_epochs and len(curve) - (np.argmax(curve or [0]) + 1) < patience:
        epoch, total = len(curve), 0.0
        model.train()
        order = np.random.default_rng((seed, 1, epoch)).permutation(len(train_x))
        for step, first in enumerate(range(0, len(order), batch_size)):
            part = order[first : first + batch_size]
            for depth, drop in enumerate(drops):
                rng = np.random.default_rng((seed, 2, epoch, step, depth))
                kept = rng.random((len(part), start.hidden[depth].weight.shape[0]), np.float32)
                drop.mask = torch.from_numpy(kept < 1 - drop.p).to(train_x.dtype) / (1 - drop.p)
            optimizer.zero_grad()
            loss = loss_of(model(train_x[part]), targets[part])
            loss.backward()
            optimizer.step()
            total += loss.item() * len(part)
        outputs = predict(model, valid_x)
        curve.append(validation_score(valid_y.numpy(), outputs, multilabel))
        if after_epoch is not None:
            after_epoch(epoch, total / len(train_x), outputs)
    return curve
