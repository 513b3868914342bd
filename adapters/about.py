"""The fields of an audit record that say which run and which action it is about."""

from typing import Any

from sqlalchemy import Row

from contracts.run import ActionRecord, RunRecord
from contracts.tokens import Warrant


def about(run: Warrant | RunRecord, action: ActionRecord | Row[Any]) -> dict[str, Any]:
    """An action of a run, from its record or from a row with its columns."""
    return {
        "tenant": run.tenant,
        "env": run.env,
        "request_id": run.request_id,
        "run_id": run.run_id,
        "route": run.route,
        "policy_digest": run.policy_digest,
        "action_id": action.action_id,
        "tool": action.tool,
        "arguments_digest": action.arguments_digest,
        "action_digest": action.action_digest,
        "idempotency_key": action.idempotency_key,
        "approval_id": action.approval_id,
    }
