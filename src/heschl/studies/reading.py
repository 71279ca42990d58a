"""Study files: YAML, read without running anything of it; each complaint names its line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from heschl.errors import InputError
from heschl.registry import nearest
from heschl.studies.description import DataEntry, Description, ModelEntry

#: No study needs more; what is larger is another file.
MOST_BYTES, DEEPEST = 1_000_000, 20
_OPENING = (
    yaml.FlowSequenceStartToken,
    yaml.FlowMappingStartToken,
    yaml.BlockSequenceStartToken,
    yaml.BlockMappingStartToken,
)
_CLOSING = (yaml.FlowSequenceEndToken, yaml.FlowMappingEndToken, yaml.BlockEndToken)
Place = tuple[str | int, ...]


@dataclass(frozen=True)
class StudyFile:
    """A study file that has been read.

    Attributes
    ----------
    path : Path
    text : str
    description : Description
    lines : dict
        Line, from 1, of each key and entry by its place, as ``("models", 3)``.
    """

    path: Path
    text: str = field(repr=False)
    description: Description
    lines: dict[Place, int] = field(repr=False)

    def line(self, *place: str | int) -> int:
        """Return the line of a place, or of the nearest one above it."""
        return line_of(self.lines, place)


def read_study(path: str | Path) -> StudyFile:
    """Read and validate a study file; names in it are not looked up yet.

    Raises
    ------
    InputError
        If there is no such file, or it is not YAML, or not as a study file has to be: every
        complaint with its line.
    """
    path = Path(path)
    text = _text(path)
    root = _compose(path, text)
    lines: dict[Place, int] = {}
    content = _content(path, root, (), lines)
    if not isinstance(content, dict):
        raise InputError(f"{path}: a {type(content).__name__}; expected keys such as 'models:'")
    try:
        description = Description.model_validate(content)
    except ValidationError as error:
        complaints = sorted((line_of(lines, e["loc"]), _said(dict(e))) for e in error.errors())
        raise InputError(listed(path, complaints)) from error
    return StudyFile(path, text, description, lines)


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


def _text(path: Path) -> str:
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise InputError(
                f"{path}: {size:,} bytes; expected a study file of at most {MOST_BYTES:,}"
            )
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); expected a study file"
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 ({error.reason}); expected a study file") from error


def _compose(path: Path, text: str) -> yaml.Node:
    """Parse to nodes, which know their lines. Nothing is constructed but text and numbers."""
    try:
        _check_tokens(path, text)
        root = yaml.compose(text, yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise InputError(f"{path}: not YAML: {error}") from error
    if root is None:
        raise InputError(f"{path}: empty; expected keys such as 'models:'")
    return root


def _check_tokens(path: Path, text: str) -> None:
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
                f"{path}, line {line}: nested more than {DEEPEST} deep; expected a study file"
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
    loader = yaml.SafeLoader("")
    try:  # "natsound165", "0", "true": what the safe loader makes of a scalar
        return loader.construct_object(node)
    except (yaml.YAMLError, ValueError) as error:
        raise InputError(
            f"{path}, line {node.start_mark.line + 1}: {node.value!r} with tag {node.tag}; expected"
            " plain values"
        ) from error
    finally:
        loader.dispose()


def _said(error: dict[str, Any]) -> str:
    """Return one complaint of pydantic in our words."""
    place, kind = error["loc"], error["type"]
    name = next((str(part) for part in reversed(place) if isinstance(part, str)), "")
    if kind == "extra_forbidden":
        known = list(_keys(place))
        hint = nearest(name, known)
        return (
            f"unknown key {name!r}.{f' Did you mean: {hint}?' if hint else ''} Known: "
            f"{', '.join(known)}."
        )
    if kind == "missing":
        return f"no {name!r}; expected it here"
    value = repr(error["input"])
    shown = value if len(value) <= 80 else f"{value[:77]}..."
    return f"{name} is {shown}; {error['msg'][0].lower()}{error['msg'][1:]}"


def _keys(place: Place) -> Iterator[str]:
    """Yield the keys that may stand at a place."""
    part: type[Description] | type[ModelEntry] | type[DataEntry] = Description
    if len(place) > 1:
        part = ModelEntry if place[0] == "models" else DataEntry
    for name, info in part.model_fields.items():
        yield info.alias or name
