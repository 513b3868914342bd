"""Recorded calls under new rules, for ``interlock policy diff --replay``.

The store is opened with the operator's own identity, which reads tenants' content keys for restores already:
nothing that serves learns to read what it could not.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from adapters.recorded_calls import RecordedCalls
from adapters.store import Store
from cli import output
from cli.content_keys import operator_keys
from cli.state import State
from contracts.errors import Malformed
from policies.amounts import milliseconds
from policies.arguments import clean
from policies.replaying import Replayed, replay
from policies.rule_set import RuleSet

LISTED: Final = 10_000
"""Calls that the document for machines names; the rest is counted."""

_EVERY: Final = 1_000
_SHOWN: Final = 120


@dataclass(kw_only=True)
class Replay:
    """What came of it."""

    #: Unix milliseconds.
    since_ms: int
    calls: int = 0
    #: Calls that nobody can decide again, for their content was forgotten.
    forgotten: int = 0
    changed: int = 0
    milder: int = 0
    listed: list[dict[str, Any]] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        return {
            "since_ms": self.since_ms,
            "calls": self.calls,
            "forgotten": self.forgotten,
            "changed": self.changed,
            "milder": self.milder,
            "listed": self.listed,
        }

    def __str__(self) -> str:
        forgotten = f"; {self.forgotten} were forgotten and cannot be decided again" if self.forgotten else ""
        return (
            f"Of {self.calls} recorded calls {self.changed} would be decided otherwise,"
            f" {self.milder} of them more mildly{forgotten}."
        )


async def replayed(
    state: State, rules: RuleSet, *, env: str, window: str, tell: Callable[[str], None]
) -> Replay:
    """Decide the calls of the window again; ``tell`` gets a line of each that changes, as it is found."""
    until_ms = time.time_ns() // 1_000_000
    found = Replay(since_ms=until_ms - _window_ms(window))
    with operator_keys(state) as keys:
        store = Store(state.store_url, keys)
        try:
            await _decide_all(RecordedCalls(store, env), rules, found, until_ms, tell)
        finally:
            await store.close()
    return found


def _window_ms(window: str) -> int:
    try:
        return milliseconds(window)
    except ValueError as error:
        raise Malformed(f"--replay: {error}") from error


async def _decide_all(
    calls: RecordedCalls, rules: RuleSet, found: Replay, until_ms: int, tell: Callable[[str], None]
) -> None:
    async for call in calls.between(found.since_ms, until_ms):
        found.calls += 1
        if call.arguments is None:
            found.forgotten += 1
        elif (change := replay(rules, call)) is not None:
            found.changed += 1
            found.milder += change.milder
            tell(_line(change))
            if len(found.listed) < LISTED:
                found.listed.append(_document(change))
        if found.calls % _EVERY == 0:
            output.progress(f"{found.calls} calls decided again, {found.changed} of them otherwise …")


def _line(change: Replayed) -> str:
    call = change.call
    # The model wrote the tool's name, and a target in a key may be anybody's text.
    tool, what = (clean(text, _SHOWN) for text in (call.tool, call.idempotency_key or call.arguments_digest))
    was, would = (_ruling(one.ruling, one.approvals) for one in (call, change))
    rules = ", ".join(change.rules)
    return f"{call.run_id} {call.action_id} {call.route} {tool} {what}: {was} -> {would}, by {rules}"


def _ruling(ruling: str, approvals: int) -> str:
    return f"{ruling} ({approvals})" if approvals else str(ruling)


def _document(change: Replayed) -> dict[str, Any]:
    call = change.call
    return {
        "run_id": call.run_id,
        "action_id": call.action_id,
        "tenant": call.tenant,
        "route": call.route,
        "tool": call.tool,
        "idempotency_key": call.idempotency_key,
        "arguments_digest": call.arguments_digest,
        "was": {"decision": call.ruling.value, "approvals": call.approvals},
        "would": {"decision": change.ruling.value, "approvals": change.approvals},
        "rules": list(change.rules),
    }
