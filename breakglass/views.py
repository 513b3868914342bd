"""Sessions and acts as their readers see them."""

from collections.abc import Sequence
from dataclasses import asdict

from breakglass.shapes import ActShape, PreviewShape, SessionShape, UndoCall
from contracts.action import Frozen, Preview
from contracts.break_glass import SessionRecord
from contracts.run import ActionRecord
from gateway.shapes import maybe_time, time_of
from policies.break_glass import lapses_ms


def session_view(record: SessionRecord, acts: Sequence[ActionRecord] = ()) -> SessionShape:
    opening = record.opening
    return SessionShape(
        session_id=opening.session_id,
        state=record.state,
        tenant=opening.tenant,
        env=opening.env,
        tools=opening.tools,
        overrides=tuple(one.scope for one in opening.overrides),
        minutes=opening.minutes,
        reason=opening.reason,
        opener=opening.opener,
        consenter=record.consenter,
        opening_digest=opening.digest(),
        asked_at=time_of(opening.asked_ms),
        consent_until=time_of(lapses_ms(opening)),
        opened_at=maybe_time(record.opened_ms),
        until=maybe_time(record.until_ms),
        ended_at=maybe_time(record.ended_ms),
        ended_by=record.ended_by,
        ended_why=record.ended_why,
        told=record.told,
        acts=tuple(act_view(act) for act in acts),
        report_digest=record.report_digest,
    )


def act_view(act: ActionRecord) -> ActShape:
    frozen = None if act.frozen is None else Frozen.read(act.frozen)
    return ActShape(
        act_id=act.action_id,
        ordinal=act.step,
        tool=act.tool,
        effect=act.effect,
        arguments=act.arguments,
        target=None if frozen is None else frozen.target,
        preview=None if frozen is None else _preview(frozen.preview),
        action_digest=act.action_digest,
        idempotency_key=act.idempotency_key,
        undo=None if frozen is None or frozen.undo is None else UndoCall(**asdict(frozen.undo)),
        outcome=act.outcome,
        text=act.outcome_text,
        attempts=act.attempts,
        duration_ms=act.duration_ms,
        proposed_at=time_of(act.created_ms),
    )


def _preview(preview: Preview) -> PreviewShape:
    return PreviewShape.model_validate(asdict(preview))
