"""A frozen action and its approval as tests propose them: a close of acme's, but for what a test says."""

import json
from dataclasses import replace
from typing import Any, Final

from contracts.action import Change, Frozen, Preview
from contracts.approval import ApprovalKind, ApprovalRecord, ApprovalState
from contracts.tool import ToolSpec

ASKED: Final = 1_795_600_000_000
"""When the approval was asked for, in milliseconds."""

_CLOSE: Final = Frozen(
    action_id="act_1",
    run_id="run_1",
    request_id="req_9f2c01ab77e3",
    tenant="acme",
    env="prod",
    route="support/close",
    policy_digest="sha256:" + "1" * 64,
    catalogue_digest="sha256:" + "2" * 64,
    tool="ticket.close",
    tool_version="1",
    address="helpdesk",
    effect="write",
    credential="ticketing-write",
    arguments={"ticket_id": "T-18421", "reason": "KB-2041 resolves it."},
    target="T-18421",
    target_version="7",
    idempotency_key="req_9f2c01ab77e3:ticket.close:T-18421",
    key_hash="sha256:" + "3" * 64,
    ordinal=1,
    preview=Preview(
        target="T-18421 “Password reset loops”",
        changes=(Change(field="status", before="open", after="closed"),),
        stakes="1 customer sees the ticket as resolved.",
        undo="Reopen T-18421.",
    ),
    caller="backend:crm",
    on_behalf_of="user:u-1042",
    words="The article fits.",
)


def frozen(spec: ToolSpec | None = None, **changes: Any) -> Frozen:
    """``spec``: of the tool, where it is not the close."""
    return replace(_CLOSE, **({} if spec is None else _of(spec)), **changes)


def approval_of(action: Frozen, /, **changes: Any) -> ApprovalRecord:
    """One that waits for one person."""
    record = ApprovalRecord(
        approval_id="apr_1",
        kind=ApprovalKind.ACTION,
        run_id=action.run_id,
        action_id=action.action_id,
        tenant=action.tenant,
        env=action.env,
        route=action.route,
        state=ApprovalState.WAITING,
        action_digest=action.digest(),
        action=json.loads(action.frozen_bytes()),
        needed=1,
        group="support-leads",
        caller=action.caller,
        on_behalf_of=action.on_behalf_of,
        requested_ms=ASKED,
        deadline_ms=ASKED + 4 * 3_600_000,
        decided_ms=None,
        channel=None,
        message_ts=None,
        outcome=None,
        outcome_text="",
        claimed=False,
        grants=(),
        denial="",
        question="",
        version=1,
    )
    return replace(record, **changes)


def _of(spec: ToolSpec) -> dict[str, Any]:
    return {
        "tool": spec.name,
        "tool_version": spec.version,
        "address": spec.address,
        "effect": spec.effect,
        "credential": spec.credential,
    }
