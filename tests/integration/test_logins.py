"""The roles' logins on PostgreSQL: each can do what the table of rights says, and nothing else."""

import json
import re
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncConnection
from typer.testing import CliRunner

from adapters import schema
from adapters.logins import BREAK_GLASS, RIGHTS, login
from adapters.migrations import migrate
from adapters.store import Store
from cli.store import app
from contracts.errors import Malformed, PermissionRefused
from contracts.secret import Secret
from tests.content_keys import HeldKeys
from tests.postgres import PASSWORDS, Cluster

SERVING = ("gateway", "agent", "broker", "tools", BREAK_GLASS)
NOT_OF_BREAK_GLASS = (
    *("approvals", "decisions", "consumed", "switches", "published", "documents", "turns", "messages"),
    *("attempts", "breakers", "sessions", "undos", "epochs", "audit_heads", "rule_places"),
)
_TABLE = """
    SELECT grantee, table_name, privilege_type, NULL AS column_name FROM information_schema.role_table_grants
    WHERE table_schema = 'public' AND grantee LIKE 'interlock%'
    UNION
    SELECT grantee, table_name, privilege_type, column_name FROM information_schema.role_column_grants
    WHERE table_schema = 'public' AND grantee LIKE 'interlock%'
"""


@pytest.fixture(scope="module")
def database(postgres: Cluster) -> str:
    """A database that was migrated with passwords, by name."""
    url = postgres.fresh("template0")
    migrate(url, {role: Secret(password) for role, password in PASSWORDS.items()})
    return url.rpartition("/")[2]


def _as(postgres: Cluster, database: str, role: str, password: str | None = None) -> psycopg.Connection:
    return psycopg.connect(
        f"host=127.0.0.1 port={postgres.port} dbname={database}",
        user=login(role),
        password=password or PASSWORDS[role],
        autocommit=True,
    )


def test_every_table_is_somebodys() -> None:
    """A new table is named in the rights of whoever uses it, and no right is of a table that there is not."""
    named = {table for tables in RIGHTS.values() for table in tables}
    assert named == set(schema.metadata.tables)


def test_nobody_may_change_or_delete_audit_records() -> None:
    """The audit table is added to and read."""
    granted = {tables["audit"] for tables in RIGHTS.values()}
    assert granted == {"INSERT", "SELECT, INSERT"}


def test_the_database_grants_exactly_the_table(postgres: Cluster, database: str) -> None:
    """What PostgreSQL says of the logins' rights is what the table says, no more and no less."""
    wanted = set()
    for role, tables in RIGHTS.items():
        for table, rights in tables.items():
            for right, columns in re.findall(r"([A-Z]+)(?: \(([^)]*)\))?", rights):
                named = columns.split(", ") if columns else [None]
                wanted |= {(login(role), table, right, column) for column in named}
    with postgres.owner(database) as connection:
        found = set(connection.execute(_TABLE).fetchall())
    whole = {row[:3] for row in found if row[3] is None}
    # A right to a whole table is listed for each of its columns as well.
    found = {row for row in found if row[3] is None or row[:3] not in whole}
    assert found == wanted


@pytest.mark.parametrize("role", RIGHTS)
def test_an_audit_record_stands(postgres: Cluster, database: str, role: str) -> None:
    """No login changes, deletes or empties the audit table, nor drops or owns it."""
    with _as(postgres, database, role) as connection:
        for statement in (
            "UPDATE audit SET body = ''",
            "DELETE FROM audit",
            "TRUNCATE audit",
            "DROP TABLE audit",
            "ALTER TABLE audit DISABLE TRIGGER ALL",
            "SELECT * FROM audit FOR UPDATE",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        ("agent", "INSERT INTO claims (key_hash) VALUES ('x')"),
        ("agent", "INSERT INTO decisions (grant_id) VALUES ('x')"),
        ("agent", "INSERT INTO approvals (approval_id) VALUES ('x')"),
        ("agent", "SELECT token FROM decisions"),
        ("agent", "UPDATE approvals SET state = 'approved'"),
        ("agent", "UPDATE actions SET frozen = '{}'"),
        ("agent", "UPDATE runs SET warrant = ''"),
        ("broker", "INSERT INTO decisions (grant_id) VALUES ('x')"),
        ("broker", "INSERT INTO claims (key_hash) VALUES ('x')"),
        ("broker", "UPDATE runs SET first_execution = 'x'"),
        ("tools", "INSERT INTO decisions (grant_id) VALUES ('x')"),
        ("tools", "UPDATE approvals SET state = 'approved'"),
        ("tools", "DELETE FROM claims"),
        ("tools", "DELETE FROM consumed"),
        ("tools", "INSERT INTO switches (env) VALUES ('x')"),
        ("gateway", "INSERT INTO claims (key_hash) VALUES ('x')"),
        ("gateway", "UPDATE actions SET outcome = 'succeeded'"),
        ("gateway", "INSERT INTO documents (digest) VALUES ('x')"),
        ("operator", "INSERT INTO decisions (grant_id) VALUES ('x')"),
        *(("break_glass", f"INSERT INTO {table} DEFAULT VALUES") for table in NOT_OF_BREAK_GLASS),
        *(("break_glass", f"SELECT * FROM {table}") for table in ("decisions", "messages", "turns", "audit")),
        ("break_glass", "SELECT question FROM approvals"),
        ("break_glass", "UPDATE switches SET stopped = false"),
        ("break_glass", "DELETE FROM switches"),
        ("break_glass", "UPDATE openings SET opening = '{}'"),
        ("break_glass", "UPDATE openings SET opener = 'principal:eve'"),
        ("break_glass", "DELETE FROM openings"),
        ("break_glass", "UPDATE runs SET first_execution = 'x'"),
        ("break_glass", "UPDATE alerts SET title = ''"),
        ("gateway", "UPDATE openings SET until_ms = 9999999999999"),
        ("gateway", "INSERT INTO openings (session_id) VALUES ('bg_0')"),
        ("tools", "SELECT token FROM openings"),
        ("broker", "SELECT token FROM openings"),
        ("agent", "SELECT token FROM openings"),
    ],
)
def test_a_role_cannot_do_anothers_work(postgres: Cluster, database: str, role: str, statement: str) -> None:
    """Who was taken over writes no approval, no claim and no policy that is another's to write."""
    with _as(postgres, database, role) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement)


