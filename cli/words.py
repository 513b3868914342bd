"""Plain words for what the interface says in names: stop reasons, refusals, durations, amounts."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

STOPS: Final[Mapping[str, str]] = {
    "budget_steps": "its steps were used up",
    "budget_seconds": "its time was used up",
    "budget_usd": "its dollars were used up",
    "denials": "too many of its calls were denied",
    "loop": "it repeated itself",
    "approval_denied": "a person denied what it wanted to do",
    "approval_expired": "nobody decided in time",
    "reconciliation": "nobody knows whether its write happened; a person has to look",
    "model_refused": "the model refused",
}

REFUSALS: Final[Mapping[str, str]] = {
    "stranger": "nobody knows who that is",
    "not_in_group": "not in the group that was asked",
    "other_tenant": "may not decide for this tenant",
    "requester": "the run acts for them",
    "repeated": "they had decided before",
    "late": "after the deadline",
    "decided": "it was decided already",
    "other_action": "the click was for something else",
    "other_card": "the click came from another message",
    "claimed": "it was being carried out already",
    "not_found": "there was nothing to decide",
    "not_an_answer": "the question takes other answers",
    "other_route": "does not approve on this route",
    "too_fast": "sooner than anybody reads it",
    "needs_passkey": "needs a passkey's signature",
    "bad_passkey": "no passkey of theirs signed it",
}

ANSWERS: Final[Mapping[str, str]] = {
    "approve": "approved",
    "deny": "denied",
    "withdraw": "took it back",
    "considered": "was asked why to deny it",
    "it_did": "said that it happened",
    "it_did_not": "said that it did not happen",
    "stop": "stopped the run",
}

WAYS: Final[Mapping[str, str]] = {"slack": "in Slack", "http": "over HTTP"}

_STATES: Final[Mapping[str, str]] = {
    "waiting_approval": "waits for an approval",
    "waiting_reconciliation": "waits for a person to say what a write did",
    "waiting_budget": "waits for more budget",
}

_UNITS: Final = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def state(run: Mapping[str, Any]) -> str:
    """The run's state, with what stopped it."""
    why = run["stop_reason"]
    named = _STATES.get(run["state"], run["state"])
    return f"{named}: {STOPS.get(why, why)}" if why else str(named)


def name(principal: str) -> str:
    """``ada`` of ``principal:ada``; others keep their kind, which says who they are."""
    return principal.removeprefix("principal:")


def duration(seconds: float) -> str:
    """``41 ms``, ``2.1 s``, ``2 min 4 s``, ``1 h 30 min``: the two largest units."""
    if seconds < 1:
        return f"{round(seconds * 1_000)} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    parts: list[str] = []
    left = round(seconds)
    for unit, size in _UNITS:
        count, left = divmod(left, size)
        if count or parts:
            parts.append(f"{count} {unit}" if count else "")
    return " ".join(part for part in parts[:2] if part)


def moment(at: str) -> datetime:
    """A time of the interface."""
    return datetime.fromisoformat(at)


def between(start: str, end: str) -> float:
    """Seconds from one time to another."""
    return (moment(end) - moment(start)).total_seconds()


def clock(at: str) -> str:
    """``13:21:04`` in UTC."""
    return f"{moment(at):%H:%M:%S}"


def day(at: str) -> str:
    """``2026-11-25 13:21:04 UTC``."""
    return f"{moment(at):%Y-%m-%d %H:%M:%S} UTC"


def minute(at: str) -> str:
    """``11-25 13:21`` in UTC: for lists."""
    return f"{moment(at):%m-%d %H:%M}"


def people(count: int) -> str:
    return "1 person" if count == 1 else f"{count} people"


def short(digest: str | None) -> str:
    """The first of a digest's digits: enough to tell it from others, not to prove it."""
    return "none" if digest is None else digest[: len("sha256:") + 12] + "…"
