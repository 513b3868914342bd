"""Whose decision counts, and when there are enough: pure rules over verified grants."""

from collections.abc import Sequence

from contracts.approval import (
    ANSWERS,
    Answer,
    ApprovalKind,
    ApprovalRecord,
    ApprovalState,
    Click,
    Person,
    Refusal,
)
from contracts.tokens import Grant
from policies.people import People


def judge(approval: ApprovalRecord, click: Click, person: Person | None, people: People) -> Refusal | None:
    """Why a click does not count; None: it does."""
    if (
        person is None
        or person.principal != click.principal
        or people.by_principal(click.principal) != person
    ):
        return Refusal.STRANGER
    if (click.approval_id, click.action_digest) != (approval.approval_id, approval.action_digest):
        return Refusal.OTHER_ACTION
    if not _on_its_card(approval, click):
        return Refusal.OTHER_CARD
    if click.answer not in ANSWERS[approval.kind]:
        return Refusal.NOT_AN_ANSWER
    if click.answer is Answer.WITHDRAW:
        return _withdrawal(approval, person)
    outside = without_standing(approval, person, people, click.at_ms)
    if approval.kind is ApprovalKind.RECONCILE:
        return outside or _unsettled(approval, click)
    return outside or _untimely(approval, click, person) or _careless(approval, click, people)


def without_standing(approval: ApprovalRecord, person: Person, people: People, at_ms: int) -> Refusal | None:
    """Why this person may not judge this action at that moment, whatever its state."""
    if approval.tenant not in person.tenants:
        return Refusal.OTHER_TENANT
    if person.routes is not None and approval.route not in person.routes:
        return Refusal.OTHER_ROUTE
    if not set(asked_groups(approval, at_ms)) & set(person.groups):
        return Refusal.NOT_IN_GROUP
    if beneficiary_unknown(approval, people) or _asked_for_it(approval, person):
        return Refusal.REQUESTER
    return None


def asked_groups(approval: ApprovalRecord, at_ms: int) -> tuple[str, ...]:
    """Groups that may decide at that moment: a second one from the escalation on."""
    escalated = approval.escalate_ms is not None and at_ms >= approval.escalate_ms
    return tuple(filter(None, (approval.group, approval.escalate_to if escalated else "")))


def beneficiary_unknown(approval: ApprovalRecord, people: People) -> bool:
    """Whom the run acts for is not one person of the people file: anyone might be the requester."""
    return any(people.by_subject(subject) is None for subject in approval.beneficiaries)


def standing(approval: ApprovalRecord, grants: Sequence[Grant], people: People) -> tuple[Grant, ...]:
    """The grants that count now: one of each who approved this action, still may, and did not withdraw."""
    counted: dict[str, Grant] = {}
    for grant in grants:
        if _counts(approval, grant, grants, people):
            counted.setdefault(grant.approver, grant)
    return tuple(counted.values())


def tally(approval: ApprovalRecord, people: People) -> ApprovalState:
    """Where an approval stands by its grants. An end other than approved stays; a denial ends it."""
    if approval.state not in (ApprovalState.WAITING, ApprovalState.APPROVED):
        return approval.state
    if any(about(approval, grant) and grant.decision == Answer.DENY for grant in approval.grants):
        return ApprovalState.DENIED
    complete = enough(approval, standing(approval, approval.grants, people), max(approval.needed, 1))
    return ApprovalState.APPROVED if complete else ApprovalState.WAITING


def enough(approval: ApprovalRecord, counted: Sequence[Grant], needed: int) -> bool:
    """Whether these grants carry the action: so many people, and of a destructive one a passkey among them.

    The grant key alone makes grants for anybody; a passkey's signature takes the person.
    """
    signed = not approval.destructive or any(grant.assertion for grant in counted)
    return len(counted) >= needed and signed


def _on_its_card(approval: ApprovalRecord, click: Click) -> bool:
    """A decision over HTTP or on the page has no card; every other comes from the message that we posted.

    A post is announced with its channel before it leaves, so a card may stand there whose ``ts`` nobody has
    written down yet. A click in that channel then names the message: the desk adopts it with the decision,
    and every later click has to come from it. Slack signs the whole interaction (app, workspace, channel,
    message, person, button), and sends our app the buttons of our own app's messages alone. To make another
    message with this approval's random id takes our bot token, or a ``response_url`` that only we are sent:
    their holder could as well write over the card itself.
    """
    if click.way in ("http", "page"):
        return True
    if click.channel is None or click.message_ts is None or click.channel != approval.channel:
        return False
    return approval.message_ts in (None, click.message_ts)


