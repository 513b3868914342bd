"""The fields of an audit record that say which run and which action it is about."""

from typing import Any

from sqlalchemy import Row

from contracts.run import ActionRecord, WarrantedRun


def about(run: WarrantedRun, action: ActionRecord | Row[Any]) -> dict[str, Any]:
    """An action of a run, from its record or from a row with its columns."""
    warrant = run.warrant
    return {
        "tenant": warrant.tenant,
        "env": warrant.env,
        "request_id": warrant.request_id,
        "run_id": warrant.run_id,
        "route": warrant.route,
        "policy_digest": warrant.policy_digest,
        "action_id": action.action_id,
        "tool": action.tool,
        "arguments_digest": action.arguments_digest,
        "action_digest": action.action_digest,
        "idempotency_key": action.idempotency_key,
        "approval_id": action.approval_id,
    }
