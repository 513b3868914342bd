"""Break-glass in words: what everybody is told of a session and of its acts, as a title and sentences."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from contracts.action import Frozen, Undo
from contracts.break_glass import Opening, Session
from contracts.digest import Json, canonical
from contracts.run import ActionRecord, Outcome
from policies.people import short_name
from policies.times import moment

_CAME: Final = {Outcome.SUCCEEDED: "Changed", Outcome.UNKNOWN: "It may have changed"}
_EMPTY: Final = "(empty)"
_CLOSE: Final = "interlock break-glass close"
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
            f"Read it whole and speak to {who} first: interlock break-glass consent {opening.session_id}",
            f"To refuse it: {_CLOSE} {opening.session_id}",
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
            f"Anybody of the group for {opening.tenant} may end it: {_CLOSE} {opening.session_id}",
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
    outcome = action.outcome or Outcome.SKIPPED
    frozen = None if action.frozen is None else Frozen.read(action.frozen)
    on = "" if frozen is None else f" on {frozen.target}"
    known = "nobody knows whether it happened" if outcome is Outcome.UNKNOWN else f"{outcome}"
    # Ours before the target's own words, which may be as many as it likes, and crowd out what comes after.
    lines = [f"It is act {action.step} of {action.run_id}."]
    if frozen is not None:
        lines.append(f"Idempotency key: {frozen.idempotency_key}")
        lines += _undone(outcome, undoing(frozen.preview.undo, frozen.undo))
    if outcome is Outcome.UNKNOWN:
        lines.append(_settling(opener, action.run_id, action.action_id))
    if action.outcome_text:
        lines.append(_sentence(action.outcome_text))
    if frozen is not None:
        changes = (_change(one.field, one.before, one.after) for one in frozen.preview.changes)
        lines += (f"{_came(outcome)} {change}" for change in changes)
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
            *(() if report is None else _reported(opening, report)),
            *(line for act in acts for line in _act(opening, act)),
        ),
    )


def undoing(text: str, undo: Undo | None) -> str:
    """How an act is undone, for people and as the call that does it."""
    if undo is None:
        return f"Undo: {text}" if text else "Nothing undoes it."
    return f"Undo: {text} {undo.tool} {canonical(undo.arguments).decode()}".replace("  ", " ")


def _reported(opening: Opening, report: dict[str, Any]) -> tuple[str, ...]:
    """What is true of the whole of it, before its acts: a message has an end, and a report may be longer."""
    return (
        f"{short_name(report['consenter'])} consented.",
        *_past(opening, "It went past what was stopped"),
        f"Calls refused meanwhile: {report['refused']}.",
        f"The whole report: interlock break-glass report {opening.session_id}",
    )


def _act(opening: Opening, act: dict[str, Any]) -> Iterator[str]:
    """The report's, in its own shape."""
    target = f" {act['target']}" if act["target"] else ""
    outcome, undo = Outcome(act["outcome"]), act["undo"] or {"text": "", "tool": None}
    yield f"{act['ordinal']}. {act['tool']}{target}: {outcome}"
    call = Undo(tool=undo["tool"], arguments=undo["arguments"]) if undo["tool"] else None
    yield from _undone(outcome, undoing(undo["text"], call))
    if outcome is Outcome.UNKNOWN:
        yield _settling(opening.opener, opening.session_id, f"{opening.session_id}.{act['ordinal']}.0")
    # In one line, which is cut: what a target says of one act takes no other's place.
    changes = "; ".join(_change(one["field"], one["before"], one["after"]) for one in act["changes"])
    told = [_sentence(act["text"]) if act["text"] else "", f"{_came(outcome)} {changes}" if changes else ""]
    if any(told):
        yield " · ".join(filter(None, told))


def _came(outcome: Outcome) -> str:
    return _CAME.get(outcome, "It was to change")


def _undone(outcome: Outcome, undo: str) -> Iterator[str]:
    """How it is undone, as far as it came about: what was not done is not undone."""
    if outcome is Outcome.SUCCEEDED:
        yield undo
    elif outcome is Outcome.UNKNOWN:
        yield f"If it happened: {undo[:1].lower()}{undo[1:]}"


def _settling(opener: str, session_id: str, act_id: str) -> str:
    return (
        "Until it is known nothing writes to that target, agents neither. Look at it; then somebody of the"
        f" group other than {short_name(opener)} says what it did: interlock break-glass settle {session_id}"
        f" {act_id} --did (or --did-not) --reason …"
    )


def _change(field: str, before: str, after: str) -> str:
    return f"{field}: {before or _EMPTY} → {after or _EMPTY}"


def _sentence(text: str) -> str:
    """What begins with a name stays as it is written."""
    first = text.split(maxsplit=1)[0]
    return f"{text[:1].upper()}{text[1:]}" if first.isalpha() else text


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
    return (f"Because: {opening.reason}", *_past(opening, "It goes past what is stopped"))


def _past(opening: Opening, words: str) -> tuple[str, ...]:
    return _whole(words, [one.scope for one in opening.overrides])
