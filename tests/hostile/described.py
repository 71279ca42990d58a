"""Hostile YAML: files of studies and recipes of pretraining."""

from __future__ import annotations

from heschl.errors import InputError
from hostile.case import HostileFile, armed, raw


def _laughs():
    """A billion entries in a few lines, by anchors and aliases."""
    lines = ["study: x", "a0: &a0 [lol, lol]"]
    lines += [f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 31)]
    return "\n".join(lines)


_GOOD = "study: small\ntitle: Small\nmodels: [melspectrogram]\ndatasets: [synthetic]\n"
_YAML = {
    "a billion laughs": ("memory, by aliases", _laughs(), "an alias"),
    "an alias of itself": ("a loop", "study: &a [*a]\n", "an alias"),
    "merge keys": ("memory, by merging", "base: &b {a: 1}\nstudy:\n  <<: *b\n", "an alias"),
    "a tag of Python": (
        "an object of Python",
        "study: !!python/object/apply:os.system ['touch evil']\n",
        "study",
    ),
    "a tag of a module": ("an import", "study: !!python/module:os.path ''\n", "tag"),
    "a tag of its own": ("a constructor", "study: !evil {a: 1}\n", "study"),
    "flow of great depth": ("the stack", "study: " + "[" * 50_000, "nested more than"),
    "blocks of great depth": (
        "the stack",
        "".join(f"{' ' * i}a:\n" for i in range(600)),
        "nested more than",
    ),
    "a number of many digits": ("time", _GOOD + f"bootstrap: {'9' * 100_000}\n", "line 5"),
    "not a number": ("a comparison that is never true", _GOOD + "bootstrap: .nan\n", "bootstrap"),
    "a key twice": ("the second, unseen", _GOOD + "study: other\n", "study"),
    "a key that is a list": ("what cannot be a key", "? [a, b]\n: c\n", ""),
    "two documents": ("the second, unseen", f"{_GOOD}---\n{_GOOD}", ""),
    "a byte order mark and zeros": ("other characters", "\ufeffstudy: a\x00b\n", ""),
    "signs that a terminal obeys": (
        "another text on the terminal",
        'study: x\n"\\e[2J\\e]0;evil\\a\\u202e": 1\n',
        "unknown key",
    ),
    "a way out as its name": (
        "a folder above",
        _GOOD.replace("study: small", "study: ../../x"),
        "",
    ),
    "2 MB of spaces": ("time", " " * 2_000_000, "bytes"),
}

FILES = (
    *(
        HostileFile(
            f"study: {label}", tries, "study", raw("s.yaml", text.encode()), InputError, words
        )
        for label, (tries, text, words) in _YAML.items()
    ),
    *(
        HostileFile(
            f"recipe: {label}", tries, "recipe", raw("r.yaml", text.encode()), InputError, words
        )
        for label, (tries, text, words) in _YAML.items()
        if label in ("a billion laughs", "a tag of Python", "flow of great depth")
    ),
    HostileFile(
        "study: a tag with the canary",
        "a call of the shell",
        "study",
        armed("s.yaml", lambda c: f"study: !!python/object/new:os.system ['touch {c}']".encode()),
        InputError,
        "study is ['touch",
    ),
)
