"""Tickets and articles as the rules model reads them: text to weigh, however it came.

A tool's result may be cut, or hold anything: what cannot be read counts as not said.
"""

import json
import re
from dataclasses import dataclass
from typing import Any, Final

from contracts.digest import Json

#: An article that a confirmed ticket is filed under covers this much of it at least.
RELATED: Final = 0.3
_WORDS_LIMIT: Final = 8

_STOP: Final = frozenset(
    """
    a about after again all also am an and any are as at be because been before but by can cannot could did
    do does every for from had has have hello help hi how i if in into is it its just me my need no not now of
    on only or our please problem says since so some than thank thanks that the their them then there they
    this ticket to too tried us very was we were what when where which while who why will with would you your
    """.split()  # noqa: SIM905  # a list of words is read as words, not as 90 quoted strings
)
_CONFIRMED: Final = re.compile(
    r"\b(work(s|ed|ing) (now|again|fine|for)|it works|access works|works now"
    r"|(now|all|that|this|was|is|are)( \w+)? (solved|fixed|resolved)|(solved|resolved|fixed)( it)?[.,!]"
    r"|, (solved|resolved|fixed|done)\b|all good|all clean|fine to close|case closed"
    r"|(can|may|please) close(?! (all|any|every|other))"
    r"|close please|can be closed|that fixed it|did (it|the trick)|i can confirm|confirmed,)",
    re.IGNORECASE,
)
_DENIED: Final = re.compile(
    r"\b(still|not|never|cannot|no (help|luck|change)|same (error|problem)|as (slow|bad|broken) as|came back"
    r"|escalate)\b|n['\u2019]t\b",
    re.IGNORECASE,
)
_TRIED: Final = re.compile(
    r"\b((did not|does not|doesn't|didn't) help|no help|still (broken|not|the same|fails)"
    r"|(the|your) article)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True)
class Ticket:
    """What the judgement rests on."""

    id: str
    subject: str
    body: str
    closed: bool
    #: What the customer wrote after the last message by somebody else; empty: nothing.
    answer: str

    @property
    def words(self) -> str:
        """What to search the knowledge base for."""
        return keywords(f"{self.subject} {self.body}")


@dataclass(frozen=True, kw_only=True)
class Article:
    """The best article that a search found."""

    id: str
    title: str
    #: From 0 to 1: how much of the ticket it covers.
    score: float


def ticket(result: Json) -> Ticket | None:
    """The ticket in a result of ``tickets.get``; None where it cannot be read."""
    shown = _object(content(result).get("ticket"))
    if not isinstance(shown.get("id"), str):
        return None
    return Ticket(
        id=shown["id"],
        subject=text(shown.get("subject")),
        body=text(shown.get("body")),
        closed=shown.get("status") == "closed",
        answer=_answer(shown),
    )


def best_article(result: Json, about: Ticket) -> Article | None:
    """The best article in a result of ``kb.search``, if any is about the ticket at all."""
    found = [
        Article(id=shown["id"], title=text(shown.get("title")), score=_score(shown, about))
        for shown in map(_object, _list(content(result).get("articles")))
        if isinstance(shown.get("id"), str) and re.fullmatch(r"[\w.:-]{1,64}", shown["id"])
    ]
    best = max(found, key=lambda article: article.score, default=None)
    return best if best is not None and best.score >= RELATED else None


def confirms(said: str) -> bool:
    """Whether a customer's answer says that the problem is solved, and nothing in it says otherwise."""
    return bool(_CONFIRMED.search(said)) and not denies(said)


def denies(said: str) -> bool:
    """Whether a customer's answer says, or may say, that something did not help."""
    return bool(_DENIED.search(said))


def tried(said: str) -> bool:
    """Whether a customer who describes a problem says that help was tried in vain."""
    return bool(_TRIED.search(said))


def keywords(said: str) -> str:
    """At most eight distinct words of a text, in order, without the words that every text has."""
    return " ".join(_words(said)[:_WORDS_LIMIT])


def line(said: Any, limit: int) -> str:
    """A text on one line without control characters, cut to ``limit`` characters."""
    shown = "".join(character if character.isprintable() else " " for character in text(said))
    shown = " ".join(shown.split())
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def content(result: Json) -> dict[str, Any]:
    """The JSON object that a tool returned; empty where it is cut or is none."""
    given = result.get("content")
    if not isinstance(given, str):
        return _object(given)
    try:
        return _object(json.loads(given))
    except (ValueError, RecursionError):  # cut in the middle, or no JSON at all: nothing is known of it
        return {}


def text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _answer(shown: dict[str, Any]) -> str:
    conversation = [message for message in _list(shown.get("conversation")) if isinstance(message, dict)]
    requester = shown.get("requester")
    names = set(map(text, requester.values())) if isinstance(requester, dict) else {text(requester)}
    names = (names | {"customer"}) - {""}
    others = [place for place, message in enumerate(conversation) if text(message.get("author")) not in names]
    later = conversation[others[-1] + 1 :] if others else conversation
    return " ".join(text(message.get("text")) for message in later)


def _score(shown: dict[str, Any], about: Ticket) -> float:
    """The mean of the knowledge base's own score and the share of the subject's words in the article."""
    given = shown.get("score")
    score = float(given) if isinstance(given, int | float) and 0 <= given <= 1 else 0.0
    wanted = _stems(about.subject)
    covered = len(wanted & _stems(f"{text(shown.get('title'))} {text(shown.get('snippet'))}"))
    return (score + covered / max(len(wanted), 2)) / 2


def _stems(said: str) -> set[str]:
    return {re.sub(r"(ing|ed|es|s|e)$", "", word) for word in _words(said)}


def _words(said: str) -> list[str]:
    words = re.findall(r"[a-z0-9]+(?:-[a-z0-9]+)*", said.lower())
    return list(dict.fromkeys(word for word in words if word not in _STOP and 1 < len(word) <= 24))


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
