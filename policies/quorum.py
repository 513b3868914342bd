"""Whose decision counts, and when there are enough: pure rules over verified grants."""

from collections.abc import Sequence
from datetime import UTC, datetime

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
from policies.people import People, short_name


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
    if approval.kind is ApprovalKind.RECONCILE:
        return without_standing(approval, person, people) or _unsettled(approval, click)
    if click.answer is Answer.WITHDRAW:
        return _withdrawal(approval, person)
    return without_standing(approval, person, people) or _untimely(approval, click, person)


def without_standing(approval: ApprovalRecord, person: Person, people: People) -> Refusal | None:
    """Why this person may not judge this action, whatever its state."""
    if approval.tenant not in person.tenants:
        return Refusal.OTHER_TENANT
    if not approval.group or approval.group not in person.groups:
        return Refusal.NOT_IN_GROUP
    if beneficiary_unknown(approval, people) or _asked_for_it(approval, person):
        return Refusal.REQUESTER
    return None


def beneficiary_unknown(approval: ApprovalRecord, people: People) -> bool:
    """Whom the run acts for is not one person of the people file: anyone might be the requester."""
    return approval.on_behalf_of is not None and people.by_subject(approval.on_behalf_of) is None


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
    if any(_of(approval, grant) and grant.decision == Answer.DENY for grant in approval.grants):
        return ApprovalState.DENIED
    enough = len(standing(approval, approval.grants, people)) >= max(approval.needed, 1)
    return ApprovalState.APPROVED if enough else ApprovalState.WAITING


def sentence(refusal: Refusal, approval: ApprovalRecord | None, click: Click, people: People) -> str:
    """What the person who clicked is told: why it did not count, and that nothing changed."""
    if approval is None:
        return "There is no such approval; nothing changed."
    return f"{_why(refusal, approval, click, people)}; nothing changed."


def _why(refusal: Refusal, approval: ApprovalRecord, click: Click, people: People) -> str:  # noqa: C901 - one arm a refusal
    match refusal:
        case Refusal.STRANGER:
            return "You are not in the people file, so you can't decide this"
        case Refusal.NOT_IN_GROUP:
            return f"Only people in {approval.group or 'a group that the route names'} can decide this"
        case Refusal.OTHER_TENANT:
            return f"You don't approve for {approval.tenant}"
        case Refusal.REQUESTER:
            return _why_requester(approval, people)
        case Refusal.REPEATED:
            return f"You already {_own_words(approval, click)}"
        case Refusal.LATE:
            return f"The time to decide this action ended{_at(approval.deadline_ms, click)}"
        case Refusal.DECIDED:
            return _why_decided(approval, click)
        case Refusal.OTHER_ACTION:
            return "This answer is about another action than the one that waits here; open its own card"
        case Refusal.OTHER_CARD:
            return "This answer did not come from the card that we posted for this action; use that card"
        case Refusal.CLAIMED:
            return "This action is already being carried out, so it is too late to withdraw"
        case Refusal.NOT_FOUND:
            return "You have not approved this action, so there is nothing to withdraw"
        case Refusal.NOT_AN_ANSWER:
            return f"This question is answered with {_one_of(ANSWERS[approval.kind])}"
        case Refusal.OTHER_ROUTE:
            return f"You don't approve on the route {approval.route}"
        case Refusal.TOO_FAST:
            return _why_too_fast(approval, click)
        case Refusal.NEEDS_PASSKEY:
            return (
                "The approval that completes a destructive action is signed with your passkey:"
                " open the full page and approve there"
            )
        case Refusal.BAD_PASSKEY:
            return "This is no signature over this action by a passkey that the people file names as yours"


def _why_requester(approval: ApprovalRecord, people: People) -> str:
    if beneficiary_unknown(approval, people):
        return (
            f"This run acts for {approval.on_behalf_of}, who is not exactly one person of the people file, "
            "so nobody can approve it"
        )
    return "This run was started by you or acts for you, so somebody else has to decide"


def _why_too_fast(approval: ApprovalRecord, click: Click) -> str:
    seen = max(0, click.at_ms - approval.readable_ms) / 1_000
    least = approval.min_review_ms / 1_000
    return f"This came {seen:.1f} s after it was shown, and its route asks for {least:g} s of reading"


def _why_decided(approval: ApprovalRecord, click: Click) -> str:
    if approval.state is ApprovalState.WAITING:
        return "The run that asked for this action has ended, so there is nothing left to decide"
    return f"This action was already {approval.state.value}{_by(approval, click)}"


def _one_of(answers: frozenset[Answer]) -> str:
    *most, last = sorted(answers)
    return f"{', '.join(most)} or {last}"


