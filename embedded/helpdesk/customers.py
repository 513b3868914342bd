"""Customers: whom a ticket is about."""

import json
import sqlite3
from dataclasses import asdict, dataclass
from typing import Any, Self

from embedded.helpdesk.problems import Problem


@dataclass(frozen=True, kw_only=True)
class Customer:
    """One customer of one tenant."""

    id: str
    name: str
    email: str
    phone: str
    company: str
    plan: str
    since: str

    def document(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def read(cls, document: dict[str, Any]) -> Self:
        return cls(**document)


def customer(connection: sqlite3.Connection, tenant: str, customer_id: str) -> Customer:
    """Raises Problem when this tenant has no such customer."""
    row = connection.execute(
        "SELECT document FROM customers WHERE tenant = ? AND id = ?", (tenant, customer_id)
    ).fetchone()
    if row is None:
        raise Problem("not-found", "there is no such customer")
    return Customer.read(json.loads(row["document"]))


def save(connection: sqlite3.Connection, tenant: str, added: Customer) -> None:
    connection.execute(
        "INSERT INTO customers (tenant, id, document) VALUES (?, ?, ?)",
        (tenant, added.id, json.dumps(added.document(), ensure_ascii=False)),
    )
