"""What a person is told whose decision did not count: why, and that nothing changed."""

from datetime import UTC, datetime

from contracts.approval import ANSWERS, Answer, ApprovalRecord, ApprovalState, Click, Refusal
from policies.people import People, short_name
from policies.quorum import about, asked_groups


def sentence(refusal: Refusal, approval: ApprovalRecord | None, click: Click, people: People) -> str:
    """What the person who clicked is told: why it did not count, and that nothing changed."""
    if approval is None:
        return "There is no such approval; nothing changed."
    return f"{_why(refusal, approval, click, people)}; nothing changed."


def _why(refusal: Refusal, approval: ApprovalRecord, click: Click, people: People) -> str:  # noqa: C901 - one arm for each refusal, and nothing nested
    match refusal:
        case Refusal.STRANGER:
            return "You are not in the people file, so you can't decide this"
        case Refusal.NOT_IN_GROUP:
            return f"Only people in {_asked(approval, click)} can decide this"
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


def _asked(approval: ApprovalRecord, click: Click) -> str:
    return " or ".join(asked_groups(approval, click.at_ms)) or "a group that the route names"


def _why_requester(approval: ApprovalRecord, people: People) -> str:
    unknown = [subject for subject in approval.beneficiaries if people.by_subject(subject) is None]
    if unknown:
        return (
            f"This run acts for {unknown[0]}, who is not exactly one person of the people file, "
            "so nobody can approve it"
        )
    return "This run was started by you or acts for you, so somebody else has to decide"


def _why_too_fast(approval: ApprovalRecord, click: Click) -> str:
    seen = max(0, click.at_ms - approval.readable_ms(click.at_ms)) / 1_000
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
    mine = [
        grant for grant in approval.grants if grant.approver == click.principal and about(approval, grant)
    ]
    if not mine:
        return "decided on this action"
    last = max(mine, key=lambda grant: grant.at_ms)
    return f"{_PAST[Answer(last.decision)]} this action{_at(last.at_ms, click)}"


def _by(approval: ApprovalRecord, click: Click) -> str:
    """Who decided and when, where somebody did."""
    answers = _DECISIVE.get(approval.state, set())
    deciding = [grant for grant in approval.grants if grant.decision in answers and about(approval, grant)]
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
