"""Who may do what in the store: on PostgreSQL each role has a login of its own with the rights named here.

None of them can change what stands in the audit table. Everything that is not named is refused. SQLite has no
logins: there every process can do everything.
"""

from collections.abc import Mapping
from typing import Any, Final

from psycopg import sql
from sqlalchemy import Connection

from adapters.row_security import divide
from contracts.errors import Malformed
from contracts.secret import Secret

BREAK_GLASS: Final = "break_glass"
"""The role of the break-glass process."""

_AUDIT: Final = {"audit": "INSERT", "audit_tips": "SELECT, INSERT, UPDATE (seq, hash)"}

RIGHTS: Final[Mapping[str, Mapping[str, str]]] = {
    "gateway": {
        "documents": "SELECT",
        "rule_places": "SELECT",
        "published": "SELECT",
        "runs": "SELECT, INSERT, UPDATE (first_execution, cancel_reason, version)",
        "messages": "SELECT, INSERT",
        "actions": "SELECT",
        "undos": "SELECT, INSERT",
        "approvals": "SELECT, UPDATE (state, decided_ms, denial, message_ts, version)",
        "decisions": "SELECT, INSERT",
        "sessions": "SELECT, INSERT, DELETE",
        "clicks": "SELECT, INSERT",
        "epochs": "SELECT",
        "switches": "SELECT, INSERT, DELETE",
        "breakers": "SELECT, INSERT, UPDATE",
        # What breakers count, for operators.
        "attempts": "SELECT",
        "claims": "SELECT",
        "alerts": "SELECT, INSERT",
        # What it shows of break-glass; of all others only break-glass itself reads them.
        "openings": "SELECT",
        "outbox": "SELECT, INSERT, UPDATE (attempts, dead, error, next_ms), DELETE",
        **_AUDIT,
        "audit": "SELECT, INSERT",
    },
    "agent": {
        "documents": "SELECT",
        "switches": "SELECT",
        "runs": "SELECT, UPDATE (state, steps, denials, spent_usd, spent_ms, version)",
        "attempts": "SELECT, INSERT, UPDATE (open, usd)",
        "turns": "SELECT, INSERT",
        "messages": "SELECT, INSERT",
        "actions": "SELECT, INSERT, UPDATE (outcome, outcome_text)",
        **_AUDIT,
    },
    "broker": {
        "documents": "SELECT",
        "published": "SELECT",
        "runs": "SELECT, UPDATE (state, stop_reason, started_ms, ended_ms, result, spent_ms, version)",
        "messages": "SELECT, INSERT",
        "turns": "SELECT",
        "actions": (
            "SELECT, UPDATE (approval_id, reconciliation_id, attempts, outcome, outcome_text, artifact,"
            " duration_ms)"
        ),
        "approvals": (
            "SELECT, INSERT, UPDATE (state, decided_ms, denial, channel, message_ts, shown_ms, version)"
        ),
        "decisions": "SELECT",
        "claims": "SELECT, UPDATE (state, fence, settled_ms, result)",
        "attempts": "SELECT",
        "switches": "SELECT",
        "breakers": "SELECT, INSERT, UPDATE",
        "alerts": "SELECT, INSERT",
        "outbox": "SELECT, INSERT, UPDATE (done_version, attempts, posting, dead, error, next_ms), DELETE",
        "audit_heads": "SELECT, INSERT, UPDATE (anchored)",
        **_AUDIT,
    },
    "tools": {
        "documents": "SELECT",
        "published": "SELECT",
        "switches": "SELECT",
        "breakers": "SELECT, UPDATE (state, probe_run, until_ms, actor, at_ms)",
        "runs": "SELECT, UPDATE (state, spent_ms, version)",
        "messages": "SELECT, INSERT",
        "actions": (
            "SELECT, UPDATE (target, ordinal, frozen, seal, action_digest, idempotency_key, key_hash,"
            " approval_id, attempts, admitted_ms, outcome, outcome_text, artifact, duration_ms)"
        ),
        "approvals": "SELECT, UPDATE (claimed, version)",
        "decisions": "SELECT",
        "epochs": "SELECT",
        "claims": (
            "SELECT, INSERT, UPDATE (action_digest, state, fence, epoch, holder, claimed_ms, first_ms,"
            " lease_ms, settled_ms, result)"
        ),
        "consumed": "SELECT, INSERT",
        # Notices of how its writes ended. Who reads a letter believes the books, not that it is there.
        "outbox": "INSERT",
        **_AUDIT,
    },
    # Of runs, actions, claims and letters only its own: see row_security. It decides, consumes, publishes and
    # stops nothing, and sees neither a decision nor what a model said.
    BREAK_GLASS: {
        "documents": "SELECT",
        "published": "SELECT",
        "switches": "SELECT",
        "epochs": "SELECT",
        "openings": (
            "SELECT, INSERT, UPDATE (state, token, consenter, opened_ms, until_ms, ended_ms, ended_by,"
            " ended_why, told, report, report_digest, holder, held_ms, refused)"
        ),
        "runs": "SELECT, INSERT, UPDATE (state, ended_ms, version)",
        "actions": (
            "SELECT, INSERT, UPDATE (target, ordinal, frozen, seal, action_digest, idempotency_key, key_hash,"
            " approval_id, attempts, outcome, outcome_text, artifact, duration_ms)"
        ),
        # How often somebody was asked about an action, and which letters are behind.
        "approvals": "SELECT (approval_id, action_id, kind, version)",
        "claims": (
            "SELECT, INSERT, UPDATE (action_digest, state, fence, epoch, holder, claimed_ms, first_ms,"
            " lease_ms, settled_ms, result)"
        ),
        "alerts": "SELECT, INSERT",
        "outbox": "SELECT, INSERT, UPDATE (attempts, posting, dead, error, next_ms), DELETE",
        **_AUDIT,
    },
    # Publishes policies, and verifies the audit log: a person or a pipeline, no process that serves.
    "operator": {
        "documents": "SELECT, INSERT",
        "rule_places": "SELECT, INSERT, UPDATE (body)",
        "published": "SELECT, INSERT, DELETE",
        "runs": "SELECT",
        "actions": "SELECT",
        "alerts": "INSERT",
        "outbox": "INSERT",
        "audit_heads": "SELECT",
        **_AUDIT,
        "audit": "SELECT, INSERT",
    },
}


