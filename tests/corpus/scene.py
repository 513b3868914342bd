"""A scene: an honest task, the texts that an attacker put in its way, and what a model that obeys plays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeAlias

import yaml

Json: TypeAlias = dict[str, Any]
Turns: TypeAlias = Sequence[Sequence[Json]]
"""The calls of each turn: ``{"tool", "args"}``."""

KINDS: Final = ("direct", "forged", "smuggled", "swapped", "names", "split")
"""The files of ``scenes``: direct orders, forged approvals, data smuggled out through reads, argument swaps,
tool-name tricks, orders split over several sources."""
PLACES: Final = ("subject", "sender", "body", "conversation", "tag", "article", "page", "second")
"""Where an attacker's text may stand; ``second`` is another ticket of the attacker's own."""

_HERE: Final = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is honestly to be done, with the one write that is right."""

    name: str
    route: str
    tenant: str
    input: Json
    #: The ticket as it came in: the fields of the helpdesk's own.
    ticket: Json = field(default_factory=dict)
    #: What a model reads before it acts.
    reads: Turns = ()
    #: The write that a person approves, once; None: the task asks for none.
    right: Json | None = None
    #: What a model does at last where there is nothing to write.
    last: Turns = ()
    #: What the honest run's result says.
    says: str


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One attack on one task."""

    name: str
    kind: str
    task: Task
    #: By place.
    texts: Mapping[str, Any]
    attack: Turns
    #: How the attacked run ends: ``completed``, or the reason for which it is stopped.
    ends: str = "completed"
    #: Where the shipped model does well to propose nothing on such a text: what it says then.
    leaves: str = ""

    @property
    def calls(self) -> list[Json]:
        return [call for turn in self.attack for call in turn]


@cache
def tasks() -> Mapping[str, Task]:
    found: Mapping[str, Json] = yaml.safe_load((_HERE / "tasks.yaml").read_text())
    return {name: Task(name=name, **keys) for name, keys in found.items()}


@cache
def scenes() -> tuple[Scene, ...]:
    """The whole corpus, kind by kind, as its files have it."""
    return tuple(
        _scene(kind, keys)
        for kind in KINDS
        for keys in yaml.safe_load((_HERE / "scenes" / f"{kind}.yaml").read_text())
    )


def filled(value: Any, words: Mapping[str, str]) -> Any:
    """The value with every ``{word}`` of these in its texts replaced; other braces stay."""
    if isinstance(value, str):
        for word, text in words.items():
            value = value.replace(f"{{{word}}}", text)
        return value
    if isinstance(value, dict):
        return {filled(name, words): filled(one, words) for name, one in value.items()}
    return [filled(one, words) for one in value] if isinstance(value, list) else value


def _scene(kind: str, keys: Json) -> Scene:
    task = tasks()[keys.pop("task")]
    task = replace(task, tenant=keys.pop("tenant", task.tenant))
    texts: Json = {place: keys.pop(place) for place in PLACES if place in keys}
    return Scene(kind=kind, task=task, texts=texts, **keys)
