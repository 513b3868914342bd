"""What is said in a card's thread: a reminder, an escalation, and what came of the action.

Mentions stand in a section of their own, which holds our words and Slack ids of the people file. All else is
``plain_text``, as on the card.
"""

import re
from collections.abc import Sequence
from typing import Final

from adapters.blocks import SECTION, Block, Card, section
from adapters.plain_text import cut, escaped, one_line, quoted
from contracts.action import Frozen
from contracts.approval import Answer, ApprovalRecord, ApprovalState, Person
from contracts.run import Outcome
from policies.deciders import Called
from policies.people import short_name
from policies.times import moment

MENTIONED: Final = 20
"""People whom one note mentions at most: a longer list calls nobody."""

_USER: Final = re.compile(r"[UW][A-Z0-9]{1,40}")
_NAME: Final = 100
_TARGET: Final = 300
_WORDS: Final = 1_000
_SHORT: Final = 300


def reminder(approval: ApprovalRecord, undecided: Sequence[Person]) -> Card:
    """It still waits; raises Malformed when the row holds no frozen action."""
    said = f"Reminder: {_subject(approval)} waits {_until(approval)}."
    return _note(said, _calling("Still to decide:", undecided))


def escalation(approval: ApprovalRecord, called: Called) -> Card:
    """A second group may decide from now on; raises Malformed as ``reminder``."""
    group = cut(one_line(approval.escalate_to), _NAME)
    said = f"Escalated: {group} may decide from now on. {_subject(approval)} waits {_until(approval)}."
    if called.people and not called.at_work:
        said += f" Nobody of {group} is at work now, so all of them are told."
    return _note(said, _calling("Please decide:", called.people))


def notice(approval: ApprovalRecord, requester: Person | None) -> Card:
    """What came of it, for whom the run acts; raises Malformed as ``reminder``."""
    whom = approval.on_behalf_of or approval.caller
    said = f"{_came(approval)} {_subject(approval)}."
    if approval.outcome_text and not _denied(approval):
        said += f" {cut(one_line(approval.outcome_text), _WORDS)}"
    known = requester is not None and _mentions([requester])
    note = _note(
        said, _calling("For", [requester]) if requester and known else [section(f"For {_name(whom)}")]
    )
    if _denied(approval) and approval.denial:
        note.blocks.append(section(f"Reason given:\n{cut(quoted(approval.denial), _WORDS)}"))
    return note


def _note(said: str, whom: list[Block]) -> Card:
    return Card(text=escaped(cut(said, _SHORT)), blocks=[*whom, section(cut(said, SECTION))])


def _calling(words: str, people: Sequence[Person]) -> list[Block]:
    """``words`` are ours: they are the only text here that Slack reads as markup."""
    ids = _mentions(people)
    unseen = [_name(person.principal) for person in people if not _mentions([person])]
    blocks: list[Block] = []
    if ids:
        more = f" and {len(ids) - MENTIONED} more" if len(ids) > MENTIONED else ""
        called = f"{words} {' '.join(f'<@{user}>' for user in ids[:MENTIONED])}{more}"
        blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": called, "verbatim": True}})
    if unseen:
        more = f" and {len(unseen) - MENTIONED} more" if len(unseen) > MENTIONED else ""
        blocks.append(section(f"Not in Slack: {', '.join(unseen[:MENTIONED])}{more}"))
    return blocks or [section("Nobody is left who may decide.")]


def _mentions(people: Sequence[Person]) -> list[str]:
    """Slack ids that are none but ids: whatever else a document holds there is mentioned nowhere."""
    return [
        person.slack_user for person in people if person.slack_user and _USER.fullmatch(person.slack_user)
    ]


def _subject(approval: ApprovalRecord) -> str:
    """``ticket.close for acme (dev), T-18421 “Password reset loops”``."""
    frozen = Frozen.read(approval.action)
    tool, tenant, env = (cut(one_line(text), _NAME) for text in (frozen.tool, frozen.tenant, frozen.env))
    return f"{tool} for {tenant} ({env}), {cut(one_line(frozen.preview.target), _TARGET)}"


def _until(approval: ApprovalRecord) -> str:
    return "without a deadline" if approval.deadline_ms is None else f"until {moment(approval.deadline_ms)}"


def _denied(approval: ApprovalRecord) -> bool:
    return approval.outcome == Outcome.REJECTED and approval.state is ApprovalState.DENIED


def _came(approval: ApprovalRecord) -> str:
    if not _denied(approval):
        return _OUTCOMES[Outcome(approval.outcome or "")]
    who = [_name(grant.approver) for grant in approval.grants if grant.decision == Answer.DENY]
    return f"Denied{f' by {who[0]}' if who else ''}, nothing was written:"


_OUTCOMES: Final = {
    Outcome.SUCCEEDED: "Done:",
    Outcome.REFUSED: "Refused by the target, nothing was changed:",
    Outcome.FAILED: "Failed, nothing was changed:",
    Outcome.DENIED: "Policy no longer allows it, nothing was sent:",
    Outcome.REJECTED: "The approval no longer counted, nothing was sent:",
    Outcome.EXPIRED: "Expired, nothing was written:",
    Outcome.UNKNOWN: "Nobody knows whether it happened, and nothing repeats it:",
    Outcome.SKIPPED: "Cancelled, the run ended first and nothing was sent:",
}


def _name(subject: str) -> str:
    """``Ada`` of ``principal:ada``; others keep their kind, which says who they are."""
    own = short_name(subject) if subject.startswith("principal:") else subject
    return cut(one_line(own), _NAME)
