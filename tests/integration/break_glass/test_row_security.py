"""Rows on PostgreSQL: agents' logins write none of break-glass's, and its login none of theirs."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

import psycopg
import pytest
from sqlalchemy import Connection, Executable, create_engine, delete, insert, select, update
from sqlalchemy.exc import ProgrammingError

from adapters.logins import BREAK_GLASS, login
from adapters.migrations import migrate
from adapters.schema import actions, alerts, claims, outbox, runs
from tests.postgres import PASSWORDS, Cluster

SESSION: Final = "bg_00000000000000aa"
RUN: Final = "run_00000000000000aa"
OWN: Final = {SESSION: "break-glass", RUN: "support/close"}


@pytest.fixture(scope="module")
def url(postgres: Cluster) -> str:
    """A database with a session and a run in it, each with an action and its claim, and a letter of each."""
    url = postgres.fresh()
    with _connected(url) as owner:
        for run_id, route in OWN.items():
            owner.execute(_run(run_id, route))
            owner.execute(_action(run_id, route))
            owner.execute(_claim(run_id, route))
        owner.execute(insert(alerts).values(_ALERT))
        owner.execute(insert(outbox).values(outbox_id="alert:1", kind="alert", alert_id="alt_1", next_ms=1))
        owner.execute(insert(outbox).values(outbox_id="start:1", kind="start", run_id=RUN, next_ms=1))
    return url


@pytest.mark.parametrize("role", ["gateway", "agent", "broker", "tools"])
def test_no_agents_login_writes_a_row_of_break_glass(url: str, role: str) -> None:
    """Whoever took an agents' process over neither makes, changes nor ends a session, an act or its claim."""
    before = _books(url)
    with _connected(url, role) as taken:
        for run_id, route in (("bg_0", "break-glass"), ("bg_0", "support/close"), ("run_0", "break-glass")):
            _refused(taken, _run(run_id, route))
        for run_id, route in ((SESSION, "break-glass"), (SESSION, "support/close"), (RUN, "break-glass")):
            _refused(taken, _action(run_id, route, "2"))
            _refused(taken, _claim(run_id, route, "2"))
        for table, values in _CHANGES:
            _nothing(taken, update(table).where(table.c.run_id == SESSION).values(values))
    assert _books(url) == before


def test_the_break_glass_login_writes_no_row_of_agents(url: str) -> None:
    """With the break-glass login in hand no run is made or ended, and no letter of one taken away."""
    before = _books(url)
    with _connected(url, BREAK_GLASS) as taken:
        for run_id, route in (
            ("run_0", "support/close"),
            ("bg_0", "support/close"),
            ("run_0", "break-glass"),
        ):
            _refused(taken, _run(run_id, route))
        for run_id, route in ((RUN, "support/close"), (SESSION, "support/close"), (RUN, "break-glass")):
            _refused(taken, _action(run_id, route, "2"))
            _refused(taken, _claim(run_id, route, "2"))
        for table, values in _CHANGES:
            _nothing(taken, update(table).where(table.c.run_id == RUN).values(values))
        _refused(taken, insert(outbox).values(outbox_id="start:2", kind="start", run_id=RUN, next_ms=1))
        _nothing(taken, update(outbox).where(outbox.c.kind == "start").values(dead=True))
        _nothing(taken, delete(outbox).where(outbox.c.kind == "start"))
        _refused(taken, update(outbox).where(outbox.c.kind == "alert").values(kind="start"))
    assert _books(url) == before


def test_the_gateways_login_hides_no_alert(url: str) -> None:
    """Whoever took the gateway over neither deletes an alert's letter, nor gives it up, nor puts it off."""
    before, alert = _books(url), outbox.c.kind == "alert"
    with _connected(url, "gateway") as taken:
        _nothing(taken, delete(outbox).where(alert))
        for values in ({"dead": True}, {"next_ms": 1 << 60}, {"attempts": 9}):
            _nothing(taken, update(outbox).where(alert).values(values))
    assert _books(url) == before


def test_the_gateways_login_takes_up_an_alert_that_was_given_up(postgres: Cluster) -> None:
    """For an operator, at once and not later."""
    url = postgres.fresh()
    with _connected(url) as owner:
        owner.execute(insert(alerts).values(_ALERT))
        given_up = {"outbox_id": "alert:1", "kind": "alert", "alert_id": "alt_1", "next_ms": 1, "dead": True}
        owner.execute(insert(outbox).values(given_up))
    with _connected(url, "gateway") as gateway:
        _refused(gateway, update(outbox).values(dead=False, next_ms=1 << 60))
        assert gateway.execute(update(outbox).values(dead=False, next_ms=2)).rowcount == 1


