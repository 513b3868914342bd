"""Approvals in every state that a page shows, in production, for pictures and for screen readers."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from contracts.action import Change, Frozen, Preview
from contracts.approval import ApprovalKind, ApprovalRecord, ApprovalState
from contracts.budget import Budget, Spend
from contracts.errors import Unknown
from contracts.passkey import Assertion
from contracts.run import Outcome
from contracts.tokens import Grant
from gateway.ports import ApprovalQuery
from tests.frozen import approval_of, frozen

MINUTE: Final = 60_000
HOUR: Final = 60 * MINUTE


class Shelf:
    """Implements ``gateway.ports.ApprovalRows`` in memory."""

    def __init__(self, records: Sequence[ApprovalRecord]) -> None:
        self._records = {record.approval_id: record for record in records}

    async def get(self, approval_id: str) -> ApprovalRecord:
        if approval_id not in self._records:
            raise Unknown("there is no such approval")
        return self._records[approval_id]

    async def page(self, query: ApprovalQuery) -> Sequence[ApprovalRecord]:
        return [
            record
            for record in self._records.values()
            if query.state in (None, record.state) and record.tenant in (query.tenants or ())
        ]

    async def decision(self, grant_id: str) -> Grant:
        raise Unknown(f"there is no decision {grant_id}")


def records(now_ms: int) -> dict[str, ApprovalRecord]:
    """By what they show; each id is its name's own."""
    refund = _asked(_refund(), now_ms, needed=2)
    grace, ada = _grant(refund, "grace", now_ms, signed=True), _grant(refund, "ada", now_ms)
    close = _asked(_for_linus(frozen(words=_WORDS)), now_ms)
    found = {
        "close": close,
        "update": _asked(_update(), now_ms, deadline_ms=now_ms + 50 * MINUTE),
        "many": _asked(_many(), now_ms),
        "elsewhere": _asked(_for_linus(frozen(tenant="globex")), now_ms, deadline_ms=None),
        "refund-0": refund,
        "refund-1": replace(refund, grants=(grace,)),
        "refund-2": replace(_done(refund, now_ms), needed=2, grants=(grace, ada)),
        "expired": replace(_closed(close, ApprovalState.EXPIRED, now_ms), deadline_ms=now_ms - MINUTE),
        "denied": replace(
            _closed(close, ApprovalState.DENIED, now_ms),
            grants=(_grant(close, "ada", now_ms, decision="deny"),),
            denial="The customer still waits for an answer.",
        ),
        "unknown": replace(
            _asked(_refund(), now_ms),
            kind=ApprovalKind.RECONCILE,
            deadline_ms=None,
            outcome=Outcome.UNKNOWN,
            question="The request was sent at 14:02:11 UTC and no answer came within 30 s. The target cannot"
            " be asked whether it knows the key req_9f2c01ab77e3:refund.create:O-77120.",
        ),
        "taken-back": replace(
            _closed(close, ApprovalState.CANCELLED, now_ms), action_digest="sha256:" + "0" * 64
        ),
    }
    return {name: _named(record, f"apr_{at:024x}") for at, (name, record) in enumerate(found.items(), 1)}


_WORDS = "The article KB-2041 describes the same loop. The customer said on Monday that it works now."
_BEFORE = (
    "Hello Marta,\n\nwe could reproduce the loop on two devices. Please wait for our next message before you "
    "reset your password again.\n\nKind regards,\nSupport"
)


def _for_linus(action: Frozen) -> Frozen:
    """On behalf of one of the people file, who may not decide it."""
    return replace(action, on_behalf_of="user:linus")


def _named(record: ApprovalRecord, name: str) -> ApprovalRecord:
    grants = tuple(replace(grant, approval_id=name) for grant in record.grants)
    return replace(record, approval_id=name, grants=grants)


