"""The migrations build exactly the tables that the code uses, on both databases."""

from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Boolean, Column, Connection, Integer, MetaData, Table, create_engine, text

from adapters.migrations import config, migrate
from adapters.schema import metadata
from tests.postgres import Cluster


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/store.db"
    cluster: Cluster = request.getfixturevalue("postgres")
    return cluster.fresh("template0")


def test_migrations_build_the_schema(empty_url: str) -> None:
    """After every migration nothing is left to generate; migrating again changes nothing."""
    migrate(empty_url)
    migrate(empty_url)
    engine = create_engine(empty_url.replace("+aiosqlite", ""))
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_a_store_of_the_first_version_keeps_its_rows(tmp_path: Path) -> None:
    """What was written before a migration is there after it, and what is new of it is empty."""
    path = f"{tmp_path}/store.db"
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        command.upgrade(config(connection), "0001")
        columns = (
            "action_id, run_id, tenant, env, route, step, place, tool, effect, decision, reasons, approvals,"
            " arguments, arguments_digest, words, call_id, attempts, outcome_text, duration_ms, created_ms"
        )
        connection.execute(text(f"INSERT INTO actions ({columns}) VALUES ({', '.join(['1'] * 20)})"))
    migrate(f"sqlite+aiosqlite:///{path}")
    with engine.connect() as connection:
        assert connection.execute(text("SELECT tool, artifact FROM actions")).all() == [("1", None)]
    engine.dispose()


def test_what_was_on_its_way_becomes_a_letter(empty_url: str) -> None:
    """Cards keep their place; a start, a decision and a cancellation that nobody was told of are ordered."""
    engine = create_engine(empty_url.replace("+aiosqlite", ""))
    with engine.begin() as connection:
        command.upgrade(config(connection), "0005")
        if connection.dialect.name == "postgresql":
            # The rows' actions do not matter here, so their foreign keys do not either.
            connection.execute(text("SET session_replication_role = replica"))
        _row(connection, "runs", run_id="run_new", state="queued")
        cancelled = {"first_execution": "e", "cancel_reason": "enough"}
        _row(connection, "runs", run_id="run_waits", state="waiting_approval", **cancelled)
        _row(connection, "runs", run_id="run_over", state="cancelled", **cancelled)
        _row(connection, "approvals", approval_id="apr_1", run_id="run_waits", message_ts=None)
        _row(connection, "decisions", grant_id="gr_told", approval_id="apr_1", approver="a", woken=True)
        _row(connection, "decisions", grant_id="gr_untold", approval_id="apr_1", approver="b", woken=False)
        _row(connection, "outbox", outbox_id="card:apr_1", approval_id="apr_1", done_version=3)
    migrate(empty_url)
    with engine.connect() as connection:
        found = connection.execute(
            text("SELECT outbox_id, kind, run_id, done_version FROM outbox ORDER BY outbox_id")
        ).all()
    engine.dispose()
    assert [tuple(row) for row in found] == [
        ("cancel:run_waits", "cancel", "run_waits", 0),
        ("card:apr_1", "card", "run_waits", 3),
        ("decision:gr_untold", "decision", "run_waits", 0),
        ("start:run_new", "start", "run_new", 0),
    ]


def _row(connection: Connection, table: str, **known: Any) -> None:
    """A row whose other columns are filled with anything that they take."""
    columns = Table(table, MetaData(), autoload_with=connection).columns
    filled = {column.name: _anything(column, known) for column in columns if not column.nullable}
    connection.execute(Table(table, MetaData(), autoload_with=connection).insert().values(filled | known))


def _anything(column: Column[Any], known: dict[str, Any]) -> Any:
    if isinstance(column.type, Boolean):
        return False
    return 1 if isinstance(column.type, Integer) else known.get("run_id", known.get("grant_id", "1"))
