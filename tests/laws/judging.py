"""An approval, people and their clicks, to be judged."""

from datetime import UTC, datetime
from typing import Any

from contracts.approval import Answer, ApprovalKind, ApprovalRecord, ApprovalState, Click, Person, Refusal
from contracts.tokens import Grant
from policies.people import People
from policies.quorum import judge
from policies.refusals import sentence

ASKED = int(datetime(2026, 6, 1, 10, 0, tzinfo=UTC).timestamp()) * 1_000
MINUTE = 60_000
DIGEST = "sha256:" + "a" * 64


def person(
    name: str, *, groups: tuple[str, ...] = ("leads",), tenants: tuple[str, ...] = ("acme",)
) -> Person:
    return Person(
        principal=f"principal:{name}",
        slack_team="T1",
        slack_user=f"U{name.upper()}",
        subjects=(f"user:{name}",),
        groups=groups,
        tenants=tenants,
    )


PEOPLE = People(
    people=(
        person("ada"),
        person("grace"),
        person("linus", tenants=("globex",)),
        person("mallory", groups=()),
        person("hedy", groups=()),
    )
)


def grant(name: str, decision: str = "approve", **keys: Any) -> Grant:
    known: dict[str, Any] = {
        "jti": f"{name}-{decision}",
        "approval_id": "apr_1",
        "action_digest": DIGEST,
        "run_id": "run_1",
        "tenant": "acme",
        "env": "dev",
        "approver": f"principal:{name}",
        "decision": decision,
        "way": "slack",
        "at_ms": ASKED + 2 * MINUTE,
    }
    return Grant(**{**known, **keys})


def approval(*grants: Grant, **keys: Any) -> ApprovalRecord:
    known: dict[str, Any] = {
        "approval_id": "apr_1",
        "kind": ApprovalKind.ACTION,
        "run_id": "run_1",
        "action_id": "act_1",
        "tenant": "acme",
        "env": "dev",
        "route": "support/close",
        "state": ApprovalState.WAITING,
        "action_digest": DIGEST,
        "action": {"effect": "write"},
        "needed": 1,
        "group": "leads",
        "caller": "backend",
        "on_behalf_of": "user:hedy",
        "requested_ms": ASKED,
        "deadline_ms": ASKED + 240 * MINUTE,
        "decided_ms": None,
        "channel": "C1",
        "message_ts": "1.2",
        "outcome": None,
        "outcome_text": "",
        "claimed": False,
        "grants": grants,
        "denial": "",
        "question": "",
        "version": 1,
    }
    return ApprovalRecord(**{**known, **keys})


def click(name: str = "ada", answer: Answer = Answer.APPROVE, **keys: Any) -> Click:
    known: dict[str, Any] = {
        "approval_id": "apr_1",
        "action_digest": DIGEST,
        "answer": answer,
        "principal": f"principal:{name}",
        "way": "slack",
        "reason": "",
        "at_ms": ASKED + 5 * MINUTE,
        "channel": "C1",
        "message_ts": "1.2",
    }
    return Click(**{**known, **keys})


def ruled(record: ApprovalRecord, wish: Click) -> Refusal | None:
    refusal = judge(record, wish, PEOPLE.by_principal(wish.principal), PEOPLE)
    if refusal is not None:
        assert sentence(refusal, record, wish, PEOPLE).endswith("; nothing changed.")
    return refusal