_PAST = {
    Answer.APPROVE: "approved",
    Answer.DENY: "denied",
    Answer.WITHDRAW: "withdrew your approval of",
    Answer.IT_DID: "settled",
    Answer.IT_DID_NOT: "settled",
    Answer.STOP: "stopped the run of",
}
_DECISIVE = {
    ApprovalState.APPROVED: {Answer.APPROVE},
    ApprovalState.DENIED: {Answer.DENY},
    ApprovalState.SETTLED: {Answer.IT_DID, Answer.IT_DID_NOT},
}


def _own_words(approval: ApprovalRecord, click: Click) -> str:
    mine = [grant for grant in approval.grants if grant.approver == click.principal and _of(approval, grant)]
    if not mine:
        return "decided on this action"
    last = max(mine, key=lambda grant: grant.at_ms)
    return f"{_PAST[Answer(last.decision)]} this action{_at(last.at_ms, click)}"


def _by(approval: ApprovalRecord, click: Click) -> str:
    """Who decided and when, where somebody did."""
    answers = _DECISIVE.get(approval.state, set())
    deciding = [grant for grant in approval.grants if grant.decision in answers and _of(approval, grant)]
    if not deciding:
        return _at(approval.decided_ms, click)
    last = max(deciding, key=lambda grant: grant.at_ms)
    names = " and ".join(sorted({short_name(grant.approver) for grant in deciding}))
    return f" by {names}{_at(last.at_ms, click)}"


def _at(at_ms: int | None, click: Click) -> str:
    """The time, and the day where it is not the click's."""
    if at_ms is None:
        return ""
    then, now = (datetime.fromtimestamp(ms / 1_000, tz=UTC) for ms in (at_ms, click.at_ms))
    day = "" if then.date() == now.date() else f" on {then.date()}"
    return f"{day} at {then:%H:%M} UTC"


def _on_its_card(approval: ApprovalRecord, click: Click) -> bool:
    """A click over HTTP has no card; every other has to come from the message that we posted.

    A post is announced with its channel before it leaves, so a card may stand there whose ``ts`` nobody has
    written down yet. A click in that channel then names the message: the desk adopts it with the decision,
    and every later click has to come from it. Slack signs the whole interaction (app, workspace, channel,
    message, person, button), and sends our app the buttons of our own app's messages alone. To make another
    message with this approval's random id takes our bot token, or a ``response_url`` that only we are sent:
    their holder could as well write over the card itself.
    """
    if click.way == "http":
        return True
    if click.channel is None or click.message_ts is None or click.channel != approval.channel:
        return False
    return approval.message_ts in (None, click.message_ts)


def _asked_for_it(approval: ApprovalRecord, person: Person) -> bool:
    """By any identity of theirs, even one that they wrongly share: then neither may approve."""
    own = {person.principal, *person.subjects}
    return approval.caller in own or approval.on_behalf_of in own


def _untimely(approval: ApprovalRecord, click: Click, person: Person) -> Refusal | None:
    if _spoken(approval, person, click.answer):
        return Refusal.REPEATED
    late = approval.deadline_ms is not None and click.at_ms > approval.deadline_ms
    if late or approval.state is ApprovalState.EXPIRED:
        return Refusal.LATE
    return None if approval.state is ApprovalState.WAITING else Refusal.DECIDED


def _unsettled(approval: ApprovalRecord, click: Click) -> Refusal | None:
    """What happened is said once; a run is stopped once, and its question can still be answered."""
    if approval.state is not ApprovalState.WAITING:
        return Refusal.DECIDED
    said = {grant.decision for grant in approval.grants if _of(approval, grant)}
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
        if grant.approver == person.principal and _of(approval, grant)
    }


def _of(approval: ApprovalRecord, grant: Grant) -> bool:
    """The grant is about this action of this run, in its tenant and environment."""
    return (grant.approval_id, grant.action_digest, grant.run_id, grant.tenant, grant.env) == (
        approval.approval_id,
        approval.action_digest,
        approval.run_id,
        approval.tenant,
        approval.env,
    )


def _counts(approval: ApprovalRecord, grant: Grant, grants: Sequence[Grant], people: People) -> bool:
    if grant.decision != Answer.APPROVE or not _of(approval, grant):
        return False
    if approval.deadline_ms is not None and grant.at_ms > approval.deadline_ms:
        return False
    person = people.by_principal(grant.approver)
    if person is None or without_standing(approval, person, people) is not None:
        return False
    return not any(
        other.approver == grant.approver and other.decision != Answer.APPROVE and _of(approval, other)
        for other in grants
    )