@pytest.mark.parametrize("role", SERVING)
def test_no_process_that_serves_puts_a_policy_in_force(postgres: Cluster, database: str, role: str) -> None:
    """Publishing is the operator's alone, and nobody makes tables."""
    with _as(postgres, database, role) as connection:
        for statement in (
            "INSERT INTO published (env) VALUES ('dev')",
            "DELETE FROM published",
            "CREATE TABLE mine (a int)",
            "CREATE TEMP TABLE mine (a int)",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)


def test_a_login_takes_its_own_password_only(postgres: Cluster, database: str) -> None:
    """Another role's password is none, and the server keeps no password that could be read."""
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        _as(postgres, database, "agent", PASSWORDS["tools"])
    with postgres.owner() as connection:
        kept = connection.execute(
            "SELECT rolpassword FROM pg_authid WHERE rolname LIKE 'interlock%'"
        ).fetchall()
    assert len(kept) == len(RIGHTS)
    assert all(verifier.startswith("SCRAM-SHA-256$") for (verifier,) in kept)


def test_migrating_again_takes_back_what_is_no_longer_right(postgres: Cluster, database: str) -> None:
    """A right that somebody added by hand is gone after the next migration; passwords stay."""
    with postgres.owner(database) as connection:
        connection.execute("GRANT DELETE ON audit TO interlock_agent")
        connection.execute("GRANT UPDATE (body) ON audit TO interlock_agent")
    migrate(postgres.url(database))
    test_the_database_grants_exactly_the_table(postgres, database)
    _as(postgres, database, "agent").close()


async def test_a_refusal_is_a_sentence(
    postgres: Cluster, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a login may not do ends in one sentence, without SQL."""
    monkeypatch.setenv("PGPASSWORD", PASSWORDS["agent"])
    store = Store(postgres.url(database, login("agent")), HeldKeys())

    async def forge(connection: AsyncConnection) -> None:
        await connection.execute(insert(schema.clicks).values(proof="x", at_ms=1))

    async def in_a_read() -> None:
        async with store.read() as connection:
            await connection.execute(update(schema.runs).values(state="completed"))

    try:
        with pytest.raises(PermissionRefused, match="login may not") as refused:
            await store.write(forge)
        with pytest.raises(Exception, match="read-only transaction"):
            await in_a_read()
    finally:
        await store.close()
    assert "INSERT" not in refused.value.sentence


def test_a_password_of_no_role_is_refused(postgres: Cluster) -> None:
    """A misspelt role would keep its door closed unnoticed."""
    url = postgres.fresh("template0")
    with pytest.raises(Malformed, match="brokr is no role"):
        migrate(url, {"brokr": Secret("x")})


@pytest.mark.parametrize("owns", [False, True])
def test_who_may_not_make_logins_is_told_so(
    postgres: Cluster, monkeypatch: pytest.MonkeyPatch, owns: bool
) -> None:
    """Migrating as anybody but an owner who may make logins ends in a sentence."""
    database, plain = postgres.fresh("template0").rpartition("/")[2], f"plain_{owns}".lower()
    with postgres.owner() as connection:
        connection.execute(f"CREATE ROLE {plain} LOGIN PASSWORD 'plain'")
        if owns:
            connection.execute(f"ALTER DATABASE {database} OWNER TO {plain}")
    monkeypatch.setenv("PGPASSWORD", "plain")
    with pytest.raises(PermissionRefused, match="as the database's owner"):
        migrate(postgres.url(database, plain), {"agent": Secret("x")})


def test_the_command_line_reads_passwords_from_a_file(
    postgres: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``store migrate --logins FILE`` sets them, makes no state directory, and quotes no password."""
    monkeypatch.setenv("INTERLOCK_STORE", postgres.fresh("template0"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "logins.json").write_text(json.dumps(PASSWORDS))
    done = CliRunner().invoke(app, ["migrate", "--logins", "logins.json", "--json"])
    assert json.loads(done.output) == {"migrated": True}
    assert [entry.name for entry in tmp_path.iterdir()] == ["logins.json"]
    (tmp_path / "logins.json").write_text('{"agent": "hunter2"')
    done = CliRunner().invoke(app, ["migrate", "--logins", "logins.json"])
    assert isinstance(done.exception, Malformed)
    assert "hunter2" not in done.exception.sentence
