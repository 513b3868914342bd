"""A break-glass session, an act of it and its report, as people read them in a terminal."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from cli import output, words
from cli.asking import change, preview_facts

_WAITS: Final = "waiting"
_CHANGED: Final = {"succeeded": "Changed", "unknown": "May have changed"}
"""By outcome; anything else changed nothing."""


def session(one: Mapping[str, Any]) -> None:
    """All that was asked for, and where it stands."""
    output.heading(f"{one['session_id']}  {one['state']}  tenant {one['tenant']} ({one['env']})")
    output.facts(_facts(one))
    output.say(f"digest {one['opening_digest']}")
    if one["acts"]:
        rows = [(act["ordinal"], act["tool"], act["target"], _stands(act)) for act in one["acts"]]
        output.table("Acts", ("act", "tool", "target", "outcome"), rows)


def sessions(found: Sequence[Mapping[str, Any]]) -> None:
    rows = [
        (
            one["session_id"],
            one["state"],
            one["tenant"],
            words.name(one["opener"]),
            words.name(one["consenter"] or ""),
            _clock(one["until"]),
            len(one["acts"]),
            one["reason"],
        )
        for one in found
    ]
    columns = ("session", "state", "tenant", "opener", "consent", "until (UTC)", "acts", "why")
    output.table("Break-glass sessions", columns, rows)


def proposed(one: Mapping[str, Any], of: Mapping[str, Any]) -> None:
    """An act whole, exactly as it would be sent."""
    output.heading(f"Act {one['ordinal']}  {one['act_id']}")
    if one["preview"] is not None:
        action = {name: one[name] for name in ("tool", "effect", "preview")}
        output.facts(preview_facts("What will change", {**action, "tenant": of["tenant"], "env": of["env"]}))
    output.say(f"Exactly this is sent: {json.dumps(one['arguments'], ensure_ascii=False)}")
    if one["target"] is not None:
        output.facts((("Target", one["target"]), ("Key", one["idempotency_key"])))
        output.say(f"digest {one['action_digest']}")


def ended(one: Mapping[str, Any]) -> None:
    """What came of an act, and how it is undone."""
    output.heading(f"Act {one['ordinal']}: {_stands(one)}")
    if one["text"]:
        output.say(one["text"])
    if one["outcome"] == "succeeded":
        output.facts((("To undo it", _undo(one)),))


def report(found: Mapping[str, Any]) -> None:
    """Who, why, what, before and after, undo."""
    output.heading(f"Report of {found['session_id']}  tenant {found['tenant']} ({found['env']})")
    output.facts(_reported(found))
    for act in found["acts"]:
        output.say("")
        target = f" {act['target']}" if act["target"] else ""
        output.heading(f"{act['ordinal']}. {act['tool']}{target}: {_stands(act)}")
        output.facts(_done(act))
    if not found["acts"]:
        output.say("Nothing was done.")


def _facts(one: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "Asked by", f"{one['opener']}, {words.day(one['asked_at'])}"
    yield "Why", one["reason"]
    yield "Tools", ", ".join(one["tools"])
    if one["overrides"]:
        yield "Goes past", f"the kill switches {', '.join(one['overrides'])}"
    yield "Lasts", f"{one['minutes']} minutes from the consent on"
    yield from _standing(one)


def _standing(one: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if one["state"] == _WAITS:
        yield "Consent", f"waits for a second person until {words.day(one['consent_until'])}"
    if one["consenter"]:
        yield "Consent", f"{one['consenter']}, {words.day(one['opened_at'])}"
        yield "Ends", words.day(one["until"])
    if one["told"]:
        yield "Told", ", ".join(one["told"])
    if one["ended_at"]:
        yield "Ended", f"{words.day(one['ended_at'])} by {one['ended_by']}: {one['ended_why']}"


def _reported(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "Opened by", f"{found['opener']}, {words.day(found['asked_at'])}"
    yield "Consent", f"{found['consenter']}, {words.day(found['opened_at'])}"
    yield "Why", found["reason"]
    yield "Tools", ", ".join(found["tools"])
    if found["overrides"]:
        yield "Went past", f"the kill switches {', '.join(found['overrides'])}"
    yield "Until", words.day(found["until"])
    yield "Ended", f"{words.day(found['ended_at'])} by {found['ended_by']}: {found['ended_why']}"
    yield "Told", ", ".join(found["told"]) or "nobody was skipped"
    yield "Calls refused", str(found["refused"])


def _done(act: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for place, one in enumerate(act["changes"]):
        yield "" if place else _CHANGED.get(act["outcome"], "It was to change"), change(one)
    if act["text"]:
        yield "Answer", act["text"]
    if act["outcome"] == "succeeded":
        yield "To undo it", _undo(act)
    if act["idempotency_key"]:
        yield "Key", act["idempotency_key"]


def _stands(act: Mapping[str, Any]) -> str:
    return str(act["outcome"] or "not carried out yet")


def _undo(act: Mapping[str, Any]) -> str:
    """In words, and as the call that does it."""
    undo, preview = act["undo"], act.get("preview") or {}
    if undo is None:
        return preview.get("undo") or "No. It cannot be undone."
    said = undo.get("text") or preview.get("undo") or ""
    if undo["tool"] is None:
        return str(said)
    return f"{said} {undo['tool']} {json.dumps(undo['arguments'], ensure_ascii=False)}".strip()


def _clock(at: str | None) -> str:
    return words.minute(at) if at else ""