def login(role: str) -> str:
    """The role's login in PostgreSQL, such as ``interlock_agent``."""
    return f"interlock_{role}"


def grant(connection: Connection, passwords: Mapping[str, Secret]) -> None:
    """Make the logins that are missing, and give each exactly its rights, in the caller's transaction.

    Args:
        passwords: by role; a login that has none here keeps the way in which it was let in before.

    Raises:
        Malformed: a password is of no role.
    """
    if strangers := sorted(set(passwords) - set(RIGHTS)):
        raise Malformed(f"{', '.join(strangers)} is no role: the logins are of {', '.join(RIGHTS)}")
    raw = connection.connection.driver_connection
    _close_to_everybody(raw)
    for role, tables in RIGHTS.items():
        _give(raw, login(role), tables)
    divide(raw, login(BREAK_GLASS), login("gateway"), [login(role) for role in RIGHTS if role != BREAK_GLASS])
    for role, password in passwords.items():
        _let_in(raw, login(role), password)


def _close_to_everybody(raw: Any) -> None:
    database = sql.Identifier(raw.info.dbname)
    raw.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
    raw.execute("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC")


def _give(raw: Any, name: str, tables: Mapping[str, str]) -> None:
    whom, database = sql.Identifier(name), sql.Identifier(raw.info.dbname)
    if raw.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (name,)).fetchone() is None:
        raw.execute(sql.SQL("CREATE ROLE {} LOGIN").format(whom))
    # What an earlier version gave and this one does not is taken back.
    raw.execute(sql.SQL("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {}").format(whom))
    raw.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, whom))
    for table, rights in tables.items():
        statement = sql.SQL("GRANT {} ON {} TO {}")
        raw.execute(statement.format(sql.SQL(rights), sql.Identifier(table), whom))


def _let_in(raw: Any, name: str, password: Secret) -> None:
    """The server is sent what verifies the password, not the password: statements end up in logs."""
    verifier = raw.pgconn.encrypt_password(password.reveal().encode(), name.encode(), b"scram-sha-256")
    statement = sql.SQL("ALTER ROLE {} PASSWORD {}")
    raw.execute(statement.format(sql.Identifier(name), sql.Literal(verifier.decode())))
