"""Articles of the knowledge base, and a ranked keyword search over them."""

import json
import math
import re
import sqlite3
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Self

from embedded.helpdesk.problems import Problem

_WORD = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_ENDINGS = ("ing", "ed", "es", "s")
_STOP = frozenset(
    (  # noqa: SIM905 - a list literal of these takes a screen
        "a about after all an and any are as at be been but by can cannot could did do does for"
        " from had has have how i if in into is it its me my no not of on or our please say says"
        " since so that the their them then there they this to us was we were what when which will"
        " with would you your"
    ).split()
)
#: What a term counts for, by where the article has it.
_TITLE, _KEYWORD, _BODY = 1.0, 0.9, 0.5


@dataclass(frozen=True, kw_only=True)
class Article:
    """One article of one tenant's knowledge base."""

    id: str
    title: str
    body: str
    keywords: list[str]
    updated_at: str

    def document(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def read(cls, document: dict[str, Any]) -> Self:
        return cls(**document)


@dataclass(frozen=True, kw_only=True)
class Hit:
    """An article that a search found."""

    article: Article
    #: From 0 to 1: how much of what was asked the article covers, rare words counting more.
    score: float
    snippet: str

    def document(self) -> dict[str, Any]:
        return {
            "id": self.article.id,
            "title": self.article.title,
            "score": self.score,
            "snippet": self.snippet,
        }


def articles(connection: sqlite3.Connection, tenant: str) -> list[Article]:
    rows = connection.execute("SELECT document FROM articles WHERE tenant = ? ORDER BY id", (tenant,))
    return [Article.read(json.loads(row["document"])) for row in rows]


def every(connection: sqlite3.Connection) -> list[Article]:
    """Those of all tenants."""
    rows = connection.execute("SELECT document FROM articles ORDER BY tenant, id")
    return [Article.read(json.loads(row["document"])) for row in rows]


def article(connection: sqlite3.Connection, tenant: str, article_id: str) -> Article | None:
    row = connection.execute(
        "SELECT document FROM articles WHERE tenant = ? AND id = ?", (tenant, article_id)
    ).fetchone()
    return Article.read(json.loads(row["document"])) if row else None


def save(connection: sqlite3.Connection, tenant: str, added: Article) -> None:
    connection.execute(
        "INSERT INTO articles (tenant, id, document) VALUES (?, ?, ?)",
        (tenant, added.id, json.dumps(added.document(), ensure_ascii=False)),
    )


def require(connection: sqlite3.Connection, tenant: str, article_id: str | None) -> None:
    """Raises Problem when an article is named that the tenant does not have."""
    if article_id is not None and article(connection, tenant, article_id) is None:
        raise Problem("invalid-request", "body.resolution_article: there is no such article")


def search(stock: list[Article], query: str) -> list[Hit]:
    """The articles with any term of the query, best first, equals by id; without a term, all with score 0."""
    wanted = set(_terms(query))
    if not wanted:
        return [Hit(article=one, score=0.0, snippet=_snippet(one, wanted)) for one in stock]
    weights = [(one, _weights(one)) for one in stock]
    rarity = {term: _rarity(sum(term in have for _, have in weights), len(stock)) for term in wanted}
    total = sum(rarity.values())
    hits = [
        Hit(
            article=one,
            score=round(sum(rarity[term] * have.get(term, 0.0) for term in wanted) / total, 3),
            snippet=_snippet(one, wanted),
        )
        for one, have in weights
    ]
    return sorted((hit for hit in hits if hit.score > 0), key=lambda hit: (-hit.score, hit.article.id))


def _terms(text: str) -> list[str]:
    words = _WORD.findall(text.lower())
    parts = [part for word in words for part in ({word, *word.split("-")})]
    return [_stem(part) for part in parts if part not in _STOP and len(part) > 1]


def _stem(word: str) -> str:
    """Good enough that links finds link, and expired expires."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)].rstrip("e")
    return word.rstrip("e") if len(word) > 3 else word


def _weights(one: Article) -> dict[str, float]:
    """Each term of the article with the most that it counts for."""
    weights: dict[str, float] = {}
    for terms, weight in (
        (_terms(one.title), _TITLE),
        (_keyword_terms(one.keywords), _KEYWORD),
        (_terms(one.body), _BODY),
    ):
        for term in terms:
            weights.setdefault(term, weight)
    return weights


def _keyword_terms(keywords: Iterable[str]) -> list[str]:
    return [term for keyword in keywords for term in _terms(keyword)]


def _rarity(having: int, stock: int) -> float:
    """Inverse document frequency, as in BM25. A word that no article has counts half."""
    return math.log(1 + (stock - having + 0.5) / (having + 0.5)) if having else math.log(5)


def _snippet(one: Article, wanted: set[str]) -> str:
    """The sentence that has most of the terms, at most 240 characters of it."""
    sentences = re.split(r"(?<=[.!?])\s+", one.body)
    best = max(sentences, key=lambda sentence: len(wanted & set(_terms(sentence))))
    return best if len(best) <= 240 else best[:239] + "…"
