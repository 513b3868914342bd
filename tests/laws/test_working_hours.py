"""Laws of working hours: the clock on a person's wall counts, in summer and in winter."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.approval import Hours, Person
from policies.working_hours import at_work

ADA = Person(
    principal="principal:ada",
    slack_team=None,
    slack_user=None,
    subjects=(),
    groups=(),
    tenants=(),
    hours=Hours(days=(0, 1, 2, 3, 4), start=9 * 60, until=17 * 60 + 30, zone="Europe/Berlin"),
)
_ZONES = st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Pacific/Apia", "UTC"])


def ms(at: str, zone: str = "Europe/Berlin") -> int:
    return int(datetime.fromisoformat(at).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1_000)


@pytest.mark.parametrize(
    ("at", "works"),
    [
        ("2026-06-01T09:00", True),
        ("2026-06-01T08:59", False),
        ("2026-06-01T17:29", True),
        ("2026-06-01T17:30", False),
        ("2026-06-06T12:00", False),
    ],
)
def test_hours_begin_with_their_first_minute_and_end_before_their_last(at: str, works: bool) -> None:
    """From 9:00 to 17:29, on working days."""
    assert at_work(ADA, ms(at)) is works


def test_nine_o_clock_is_nine_o_clock_all_year() -> None:
    """Where the clock is put forward, the hours move with it: 7:00 and 8:00 in UTC."""
    assert at_work(ADA, ms("2026-03-27T09:00")) != at_work(ADA, ms("2026-03-27T07:00", "UTC"))
    assert at_work(ADA, ms("2026-03-30T09:00"))
    assert at_work(ADA, ms("2026-03-30T07:00", "UTC"))
    assert not at_work(ADA, ms("2026-10-26T07:00", "UTC"))
    assert at_work(ADA, ms("2026-10-26T08:00", "UTC"))


def test_the_day_is_the_day_where_they_are() -> None:
    """Monday morning in Apia is Sunday evening in UTC."""
    apia = Hours(days=(0,), start=8 * 60, until=12 * 60, zone="Pacific/Apia")
    sunday = datetime(2026, 6, 7, 20, 0, tzinfo=UTC)
    assert at_work(replace(ADA, hours=apia), int(sunday.timestamp() * 1_000))


@given(at_ms=st.integers(0, 4_000_000_000_000))
def test_who_names_no_hours_is_always_at_work(at_ms: int) -> None:
    """Nobody is left out by saying nothing, nor by a zone that this machine does not know."""
    nowhere = Hours(days=(), start=0, until=1, zone="Mars/Olympus")
    assert at_work(replace(ADA, hours=None), at_ms)
    assert at_work(replace(ADA, hours=nowhere), at_ms)


@given(at=st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)), zone=_ZONES)  # noqa: DTZ001  in each zone
def test_every_day_has_its_hours(at: datetime, zone: str) -> None:
    """Whatever the zone does with its clocks, all day long is all day long, and no day is none."""
    moment = int(at.replace(tzinfo=ZoneInfo(zone)).timestamp() * 1_000)
    always = Hours(days=tuple(range(7)), start=0, until=24 * 60, zone=zone)
    assert at_work(replace(ADA, hours=always), moment)
    assert not at_work(replace(ADA, hours=replace(always, days=())), moment)
    week = [
        at_work(replace(ADA, hours=replace(always, days=(2,))), moment + int(timedelta(hours=h) / _MS))
        for h in range(0, 7 * 24, 12)
    ]
    assert any(week)
    assert not all(week)


_MS = timedelta(milliseconds=1)
