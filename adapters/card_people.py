"""The people of a card: who asks and why, who decided, who decides."""

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from adapters.blocks import Block, Heading, fields, heading, section, small
from adapters.card_action import NAME
from adapters.plain_text import cut, named, quoted, word
from contracts.action import Frozen
from contracts.approval import Answer, ApprovalRecord
from contracts.budget import Budget, Spend
from contracts.tokens import Grant
from policies.alphabets import marked
from policies.people import short_name
from policies.times import moment

Namer: TypeAlias = Callable[[str], str]

WORDS: Final = 1_000
_LISTED: Final = 8
"""Decisions that are listed; more than any quorum."""


def namer(people: Mapping[str, str]) -> Namer:
    """Names principals and subjects, within a sentence of ours."""

    def name(principal: str) -> str:
        own = short_name(principal) if principal.startswith("principal:") else principal
        return word(people.get(principal) or own, NAME)

    return name


def asked_by(approval: ApprovalRecord, frozen: Frozen, name: Namer) -> list[Block]:
    """Who asks, for whom, on which route, at what cost so far, and the agent's words."""
    asks = {"Asked by": name(frozen.caller)}
    if frozen.on_behalf_of:
        asks["For"] = name(frozen.on_behalf_of)
    asks["Route"] = cut(named(frozen.route), NAME)
    if approval.spend and approval.budget:
        asks["Spent so far"] = _spent(approval.spend, approval.budget)
    blocks = [heading(Heading.ASKED), fields(asks)]
    if frozen.words:
        whose = "the words of who asked for the undo" if frozen.undoes else "the agent's own words"
        said = marked(frozen.words, cut(quoted(frozen.words), WORDS))
        blocks.append(section(f"In {whose}, which nobody has checked:\n{said}"))
    return blocks


def _spent(spend: Spend, budget: Budget) -> str:
    dollars, most = (cut(named(text), _DOLLARS) for text in (spend.usd, budget.usd))
    return f"${dollars} of ${most}, {spend.steps} of {budget.steps} steps"


_DOLLARS: Final = 40


def last_words(approval: ApprovalRecord) -> list[Grant]:
    """Each person's last word on this action, in the order of their words."""
    last: dict[str, Grant] = {}
    for grant in sorted(approval.grants, key=lambda grant: grant.at_ms):
        if grant.action_digest == approval.action_digest:
            last[grant.approver] = grant
    return sorted(last.values(), key=lambda grant: grant.at_ms)


def standing(approval: ApprovalRecord) -> list[Grant]:
    """Approvals that nobody took back."""
    return [grant for grant in last_words(approval) if grant.decision == Answer.APPROVE]


def said(approval: ApprovalRecord, name: Namer) -> list[str]:
    """A line for each person who said something."""
    return [_word_of(grant, name) for grant in last_words(approval)[-_LISTED:]]


def _word_of(grant: Grant, name: Namer) -> str:
    way = ", with a passkey" if grant.assertion else ""
    return f"{_SIGNS[Answer(grant.decision)]} {name(grant.approver)}, on {moment(grant.at_ms)}{way}"


_SIGNS: Final = {
    Answer.APPROVE: "✓ Approved by",
    Answer.DENY: "✗ Denied by",
    Answer.WITHDRAW: "↩ Taken back by",
    Answer.IT_DID: "✓ It happened, says",
    Answer.IT_DID_NOT: "✗ It did not happen, says",
    Answer.STOP: "■ The run was stopped by",
}


def deciders(approval: ApprovalRecord, name: Namer, now_ms: int) -> str:
    """How many have approved and who, of which group, and until when."""
    needed, given = max(approval.needed, 1), len(standing(approval))
    groups = _groups(approval, now_ms)
    count = f"{given} of {needed} people of {groups} approved." if needed > 1 else f"One person of {groups}."
    deadline = approval.deadline_ms
    expiry = "It does not expire." if deadline is None else f"It expires on {moment(deadline)}."
    return "\n".join([count, *said(approval, name), expiry])


def _groups(approval: ApprovalRecord, now_ms: int) -> str:
    group = word(approval.group, NAME)
    if not approval.escalate_to or approval.escalate_ms is None or approval.escalate_ms > now_ms:
        return group
    return f"{group} or, since it was escalated, of {word(approval.escalate_to, NAME)}"


def ids(approval: ApprovalRecord) -> Block:
    """What operators ask for; nobody decides by it."""
    asked, run = moment(approval.requested_ms), word(approval.run_id, NAME)
    digest = approval.action_digest[:_DIGEST]
    return small(f"Asked on {asked}. Run {run}, approval {approval.approval_id}, action {digest}…")


_DIGEST: Final = len("sha256:") + 12
