"""YAML files that describe something: read without running anything; complaints name lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError

from heschl.errors import InputError, UsageError
from heschl.registry import nearest

#: No such file needs more; what is larger is another file.
MOST_BYTES, DEEPEST = 1_000_000, 20
_OPENING = (
    yaml.FlowSequenceStartToken,
    yaml.FlowMappingStartToken,
    yaml.BlockSequenceStartToken,
    yaml.BlockMappingStartToken,
)
_CLOSING = (yaml.FlowSequenceEndToken, yaml.FlowMappingEndToken, yaml.BlockEndToken)
#: Characters of what is no text: 1:1:1:... is a number of 60s, which grows with every one of them.
_TEXT, _LONGEST_NUMBER = "tag:yaml.org,2002:str", 100
#: What the safe loader raises of a scalar that is not what its tag says, as ``!!int ""``.
_NO_SCALAR = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
#: By pydantic's kind of error, in words of a file instead of Python's.
_EXPECTED = {"tuple_type": "expected a list", "model_type": "expected keys and their values"}
Place = tuple[str | int, ...]
Described = TypeVar("Described", bound=BaseModel)


@dataclass(frozen=True)
class DescribedFile(Generic[Described]):
    """A file that has been read.

    Attributes
    ----------
    path : Path
    text : str
    description : pydantic.BaseModel
    lines : dict
        Line, from 1, of each key and entry by its place, as ``("models", 3)``.
    """

    path: Path
    text: str = field(repr=False)
    description: Described
    lines: dict[Place, int] = field(repr=False)

    def line(self, *place: str | int) -> int:
        """Return the line of a place, or of the nearest one above it."""
        return line_of(self.lines, place)

    def folder(self, path: Path) -> Path:
        """Return a path that the file names, which is relative to the folder of the file."""
        try:
            return self.path.parent / path.expanduser()
        except RuntimeError as error:
            raise UsageError(f"{path}: no such user; expected a path without '~'") from error


def read_described(
    path: str | Path, description: type[Described], noun: str
) -> DescribedFile[Described]:
    """Read and validate a file.

    Parameters
    ----------
    path : str or Path
    description : type of pydantic.BaseModel
        What its content has to be.
    noun : str
        What the file is, for messages: "study file".

    Returns
    -------
    DescribedFile

    Raises
    ------
    InputError
        If there is no such file, or it is not YAML, or not as it has to be: every complaint with
        its line.
    """
    path = Path(path)
    return parse_described(path, _text(path, noun), description, noun)


def parse_described(
    path: Path, text: str, description: type[Described], noun: str
) -> DescribedFile[Described]:
    """Validate the text of a file, which may have been read before; see `read_described`.

    Raises
    ------
    InputError
        As `read_described`.
    """
    root = _compose(path, text, noun, description)
    lines: dict[Place, int] = {}
    content = _content(path, root, (), lines)
    if not isinstance(content, dict):
        kind = type(content).__name__
        raise InputError(f"{path}: a {kind}; expected {_example(description)}")
    try:
        found = description.model_validate(content)
    except ValidationError as error:
        complaints = sorted(
            (line_of(lines, e["loc"]), _said(dict(e), description)) for e in error.errors()
        )
        raise InputError(listed(path, complaints)) from error
    return DescribedFile(path, text, found, lines)


def _example(description: type[BaseModel]) -> str:
    required = [name for name, info in description.model_fields.items() if info.is_required()]
    return f"keys such as '{required[-1]}:'"


def listed(path: Path, complaints: list[tuple[int, str]]) -> str:
    """Return complaints with their lines as one text."""
    if len(complaints) == 1:
        return f"{path}, line {complaints[0][0]}: {complaints[0][1]}"
    rows = "\n".join(f"  line {line}: {said}" for line, said in complaints)
    return f"{path}: {len(complaints)} mistakes\n{rows}"


def line_of(lines: dict[Place, int], place: Place) -> int:
    """Return the line of a place, or of the nearest one above it."""
    for end in range(len(place), 0, -1):
        if place[:end] in lines:
            return lines[place[:end]]
    return 1


def _text(path: Path, noun: str) -> str:
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise InputError(f"{path}: {size:,} bytes; expected a {noun} of at most {MOST_BYTES:,}")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); expected a {noun}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 ({error.reason}); expected a {noun}") from error


def _compose(path: Path, text: str, noun: str, description: type[BaseModel]) -> yaml.Node:
    """Parse to nodes, which know their lines. Nothing is constructed but text and numbers."""
    try:
        _check_tokens(path, text, noun)
        root = yaml.compose(text, yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise InputError(f"{path}: not YAML: {error}") from error
    if root is None:
        raise InputError(f"{path}: empty; expected {_example(description)}")
    return root


def _check_tokens(path: Path, text: str, noun: str) -> None:
    """Refuse what would take more memory or time than its size tells."""
    depth = 0
    for token in yaml.scan(text, yaml.SafeLoader):
        line = token.start_mark.line + 1
        if isinstance(token, yaml.AliasToken):  # each could double what is read
            raise InputError(
                f"{path}, line {line}: an alias (*{token.value}); expected everything to be "
                "written out"
            )
        depth += isinstance(token, _OPENING) - isinstance(token, _CLOSING)
        if depth > DEEPEST:
            raise InputError(
                f"{path}, line {line}: nested more than {DEEPEST} deep; expected a {noun}"
            )


def _content(path: Path, node: yaml.Node, place: Place, lines: dict[Place, int]) -> Any:
    """Return plain values; note the line of each."""
    lines.setdefault(place, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Any] = {}
        for key, value in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            if name in found:
                raise InputError(
                    f"{path}, line {line}: {name!r} a second time; expected each key once"
                )
            lines[(*place, name)] = line
            found[name] = _content(path, value, (*place, name), lines)
        return found
    if isinstance(node, yaml.SequenceNode):
        return [_content(path, one, (*place, i), lines) for i, one in enumerate(node.value)]
    if node.tag != _TEXT and len(node.value) > _LONGEST_NUMBER:
        raise InputError(
            f"{path}, line {node.start_mark.line + 1}: {node.value[:20]!r}... of {len(node.value)} "
            f"characters; expected numbers of at most {_LONGEST_NUMBER}, or text in quotes"
        )
    loader = yaml.SafeLoader("")
    try:  # "natsound165", "0", "true": what the safe loader makes of a scalar
        return loader.construct_object(node)
    except (yaml.YAMLError, *_NO_SCALAR) as error:
        value = repr(node.value)
        raise InputError(
            f"{path}, line {node.start_mark.line + 1}: {value[:80]} with tag {node.tag[:80]}; "
            "expected plain values"
        ) from error
    finally:
        loader.dispose()


def _said(error: dict[str, Any], description: type[BaseModel]) -> str:
    """Return one complaint of pydantic in our words."""
    place, kind = error["loc"], error["type"]
    name = next((str(part) for part in reversed(place) if isinstance(part, str)), "")
    if kind == "extra_forbidden":
        known = list(_keys(place, description))
        hint = nearest(name, known)
        return (
            f"unknown key {name!r}.{f' Did you mean: {hint}?' if hint else ''} Known: "
            f"{', '.join(known)}."
        )
    if kind == "missing" and isinstance(place[-1], int):
        return f"{name} has no entry {place[-1] + 1}; expected one"
    if kind == "missing":
        return f"no {name!r}; expected it here"
    if kind == "value_error":  # said by a description of ours
        return f"{name}: {error['ctx']['error']}"
    value = repr(error["input"])
    shown = value if len(value) <= 80 else f"{value[:77]}..."
    said = error["msg"][0].lower() + error["msg"][1:]
    return f"{name} is {shown}; {_EXPECTED.get(kind, said)}"


def _keys(place: Place, description: type[BaseModel]) -> Iterator[str]:
    """Yield the keys that may stand beside the last one of a place."""
    part = description
    for step in place[:-1]:
        if isinstance(step, str) and step in _by_key(part):
            part = _part(_by_key(part)[step].annotation) or part
    yield from _by_key(part)


def _by_key(part: type[BaseModel]) -> dict[str, Any]:
    return {info.alias or name: info for name, info in part.model_fields.items()}


def _part(annotation: Any) -> type[BaseModel] | None:
    """Return the description that an annotation holds, as in ``tuple[ModelEntry, ...]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for inner in get_args(annotation) if (found := _part(inner))), None)
