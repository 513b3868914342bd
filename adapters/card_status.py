"""Where an approval stands: the first words of its card, and what came of it."""

from typing import Final

from adapters.blocks import Heading
from adapters.card_action import NAME
from adapters.card_people import WORDS, Namer, said, standing
from adapters.plain_text import cut, named, quoted, word
from contracts.action import Original
from contracts.approval import ApprovalRecord, ApprovalState
from contracts.run import Outcome
from policies.times import moment, span

_WAITS: Final = ApprovalState.WAITING


def late(approval: ApprovalRecord, now_ms: int) -> bool:
    """It waits, and no answer from now on can count."""
    return approval.state is _WAITS and approval.deadline_ms is not None and now_ms > approval.deadline_ms


def heading(approval: ApprovalRecord, now_ms: int) -> str:
    """The state in a word or two, before anything else."""
    match approval.state:
        case ApprovalState.WAITING if late(approval, now_ms):
            return "Expired"
        case ApprovalState.WAITING:
            so_far = f" ({len(standing(approval))} of {approval.needed})" if approval.needed > 1 else ""
            return f"Approval needed{so_far}"
        case ApprovalState.APPROVED:
            return _came_of(approval)[0]
        case ApprovalState.DENIED | ApprovalState.EXPIRED | ApprovalState.CANCELLED:
            return approval.state.value.capitalize()
        case _:
            raise ValueError(f"an action is never {approval.state}")


def what(approval: ApprovalRecord) -> Heading:
    """What the changes are by now."""
    if approval.state not in (_WAITS, ApprovalState.APPROVED):
        return Heading.NOT_CHANGED
    match approval.outcome:
        case None:
            return Heading.WILL_CHANGE
        case Outcome.SUCCEEDED:
            return Heading.CHANGED
        case Outcome.UNKNOWN:
            return Heading.SENT
        case _:
            return Heading.NOT_CHANGED


def status(approval: ApprovalRecord, name: Namer, now_ms: int) -> str:
    """Who decided, how fast, and what came of it; of one that waits nothing."""
    match approval.state:
        case ApprovalState.WAITING if late(approval, now_ms):
            lines = ["Its time has run out; a decision would come too late."]
        case ApprovalState.WAITING:
            return ""
        case ApprovalState.APPROVED:
            lines = [*_came_of(approval)[1:], *said(approval, name), *_lasted(approval)]
        case ApprovalState.DENIED:
            lines = ["Nothing is written.", *said(approval, name), *_lasted(approval), *_reason(approval)]
        case ApprovalState.EXPIRED:
            when = "" if approval.decided_ms is None else f" It expired on {moment(approval.decided_ms)}."
            lines = [f"It was not approved in time; nothing is written.{when}", *said(approval, name)]
        case _:
            lines = ["Nothing is written on this card.", *_reason(approval)]
    return "\n".join(lines)


def _came_of(approval: ApprovalRecord) -> tuple[str, ...]:
    """What came of an approval: in a word or two, then in sentences."""
    if approval.outcome is None:
        if approval.claimed:
            return "Approved, running", "It is being carried out."
        return "Approved, starting", "It is about to be carried out."
    told = approval.outcome_text
    return *_OUTCOMES[Outcome(approval.outcome)], *([f"• {cut(named(told), WORDS)}"] if told else [])


def _lasted(approval: ApprovalRecord) -> list[str]:
    if approval.decided_ms is None:
        return []
    readable = approval.readable_ms(approval.decided_ms)
    since = "shown" if readable == approval.shown_ms else "asked"
    return [f"Decided {span(approval.decided_ms - readable)} after it was {since}."]


def _reason(approval: ApprovalRecord) -> list[str]:
    return [f"The reason:\n{cut(quoted(approval.denial), WORDS)}"] if approval.denial else []


_OUTCOMES: Final = {
    Outcome.SUCCEEDED: ("Done", "It was carried out."),
    Outcome.REFUSED: ("Refused", "The target refused it; nothing was changed."),
    Outcome.FAILED: ("Failed", "It failed; nothing was changed."),
    Outcome.DENIED: ("Stopped", "Policy no longer allows it; nothing was sent."),
    Outcome.REJECTED: ("Void", "The approval no longer counted; nothing was sent."),
    Outcome.EXPIRED: ("Too late", "It came too late; nothing was sent."),
    Outcome.UNKNOWN: (
        "Outcome unknown",
        "Nobody knows whether it happened. Nothing repeats it; look at the target.",
    ),
    Outcome.SKIPPED: ("Skipped", "The run ended first; nothing was sent."),
}


def undoing(original: Original) -> str:
    tool, target, run = (word(text, NAME) for text in (original.tool, original.target, original.run_id))
    return f"This undoes {tool} {target}, which run {run} did."


def repeating(times: int) -> str:
    return f"⚠ This repeats: the run did exactly this {'once' if times == 1 else f'{times} times'} before."
