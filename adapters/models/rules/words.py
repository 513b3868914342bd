"""What people write, weighed as words: what it is about, and whether something helped."""

import re
from typing import Any, Final

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


def text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def stems(said: str) -> set[str]:
    """The words of a text without their endings, to compare two texts by."""
    return {re.sub(r"(ing|ed|es|s|e)$", "", word) for word in _words(said)}


def _words(said: str) -> list[str]:
    words = re.findall(r"[a-z0-9]+(?:-[a-z0-9]+)*", said.lower())
    return list(dict.fromkeys(word for word in words if word not in _STOP and 1 < len(word) <= 24))
