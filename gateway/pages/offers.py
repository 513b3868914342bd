"""What a person can answer now, by the rules that judge the answer when it comes."""

from dataclasses import dataclass
from typing import Final

from contracts.approval import ANSWERS, Answer, ApprovalRecord, ApprovalState, Click, Person, Refusal
from policies.people import People
from policies.quorum import judge, passkey_due, standing
from policies.refusals import sentence

_ANYWAY: Final = frozenset({Refusal.TOO_FAST, Refusal.NEEDS_PASSKEY})
"""What the person can mend before the answer: wait, or sign."""

_OUTSIDE: Final = frozenset(
    {
        Refusal.STRANGER,
        Refusal.NOT_IN_GROUP,
        Refusal.OTHER_TENANT,
        Refusal.OTHER_ROUTE,
        Refusal.REQUESTER,
    }
)
"""Refusals of the person, whatever they answer."""

_ORDER: Final = (
    Answer.APPROVE,
    Answer.DENY,
    Answer.IT_DID,
    Answer.IT_DID_NOT,
    Answer.STOP,
    Answer.WITHDRAW,
)


@dataclass(frozen=True, kw_only=True)
class Offers:
    """The answers that would count, and a sentence where none would."""

    answers: tuple[Answer, ...]
    #: Why there is nothing to answer; empty where there is, or where it is decided.
    why_not: str
    #: The next approval counts only with a passkey's signature.
    passkey_due: bool

    @property
    def waits(self) -> bool:
        """Whether it waits for this person: what they may take back does not."""
        return any(answer is not Answer.WITHDRAW for answer in self.answers)


def offers(approval: ApprovalRecord, person: Person, people: People, now_ms: int) -> Offers:
    refused = {
        answer: judge(approval, _click(approval, person, answer, now_ms), person, people)
        for answer in ANSWERS[approval.kind]
    }
    open_now = [answer for answer in _ORDER if answer in refused and refused[answer] in (None, *_ANYWAY)]
    return Offers(
        answers=tuple(open_now),
        why_not="" if open_now else _why_not(approval, person, people, refused, now_ms),
        passkey_due=passkey_due(approval, standing(approval, approval.grants, people)),
    )


def may_judge(approval: ApprovalRecord, person: Person, people: People, now_ms: int) -> bool:
    """Whether it is this person's to decide at all, now."""
    answer = next(iter(sorted(ANSWERS[approval.kind] - {Answer.WITHDRAW})))
    return judge(approval, _click(approval, person, answer, now_ms), person, people) not in _OUTSIDE


def _why_not(
    approval: ApprovalRecord,
    person: Person,
    people: People,
    refused: dict[Answer, Refusal | None],
    now_ms: int,
) -> str:
    answer = Answer.APPROVE if Answer.APPROVE in refused else Answer.STOP
    refusal = refused[answer]
    if refusal is None or approval.state is not ApprovalState.WAITING:
        return ""
    told = sentence(refusal, approval, _click(approval, person, answer, now_ms), people)
    return f"{told.removesuffix('; nothing changed.')}."


def _click(approval: ApprovalRecord, person: Person, answer: Answer, now_ms: int) -> Click:
    return Click(
        approval_id=approval.approval_id,
        action_digest=approval.action_digest,
        answer=answer,
        principal=person.principal,
        way="page",
        reason="",
        at_ms=now_ms,
    )
