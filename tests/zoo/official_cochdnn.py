"""The released checkpoints of CochDNN, with all that their training saved in them.

Names, shapes and layout: jenellefeather/cochdnn at 8702294 and chcochleagram at c634ca8. The whole
model (normalisation, cochleagram, network with heads) is stored twice, the second time below
"attacker", beside the state of stochastic gradient descent; written with dill.
"""

from __future__ import annotations

import collections
import contextlib
import functools
import sys
import types

import dill
import numpy as np
import torch

TASKS = ("word", "speaker", "audioset", "multitask")
NAMES = tuple(f"{network}-{task}" for network in ("cochcnn9", "cochresnet50") for task in TASKS)

_ROOT = "model_checkpoints/audio_rep_training_cochleagram_1/"
MEMBERS = {
    "cochcnn9-word": "kell2018_decay_lr/2b411fd2-56f2-46c1-ad45-1355d4ffadde",
    "cochcnn9-speaker": "kell2018_speaker_decay_lr/46ed16b7-4097-4d99-b457-3cd1011b55cc",
    "cochcnn9-audioset": "kell2018_audioset_decay_lr/1629f285-0a2c-4764-beaf-0b9fe11ba2e7",
    "cochcnn9-multitask": (
        "kell2018_word_audioset_speaker_decay_lr/5728d456-ddc2-4fc2-bf07-a41e658f36d4"
    ),
    "cochresnet50-word": "standard_training_word_decay_lr/a10c97f7-3f2b-4219-8e72-bc625c94fd08",
    "cochresnet50-speaker": (
        "standard_training_speaker_decay_lr/0d84f6d5-8994-43ad-b5f1-650300b875ff"
    ),
    "cochresnet50-audioset": (
        "standard_training_audioset_decay_lr/9442ee31-7775-4e4a-9ff8-12cb54cf32e1"
    ),
    "cochresnet50-multitask": (
        "standard_training_word_and_audioset_and_speaker_decay_lr/"
        "542752d7-9849-49ff-b84a-6758a81585b4"
    ),
}
MEMBERS = {name: f"{_ROOT}{folder}/5_checkpoint.pt" for name, folder in MEMBERS.items()}
FILES = {name: member.removeprefix(_ROOT) for name, member in MEMBERS.items()}

_CNN9 = {
    "relu0": 96 * 71,
    "maxpool0": 96 * 36,
    "relu1": 256 * 18,
    "maxpool1": 256 * 9,
    "relu2": 512 * 9,
    "relu3": 1024 * 9,
    "relu4": 512 * 9,
    "avgpool": 512 * 5,
    "relufc": 4096,
}
_RESNET50 = {
    "conv1_relu1": 64 * 106,
    "maxpool1": 64 * 53,
    "layer1": 256 * 53,
    "layer2": 512 * 27,
    "layer3": 1024 * 14,
    "layer4": 2048 * 7,
    "avgpool": 2048,
}
LAYERS = {name: _CNN9 if "cnn9" in name else _RESNET50 for name in NAMES}
FRAMES = {
    "relu0": 130,
    "maxpool0": 65,
    "relu1": 33,
    "maxpool1": 17,
    "relu2": 17,
    "relu3": 17,
    "relu4": 17,
    "conv1_relu1": 195,
    "layer1": 98,
    "layer2": 49,
    "layer3": 25,
    "layer4": 13,
}

#: Words, speakers, sounds of AudioSet.
_HEADS = {"signal/word_int": 794, "signal/speaker_int": 433, "noise/labels_binary_via_int": 517}


def shapes(name, *, widths=(96, 256, 512, 1024, 512), n_units=4096, width=64):
    """Shapes of the network's tensors, below ``module.model.1.`` of the file."""
    if "cnn9" in name:
        out, head, n_features = _cnn9(widths, n_units), "classification", n_units
    else:
        out, head, n_features = _resnet50(width), "fc", 32 * width
    heads = {head: 794} if name.endswith("word") else {f"{head}.{k}": n for k, n in _HEADS.items()}
    for path, n in heads.items():
        out |= {f"{path}.weight": (n, n_features), f"{path}.bias": (n,)}
    return out


def _cnn9(widths, n_units):
    a, b, c, d, e = widths
    return {
        **_norm("batchnorm0", 1),
        "conv0.weight": (a, 1, 7, 14),
        **_norm("batchnorm1", a),
        "conv1.weight": (b, a, 4, 8),
        **_norm("batchnorm2", b),
        "conv2.weight": (c, b, 2, 5),
        "conv3.weight": (d, c, 2, 5),
        "conv4.weight": (e, d, 2, 5),
        "fullyconnected.weight": (n_units, e * 5 * 9),
        "fullyconnected.bias": (n_units,),
    }


