"""Tickets and articles as the rules model reads them: text to weigh, however it came.

A tool's result may be cut, or hold anything: what cannot be read counts as not said.
"""

import json
import re
from dataclasses import dataclass, replace
from typing import Any, Final

from adapters.models.rules.words import confirms, denies, keywords, line, stems, text, tried
from contracts.digest import Json

#: An article that a confirmed ticket is filed under covers this much of it at least.
RELATED: Final = 0.3


@dataclass(frozen=True, kw_only=True)
class Ticket:
    """What the judgement rests on."""

    id: str
    subject: str
    body: str
    status: str
    priority: str
    tags: tuple[str, ...]
    #: The requester's.
    name: str
    #: Empty where none is named.
    customer_id: str
    #: Whether somebody else than the customer wrote in it.
    replied: bool
    #: What the customer wrote after the last message by somebody else; empty: nothing.
    answer: str

    @property
    def closed(self) -> bool:
        return self.status == "closed"

    @property
    def words(self) -> str:
        """What to search the knowledge base for."""
        return keywords(f"{self.subject} {self.body}")

    @property
    def confirmed(self) -> bool:
        """Whether the customer's answer says that the problem is solved."""
        return confirms(self.answer)

    @property
    def in_vain(self) -> bool:
        """Whether the customer says that help did not help: in the answer, or without one from the start."""
        return denies(self.answer) if self.answer else tried(self.body)


@dataclass(frozen=True, kw_only=True)
class Glance:
    """A ticket as a search shows it."""

    id: str
    subject: str
    priority: str


@dataclass(frozen=True, kw_only=True)
class Article:
    """An article that a search found."""

    id: str
    title: str
    #: The sentence of it that the search shows.
    snippet: str
    #: From 0 to 1: how much of what it is for it covers.
    score: float

    @property
    def named(self) -> str:
        return f"{self.id} ({line(self.title, 80)})" if line(self.title, 80) else self.id


def ticket(result: Json) -> Ticket | None:
    """The ticket in a result of ``tickets.get``; None where it cannot be read."""
    shown = _object(content(result).get("ticket"))
    if not isinstance(shown.get("id"), str):
        return None
    others, answer = _conversation(shown)
    customer_id = text(shown.get("customer_id"))
    return Ticket(
        id=shown["id"],
        subject=text(shown.get("subject")),
        body=text(shown.get("body")),
        status=text(shown.get("status")),
        priority=text(shown.get("priority")),
        tags=tuple(map(text, _list(shown.get("tags")))),
        name=text(_object(shown.get("requester")).get("name")),
        customer_id=customer_id if re.fullmatch(r"C-[0-9]{1,9}", customer_id) else "",
        replied=others,
        answer=answer,
    )


def glances(result: Json) -> list[Glance]:
    """The tickets in a result of ``tickets.search``, each once, those that have an id."""
    shown = map(_object, _list(content(result).get("tickets")))
    found = [
        Glance(id=text(one.get("id")), subject=text(one.get("subject")), priority=text(one.get("priority")))
        for one in shown
    ]
    known = {glance.id: glance for glance in found if re.fullmatch(r"T-[0-9]{1,9}", glance.id)}
    return list(known.values())


def customer(result: Json) -> str:
    """Name, company and plan in a result of ``customers.get``; empty where there is no name."""
    shown = _object(content(result).get("customer"))
    name, company, plan = (line(shown.get(part), 80) for part in ("name", "company", "plan"))
    of = f" of {company}" if company else ""
    return f"{name}{of}{f' ({plan} plan)' if plan else ''}" if name else ""


def articles(result: Json) -> list[Article]:
    """The articles in a result of ``kb.search``, with its own scores."""
    return [
        Article(
            id=shown["id"],
            title=text(shown.get("title")),
            snippet=text(shown.get("snippet")),
            score=_own_score(shown),
        )
        for shown in map(_object, _list(content(result).get("articles")))
        if isinstance(shown.get("id"), str) and re.fullmatch(r"[\w.:-]{1,64}", shown["id"])
    ]


def best_article(result: Json, about: Ticket) -> Article | None:
    """The best article in a result of ``kb.search``, if any is about the ticket at all."""
    found = [replace(article, score=_score(article, about)) for article in articles(result)]
    best = max(found, key=lambda article: article.score, default=None)
    return best if best is not None and best.score >= RELATED else None


def content(result: Json) -> dict[str, Any]:
    """The JSON object that a tool returned; empty where it is cut or is none."""
    given = result.get("content")
    if not isinstance(given, str):
        return _object(given)
    try:
        return _object(json.loads(given))
    except (ValueError, RecursionError):  # cut in the middle, or no JSON at all: nothing is known of it
        return {}


def _conversation(shown: dict[str, Any]) -> tuple[bool, str]:
    """Whether anybody but the customer wrote in it, and what the customer wrote after the last of them."""
    conversation = [message for message in _list(shown.get("conversation")) if isinstance(message, dict)]
    requester = shown.get("requester")
    names = set(map(text, requester.values())) if isinstance(requester, dict) else {text(requester)}
    names = (names | {"customer"}) - {""}
    others = [place for place, message in enumerate(conversation) if text(message.get("author")) not in names]
    later = conversation[others[-1] + 1 :] if others else conversation
    return bool(others), " ".join(text(message.get("text")) for message in later)


def _own_score(shown: dict[str, Any]) -> float:
    given = shown.get("score")
    return float(given) if isinstance(given, int | float) and 0 <= given <= 1 else 0.0


def _score(article: Article, about: Ticket) -> float:
    """The mean of the knowledge base's own score and the share of the subject's words in the article."""
    wanted = stems(about.subject)
    covered = len(wanted & stems(f"{article.title} {article.snippet}"))
    return (article.score + covered / max(len(wanted), 2)) / 2


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
