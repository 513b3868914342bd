"""The golden words and vectors: names that others write down, and bytes that they compute again."""

import ast
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

from adapters import anchors
from adapters.models import scripted
from contracts import keys, names
from contracts.action import Frozen
from contracts.approval import Answer, ApprovalState, Refusal
from contracts.audit import GENESIS, AuditRecord, link
from contracts.decision import Ruling
from contracts.digest import digest
from contracts.run import Outcome, RunState, StopReason
from contracts.transcript import Message, ModelRequest, Role
from embedded.endpoints import Endpoints
from gateway import interactions
from gateway.problems import KINDS
from tests.golden.held import hold

ROOT = Path(__file__).parents[2]
_ROOMS = ("adapters", "cli", "embedded", "gateway", "tools", "worker")
_VARIABLE = re.compile(r"INTERLOCK_[A-Z_]+")


def variables() -> set[str]:
    """Environment variables of ours that any source reads or sets, by what its strings say."""
    return {
        node.value
        for room in _ROOMS
        for path in (ROOT / room).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _VARIABLE.fullmatch(node.value)
    }


def test_words_are_kept() -> None:
    """States, reasons, outcomes, refusals, problem types, Temporal's names, Slack's buttons, variables."""
    endpoints = Endpoints(
        gateway="", temporal="", temporal_ui=None, slack="", aws="", helpdesk="", state="", pids={}
    )
    hold(
        "words",
        {
            "run states": list(RunState),
            "stop reasons": list(StopReason),
            "outcomes": list(Outcome),
            "rulings": list(Ruling),
            "approval states": list(ApprovalState),
            "answers": list(Answer),
            "refusals": list(Refusal),
            "problems": {kind.value: list(meaning) for kind, meaning in KINDS.items()},
            "temporal": {name: value for name, value in vars(names).items() if name.isupper()},
            "buttons": {action: answer.value for action, answer in interactions.ANSWERS.items()},
            "variables": sorted(variables()),
            "endpoints.json": sorted(endpoints.document()),
        },
    )


def test_vectors_are_kept() -> None:
    """Keys, digests, the chain and a frozen record: computed anew they come out as they were recorded."""
    identity: dict[str, Any] = {"tenant": "acme", "env": "dev", "caller": "svc:demo", "key": "k-1"}
    request = keys.request_id(**identity)
    action: dict[str, Any] = {"request": request, "tool": "ticket.close", "target": "T-18421"}
    record = AuditRecord(
        kind="run", at_ms=1_764_000_000_000, tenant="acme", env="dev", actor="svc:demo", outcome="accepted"
    )
    frozen = Frozen.read(_FROZEN)
    second = Frozen.read(_FROZEN | _SECOND)
    third = Frozen.read(
        _FROZEN | _SECOND | {"format": 3, "preview": _FROZEN["preview"] | {"figures": ["EUR 49.00"]}}
    )
    hold(
        "vectors",
        {
            "request_id": request,
            "start_hash": keys.start_hash(**identity),
            "key": keys.action_key(**action, ordinal=1),
            "second key": keys.action_key(**action, ordinal=2),
            "key_hash": keys.key_hash(tenant="acme", env="dev", **action, ordinal=1),
            "digest": digest({"b": [1, "ü"], "a": None}),
            "audit record": record.document(),
            "first hash": link(GENESIS, record.document()),
            "frozen": asdict(frozen),
            "frozen bytes": frozen.frozen_bytes().decode(),
            "frozen digest": frozen.digest(),
            "frozen bytes, format 2": second.frozen_bytes().decode(),
            "frozen digest, format 2": second.digest(),
            "frozen bytes, format 3": third.frozen_bytes().decode(),
            "frozen digest, format 3": third.digest(),
            "button": f"apr_0123|{frozen.digest()}",
            "anchor": anchors._key("acme", 17),
        },
    )


def test_a_button_s_value_is_read_back() -> None:
    """What stands on cards that were posted long ago still means the same."""
    heard = interactions.Interaction.model_validate(
        {
            "type": "block_actions",
            "api_app_id": "A0",
            "team": {"id": "T0"},
            "user": {"id": "U0"},
            "actions": ({"action_id": "interlock.approve", "value": "apr_0123|sha256:" + "a" * 64},),
        }
    )
    press = interactions.read_press(heard)
    assert press == interactions.Press(
        approval_id="apr_0123", action_digest="sha256:" + "a" * 64, answer=Answer.APPROVE
    )


def test_a_script_is_played_as_it_is_written() -> None:
    """One inner list a turn, then the final text."""
    script = {"script": [[{"tool": "kb.search", "args": {"query": "reset"}}], []], "final": "Done."}
    told = [Message(seq=0, role=Role.INPUT, body=script)]
    turns: list[tuple[str, list[tuple[str, Any]]]] = []
    for seq in range(1, 4):
        request = ModelRequest(
            model="scripted", prompt="", messages=tuple(told), tools=(), max_output_tokens=99, timeout=1
        )
        turn = scripted.ask(request)
        turns.append((turn.text, [(call.tool, call.arguments) for call in turn.calls]))
        told.append(Message(seq=seq, role=Role.ASSISTANT, body={"text": turn.text, "calls": []}))
    assert turns == [("", [("kb.search", {"query": "reset"})]), ("", []), ("Done.", [])]


_FROZEN: dict[str, Any] = {
    "action_id": "run_0f:3:0",
    "run_id": "run_0f",
    "request_id": "req_9f2c01ab77e3",
    "tenant": "acme",
    "env": "dev",
    "route": "support/close",
    "policy_digest": "sha256:" + "1" * 64,
    "catalogue_digest": "sha256:" + "2" * 64,
    "tool": "ticket.close",
    "tool_version": "1",
    "address": "helpdesk",
    "effect": "write",
    "credential": "ticketing-write",
    "arguments": {"ticket_id": "T-18421", "reason": "Solved."},
    "target": "T-18421",
    "target_version": '"1"',
    "idempotency_key": "req_9f2c01ab77e3:ticket.close:T-18421",
    "key_hash": "sha256:" + "3" * 64,
    "ordinal": 1,
    "preview": {
        "target": 'T-18421 "Password reset loops"',
        "changes": [{"field": "status", "before": "open", "after": "closed"}],
        "stakes": "1 customer",
        "undo": "Reopen it within 30 days.",
    },
    "caller": "svc:demo",
    "on_behalf_of": None,
    "words": "The article solves it.",
    "format": 1,
}

_SECOND: dict[str, Any] = {
    "undo": {
        "tool": "ticket.reopen",
        "arguments": {"ticket_id": "T-18421", "reason": "Closing it was undone."},
    },
    "undoes": {
        "run_id": "run_0e",
        "action_id": "run_0e.1.0",
        "tool": "ticket.reopen",
        "target": "T-18421",
    },
    "format": 2,
}
