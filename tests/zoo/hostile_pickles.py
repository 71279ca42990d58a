"""Pickles that mean harm, written opcode by opcode."""

from __future__ import annotations

import struct

import dill

from checkpoint_files import call, name, number, numbers, storage, tensor, text


def calls(module, attribute, *arguments):
    return call(name(module, attribute), *arguments)


def shell(canary):
    """A call of the shell, which touches a file."""
    return calls("os", "system", text(f"touch {canary}"))


def source(canary):
    """Python that touches a file."""
    return text(f"__import__('pathlib').Path({str(canary)!r}).touch()")


# what runs if Python's own reader sees it


def _getattr_chain(canary):
    module = calls("builtins", "__import__", text("os"))
    return call(calls("builtins", "getattr", module, text("system")), text(f"touch {canary}"))


def _compiled(canary):
    code = calls("builtins", "compile", source(canary), text("x"), text("exec"))
    return calls("runpy", "_run_code", code, b"}")


def _nested_pickle(canary):
    inner = b"\x80\x02" + shell(canary) + b"."
    return calls("pickle", "loads", b"B" + struct.pack("<I", len(inner)) + inner)


def _dill_function(canary):
    """A function whose code is in the pickle, called."""
    space = {"__name__": "not_importable", "CANARY": str(canary)}
    exec("def touch():\n    open(CANARY, 'w').close()", space)
    return call(dill.dumps(space["touch"], protocol=2, recurse=True)[2:-1])


def _state(canary):
    """BUILD calls ``__setstate__``: a partial becomes any other call, and is called."""
    made = calls("functools", "partial", name("os", "system"))
    command = b"(" + text(f"touch {canary}") + b"t"
    return made + b"(" + name("os", "system") + command + b"}Ntb)R"


def _pairs(canary):
    pair = b"(" + text("k") + shell(canary) + b"t"
    return calls("collections", "OrderedDict", b"](" + pair + b"e")


RUNNING = {
    "os.system": shell,
    "posix.system": lambda c: calls("posix", "system", text(f"touch {c}")),
    "eval": lambda c: calls("builtins", "eval", source(c)),
    "exec": lambda c: calls("builtins", "exec", source(c)),
    "open": lambda c: calls("builtins", "open", text(str(c)), text("w")),
    "subprocess": lambda c: calls("subprocess", "getoutput", text(f"touch {c}")),
    "timeit": lambda c: calls("timeit", "timeit", text("0"), source(c)),
    "chain of getattr": _getattr_chain,
    "compiled code": _compiled,
    "pickle in a pickle": _nested_pickle,
    "function of dill": _dill_function,
    "before NEWOBJ": lambda c: shell(c) + b"0" + name("builtins", "object") + b")\x81",
    "before NEWOBJ_EX": lambda c: shell(c) + b"0" + name("builtins", "object") + b")}\x92",
    "state of a partial": _state,
    "key of a dictionary": lambda c: b"}" + shell(c) + b"K\x01s",
    "pair of an OrderedDict": _pairs,
    "STACK_GLOBAL with dots": lambda c: call(
        text("os") + text("path.os.system") + b"\x93", text(f"touch {c}")
    ),
}

#: Their like, which this machine would not show: other systems, networks, long waits.
OTHER = {
    "eval of Python 2": lambda c: calls("__builtin__", "eval", source(c)),
    "nt.system": lambda c: calls("nt", "system", text(f"touch {c}")),
    "numpy.load": lambda c: calls("numpy", "load", text(f"{c}.npy"), b"N", b"\x88"),
    "torch.load": lambda c: calls("torch", "load", text(f"{c}.pt")),
    "torch.hub": lambda c: calls("torch.hub", "load", text(str(c)), text("x")),
    "torch.jit": lambda c: calls("torch.jit", "load", text(str(c))),
    "configuration of logging": lambda c: calls("logging.config", "listen"),
    "webbrowser": lambda c: calls("webbrowser", "open", text(f"file://{c}")),
    "shutil": lambda c: calls("shutil", "rmtree", text(str(c))),
}


# what torch rebuilds


def _rebuild(function, *arguments, module="torch._utils"):
    return calls(module, function, *arguments)


def _hooks(canary):
    """Backward hooks that are what the shell returned."""
    view = (storage(), number(0), numbers((4,)), numbers((1,)))
    return _rebuild("_rebuild_tensor_v2", *view, b"\x89", shell(canary))


def _subclass(canary):
    """A tensor of a subclass, rebuilt by a function of the pickle's choice."""
    command = b"(" + text(f"touch {canary}") + b"t"
    parts = (name("os", "system"), name("torch", "Tensor"), command, b"N")
    return _rebuild("_rebuild_from_type_v2", *parts, module="torch._tensor")


