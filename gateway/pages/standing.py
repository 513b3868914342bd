"""Where an approval stands, in sentences: who decided, when, what came of it, and what is still needed."""

from collections.abc import Iterator
from typing import Final

from contracts.approval import Answer, ApprovalKind, ApprovalRecord, ApprovalState
from contracts.run import Outcome
from contracts.tokens import Grant
from policies.people import short_name
from policies.quorum import asked_groups
from policies.times import moment, span

OUTCOMES: Final = {
    Outcome.SUCCEEDED: "Done.",
    Outcome.REFUSED: "The target refused it; nothing was changed.",
    Outcome.FAILED: "It failed; nothing was changed.",
    Outcome.DENIED: "Policy no longer allows it; nothing was sent.",
    Outcome.REJECTED: "The approval no longer counted; nothing was sent.",
    Outcome.EXPIRED: "It came too late; nothing was sent.",
    Outcome.UNKNOWN: "Nobody knows whether it happened. Nothing repeats it; look at the target.",
    Outcome.SKIPPED: "The run ended first; nothing was sent.",
}

_HEADINGS: Final = {
    ApprovalState.WAITING: "Waits for an answer",
    ApprovalState.APPROVED: "Approved",
    ApprovalState.SETTLED: "Settled",
    ApprovalState.DENIED: "Denied",
    ApprovalState.EXPIRED: "Expired",
    ApprovalState.CANCELLED: "Cancelled",
}
_SAID: Final = {
    Answer.APPROVE: "approved",
    Answer.DENY: "denied",
    Answer.WITHDRAW: "took the approval back",
    Answer.IT_DID: "says that it happened",
    Answer.IT_DID_NOT: "says that it did not happen",
    Answer.STOP: "stopped the run",
}


def heading(approval: ApprovalRecord, now_ms: int) -> str:
    """A few words; an approval that nobody closed yet has run out all the same."""
    late = approval.deadline_ms is not None and now_ms > approval.deadline_ms
    if approval.state is ApprovalState.WAITING and late:
        return "Its time has run out"
    return _HEADINGS[approval.state]


def sentences(approval: ApprovalRecord) -> tuple[str, ...]:
    """What came of it. Text from outside is not among them."""
    match approval.state:
        case ApprovalState.WAITING:
            return ()
        case ApprovalState.APPROVED:
            return (_outcome(approval),)
        case ApprovalState.SETTLED:
            return ("What happened is known, and nothing repeats it.",)
        case ApprovalState.EXPIRED:
            return ("It was not approved in time; nothing is written.",)
    return ("Nothing is written.",)


def _outcome(approval: ApprovalRecord) -> str:
    if approval.outcome is None:
        return "It is being carried out." if approval.claimed else "It is about to be carried out."
    return OUTCOMES[Outcome(approval.outcome)]


def words(approval: ApprovalRecord) -> Iterator[str]:
    """Every decision that counted when it was taken, in their order."""
    for grant in sorted(approval.grants, key=lambda grant: grant.at_ms):
        said = f"{short_name(grant.approver)} {_SAID[Answer(grant.decision)]}"
        yield f"{said}{_how(grant)}, {moment(grant.at_ms)}"


def _how(grant: Grant) -> str:
    ways = {"slack": " in Slack", "http": " by the API", "page": " on this page"}
    signed = ", signed with a passkey" if grant.assertion else ""
    return f"{ways.get(grant.way, '')}{signed}"


def progress(approval: ApprovalRecord, now_ms: int) -> str:
    """How many people it takes, of whom, and how many have approved."""
    asked = " or ".join(asked_groups(approval, now_ms)) or "a group that the route names"
    if approval.kind is ApprovalKind.RECONCILE:
        return f"One person of {asked} looks at the target and says."
    people = "person" if approval.needed == 1 else "different people"
    return f"{_agreed(approval)} of {approval.needed} {people} of {asked} approved."


def _agreed(approval: ApprovalRecord) -> int:
    """How many approved and did not take it back."""
    back = {grant.approver for grant in approval.grants if grant.decision != Answer.APPROVE}
    return len({grant.approver for grant in approval.grants} - back)


def expiry(approval: ApprovalRecord, now_ms: int) -> str:
    if approval.deadline_ms is None:
        return "It does not expire."
    if now_ms > approval.deadline_ms:
        return f"Its time ended on {moment(approval.deadline_ms)}."
    return f"{span(approval.deadline_ms - now_ms)} left, until {moment(approval.deadline_ms)}."


def taken(approval: ApprovalRecord) -> str:
    """When it was decided, and how long that took; empty: it is not."""
    if approval.decided_ms is None:
        return ""
    waited = span(approval.decided_ms - approval.requested_ms)
    return f"{moment(approval.decided_ms)}, {waited} after it was asked."
