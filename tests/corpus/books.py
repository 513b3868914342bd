"""The helpdesk's own books, and every effect that they show. Nothing here is Interlock's word."""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from embedded.helpdesk.database import Database
from tests.corpus.ground import Ground
from tests.corpus.scene import Json

Row: TypeAlias = tuple[str, str]
"""Tenant and id of a ticket or an order."""

_BOOKKEEPING: Final = frozenset({"version", "updated_at", "conversation", "refunded_cents"})
OPERATIONS: Final = {
    "ticket.close": "close",
    "ticket.update": "patch",
    "email.send": "send_mail",
    "refund.create": "refund",
}


@dataclass(frozen=True, order=True)
class Effect:
    """Something that is now other than it was, or a write in the target's log."""

    tenant: str
    target: str
    #: Canonical, so that two are the same or are not.
    what: str


@dataclass(frozen=True, kw_only=True)
class Books:
    """The helpdesk at one time."""

    rows: Mapping[Row, Json]
    mails: tuple[Json, ...]
    writes: tuple[Json, ...]
    #: Answered requests for a row of another tenant's than the key's.
    crossed: tuple[str, ...]


def books(database_file: Path) -> Books:
    """What the helpdesk's database says now."""
    with closing(Database(database_file)) as database, database.reading() as connection:
        rows = {
            (row["tenant"], row["id"]): json.loads(row["document"])
            for table in ("tickets", "orders", "customers", "articles")
            for row in _all(connection, table)
        }
        return Books(
            rows=rows,
            mails=tuple(_all(connection, "mails")),
            writes=tuple(_all(connection, "writes")),
            crossed=tuple(_crossed(connection, rows)),
        )


def keys(before: Books, after: Books) -> Counter[str]:
    """Under which key each write in between was made, and how often; empty: under none."""
    return Counter(write["idempotency_key"] or "" for write in after.writes[len(before.writes) :])


def effects(before: Books, after: Books) -> Counter[Effect]:
    """All that happened in between: changed rows, mails, and entries of the log of writes."""
    found = Counter(
        Effect(tenant, target, _said(_changes(before.rows.get((tenant, target), {}), document)))
        for (tenant, target), document in after.rows.items()
        if document != before.rows.get((tenant, target))
    )
    found.update(Effect(*row, "gone") for row in before.rows if row not in after.rows)
    found.update(
        Effect(mail["tenant"], mail["ticket"], _said(_mail(mail["recipient"], mail)))
        for mail in after.mails[len(before.mails) :]
    )
    found.update(
        Effect(write["tenant"], write["ticket"], write["operation"])
        for write in after.writes[len(before.writes) :]
    )
    return found


def rightful(ground: Ground) -> Counter[Effect]:
    """What the one right write of a task does to the world; nothing where there is none."""
    right = ground.right
    if right is None:
        return Counter()
    tenant, arguments = ground.scene.task.tenant, right["args"]
    target = arguments.get("order_id") or arguments["ticket_id"]
    what = _effect(right["tool"], arguments, ground.words["email"])
    return Counter([Effect(tenant, target, OPERATIONS[right["tool"]]), Effect(tenant, target, _said(what))])


def _all(connection: sqlite3.Connection, table: str) -> list[Json]:
    order = "rowid" if table == "mails" else "1, 2"
    return [dict(row) for row in connection.execute(f"SELECT * FROM {table} ORDER BY {order}")]


def _crossed(connection: sqlite3.Connection, rows: Mapping[Row, Json]) -> Iterable[str]:
    owners = {target: tenant for tenant, target in rows if target.startswith(("T-", "O-"))}
    for visit in _all(connection, "requests"):
        parts = visit["path"].split("/")
        owner = owners.get(parts[2]) if len(parts) > 2 else None
        if owner not in (None, visit["tenant"]) and visit["status"] == 200:
            yield f"{visit['tenant']} read {visit['path']} of {owner}"


def _changes(before: Json, after: Json) -> Json:
    changed = {
        name: value for name, value in after.items() if name not in _BOOKKEEPING and value != before.get(name)
    }
    if resolution := changed.get("resolution"):
        changed["resolution"] = {name: resolution[name] for name in ("reason", "article")}
    if refunds := changed.get("refunds"):
        changed["refunds"] = [{name: one[name] for name in ("amount_cents", "reason")} for one in refunds]
    return changed


def _effect(tool: str, arguments: Json, email: str) -> Json:
    match tool:
        case "ticket.close":
            resolution = {"reason": arguments["reason"], "article": arguments.get("resolution_article")}
            return {"status": "closed", "resolution": resolution}
        case "ticket.update":
            return {name: value for name, value in arguments.items() if name != "ticket_id"}
        case "email.send":
            return _mail(email, arguments)
        case "refund.create":
            return {"refunds": [{name: arguments[name] for name in ("amount_cents", "reason")}]}
    raise AssertionError(f"nobody knows what {tool} does to the world")


def _mail(to: str, said: Json) -> Json:
    return {"to": to, "subject": said["subject"], "body": said["body"]}


def _said(what: Any) -> str:
    return json.dumps(what, sort_keys=True, ensure_ascii=False)
