"""Hostile checkpoints: pickles, archives, older streams, safetensors, folders of transformers.

Most bytes are those of the tests of the reader itself (`zoo.hostile_pickles`, `zoo.hostile_files`);
here they meet it in the box, where it is noticed whatever they do.
"""

from __future__ import annotations

import json
import struct

from checkpoint_files import archive, call, name, state, stream, tensor, text
from heschl.errors import InputError
from hostile.case import SMALL, HostileFile, armed, raw
from zoo import hostile_files as files
from zoo import hostile_pickles as pickles

#: A pickle of some two million values, or one of many names, may fill this before it is refused.
MANY_VALUES = 448 << 20


def _held(content):
    """Return a builder of an archive with something beside a good tensor."""
    return armed("model.pt", lambda canary: archive(state(w=tensor(), x=content(canary))))


def _streamed(content):
    return armed("model.pt", lambda canary: stream(state(w=tensor(), x=content(canary))))


def _cloudpickled(canary):
    """As cloudpickle writes a function: its code object is built, then called."""
    code = call(name("types", "CodeType"), text(f"open({str(canary)!r}, 'w')"))
    made = call(name("cloudpickle.cloudpickle", "_make_function"), code, b"}NNN")
    return call(made)


def _scalar(canary):
    """A number of numpy whose type is an object: its bytes would be unpickled."""
    kind = call(name("numpy", "dtype"), text("O8"), b"K\x00K\x01")
    inner = b"\x80\x02" + pickles.shell(canary) + b"."
    content = b"B" + struct.pack("<I", len(inner)) + inner
    return call(name("numpy._core.multiarray", "scalar"), kind, content)


def _extension(canary):
    return b"\x82\x01(" + text(f"touch {canary}") + b"tR"


def _instance(canary):
    return b"(" + text(f"touch {canary}") + b"ios\nsystem\n"


def _object(canary):
    return b"(" + name("os", "system") + text(f"touch {canary}") + b"o"


def _persistent(canary):
    return b"(" + text("storage") + pickles.shell(canary) + text("0") + text("cpu") + b"K\x04tQ"


_GADGETS = pickles.RUNNING | {
    "function of cloudpickle": _cloudpickled,
}
_REFUSED_OPCODES = {
    "EXT1, the registry of extensions": (_extension, "uses the opcode EXT1"),
    "INST, a call of protocol 0": (_instance, "uses the opcode INST"),
    "OBJ, a call of protocol 1": (_object, "wants os.system"),
    "a scalar of numpy that is a pickle": (_scalar, "a numpy value that is no number"),
}
_SIZES = (
    "dictionaries",
    "a billion lists",
    "a list that holds itself",
    "ten thousand names",
    "a memo of gigabytes",
    "a text of 2 GB",
    "a text of 2**60 bytes",
    "bytes of 2**60 bytes",
    "a byte array of 2**60 bytes",
    "a frame of 2**60 bytes",
    "a number of 2 GB",
    "a negative length",
    "a number of many digits",
    "one text copied often",
)
_LARGE = {"ten thousand names", "a billion lists"}

PICKLED = (
    *(
        HostileFile(
            f"checkpoint: {label}",
            "code, when Python's reader sees it",
            "checkpoint",
            _held(content),
            InputError,
            "is read without running it",
        )
        for label, content in _GADGETS.items()
    ),
    *(
        HostileFile(
            f"older checkpoint: {label}",
            "code, in the first of several pickles",
            "checkpoint",
            _streamed(content),
            InputError,
            "is read without running it",
        )
        for label, content in list(_GADGETS.items())[:3]
    ),
    *(
        HostileFile(
            f"checkpoint: {label}",
            "code by an opcode of its own",
            "checkpoint",
            _held(content),
            InputError,
            words,
        )
        for label, (content, words) in _REFUSED_OPCODES.items()
    ),
    HostileFile(
        "checkpoint: a call in the identity of a storage",
        "code before a storage is found",
        "checkpoint",
        _held(_persistent),
        InputError,
        "wants os.system",
    ),
    *(
        HostileFile(
            f"checkpoint: {label}",
            "memory, time or the stack",
            "checkpoint",
            _held(lambda _, label=label: pickles.DEPTHS[label]),
            InputError,
            "model.pt",
            MANY_VALUES if label in _LARGE else SMALL,
        )
        for label in _SIZES
    ),
    *(
        HostileFile(
            f"checkpoint: {label}",
            "numbers outside of their storage",
            "checkpoint",
            raw("model.pt", archive(state(w=tensor(**options)))),
            InputError,
            "has a tensor",
        )
        for label, options in pickles.VIEWS.items()
        if label in ("offset beyond", "stride negative", "size huge", "product of 4 in 64 bits")
    ),
    *(
        HostileFile(
            f"checkpoint: a storage {label}",
            "bytes of something else",
            "checkpoint",
            raw("model.pt", archive(state(w=tensor(storage)))),
            InputError,
            "model.pt",
        )
        for label, storage in pickles.STORAGES.items()
        if label in ("larger than its bytes", "with a way as its key", "of an unknown type")
    ),
    *(
        HostileFile(
            f"table of pandas: {label}",
            "code, when pandas reads it",
            "table of pandas",
            armed("df.pkl", lambda canary, content=content: b"\x80\x04" + content(canary) + b"."),
            InputError,
            "df.pkl",
        )
        for label, content in _GADGETS.items()
    ),
)

