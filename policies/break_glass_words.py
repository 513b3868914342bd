"""Break-glass in words: what everybody is told of a session and of its acts, as a title and sentences."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from contracts.action import Frozen, Undo
from contracts.break_glass import Opening, Session
from contracts.digest import Json, canonical
from contracts.run import ActionRecord, Outcome
from policies.people import short_name
from policies.times import moment

_CHANGED: Final = (Outcome.SUCCEEDED, Outcome.UNKNOWN)
"""Outcomes of acts that changed something, or may have: the others leave nothing to undo."""
_SENTENCE: Final = 500
"""Characters of a sentence with many names: an alert shows no more than some hundred."""


@dataclass(frozen=True, kw_only=True)
class Words:
    """What an alert says."""

    title: str
    lines: tuple[str, ...]


def asked(opening: Opening, until_ms: int) -> Words:
    """Of an opening that waits for the second person."""
    who = short_name(opening.opener)
    return Words(
        title=f"{who} asks for break-glass on {opening.tenant}: {_tools(opening)}, {_minutes(opening)}",
        lines=(
            *_why(opening),
            *_whole(f"For {_minutes(opening)}", opening.tools),
            f"Another person of the group consents with a passkey until {moment(until_ms)}, or it lapses.",
            f"It is {opening.session_id}.",
        ),
    )


def opened(session: Session, told: Sequence[str]) -> Words:
    """Of a session that is open from now on."""
    opening = session.opening
    skipped = f"Skipped, and told so: {', '.join(map(short_name, told))}." if told else "Nobody is skipped."
    return Words(
        title=f"Break-glass is open on {opening.tenant} until {moment(session.until_ms)}: {_tools(opening)}",
        lines=(
            f"{short_name(opening.opener)} acts, and {short_name(session.consenter)} consented.",
            *_why(opening),
            *_whole("Its tools", opening.tools),
            skipped,
            f"It is {opening.session_id}. Anybody of the group for {opening.tenant} may close it.",
        ),
    )


def skipped(session: Session) -> Words:
    """For one whose approval is not asked for."""
    opening, who = session.opening, short_name(session.opening.opener)
    return Words(
        title=f"{who} acts on {opening.tenant} without your approval until {moment(session.until_ms)}",
        lines=(
            f"You would be asked about {_tools(opening)}. {short_name(session.consenter)} consented instead.",
            *_why(opening),
            f"It is {opening.session_id}. Each act of it is announced in the alert channel.",
        ),
    )


def acted(opener: str, tenant: str, action: ActionRecord) -> Words:
    """Of one act, and how it ended."""
    frozen = None if action.frozen is None else Frozen.read(action.frozen)
    on = "" if frozen is None else f" on {frozen.target}"
    known = "nobody knows whether it happened" if action.outcome is Outcome.UNKNOWN else f"{action.outcome}"
    # Ours before the target's own words, which may be as many as it likes, and crowd out what comes after.
    lines = [f"It is act {action.step} of {action.run_id}."]
    if frozen is not None:
        lines.append(f"Idempotency key: {frozen.idempotency_key}")
        if action.outcome in _CHANGED:
            lines.append(undoing(frozen.preview.undo, frozen.undo))
    if action.outcome_text:
        lines.append(f"{action.outcome_text[:1].upper()}{action.outcome_text[1:]}")
    if frozen is not None:
        lines += [f"{one.field}: {one.before} → {one.after}" for one in frozen.preview.changes]
    return Words(
        title=f"Break-glass on {tenant}: {known}: {short_name(opener)}, {action.tool}{on}",
        lines=tuple(lines),
    )


def ended(opening: Opening, state: str, by: str, why: str, report: Json) -> Words:
    """Of a session that is over: with its report, where it has one."""
    who = by if by == "break-glass" else short_name(by)
    acts = [] if report is None else report["acts"]
    many = "" if report is None else f", {len(acts)} act{'' if len(acts) == 1 else 's'}"
    return Words(
        title=f"Break-glass on {opening.tenant} is over ({state}){many}: {opening.session_id}",
        lines=(
            f"{short_name(opening.opener)} asked for it: {opening.reason}",
            f"{who} ended it: {why}",
            *(line for act in acts for line in _act(act)),
            *(() if report is None else (f"Refused meanwhile: {report['refused']}.",)),
        ),
    )


def undoing(text: str, undo: Undo | None) -> str:
    """How an act is undone, for people and as the call that does it."""
    if undo is None:
        return f"Undo: {text}" if text else "Nothing undoes it."
    return f"Undo: {text} {undo.tool} {canonical(undo.arguments).decode()}".replace("  ", " ")


def _act(act: dict[str, Any]) -> list[str]:
    """The report's, in its own shape."""
    target = f" {act['target']}" if act["target"] else ""
    changes = "; ".join(f"{one['field']}: {one['before']} → {one['after']}" for one in act["changes"])
    undo = act["undo"]
    call = Undo(tool=undo["tool"], arguments=undo["arguments"]) if undo and undo["tool"] else None
    how = undoing(undo["text"], call) if undo else ""
    told = " · ".join(part for part in (how, act["text"], changes) if part)
    return [f"{act['ordinal']}. {act['tool']}{target}: {act['outcome']}", *([told] if told else [])]


def _tools(opening: Opening) -> str:
    return ", ".join(opening.tools)


def _whole(what: str, names: Sequence[str]) -> tuple[str, ...]:
    """All of them, in as many sentences as it takes: a title is cut, and so is a long sentence."""
    lines: list[str] = []
    for name in names:
        if lines and len(lines[-1]) + len(name) <= _SENTENCE:
            lines[-1] += f", {name}"
        else:
            lines.append(f"{what}: {name}")
    return tuple(f"{line}." for line in lines)


def _minutes(opening: Opening) -> str:
    return f"{opening.minutes} minute{'' if opening.minutes == 1 else 's'}"


def _why(opening: Opening) -> tuple[str, ...]:
    past = _whole("It goes past what is stopped", [one.scope for one in opening.overrides])
    return (f"Because: {opening.reason}", *past)
