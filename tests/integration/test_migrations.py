"""The migrations build exactly the tables that the code uses, on both databases."""

from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text

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