def _asked_for_it(approval: ApprovalRecord, person: Person) -> bool:
    """By any identity of theirs, even one that they wrongly share: then neither may approve."""
    own = {person.principal, *person.subjects}
    return not own.isdisjoint({approval.caller, approval.on_behalf_of, *approval.delegation})


def _untimely(approval: ApprovalRecord, click: Click, person: Person) -> Refusal | None:
    if _spoken(approval, person, click.answer):
        return Refusal.REPEATED
    late = approval.deadline_ms is not None and click.at_ms > approval.deadline_ms
    if late or approval.state is ApprovalState.EXPIRED:
        return Refusal.LATE
    return None if approval.state is ApprovalState.WAITING else Refusal.DECIDED


def _careless(approval: ApprovalRecord, click: Click, people: People) -> Refusal | None:
    """Approved sooner than anybody has to have read it, or completed without the passkey that it takes."""
    if click.answer is not Answer.APPROVE:
        return None
    # Clocks of two machines differ: what looks negative is none.
    if approval.min_review_ms > max(0, click.at_ms - approval.readable_ms(click.at_ms)):
        return Refusal.TOO_FAST
    due = passkey_due(approval, standing(approval, approval.grants, people))
    return Refusal.NEEDS_PASSKEY if due and click.assertion is None else None


def passkey_due(approval: ApprovalRecord, counted: Sequence[Grant]) -> bool:
    """Whether, after these, the last approval of a destructive action comes and no passkey has signed yet."""
    last = len(counted) + 1 >= approval.needed
    return approval.destructive and last and not any(grant.assertion for grant in counted)


def _unsettled(approval: ApprovalRecord, click: Click) -> Refusal | None:
    """What happened is said once; a run is stopped once, and its question can still be answered."""
    if approval.state is not ApprovalState.WAITING:
        return Refusal.DECIDED
    said = {grant.decision for grant in approval.grants if about(approval, grant)}
    return Refusal.REPEATED if click.answer in said else None


def _spoken(approval: ApprovalRecord, person: Person, answer: Answer) -> bool:
    """A person decides once. Who withdrew may still deny; a replayed approval does not revive the first."""
    said = _said(approval, person)
    return bool(said) and not (answer is Answer.DENY and said == {Answer.APPROVE, Answer.WITHDRAW})


def _withdrawal(approval: ApprovalRecord, person: Person) -> Refusal | None:
    said = _said(approval, person)
    if Answer.APPROVE not in said:
        return Refusal.NOT_FOUND
    if Answer.WITHDRAW in said:
        return Refusal.REPEATED
    if approval.claimed:
        return Refusal.CLAIMED
    if approval.state is ApprovalState.EXPIRED:
        return Refusal.LATE
    open_still = approval.state in (ApprovalState.WAITING, ApprovalState.APPROVED)
    return None if open_still else Refusal.DECIDED


def _said(approval: ApprovalRecord, person: Person) -> set[str]:
    return {
        grant.decision
        for grant in approval.grants
        if grant.approver == person.principal and about(approval, grant)
    }


def about(approval: ApprovalRecord, grant: Grant) -> bool:
    """The grant is about this action of this run, in its tenant and environment."""
    return (grant.approval_id, grant.action_digest, grant.run_id, grant.tenant, grant.env) == (
        approval.approval_id,
        approval.action_digest,
        approval.run_id,
        approval.tenant,
        approval.env,
    )


def _counts(approval: ApprovalRecord, grant: Grant, grants: Sequence[Grant], people: People) -> bool:
    if grant.decision != Answer.APPROVE or not about(approval, grant):
        return False
    if approval.deadline_ms is not None and grant.at_ms > approval.deadline_ms:
        return False
    person = people.by_principal(grant.approver)
    if person is None or without_standing(approval, person, people, grant.at_ms) is not None:
        return False
    return not any(
        other.approver == grant.approver and other.decision != Answer.APPROVE and about(approval, other)
        for other in grants
    )
