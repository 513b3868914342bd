"""Sessions and acts as their readers see them."""

from collections.abc import Sequence
from dataclasses import asdict

from breakglass.shapes import ActShape, PreviewShape, SessionShape, UndoCall
from contracts.action import Frozen, Preview
from contracts.break_glass import SessionRecord
from contracts.run import ActionRecord
from gateway.session_shapes import session_fields
from policies.times import time_of


def session_view(record: SessionRecord, acts: Sequence[ActionRecord] = ()) -> SessionShape:
    return SessionShape(**session_fields(record), acts=tuple(act_view(act) for act in acts))


def act_view(act: ActionRecord) -> ActShape:
    frozen = None if act.frozen is None else Frozen.read(act.frozen)
    return ActShape(
        act_id=act.action_id,
        ordinal=act.step,
        tool=act.tool,
        effect=act.effect,
        # What is sent, where there is such a record.
        arguments=act.arguments if frozen is None else frozen.arguments,
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
