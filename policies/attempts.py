"""Whether something that was presented speaks of break-glass: a token, a session's id, or a name of it.

No process of the agents takes any of these, so each is an attempt, or looks like one. Prose that mentions the
words is none. It is said what was found, never the value. The time it takes goes by the length alone.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias

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

_Token: TypeAlias = tuple[Mapping[str, Any], str]
"""A JWT's header, and the letters of its claims."""


def found(value: Json) -> Found | None:
    """The gravest of what is in a JSON value's leaves and keys, in JSON within its texts and tokens too."""
    gravest: Found | None = None
    for one in _each(value):
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


def _each(value: Json) -> Iterator[Found]:
    """Of every text of a value. Without recursion: depth is the sender's choice.

    No text is read twice: one token is found in its text in several ways, and tokens may be nested.
    """
    rest: list[tuple[Any, bool]] = [(value, False)]
    read: set[tuple[str, bool]] = set()
    while rest:
        item, claimed = rest.pop()
        match item:
            case str(text) if (text, claimed) not in read:
                read.add((text, claimed))
                tokens = tuple(_tokens(text))
                yield from _spoken(text, tokens, claimed)
                rest += ((inner, claimed) for inner in _within(text))
                rest += ((_part(body), True) for _, body in tokens)
            case bytes(data):
                rest.append((data.decode("utf-8", "replace"), claimed))
            case Mapping() as object_:
                if any(_KEY.match(str(name).strip()[:_LONGEST_NAME]) for name in object_):
                    yield Found.TOKEN if claimed else Found.NAME
                rest += ((part, claimed) for pair in object_.items() for part in (str(pair[0]), pair[1]))
            case list() | tuple() as items:
                rest += ((inner, claimed) for inner in items)
            case _:
                pass


def _within(text: str) -> list[Json]:
    if text.lstrip()[:1] not in ("{", "[", '"'):
        return []
    try:
        return [json.loads(text)]
    except (ValueError, RecursionError):
        return []


def _spoken(text: str, tokens: Iterable[_Token], claimed: bool) -> Iterator[Found]:
    """A token whose claims speak of it is one, whatever it calls itself."""
    if any(_typ(header) in _TYPS for header, _ in tokens):
        yield Found.TOKEN
    elif _SESSION.search(text):
        yield Found.TOKEN if claimed else Found.SESSION
    elif is_name(text):
        yield Found.TOKEN if claimed else Found.NAME


def _tokens(text: str) -> Iterator[_Token]:
    head, dot, rest = text.partition(".")
    if not dot:
        return
    # As a whole it is read as leniently as verifiers read: they skip what is no letter of base64.
    whole = (head, rest.partition(".")[0])
    for given, body in (whole, *(match.groups() for match in _TOKEN.finditer(text))):
        header = _part(given)
        if isinstance(header, dict):
            yield header, body


def _typ(header: Mapping[str, Any]) -> str:
    return str(header.get("typ", "")).lower().removeprefix("application/")


def _part(text: str) -> Json:
    letters = _NO_LETTER.sub("", text)
    try:
        return json.loads(base64.urlsafe_b64decode(letters + "=" * (-len(letters) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return None
