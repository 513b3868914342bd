"""Records as their readers see them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from contracts.approval import Answer, ApprovalRecord
from contracts.audit import ChainedRecord
from contracts.outbox import Letter
from contracts.run import ActionRecord, Outcome, RunRecord, UndoRecord
from gateway.approval_shapes import ApprovalShape, GrantShape
from gateway.operator_shapes import AuditShape, LetterShape, SwitchShape
from gateway.ports import Switch
from gateway.run_shapes import ActionShape, BudgetShape, ResultShape, RunHead, RunShape, SpendShape, UndoShape
from policies.times import maybe_time, time_of
from policies.undo import has_undo


def run_view(
    run: RunRecord,
    actions: Sequence[ActionRecord],
    approvals: Mapping[str, ApprovalRecord],
    undos: Mapping[str, UndoRecord],
) -> RunShape:
    """A run with its actions; ``approvals`` by id and ``undos`` by action are those of these actions."""
    return RunShape(
        **dict(run_head(run)),
        actions=tuple(
            action_view(action, approvals.get(action.approval_id or ""), undos.get(action.action_id))
            for action in actions
        ),
    )


def run_head(run: RunRecord) -> RunHead:
    return RunHead(
        run_id=run.run_id,
        request_id=run.request_id,
        tenant=run.tenant,
        env=run.env,
        route=run.route,
        caller=run.caller,
        on_behalf_of=run.on_behalf_of,
        state=run.state,
        stop_reason=run.stop_reason,
        cancel_reason=run.cancel_reason,
        policy_digest=run.policy_digest,
        created_at=time_of(run.created_ms),
        started_at=maybe_time(run.started_ms),
        ended_at=maybe_time(run.ended_ms),
        budget=BudgetShape(**run.budget),
        spend=SpendShape(**asdict(run.spend)),
        result=None if run.result is None else ResultShape(**run.result),
        version=run.version,
        undoes=run.undoes,
    )


def action_view(
    action: ActionRecord, approval: ApprovalRecord | None, undone: UndoRecord | None
) -> ActionShape:
    """An action of a run: digests, never arguments."""
    return ActionShape.model_validate(
        {
            "action_id": action.action_id,
            "step": action.step,
            "tool": action.tool,
            "effect": action.effect,
            "decision": action.decision,
            "reasons": tuple(reason["text"] for reason in action.reasons),
            "arguments_digest": action.arguments_digest,
            "action_digest": action.action_digest,
            "idempotency_key": action.idempotency_key,
            "approval_id": action.approval_id,
            "reconciliation_id": action.reconciliation_id,
            "approvers": () if approval is None else approvers(approval),
            "attempts": action.attempts,
            "outcome": action.outcome,
            "outcome_text": action.outcome_text,
            "duration_ms": action.duration_ms,
            "undo": undo_view(action, undone),
        }
    )


def undo_view(action: ActionRecord, undone: UndoRecord | None) -> UndoShape | None:
    """What takes the action back; None: nothing, or it was never frozen."""
    if not has_undo(action):
        return None
    return UndoShape(
        tool=action.frozen["undo"]["tool"],
        run_id=None if undone is None else undone.run_id,
        done=undone is not None and undone.outcome is Outcome.SUCCEEDED,
    )


def approvers(approval: ApprovalRecord) -> tuple[str, ...]:
    """Who approved it and did not take that back, in the order in which they did."""
    back = {grant.approver for grant in approval.grants if grant.decision != Answer.APPROVE}
    return tuple(dict.fromkeys(grant.approver for grant in approval.grants if grant.approver not in back))


def approval_view(approval: ApprovalRecord) -> ApprovalShape:
    return ApprovalShape.model_validate(
        {
            "approval_id": approval.approval_id,
            "kind": approval.kind,
            "run_id": approval.run_id,
            "tenant": approval.tenant,
            "route": approval.route,
            "state": approval.state,
            "action_digest": approval.action_digest,
            "action": approval.action,
            "needed": approval.needed,
            "group": approval.group,
            "grants": tuple(
                GrantShape(
                    approver=grant.approver,
                    at=time_of(grant.at_ms),
                    way=grant.way,
                    decision=Answer(grant.decision),
                    passkey=grant.assertion is not None,
                )
                for grant in approval.grants
            ),
            "requested_at": time_of(approval.requested_ms),
            "deadline": maybe_time(approval.deadline_ms),
            "escalates_at": maybe_time(approval.escalate_ms),
            "escalates_to": approval.escalate_to,
            "min_review_seconds": approval.min_review_ms / 1_000,
            "shown_at": maybe_time(approval.shown_ms),
            "decided_at": maybe_time(approval.decided_ms),
            "denial": approval.denial,
            "question": approval.question,
            "outcome": Outcome(approval.outcome) if approval.outcome else None,
            "outcome_text": approval.outcome_text,
            "version": approval.version,
        }
    )


def switch_view(switch: Switch, now_ms: int, caution: str = "") -> SwitchShape:
    return SwitchShape(
        scope=switch.scope,
        stopped=switch.holds(now_ms),
        ended=switch.ended(now_ms),
        reason=switch.reason,
        actor=switch.actor,
        at=time_of(switch.at_ms),
        until=maybe_time(switch.until_ms),
        caution=caution,
    )


def letter_view(letter: Letter) -> LetterShape:
    return LetterShape(
        outbox_id=letter.outbox_id,
        kind=letter.kind,
        run_id=letter.run_id,
        tenant=letter.tenant,
        route=letter.route,
        approval_id=letter.approval_id,
        attempts=letter.attempts,
        dead=letter.dead,
        error=letter.error,
        next_at=time_of(letter.next_ms),
    )


def audit_view(chained: ChainedRecord) -> AuditShape:
    return AuditShape(**vars(chained))
