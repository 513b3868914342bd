"""Whose rows are whose on PostgreSQL: agents' logins write none of break-glass's, and its login no others.

Everybody reads all rows of the tables that they may read. The owner, who migrates, prunes and restores, is
bound by none of this.
"""

from collections.abc import Collection, Mapping
from typing import Any, Final

from psycopg import sql

_OF_SESSIONS: Final = "route = 'break-glass' AND run_id LIKE 'bg\\_%'"
_OF_RUNS: Final = "route <> 'break-glass' AND run_id NOT LIKE 'bg\\_%'"

#: By table: which rows the break-glass login writes, and which every other login does.
_ROWS: Final[Mapping[str, tuple[str, str]]] = {
    **dict.fromkeys(("runs", "actions", "claims"), (_OF_SESSIONS, _OF_RUNS)),
    # It brings alerts, should the broker be down, and nobody's cards and starts.
    "outbox": ("kind = 'alert'", "true"),
}
_WRITES: Final = {
    "INSERT": "WITH CHECK ({rows})",
    "UPDATE": "USING ({rows}) WITH CHECK ({rows})",
    "DELETE": "USING ({rows})",
}
#: Beside those: the gateway orders alerts, and takes up again what was given up. It deletes and delays none.
_ALERTS: Final = {
    "UPDATE": (
        "USING (kind <> 'alert' OR dead) WITH CHECK (kind <> 'alert' OR"
        " (NOT dead AND next_ms <= extract(epoch from now()) * 1000 + 60000))"
    ),
    "DELETE": "USING (kind <> 'alert')",
}


def divide(raw: Any, break_glass: str, gateway: str, others: Collection[str]) -> None:
    """Make exactly these policies, in the caller's transaction. The names are of logins that exist."""
    for table, (sessions, runs) in _ROWS.items():
        _clear(raw, table)
        raw.execute(sql.SQL("ALTER TABLE {} ENABLE ROW LEVEL SECURITY").format(sql.Identifier(table)))
        raw.execute(
            sql.SQL("CREATE POLICY reads ON {} FOR SELECT USING (true)").format(sql.Identifier(table))
        )
        for command in _WRITES:
            _allow(raw, table, command, "break_glass", (break_glass,), sessions)
            _allow(raw, table, command, "others", others, runs)
    for command, rows in _ALERTS.items():
        statement = sql.SQL("CREATE POLICY {} ON outbox AS RESTRICTIVE FOR {} TO {} {}").format(
            sql.Identifier(f"alerts_{command.lower()}"),
            sql.SQL(command),
            sql.Identifier(gateway),
            sql.SQL(rows),
        )
        raw.execute(statement)


def _clear(raw: Any, table: str) -> None:
    """What an earlier version, or somebody by hand, allowed is taken back."""
    found = raw.execute("SELECT polname FROM pg_policy WHERE polrelid = %s::regclass", (table,)).fetchall()
    for (name,) in found:
        raw.execute(sql.SQL("DROP POLICY {} ON {}").format(sql.Identifier(name), sql.Identifier(table)))


def _allow(raw: Any, table: str, command: str, name: str, whom: Collection[str], rows: str) -> None:
    statement = sql.SQL("CREATE POLICY {} ON {} FOR {} TO {} {}").format(
        sql.Identifier(f"{name}_{command.lower()}"),
        sql.Identifier(table),
        sql.SQL(command),
        sql.SQL(", ").join(map(sql.Identifier, whom)),
        sql.SQL(_WRITES[command].format(rows=rows)),
    )
    raw.execute(statement)