def _asked(action: Frozen, now_ms: int, **changes: Any) -> ApprovalRecord:
    known = {
        "requested_ms": now_ms - 20 * MINUTE,
        "deadline_ms": now_ms + 3 * HOUR + 40 * MINUTE,
        "spend": Spend(steps=4, seconds=2.1, usd="0.0123"),
        "budget": Budget(steps=25, seconds=60, usd="1.00", denials=3),
    }
    return approval_of(action, **{**known, **changes})


def _closed(record: ApprovalRecord, state: ApprovalState, now_ms: int) -> ApprovalRecord:
    return replace(record, state=state, decided_ms=now_ms - 2 * MINUTE)


def _done(record: ApprovalRecord, now_ms: int) -> ApprovalRecord:
    closed = _closed(record, ApprovalState.APPROVED, now_ms)
    return replace(closed, claimed=True, outcome=Outcome.SUCCEEDED, outcome_text="Refund R-3107 was created.")


def _grant(
    record: ApprovalRecord, name: str, now_ms: int, *, decision: str = "approve", signed: bool = False
) -> Grant:
    return Grant(
        jti=f"gr_{name}",
        approval_id=record.approval_id,
        action_digest=record.action_digest,
        run_id=record.run_id,
        tenant=record.tenant,
        env=record.env,
        approver=f"principal:{name}",
        decision=decision,
        way="page" if signed else "slack",
        at_ms=now_ms - 5 * MINUTE,
        assertion=Assertion(credential_id="", authenticator_data="", client_data="", signature="")
        if signed
        else None,
    )


def _refund() -> Frozen:
    preview = Preview(
        target="Order O-77120 of Marta Lindqvist",
        changes=(
            Change(field="refunded", before="EUR 0.00", after="EUR 49.00"),
            Change(field="order state", before="delivered", after="refunded"),
        ),
        stakes="1 customer is paid EUR 49.00 from acme's account; the bank sends it within minutes.",
        undo="",
        figures=("EUR 49.00", "1 customer"),
    )
    return _for_linus(
        frozen(
            effect="destructive",
            tool="refund.create",
            route="billing/refund",
            address="helpdesk",
            arguments={"order_id": "O-77120", "amount_cents": 4900, "currency": "EUR", "reason": "late"},
            target="O-77120",
            preview=preview,
            words="The parcel came nine days late, and the terms promise a refund after seven.",
            repeats=1,
        )
    )


def _update() -> Frozen:
    preview = Preview(
        target="T-18421 “Password reset loops”",
        changes=(
            Change(field="priority", before="low", after="urgent"),
            Change(field="assignee", before="", after="team-identity"),
            Change(field="tags", before="login, web", after="login, web, password-reset, known-bug"),
            Change(field="due", before="2026-12-24", after="2026-11-27"),
            Change(
                field="reply",
                before=_BEFORE,
                after=_BEFORE.replace("two devices", "three devices").replace(
                    "Please wait for our next message before you reset your password again.",
                    "Please request one new link; the old ones no longer work.",
                ),
            ),
        ),
        stakes="1 customer reads the reply at once; 3 colleagues are paged.",
        undo="Put the fields back; the reply cannot be taken back.",
    )
    arguments = {"ticket_id": "T-18421", "fields": {c.field: c.after for c in preview.changes}}
    return _for_linus(frozen(tool="ticket.update", arguments=arguments, preview=preview, words=_WORDS))


def _many() -> Frozen:
    changes = tuple(
        Change(field=f"T-{18_400 + at} status", before="open", after="closed") for at in range(1, 41)
    )
    preview = Preview(
        target="40 tickets of the queue “Password resets”",
        changes=changes,
        stakes="40 customers are told that their ticket is closed.",
        undo="Reopen each ticket within 14 days.",
        figures=("40 tickets", "40 customers"),
    )
    tickets = [change.field.split()[0] for change in changes]
    return _for_linus(frozen(tool="ticket.close_many", arguments={"tickets": tickets}, preview=preview))
