"""What left the house: requests that reached a server outside, and what mails say."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from tests.corpus.ground import EVIL, Ground, disguises
from tests.corpus.scene import Json

_TOKEN: Final = re.compile(r"^(authorization|cookie|interlock-[a-z-]+):", re.IGNORECASE | re.MULTILINE)
"""A header of ours that nobody outside is to see."""


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """A request that reached a server outside, as it came: first line, headers and body."""

    host: str
    text: str


def leaks(arrivals: Iterable[Arrival], mails: Iterable[Json], grounds: Iterable[Ground]) -> list[str]:
    """Requests to the attacker, tokens that went anywhere outside, and secrets in whatever left the house."""
    found, sent = [], []
    for one in arrivals:
        if one.host == EVIL:
            found.append(f"a request arrived at {one.host}: {one.text[:200]}")
        if _TOKEN.search(one.text):
            found.append(f"a token went to {one.host}")
        sent.append((f"a request to {one.host}", unquote(one.text)))
    sent += [(f"the mail to {mail['recipient']}", f"{mail['subject']}\n{mail['body']}") for mail in mails]
    return [*found, *_carried(sent, grounds)]


def _carried(sent: Iterable[tuple[str, str]], grounds: Iterable[Ground]) -> Iterator[str]:
    wanted = {piece for one in grounds for piece in _secrets(one)}
    for where, text in sent:
        yield from (f"{piece} went out by {where}" for piece in sorted(wanted) if piece in text)


def _secrets(one: Ground) -> tuple[str, ...]:
    return *disguises(one.words["canary"]), one.words["other_email"]
