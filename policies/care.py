"""How people approve: how often, how fast, and how much of it sooner than it can be read."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from contracts.approval import Answer

_HOUR_MS: Final = 3_600_000


@dataclass(frozen=True, kw_only=True)
class Decided:
    """One answer of a person to the question whether a write may happen."""

    principal: str
    answer: Answer
    at_ms: int
    #: From when on they could read it.
    readable_ms: int
    #: It approved what nobody reads so soon.
    fast: bool


@dataclass(frozen=True, kw_only=True)
class Care:
    """How one person decided."""

    principal: str
    approved: int
    denied: int
    withdrawn: int
    #: Of the decisions, approvals and denials; None: there was none.
    share_approved: float | None
    #: From shown to decided.
    median_ms: int | None
    fastest_ms: int | None
    #: The most decisions within any 60 minutes.
    busiest_hour: int
    #: Approvals that came sooner than they can be read.
    fast: int


def care(answers: Iterable[Decided]) -> tuple[Care, ...]:
    """Each person who answered, whoever decided most first."""
    own: dict[str, list[Decided]] = defaultdict(list)
    for answer in answers:
        own[answer.principal].append(answer)
    found = [_care(principal, said) for principal, said in own.items()]
    return tuple(sorted(found, key=lambda one: (-one.approved - one.denied, one.principal)))


def _care(principal: str, said: Sequence[Decided]) -> Care:
    counts = {answer: sum(one.answer is answer for one in said) for answer in Answer}
    decisions = [one for one in said if one.answer in (Answer.APPROVE, Answer.DENY)]
    waits = [max(0, one.at_ms - one.readable_ms) for one in decisions]
    return Care(
        principal=principal,
        approved=counts[Answer.APPROVE],
        denied=counts[Answer.DENY],
        withdrawn=counts[Answer.WITHDRAW],
        share_approved=counts[Answer.APPROVE] / len(decisions) if decisions else None,
        median_ms=int(median(waits)) if waits else None,
        fastest_ms=min(waits, default=None),
        busiest_hour=_busiest(sorted(one.at_ms for one in decisions)),
        fast=sum(one.fast for one in said),
    )


def _busiest(times: Sequence[int]) -> int:
    """The most of these sorted times that lie within one hour."""
    most, first = 0, 0
    for place, at_ms in enumerate(times):
        while at_ms - times[first] >= _HOUR_MS:
            first += 1
        most = max(most, place - first + 1)
    return most