def _parameter(canary):
    hooks = calls("collections", "OrderedDict")
    return _rebuild("_rebuild_parameter_with_state", tensor(), b"\x88", hooks, shell(canary))


def _class_of_storage(canary):
    parts = text("storage") + shell(canary) + text("0") + text("cpu") + number(4)
    return tensor(b"(" + parts + b"tQ")


def _module_with_source(canary):
    """As torch kept modules: a class, the name of its file, and the source."""
    return b"(" + text("module") + name("os", "system") + text("x.py") + source(canary) + b"tQ"


_FLOAT = name("torch", "float32")
_VIEW = (storage(), number(0), numbers((4,)), numbers((1,)))

TORCH = {
    "backward hooks": _hooks,
    "subclass": _subclass,
    "parameter with a state": _parameter,
    "class of a storage": _class_of_storage,
    "module with its source": _module_with_source,
    "quantised": lambda c: _rebuild("_rebuild_qtensor", *_VIEW, b"NNN"),
    "sparse": lambda c: _rebuild("_rebuild_sparse_tensor", name("torch", "strided"), b"(t"),
    "wrapper": lambda c: _rebuild("_rebuild_wrapper_subclass", shell(c), _FLOAT, numbers((4,))),
    "from numpy": lambda c: _rebuild("_rebuild_device_tensor_from_numpy", shell(c), b"NNN"),
    "without a storage": lambda c: _rebuild(
        "_rebuild_meta_tensor_no_storage", _FLOAT, numbers((1 << 60,)), numbers((1,)), b"\x89"
    ),
}


# names and opcodes

NAMES = [
    ("os", "system\x00"),
    ("", ""),
    ("os.path", "os.system"),
    ("\u043es", "system"),  # a Cyrillic letter
    ("o" * 99_999, "s"),
    ("builtins", "__import__('os').system"),
    ("collections", "OrderedDict.__class__"),
    ("torch", "FloatStorage.__init__.__globals__"),
    ("torch._utils", "_rebuild_tensor_v2.__globals__"),
    ("torch.storage", "pickle.loads"),
    ("\x1b[2Jtorch", "a\nb\rc\u202e"),
    ("heschl.pickles.records", "Record"),
]

OPCODES = {
    "INST": b"(" + text("touch") + b"ios\nsystem\n",
    "OBJ": b"(N" + text("touch") + b"o",
    "EXT1": b"\x82\x01",
    "EXT2": b"\x83\x01\x00",
    "EXT4": b"\x84\x01\x00\x00\x00",
    "PERSID": b"Pthing\n",
    "NEXT_BUFFER": b"\x97",
    "READONLY_BUFFER": b"N\x98",
}


# tensors and storages that lie

VIEWS = {
    "offset beyond": {"offset": 1},
    "offset negative": {"offset": -1},
    "offset huge": {"offset": 1 << 61},
    "offset beyond 64 bits": {"offset": 1 << 80},
    "stride negative": {"offset": 3, "strides": (-1,)},
    "stride beyond": {"strides": (2,)},
    "stride huge": {"strides": (1 << 61,)},
    "strides too few": {"shape": (2, 2)},
    "strides too many": {"strides": (1, 1)},
    "size negative": {"shape": (-4,)},
    "two negative sizes": {"shape": (-2, -2), "strides": (2, 1)},
    "size huge": {"shape": ((1 << 61) - 1,)},
    "size huge over one value": {"shape": (1 << 40,), "strides": (0,)},
    "product beyond 64 bits": {"shape": (1 << 32, 1 << 32), "strides": (0, 0)},
    "product of 4 in 64 bits": {"shape": ((1 << 61) + 1, 4, 2), "strides": (0, 0, 0)},
    "huge and empty": {"shape": (1 << 50, 0), "strides": (1, 1)},
    "too many axes": {"shape": (1,) * 65, "strides": (1,) * 65},
}

_ONE = numbers((1,))
_ZERO = number(0)

ARGUMENTS = {
    "shape is a list": (storage(), _ZERO, b"]K\x04a", _ONE),
    "shape of floats": (storage(), _ZERO, b"(G" + struct.pack(">d", 4.0) + b"t", _ONE),
    "shape of truths": (storage(), _ZERO, b"(\x88t", _ONE),
    "shape of texts": (storage(), _ZERO, b"(" + text("4") + b"t", _ONE),
    "offset is a text": (storage(), text("0"), numbers((4,)), _ONE),
    "storage is a list": (b"]", _ZERO, numbers((4,)), _ONE),
    "storage is a tensor": (tensor(), _ZERO, numbers((4,)), _ONE),
    "too few": (storage(),),
    "too many": (storage(), _ZERO, numbers((4,)), _ONE, *[b"N"] * 20),
}


