"""Researching: a question, at most two pages of the documentation that its route names, and an answer."""

import re
from typing import Any, Final

from adapters.models.rules import reading
from adapters.models.rules.seen import SEARCH, Plan, Seen, call
from adapters.models.rules.words import keywords, line, stems, text
from contracts.digest import Json
from contracts.run import Outcome

GET: Final = "http.get"

_BASE: Final = re.compile(r"https?://[a-z0-9.:-]+/(?:[A-Za-z0-9._-]+/)*")
_LINK: Final = re.compile(r"([^\n()]{1,200}) \(([^\s()]{1,500})\)")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_ABOUT: Final = 0.3
"""How much of the question an article or a title covers before its page is got."""
_SENTENCES: Final = 3


def plan(seen: Seen) -> Plan:
    """Search, get the page of the best article, or else the list of pages and one of these; then answer."""
    question = line(seen.input.get("question"), 500)
    base = _BASE.search(seen.request.prompt)
    if not question or base is None:
        return 'The rules model needs an input with a "question", and a prompt that names the documentation.'
    if seen.last(SEARCH) is None and seen.offers(SEARCH):
        return (call(SEARCH, {"query": keywords(question) or question[:200]}, "Look for an article."),)
    got = seen.results(GET)
    if not got:
        return (call(GET, {"url": base[0] + _article(seen, question)}, "Get the page about it."),)
    if got[-1].get("outcome") != Outcome.SUCCEEDED:
        return f"The page could not be read: {line(got[-1].get('content'), 200)}"
    page = reading.content(got[-1])
    if page.get("url") != base[0]:
        return _answer(page, question)
    name = _listed(page, base[0], question)
    if not name or len(got) > 1:
        return f"No page of {base[0]} is about that."
    return (call(GET, {"url": base[0] + name}, "Get the page about it."),)


def _article(seen: Seen, question: str) -> str:
    """The best article's id, which is its page's name; empty where none is about the question."""
    found = reading.articles(seen.good(SEARCH) or {})
    best = max(found, key=lambda one: _covered(question, f"{one.title} {one.snippet}"), default=None)
    return best.id if best and _covered(question, f"{best.title} {best.snippet}") >= _ABOUT else ""


def _listed(page: dict[str, Any], base: str, question: str) -> str:
    """The name of the page, below the documentation's own, whose title is most about the question."""
    root = f"/{base.split('/', 3)[3]}"
    links = [
        (_covered(question, title), where.removeprefix(root))
        for title, where in _LINK.findall(text(page.get("text")))
        if where.startswith(root) and _NAME.fullmatch(where.removeprefix(root))
    ]
    score, name = max(links, default=(0.0, ""))
    return name if score >= _ABOUT else ""


def _answer(page: dict[str, Any], question: str) -> str:
    """The page's sentences that are most about the question, in their order, and where they are from."""
    said = [line(one, 300) for one in re.split(r"(?<=[.!?])\s+|\n", text(page.get("text"))) if one.strip()]
    best = sorted(said, key=lambda one: -_covered(question, one))[:_SENTENCES]
    chosen = " ".join(one for one in said if one in best and _covered(question, one) > 0)
    if not chosen:
        return f"The page {line(page.get('url'), 200)} does not say it."
    return f"{chosen}\n\nSource: {line(page.get('title'), 100)}, {line(page.get('url'), 200)}"


def _covered(question: str, said: Json) -> float:
    """The share of the question's words that a text has."""
    wanted = stems(question)
    return len(wanted & stems(text(said))) / len(wanted) if wanted else 0.0
