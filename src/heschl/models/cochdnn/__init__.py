"""CochDNN: two networks on a cochleagram, each trained on four tasks in the same noisy scenes.

Tuckute, Feather et al. (2023): "CochCNN9", after Kell et al. (2018), and "CochResNet50". The tasks
are the word and the speaker in the foreground, the sounds in the background, and all three. Facts
of layers and front end: jenellefeather/cochdnn at 8702294, jenellefeather/chcochleagram at c634ca8.

All checkpoints are published in one tar of 14 GB, of which only the wanted ones are brought. They
hold objects of their training beside the tensors, so they are converted.
"""

from __future__ import annotations

from heschl.fetch import TarMembers
from heschl.models.base import ModelSpec, Training
from heschl.models.weights import Weights

ARCHIVE = TarMembers(
    "https://mcdermottlab.mit.edu/cochdnn/cochdnn_model_checkpoints.tar",
    root="model_checkpoints/audio_rep_training_cochleagram_1",
)

#: Classes of the tasks: words, speakers, and sounds of AudioSet.
CLASSES = {
    "signal/word_int": 794,
    "signal/speaker_int": 433,
    "noise/labels_binary_via_int": 517,
}

_FOLDERS = {
    ("cnn9", "word"): "kell2018_decay_lr/2b411fd2-56f2-46c1-ad45-1355d4ffadde",
    ("cnn9", "speaker"): "kell2018_speaker_decay_lr/46ed16b7-4097-4d99-b457-3cd1011b55cc",
    ("cnn9", "audioset"): "kell2018_audioset_decay_lr/1629f285-0a2c-4764-beaf-0b9fe11ba2e7",
    ("cnn9", "multitask"): (
        "kell2018_word_audioset_speaker_decay_lr/5728d456-ddc2-4fc2-bf07-a41e658f36d4"
    ),
    ("resnet50", "word"): "standard_training_word_decay_lr/a10c97f7-3f2b-4219-8e72-bc625c94fd08",
    ("resnet50", "speaker"): (
        "standard_training_speaker_decay_lr/0d84f6d5-8994-43ad-b5f1-650300b875ff"
    ),
    ("resnet50", "audioset"): (
        "standard_training_audioset_decay_lr/9442ee31-7775-4e4a-9ff8-12cb54cf32e1"
    ),
    ("resnet50", "multitask"): (
        "standard_training_word_and_audioset_and_speaker_decay_lr/"
        "542752d7-9849-49ff-b84a-6758a81585b4"
    ),
}
_NETWORKS = {
    "cnn9": ("cochcnn9", "kell2018", "5 convolutions and a dense layer on a cochleagram"),
    "resnet50": ("cochresnet50", "resnet50", "a residual network of 50 layers on a cochleagram"),
}
_TASKS = {
    "word": ("word", "that recognises words in noise"),
    "speaker": ("speaker", "that recognises speakers in noise"),
    "audioset": ("audioset", "that recognises the sounds behind speech"),
    "multitask": ("word_speaker_audioset", "that recognises words, speakers and sounds at once"),
}

#: All eight heard the same scenes, whatever they had to recognise.
_TRAINING = Training(
    "supervised",
    2_124,
    "Word-Speaker-Noise: Wall Street Journal and Spoken Wikipedia, over AudioSet",
    "Tuckute et al. (2023), Methods: 230,356 clips of speech, 2 s of each, and 718,625 of AudioSet "
    "of at most 10 s; hours: their sum",
)


def _spec(network: str, task: str) -> ModelSpec:
    name, published, summary = _NETWORKS[network]
    suffix, purpose = _TASKS[task]
    member = f"{_FOLDERS[network, task]}/5_checkpoint.pt"
    return ModelSpec(
        name=f"{name}-{task}",
        family="cochdnn",
        summary=f"{summary} {purpose}",
        loader="heschl.models.cochdnn.model:load",
        licence="MIT (code; that of the weights is not stated apart)",
        citation=(
            "Tuckute, Feather et al., PLoS Biol 21(12) e3002366 (2023)"
            + ("; Kell et al., Neuron 98 (2018)" if network == "cnn9" else "")
        ),
        aliases=(f"braindnn_{published}_{suffix}",),
        weights=Weights(
            files=(ARCHIVE.file(member),),
            licence="not stated (the repository of the code: MIT)",
            convert=True,
            archive=ARCHIVE,
            keep=("model",),
        ),
        options={"network": network, "task": task},
        training=_TRAINING,
    )


SPECS = tuple(_spec(network, task) for network in _NETWORKS for task in _TASKS)
