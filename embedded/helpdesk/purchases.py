"""A customer's order that was paid, and what of it was paid back; in code an order is a write."""

import json
import sqlite3
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from embedded.helpdesk.problems import Problem


@dataclass(frozen=True, kw_only=True)
class Purchase:
    """One order of one customer; each refund is a new version. All amounts are cents of its currency."""

    id: str
    customer_id: str
    #: The customer's name.
    customer: str
    #: Who was paid, and pays back.
    seller: str
    #: Of ``name``, ``quantity`` and ``unit_cents``.
    items: list[dict[str, Any]]
    #: ``EUR`` or ``USD``.
    currency: str
    amount_cents: int
    refunded_cents: int
    #: Of ``id``, ``at``, ``amount_cents`` and ``reason``, oldest first.
    refunds: list[dict[str, Any]]
    paid_at: str
    #: Where a refund goes: ``card ending 4242``.
    paid_with: str
    version: int

    def document(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def read(cls, document: dict[str, Any]) -> Self:
        return cls(**document)

    @property
    def etag(self) -> str:
        return f'"{self.version}"'

    def paid_back(
        self, refund_id: str, *, amount_cents: int, currency: str, reason: str, at: str
    ) -> "Purchase":
        """Raises Problem when that is more than what is left of it, or another currency."""
        left = self.amount_cents - self.refunded_cents
        if currency != self.currency:
            raise self._not_refundable(f"{self.id} was paid in {self.currency}, not in {currency}")
        if amount_cents > left:
            raise self._not_refundable(f"{left} cents of {self.id} are left to refund, not {amount_cents}")
        refund = {"id": refund_id, "at": at, "amount_cents": amount_cents, "reason": reason}
        return replace(
            self,
            refunded_cents=self.refunded_cents + amount_cents,
            refunds=[*self.refunds, refund],
            version=self.version + 1,
        )

    def touched(self) -> "Purchase":
        return replace(self, version=self.version + 1)

    def _not_refundable(self, detail: str) -> Problem:
        return Problem("not-refundable", detail, current_version=self.version)


def purchase(connection: sqlite3.Connection, tenant: str, order_id: str) -> Purchase:
    """Raises Problem when this tenant has no such order, whoever else may have one."""
    row = connection.execute(
        "SELECT document FROM orders WHERE tenant = ? AND id = ?", (tenant, order_id)
    ).fetchone()
    if row is None:
        raise Problem("not-found", "there is no such order")
    return Purchase.read(json.loads(row["document"]))


def save(connection: sqlite3.Connection, tenant: str, changed: Purchase) -> None:
    """Add the order, or put it in the place of its earlier version."""
    connection.execute(
        "INSERT INTO orders (tenant, id, version, document) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (tenant, id) DO UPDATE SET version = excluded.version, document = excluded.document",
        (tenant, changed.id, changed.version, json.dumps(changed.document(), ensure_ascii=False)),
    )


def purchases(connection: sqlite3.Connection, *, tenant: str | None) -> list[tuple[str, Purchase]]:
    """Orders with their tenants, by id; of one tenant, or of all for the control interface."""
    rows = connection.execute(
        "SELECT tenant, document FROM orders WHERE ? IS NULL OR tenant = ? ORDER BY id", (tenant, tenant)
    )
    return [(row["tenant"], Purchase.read(json.loads(row["document"]))) for row in rows]


def of_anybody(connection: sqlite3.Connection, order_id: str) -> tuple[str, Purchase]:
    """The order and its tenant, for the control interface alone. Raises Problem when there is none."""
    row = connection.execute("SELECT tenant FROM orders WHERE id = ?", (order_id,)).fetchone()
    if row is None:
        raise Problem("not-found", "there is no such order")
    return row["tenant"], purchase(connection, row["tenant"], order_id)