def _part(first, n):
    whole = storage().removesuffix(b"tQ")
    return whole + b"(" + text("v") + number(first) + number(n) + b"ttQ"


STORAGES = {
    "larger than its bytes": storage(n_values=5),
    "smaller than its bytes": storage(n_values=3),
    "of a negative size": storage(n_values=-1),
    "of a size beyond 64 bits": storage(n_values=1 << 70),
    "that is not there": storage(key="1"),
    "with a way as its key": storage(key="../data.pkl"),
    "of an unknown type": storage(kind=("torch", "QInt8Storage")),
    "of a class of another module": storage(kind=("os", "FloatStorage")),
    "of another width": storage(kind=("torch", "DoubleStorage")),
    "that is a text": text("storage") + b"Q",
    "that is a number": number(7) + b"Q",
    "without parts": b"(" + text("storage") + b"tQ",
    "with a part beyond it": _part(3, 2),
    "with a negative part": _part(-1, 2),
}


# depths and lengths


def _deep(opener, closer, n):
    return opener * n + b"N" + closer * n


def _laughs(opener, closer, n=60):
    """Containers of twice the one before: 2**60 values in a few bytes."""
    steps = (b"q" + bytes([i]) + b"0" + opener + 2 * (b"h" + bytes([i])) + closer for i in range(n))
    return opener + b"NN" + closer + b"".join(steps)


def _of_one_hash(n_bits=14):
    """Tuples of -1 and -2, which have one hash: each key is compared with all before it."""
    pick = (b"J\xff\xff\xff\xff", b"J\xfe\xff\xff\xff")
    keys = (
        b"(" + b"".join(pick[i >> bit & 1] for bit in range(n_bits)) + b"t"
        for i in range(1 << n_bits)
    )
    return b"".join(key + b"N" for key in keys)


def _large_numbers():
    return [number(i << 44) for i in range(1, 5002)]


_COPIES = (name("collections", "OrderedDict") + b"h\x00\x85R0") * 3000

_ENCODED = (name("_codecs", "encode") + b"h\x00" + text("latin1") + b"\x86R0") * 200

DEPTHS = {
    "lists": _deep(b"](", b"e", 100_000),
    "tuples": _deep(b"(", b"t", 100_000),
    "dictionaries": _deep(b"}" + text("a"), b"s", 100_000),
    "a list that holds itself": b"]q\x00h\x00a",
    "a dictionary that holds itself": b"}q\x00" + text("a") + b"h\x00s",
    "a tuple that holds itself": b"]q\x000(h\x00tq\x010h\x00h\x01a",
    "a billion lists": _laughs(b"](", b"e"),
    "a billion tuples": _laughs(b"(", b"t"),
    "three million opcodes": b"(" + b"N" * 3_000_000 + b"l",
    "a million marks": b"(" * 1_000_000 + b"t" * 1_000_001,
    "ten thousand names": b"(" + b"".join(name("a", f"b{i}") for i in range(10_001)) + b"l",
    "a memo of gigabytes": b"Nr\xff\xff\xff\x7f",
    "a memo that is not there": b"j\xff\xff\xff\x7f",
    "a text of 2 GB": b"X\xff\xff\xff\x7fabc",
    "a text of 2**60 bytes": b"\x8d" + struct.pack("<Q", 1 << 60) + b"abc",
    "bytes of 2**60 bytes": b"\x8e" + struct.pack("<Q", 1 << 60) + b"abc",
    "a byte array of 2**60 bytes": b"\x96" + struct.pack("<Q", 1 << 60) + b"abc",
    "a frame of 2**60 bytes": b"\x95" + struct.pack("<Q", 1 << 60) + b"\x8e\xff",
    "a number of 2 GB": b"\x8b\xff\xff\xff\x7f1",
    "a negative length": b"\x8b\xff\xff\xff\xff1",
    "a number of many digits": b"L" + b"9" * 100_000 + b"L\n",
    "texts that are no UTF-8": b"X\x02\x00\x00\x00\xff\xfe",
    "keys of one hash": b"}(" + _of_one_hash() + b"u",
    "large numbers as keys": b"}(" + b"".join(one + b"N" for one in _large_numbers()) + b"u",
    "large numbers in a set": b"\x8f(" + b"".join(_large_numbers()) + b"\x90",
    "one text copied often": b"X"
    + struct.pack("<I", 1 << 20)
    + bytes(1 << 20)
    + b"q\x000"
    + _ENCODED
    + b"N",
    "one list copied often": b"](" + b"(K\x01K\x02t" * 1000 + b"eq\x000" + _COPIES + b"N",
}