def test_each_writes_its_own(postgres: Cluster) -> None:
    """The same statements pass on rows of the login's own, so it is the rows that were refused."""
    url = postgres.fresh()
    with _connected(url, BREAK_GLASS) as glass:
        glass.execute(_run(SESSION, "break-glass"))
        glass.execute(_action(SESSION, "break-glass"))
        glass.execute(_claim(SESSION, "break-glass"))
        ended = update(runs).where(runs.c.run_id == SESSION).values(state="completed")
        assert glass.execute(ended).rowcount == 1
    with _connected(url, "gateway") as gateway:
        gateway.execute(_run(RUN, "support/close"))
    with _connected(url, "agent") as agent:
        agent.execute(_action(RUN, "support/close"))
    with _connected(url, "tools") as tools:
        tools.execute(_claim(RUN, "support/close"))
        # What agents read is what they read before.
        assert set(tools.scalars(select(claims.c.run_id))) == {SESSION, RUN}


def test_migrating_again_takes_back_a_policy_that_somebody_added(postgres: Cluster) -> None:
    """Rows that were opened by hand are closed by the next migration."""
    url = postgres.fresh()
    name = url.rpartition("/")[2]
    with postgres.owner(name) as owner:
        owner.execute("CREATE POLICY mine ON runs FOR INSERT TO interlock_gateway WITH CHECK (true)")
        owner.execute("ALTER TABLE claims DISABLE ROW LEVEL SECURITY")
        migrate(url)
        found = owner.execute("SELECT polname FROM pg_policy WHERE polrelid = 'runs'::regclass").fetchall()
        closed = owner.execute("SELECT relrowsecurity FROM pg_class WHERE relname = 'claims'").fetchone()
    assert ("mine",) not in found
    assert closed == (True,)


_ALERT: Final = {
    "alert_id": "alt_1",
    "env": "dev",
    "severity": "loud",
    "title": "t",
    "lines": "[]",
    "actor": "x",
    "at_ms": 1,
}
#: Columns that somebody on either side may change, of rows of their own.
_CHANGES: Final = (
    *((runs, {"state": "failed"}), (runs, {"version": 9}), (runs, {"cancel_reason": "x"})),
    *((actions, {"outcome": "succeeded"}), (actions, {"seal": "x"}), (claims, {"state": "failed"})),
)


@contextmanager
def _connected(url: str, role: str | None = None) -> Iterator[Connection]:
    """As the owner, or as a role; each statement a transaction of its own."""
    where = url if role is None else url.replace("postgres@", f"{login(role)}:{PASSWORDS[role]}@")
    engine = create_engine(where, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def _refused(connection: Connection, statement: Executable) -> None:
    with pytest.raises(ProgrammingError) as refused:
        connection.execute(statement)
    assert isinstance(refused.value.orig, psycopg.errors.InsufficientPrivilege)


def _nothing(connection: Connection, statement: Executable) -> None:
    """It is refused, or finds no row that it may change."""
    with suppress(ProgrammingError):
        assert connection.execute(statement).rowcount == 0


def _books(url: str) -> list[Any]:
    with _connected(url) as owner:
        return [owner.execute(select(table)).fetchall() for table in (runs, actions, claims, outbox)]


def _run(run_id: str, route: str) -> Executable:
    return insert(runs).values(
        run_id=run_id,
        request_id=run_id[:12],
        tenant="acme",
        env="dev",
        caller="x",
        start_hash=run_id,
        body_digest="x",
        route=route,
        policy_digest="x",
        catalogue_digest="x",
        warrant="x",
        input="null",
        budget="{}",
        state="running",
        created_ms=1,
    )


def _action(run_id: str, route: str, place: str = "1") -> Executable:
    return insert(actions).values(
        action_id=f"{run_id}.{place}",
        run_id=run_id,
        tenant="acme",
        env="dev",
        route=route,
        step=1,
        place=0,
        tool="t",
        effect="write",
        decision="x",
        reasons="[]",
        approvals=1,
        arguments="{}",
        arguments_digest="x",
        words="",
        call_id="",
        created_ms=1,
    )


def _claim(run_id: str, route: str, key: str = "1") -> Executable:
    return insert(claims).values(
        key_hash=f"{run_id}.{key}",
        idempotency_key="x",
        tenant="acme",
        env="dev",
        route=route,
        run_id=run_id,
        action_id=f"{run_id}.1",
        action_digest="x",
        tool="t",
        address="x",
        target="x",
        state="claimed",
        fence=1,
        holder="x",
        claimed_ms=1,
        first_ms=1,
    )
