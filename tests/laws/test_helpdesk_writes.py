"""The helpdesk's writes: all of one or nothing of it, and a key that is remembered for its time."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedded.helpdesk.conditions import Condition
from embedded.helpdesk.database import Database, DatabaseUnusable
from embedded.helpdesk.execution import KEY_RETENTION, Order, execute
from embedded.helpdesk.mails import mails
from embedded.helpdesk.problems import Problem
from embedded.helpdesk.purchases import Purchase, purchase, purchases, save
from embedded.helpdesk.seed import seed
from embedded.helpdesk.shelves import TICKETS
from embedded.helpdesk.tickets import Ticket, ticket
from embedded.helpdesk.write_log import writes

_ANY = Condition(etags=None)


@dataclass(kw_only=True)
class _Clock:
    at: datetime

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> _Clock:
    return _Clock(at=datetime(2026, 11, 2, 9, tzinfo=UTC))


@pytest.fixture
def database(tmp_path: Path, clock: _Clock) -> Iterator[Database]:
    with closing(Database(tmp_path / "helpdesk.db", clock=clock)) as opened:
        with opened.writing() as connection:
            seed(connection)
        yield opened


def _raise_priority(_: sqlite3.Connection, before: Ticket, at: str) -> Ticket:
    return before.patched({"priority": "urgent"}, at=at)


_ORDER = Order(
    tenant="acme",
    scope="write",
    operation="patch",
    target="T-18421",
    shelf=TICKETS,
    condition=_ANY,
    idempotency_key="k",
    path="/tickets/T-18421",
    body=b"{}",
    request_id=None,
    capability_sha256=None,
    change=_raise_priority,
)


def _version(database: Database) -> int:
    with database.reading() as connection:
        return ticket(connection, "acme", "T-18421").version


def _executed(database: Database) -> int:
    with database.reading() as connection:
        return len(writes(connection, tenant="acme", key="k"))


def test_a_key_is_remembered_for_its_time_and_no_longer(database: Database, clock: _Clock) -> None:
    """Within the retention a key replays; after it the same request is a new one, and is logged as such."""
    execute(database, _ORDER)
    clock.at += KEY_RETENTION - timedelta(seconds=1)
    assert execute(database, _ORDER).replayed
    assert _executed(database) == 1
    clock.at += timedelta(seconds=1)
    assert not execute(database, _ORDER).replayed
    assert _executed(database) == 2


@pytest.mark.parametrize("table", ["tickets", "writes", "answers"])
def test_a_write_that_fails_halfway_leaves_nothing(database: Database, tmp_path: Path, table: str) -> None:
    """When any one of effect, log row and remembered answer cannot be kept, none of them is."""
    event = "UPDATE" if table == "tickets" else "INSERT"
    with closing(sqlite3.connect(tmp_path / "helpdesk.db")) as saboteur:
        saboteur.execute(
            f"CREATE TRIGGER stop BEFORE {event} ON {table} BEGIN SELECT RAISE(ABORT, 'full'); END"
        )
        before = _version(database)
        with pytest.raises(sqlite3.Error, match="full"):
            execute(database, _ORDER)
        assert (_version(database), _executed(database)) == (before, 0)
        saboteur.execute("DROP TRIGGER stop")
    assert not execute(database, _ORDER).replayed
    assert (_version(database), _executed(database)) == (before + 1, 1)


def test_without_a_key_each_request_is_its_own(database: Database) -> None:
    """Two equal requests without a key are two writes: only a key makes them one."""
    before = _version(database)
    for _ in range(2):
        execute(database, replace(_ORDER, idempotency_key=None))
    assert _version(database) == before + 2


def test_a_database_of_an_older_layout_is_brought_up_to_date(tmp_path: Path, database: Database) -> None:
    """A state directory from before mails and orders keeps what it holds, and gets orders to refund."""
    execute(database, _ORDER)
    before = _version(database)
    with closing(sqlite3.connect(tmp_path / "helpdesk.db")) as old:
        old.executescript(
            "DROP TABLE mails; DROP TABLE orders; DELETE FROM tickets WHERE id > 'T-19254';"
            " PRAGMA user_version = 1;"
        )
    with closing(Database(tmp_path / "helpdesk.db")) as opened:
        with opened.writing() as connection:
            assert not seed(connection)
            assert not seed(connection)
        assert (_executed(opened), _version(opened)) == (1, before)
        with opened.reading() as connection:
            assert mails(connection, tenant=None) == []
            assert len(purchases(connection, tenant=None)) == 42
            assert ticket(connection, "acme", "T-19261").status == "open"
            assert connection.execute("PRAGMA user_version").fetchone()[0] == 3


def test_a_refund_that_was_paid_is_not_seeded_over(database: Database) -> None:
    """A later start leaves orders as they are: money that went out stays in the books."""
    with database.writing() as connection:
        paid = purchase(connection, "acme", "O-10231").paid_back(
            "R-1", amount_cents=4900, currency="EUR", reason="x", at="2026-11-02T09:00:00.000Z"
        )
        save(connection, "acme", paid)
    with database.writing() as connection:
        assert not seed(connection)
        assert purchase(connection, "acme", "O-10231") == paid


def test_a_database_of_a_newer_layout_is_left_alone(tmp_path: Path) -> None:
    """What a later version wrote is refused with a sentence that names the file."""
    with closing(sqlite3.connect(tmp_path / "helpdesk.db")) as newer:
        newer.execute("PRAGMA user_version = 99")
    with pytest.raises(DatabaseUnusable, match=r"helpdesk\.db has layout 99"):
        Database(tmp_path / "helpdesk.db")


@pytest.mark.parametrize("text", ["*", '"3"', '"1", "3"', 'W/"1","3"'])
def test_a_condition_that_names_the_version_holds(database: Database, text: str) -> None:
    """Any of several strong tags may match, and a star always does."""
    execute(database, replace(_ORDER, condition=Condition.read([text])))
    assert _executed(database) == 1


@pytest.mark.parametrize("headers", [[], ["3"], ["*", "*"], ['*, "3"'], ['"3'], [""]])
def test_no_condition_or_half_of_one_is_refused(headers: list[str]) -> None:
    """Nothing but a star or a list of entity tags is a condition."""
    with pytest.raises(Problem) as refusal:
        Condition.read(headers)
    assert refusal.value.status in (400, 428)


_PURCHASE = Purchase(
    id="O-1",
    customer_id="C-1",
    customer="Jane Doe",
    seller="Acme Workspace",
    items=[],
    currency="EUR",
    amount_cents=10_000,
    refunded_cents=0,
    refunds=[],
    paid_at="2026-07-06T08:15:00.000Z",
    paid_with="bank transfer",
    version=1,
)


@given(st.lists(st.tuples(st.integers(1, 12_000), st.sampled_from(["EUR", "USD"])), max_size=12))
def test_no_row_of_refunds_pays_back_more_than_was_paid(asked: list[tuple[int, str]]) -> None:
    """Whatever is asked in whatever order: the sum stays within the payment, each paid one is a version."""
    order, paid = _PURCHASE, []
    for number, (cents, currency) in enumerate(asked):
        left = order.amount_cents - order.refunded_cents
        with suppress(Problem):
            order = order.paid_back(f"R-{number}", amount_cents=cents, currency=currency, reason="x", at="")
            paid.append(cents)
            assert cents <= left
            assert currency == "EUR"
    assert order.refunded_cents == sum(paid) == sum(one["amount_cents"] for one in order.refunds)
    assert order.refunded_cents <= order.amount_cents
    assert order.version == 1 + len(paid)
