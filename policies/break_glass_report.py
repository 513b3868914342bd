"""The report of a session: who, why, what, before and after, and how to take it back. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final

from contracts.action import Frozen
from contracts.break_glass import SessionRecord
from contracts.digest import Json
from contracts.run import ActionRecord, Outcome
from policies.times import maybe_time, time_of

_CHANGED: Final = (Outcome.SUCCEEDED, Outcome.UNKNOWN)
"""Outcomes of acts that changed something, or may have: the others leave nothing to undo."""


def report(
    record: SessionRecord,
    acts: Sequence[ActionRecord],
    *,
    ended_ms: int,
    ended_by: str,
    why: str,
    refused: int,
    settled: Mapping[str, int],
) -> Json:
    """Of a session that ends right now.

    Args:
        record: as it was open.
        acts: all of them, ended, in their order.
        ended_ms: Unix milliseconds.
        ended_by: ``principal:…``, ``break-glass``, or the operator who restored the store.
        why: one sentence.
        refused: calls on it that were not let through.
        settled: by act, when its claim got its end; what was never claimed is not in it.
    """
    opening = record.opening
    return {
        "session_id": opening.session_id,
        "tenant": opening.tenant,
        "env": opening.env,
        "opener": opening.opener,
        "consenter": record.consenter,
        "reason": opening.reason,
        "tools": list(opening.tools),
        "overrides": [one.scope for one in opening.overrides],
        "asked_at": time_of(opening.asked_ms),
        "opened_at": maybe_time(record.opened_ms),
        "until": maybe_time(record.until_ms),
        "ended_at": time_of(ended_ms),
        "ended_by": ended_by,
        "ended_why": why,
        "told": list(record.told),
        "acts": [_act(act, settled.get(act.action_id)) for act in acts],
        "refused": refused,
    }


def _act(act: ActionRecord, settled_ms: int | None) -> Json:
    frozen = None if act.frozen is None else Frozen.read(act.frozen)
    return {
        "ordinal": act.step,
        "tool": act.tool,
        "target": None if frozen is None else frozen.target,
        "idempotency_key": act.idempotency_key,
        "action_digest": act.action_digest,
        "outcome": act.outcome,
        "text": act.outcome_text,
        "changes": [] if frozen is None else [vars(change) for change in frozen.preview.changes],
        "undo": _undo(frozen) if act.outcome in _CHANGED else None,
        "proposed_at": time_of(act.created_ms),
        "ended_at": maybe_time(settled_ms),
    }


def _undo(frozen: Frozen | None) -> Json:
    """In words and as the call; None: nothing takes it back."""
    if frozen is None or not (frozen.preview.undo or frozen.undo):
        return None
    call = frozen.undo
    return {
        "text": frozen.preview.undo,
        "tool": None if call is None else call.tool,
        "arguments": None if call is None else call.arguments,
    }
