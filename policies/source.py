"""A YAML file as plain JSON values with the line of each, and nothing that YAML could hide.

YAML 1.1 surprises are mistakes here: anchors, tags, duplicate keys, ``yes`` for true, ``010`` for 8.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Final, TypeAlias

import yaml

from contracts.digest import Json
from policies.arguments import clean
from policies.problem import Problem

LIMIT: Final = 262_144
"""Bytes of one file."""

DEPTH: Final = 48
"""Levels of nesting of one file."""

SAID: Final = 400
"""Characters of one sentence about a file."""

Place: TypeAlias = tuple[str | int, ...]
"""Path of a value in its file: ``("limits", 0, "tool")``."""

_TAG: Final = "tag:yaml.org,2002:"
_INTEGER: Final = re.compile(r"-?(0|[1-9][0-9]{0,15})")
_FLOAT: Final = re.compile(r"-?(0|[1-9][0-9]{0,15})\.[0-9]{1,15}")


@dataclass(frozen=True, kw_only=True)
class Source:
    """What a file says, and where."""

    file: str
    value: Json
    lines: Mapping[Place, int]
    #: The other file of what stands in one: a route that narrows takes the rest from its base.
    files: Mapping[Place, str] = field(default_factory=dict)

    def line(self, place: Place) -> int:
        """The line of a value, or of the nearest thing around it that stands in the file."""
        return self.where(place)[1]

    def where(self, place: Place) -> tuple[str, int]:
        """File and line of a value, or of the nearest thing around it."""
        while place not in self.lines and place:
            place = place[:-1]
        return self.files.get(place, self.file), self.lines.get(place, 1)

    def problem(self, place: Place, text: str, hint: str = "") -> Problem:
        """A mistake at its place; what a file says in it is cut, and stays in its line."""
        file, line = self.where(place)
        return Problem(file=file, line=line, text=clean(text, SAID), hint=clean(hint, SAID))


class _Refusal(Exception):
    """Ends the reading of one value; never leaves this file."""

    def __init__(self, node: yaml.Node, text: str, hint: str = "") -> None:
        super().__init__(text)
        self.line = node.start_mark.line + 1
        self.hint = hint


class _Composer(yaml.SafeLoader):
    """Composes nodes without anchors: an alias makes a small file large, and a reader's eye miss a rule."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call] # the stubs leave it open
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise yaml.MarkedYAMLError(
                problem="anchors and aliases are not read; write it out", problem_mark=event.start_mark
            )
        return super().compose_node(parent, index)


class _Reading:
    """One pass over a file's nodes; what cannot be read becomes a problem and is left out."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: dict[Place, int] = {}
        self.problems: list[Problem] = []

    def value(self, node: yaml.Node, place: Place) -> Json:
        self.lines.setdefault(place, node.start_mark.line + 1)
        if len(place) > DEPTH:
            self._note(_Refusal(node, f"this is nested deeper than {DEPTH} levels", "write it flatter"))
            return None
        if node.tag == _TAG + "map" and isinstance(node, yaml.MappingNode):
            return self._mapping(node, place)
        if node.tag == _TAG + "seq" and isinstance(node, yaml.SequenceNode):
            return [self.value(inner, (*place, at)) for at, inner in enumerate(node.value)]
        try:
            return _scalar(node)
        except _Refusal as refusal:
            self._note(refusal)
            return None

    def _mapping(self, node: yaml.MappingNode, place: Place) -> Json:
        found: dict[str, Json] = {}
        for name_node, inner in node.value:
            name = str(name_node.value)
            if name_node.tag != _TAG + "str":
                self._note(_Refusal(name_node, f"the key {clean(name, 80)} is no text", "put it in quotes"))
            elif name in found:
                first = self.lines[(*place, name)]
                self._note(_Refusal(name_node, f"the key `{name}` stands twice", f"first in line {first}"))
            else:
                self.lines[(*place, name)] = name_node.start_mark.line + 1
                found[name] = self.value(inner, (*place, name))
        return found

    def _note(self, refusal: _Refusal) -> None:
        self.problems.append(Problem(file=self.file, line=refusal.line, text=str(refusal), hint=refusal.hint))


def read_source(path: Path, file: str) -> tuple[Source | None, list[Problem]]:
    """A file's values and lines, and what is wrong with it as YAML; no source where nothing could be read."""
    try:
        text = _text(path)
        node = _Composer(text).get_single_node()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        return None, [Problem(file=file, line=line, text=error.problem or "this is no YAML")]
    except (yaml.YAMLError, ValueError, OSError) as error:
        return None, [Problem(file=file, line=1, text=f"this is no readable YAML: {clean(str(error), 200)}")]
    except RecursionError:
        return None, [Problem(file=file, line=1, text="this is nested too deeply to be read")]
    if node is None:
        return None, [Problem(file=file, line=1, text="the file is empty")]
    reading = _Reading(file)
    value = reading.value(node, ())
    return Source(file=file, value=value, lines=reading.lines), reading.problems


def _text(path: Path) -> str:
    with path.open("rb") as stream:
        data = stream.read(LIMIT + 1)
    if len(data) > LIMIT:
        raise ValueError(f"it is longer than {LIMIT} bytes")
    return data.decode("utf-8")


def _scalar(node: yaml.Node) -> Json:
    text, kind = str(node.value), node.tag.removeprefix(_TAG)
    match kind:
        case "str":
            return text
        case "null":
            return None
        case "bool" if text.lower() in ("true", "false"):
            return text.lower() == "true"
        case "bool":
            raise _Refusal(node, f"`{text}` is a boolean in YAML", "write true or false, or quote the text")
        case "int" if _INTEGER.fullmatch(text):
            return int(text)
        case "float" if _FLOAT.fullmatch(text):
            return float(text)
        case "int" | "float":
            raise _Refusal(node, f"`{clean(text, 40)}` is no plain number", "write decimal digits, or quotes")
        case "timestamp":
            return _day(node, text)
    raise _Refusal(
        node, f"`{clean(node.tag, 80)}` is not read here", "write plain text, numbers, lists or keys"
    )


def _day(node: yaml.Node, text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise _Refusal(node, f"`{clean(text, 40)}` is no day", "write one like 2027-01-31") from error