def _resnet50(width):
    out = {"conv1.weight": (width, 1, 7, 7), **_norm("bn1", width)}
    n_in = width
    for layer, depth in enumerate((3, 4, 6, 3), 1):
        inside = width * 2 ** (layer - 1)
        for block in range(depth):
            path = f"layer{layer}.{block}"
            out[f"{path}.conv1.weight"] = (inside, n_in, 1, 1)
            out[f"{path}.conv2.weight"] = (inside, inside, 3, 3)
            out[f"{path}.conv3.weight"] = (4 * inside, inside, 1, 1)
            for i, n in enumerate((inside, inside, 4 * inside), 1):
                out |= _norm(f"{path}.bn{i}", n)
            if block == 0:
                out[f"{path}.downsample.0.weight"] = (4 * inside, n_in, 1, 1)
                out |= _norm(f"{path}.downsample.1", 4 * inside)
            n_in = 4 * inside
    return out


def _norm(path, n):
    parts = ("weight", "bias", "running_mean", "running_var")
    return {f"{path}.{part}": (n,) for part in parts} | {f"{path}.num_batches_tracked": ()}


@functools.lru_cache(maxsize=1)
def front_end():
    """Stored tables of the cochleagram: (211, 20001, 2) and (1, 1, 1001), written out."""
    frequencies = np.arange(20_001) / 2  # Hz: 40,000 samples at 20 kHz
    places = _erb(frequencies)
    step = (_erb(10_000) - _erb(50)) / 204
    bands, lows, highs = [], [], []
    for k in range(1, 204):
        distance = places - (_erb(50) + k * step)
        inside = np.abs(distance) < 4 * step
        bands.append(np.where(inside, np.cos(np.pi * distance / (8 * step)), 0.0))
        rest = np.sqrt(1 - bands[-1] ** 2)
        if k <= 4:  # the first of one of four interleaved sets
            lows.append(np.where(distance < 0, rest, 0.0))
        if k > 199:  # the last of one
            highs.append(np.where(distance > 0, rest, 0.0))
    filters = np.zeros((211, 20_001, 2), np.float32)
    filters[..., 0] = np.stack([*lows, *bands, *highs]) / 2
    time = np.arange(-1001 / 2, 500)
    lowpass = np.sinc(time / 100) / 100 * np.i0(5 * np.sqrt(1 - np.linspace(-1, 1, 1001) ** 2))
    return filters, (lowpass / np.i0(5))[None, None].astype(np.float32)


def _erb(frequency):
    return 9.265 * np.log(1 + frequency / (24.7 * 9.265))


def state(name, fill, **widths):
    """All tensors that the file has under "model"."""
    filters, lowpass = front_end()
    way = "model.0.full_rep.rep.Cochleagram"
    whole = {
        "preproc.normalize.new_mean": torch.zeros(1, 1, 1),
        "preproc.normalize.new_std": torch.ones(1, 1, 1),
        f"{way}.compute_subbands.coch_filters": torch.from_numpy(filters),
        f"{way}.downsampling.downsample_filter": torch.from_numpy(lowpass),
    }
    for key, shape in shapes(name, **widths).items():
        whole[f"model.1.{key}"] = _tensor(key, shape, fill)
    twice = whole | {f"attacker.{key}": tensor for key, tensor in whole.items()}
    return collections.OrderedDict((f"module.{key}", tensor) for key, tensor in twice.items())


def _tensor(key, shape, fill):
    if key.endswith("num_batches_tracked"):
        return torch.tensor(70_000)
    return torch.from_numpy(np.ascontiguousarray(fill(key, shape)))


def save(tensors, path, *, warmup=False):
    """Save tensors as the training did; ``warmup`` nests objects of it in the schedule."""
    weights = [torch.nn.Parameter(torch.zeros(3))]
    optimizer = torch.optim.SGD(weights, lr=0.01, momentum=0.9, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, step_size=50).state_dict()
    weights[0].grad = torch.ones(3)
    optimizer.step()
    path.parent.mkdir(parents=True, exist_ok=True)
    with _warmup() as after:
        content = {
            "model": tensors,
            "optimizer": optimizer.state_dict(),
            "schedule": schedule | {"after_scheduler": after} if warmup else schedule,
            "epoch": 6,
            "nat_prec1": torch.tensor(84.25),
            "adv_prec1": -1,
        }
        torch.save(content, path, pickle_module=dill)


@contextlib.contextmanager
def _warmup():
    """A schedule of a module that is there only while it is saved, and a function within it."""
    path = "warmup_scheduler.scheduler"
    space = {"__name__": path}
    exec(compile("def decay(epoch):\n    return 0.5 ** (epoch // 50)", path, "exec"), space)
    module = types.ModuleType(path)
    module.Schedule = type("Schedule", (), {"__module__": path})
    one = module.Schedule()
    one.__dict__ |= {"base_lrs": [0.01], "last_epoch": 6, "lr_lambda": space["decay"]}
    sys.modules |= {"warmup_scheduler": types.ModuleType("warmup_scheduler"), path: module}
    try:
        yield one
    finally:
        del sys.modules["warmup_scheduler"], sys.modules[path]


def write(name, folder, fill, *, warmup=False, **widths):
    save(state(name, fill, **widths), folder / FILES[name], warmup=warmup)
