"""Whether something that was presented speaks of break-glass: a token, a session's id, or a name of it.

No process of the agents takes any of these, so each is an attempt, or looks like one. Prose that mentions the
words is none. It is said what was found, never the value. The time it takes goes by the length alone.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from contracts.attempts import Found
from contracts.digest import Json
from contracts.tokens import Purpose

RULE: Final = "break-glass"
"""Of a decision: names the denial of a call that speaks of it."""
MENTIONED: Final = "break-glass.mentioned"
"""Of a result: the target's answer spoke of it."""

_TYPS: Final = frozenset(purpose.typ for purpose in Purpose if not purpose.of_agents)
_LONGEST_NAME: Final = 300
_SESSION: Final = re.compile(r"(?<![A-Za-z0-9_])bg_[0-9a-f]{16}(?![A-Za-z0-9_])", re.IGNORECASE)
_NAME: Final = re.compile(
    r"(?:[a-z]{0,20}[:/._-])?break[-_]?glass(?:[-_]login)?(?:[.:/#+|?]\S*)?", re.IGNORECASE
)
_KEY: Final = re.compile(r"(?:[a-z]{0,20}[:/._-])?break[-_]?glass\S*", re.IGNORECASE)
_TOKEN: Final = re.compile(r"(?<![A-Za-z0-9_-])([A-Za-z0-9_-]{16,}+)\.([A-Za-z0-9_-]*+)")
_NO_LETTER: Final = re.compile(r"[^A-Za-z0-9_-]+")


def found(value: Json) -> Found | None:
    """The gravest of what is in a JSON value's leaves and keys, in JSON within its texts too."""
    gravest: Found | None = None
    for text, key in _texts(value):
        one = _in_text(text, key)
        if one is Found.TOKEN:
            return one
        gravest = one if gravest is None or one is Found.SESSION else gravest
    return gravest


def found_in(data: bytes) -> Found | None:
    """Of bytes that are JSON, or some text."""
    return found(data.decode("utf-8", "replace"))


def mentioned(answer: Json) -> tuple[str, ...]:
    """The rule that is noted of a target's answer which speaks of it."""
    return () if found(answer) is None else (MENTIONED,)


def is_name(text: str) -> bool:
    """Whether a text as a whole is one of break-glass's names: nothing of the agents is called so."""
    return len(text) <= _LONGEST_NAME and _NAME.fullmatch(text.strip()) is not None


def _texts(value: Json) -> Iterator[tuple[str, bool]]:
    """Every text of a value, and whether it is a key. Without recursion: depth is the sender's choice."""
    rest: list[Any] = [value]
    while rest:
        match rest.pop():
            case str(text):
                yield text, False
                rest += _within(text)
            case Mapping() as object_:
                yield from ((str(name), True) for name in object_)
                rest += object_.values()
            case list() | tuple() as items:
                rest += items
            case _:
                pass


def _within(text: str) -> list[Json]:
    if text.lstrip()[:1] not in ("{", "[", '"'):
        return []
    try:
        return [json.loads(text)]
    except (ValueError, RecursionError):
        return []


def _in_text(text: str, key: bool) -> Found | None:
    if _holds_token(text):
        return Found.TOKEN
    if _SESSION.search(text):
        return Found.SESSION
    named = is_name(text) or (key and _KEY.match(text.strip()[:_LONGEST_NAME]) is not None)
    return Found.NAME if named else None


def _holds_token(text: str) -> bool:
    head, dot, rest = text.partition(".")
    if not dot:
        return False
    # As a whole it is read as leniently as verifiers read: they skip what is no letter of base64.
    whole = _speaks(head, rest.partition(".")[0])
    return whole or any(_speaks(*match.groups()) for match in _TOKEN.finditer(text))


def _speaks(head: str, body: str) -> bool:
    """Whether a JWT's header says that it is one of break-glass, or its claims do."""
    header = _part(head)
    if not isinstance(header, dict):
        return False
    typ = str(header.get("typ", "")).lower().removeprefix("application/")
    return typ in _TYPS or found(_part(body)) is not None


def _part(text: str) -> Json:
    letters = _NO_LETTER.sub("", text)
    try:
        return json.loads(base64.urlsafe_b64decode(letters + "=" * (-len(letters) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return None