ARCHIVED = (
    *(
        HostileFile(
            f"archive: {label}",
            "the reader of archives",
            "checkpoint",
            raw("model.pt", content),
            InputError,
            words,
        )
        for label, (content, words) in files.ARCHIVES.items()
        if label not in ("a damaged storage",)  # found when it is read, see below
    ),
    HostileFile(
        "archive: a bomb that is converted",
        "50 MB of zeros in 50 kB",
        "conversion",
        raw("model.pt", files.ARCHIVES["a bomb"][0]),
        InputError,
        "is compressed",
    ),
)


def _with_a_code_object(canary):
    """TorchScript: modules as source, which torch would compile."""
    code = f"import os\ndef forward(self):\n  os.system('touch {canary}')\n".encode()
    extra = {"archive/code/__torch__/m.py": code, "archive/constants.pkl": b"\x80\x02)."}
    return archive(files.CONTENT, extra=extra)


SCRIPTED = HostileFile(
    "archive: TorchScript with source",
    "code that torch would compile",
    "checkpoint",
    armed("model.pt", _with_a_code_object),
    InputError,
    "holds code",
)

_NAMED_LIKE_SAFETENSORS = {
    label: content
    for label, content in files.SAFETENSORS.items()
    if label not in ("no header", "metadata that are no texts")
}
TENSORS = (
    *(
        HostileFile(
            f"safetensors: {label}",
            "numbers of whatever lies beside, or much memory",
            "checkpoint",
            raw("model.safetensors", content),
            InputError,
            "model.safetensors",
        )
        for label, content in _NAMED_LIKE_SAFETENSORS.items()
    ),
    *(
        HostileFile(
            f"metadata: {label}",
            "the reader of what heschl converted",
            "checkpoint",
            raw(
                "model.safetensors",
                files.safetensors({"__metadata__": {"heschl": content}, "w": files.described()}),
            ),
            InputError,
            "metadata are not those of heschl",
        )
        for label, content in files.METADATA.items()
        if label in ("great depth", "a number of many digits", "large numbers as keys")
    ),
)


# folders as of transformers


def _folder(config, **others):
    def build(folder, canary):
        place = folder / "model"
        place.mkdir()
        content = config(canary) if callable(config) else config
        text_of = content if isinstance(content, str) else json.dumps(content)
        (place / "config.json").write_text(text_of)
        for key, value in others.items():
            value = value(canary) if callable(value) else value
            path = place / key.replace("__", ".")
            path.write_bytes(value if isinstance(value, bytes) else value.encode())
        return place

    return build


def _own_code(_):
    """A configuration that names code beside it, which `trust_remote_code` would run."""
    return {"model_type": "evil", "auto_map": {"AutoConfig": "evil.Config", "AutoModel": "evil.M"}}


def _source(canary):
    return f"open({str(canary)!r}, 'w').close()\nclass Config: pass\nclass M: pass\n"


_SMALL_WAV2VEC2 = {
    "model_type": "wav2vec2",
    "hidden_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 1,
    "intermediate_size": 8,
    "conv_dim": [8],
    "conv_kernel": [10],
    "conv_stride": [5],
    "num_feat_extract_layers": 1,
    "num_conv_pos_embeddings": 2,
    "num_conv_pos_embedding_groups": 1,
}
_AWAY = json.dumps({"weight_map": {"w": "../../secret.safetensors"}})

FOLDERS = (
    HostileFile(
        "folder of transformers: code of its own",
        "code beside the configuration",
        "model of transformers",
        _folder(_own_code, evil__py=_source),
        InputError,
        "config.json",
    ),
    HostileFile(
        "folder of transformers: JSON of great depth",
        "the stack",
        "model of transformers",
        _folder("[" * 100_000),
        InputError,
        "config.json",
    ),
    HostileFile(
        "folder of transformers: an index that leads away",
        "a file of somebody else",
        "model of transformers",
        _folder(_SMALL_WAV2VEC2, model__safetensors__index__json=_AWAY),
        InputError,
        "lists '../../secret.safetensors'",
    ),
    HostileFile(
        "folder of transformers: a pickle as weights",
        "code, when torch reads the weights",
        "model of transformers",
        _folder(
            _SMALL_WAV2VEC2,
            pytorch_model__bin=lambda canary: archive(state(w=pickles.shell(canary))),
        ),
        InputError,
        "is read without running it",
    ),
    HostileFile(
        "folder of transformers: a network of petabytes",
        "memory before any weight is read",
        "model of transformers",
        _folder(
            _SMALL_WAV2VEC2 | {"hidden_size": 1 << 20, "intermediate_size": 1 << 24},
            model__safetensors=files.safetensors({"w": files.described()}),
        ),
        InputError,
        "model",
        128 << 20,
    ),
)

FILES = (*PICKLED, *ARCHIVED, SCRIPTED, *TENSORS, *FOLDERS)
