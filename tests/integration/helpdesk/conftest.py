"""Helpdesks that run, and tickets that no other test has touched."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.helpdesk.served import Served, start


@pytest.fixture(scope="session")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One helpdesk for all tests that leave each other's tickets alone."""
    served = start(tmp_path_factory.mktemp("helpdesk"))
    yield served
    assert served.stop() == 0


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Served]:
    """A helpdesk for a test that stops it or breaks it."""
    served = start(tmp_path)
    yield served
    served.stop(signal.SIGKILL)


@pytest.fixture
def ticket(desk: Served) -> str:
    """An open ticket of acme that no other test has touched."""
    return _fresh(desk, "open")


@pytest.fixture
def quiet(desk: Served) -> str:
    """A ticket of acme's that is not open: a mail leaves it as it is, so the open ones are for writes."""
    return _fresh(desk, "pending", "closed")


_used: set[str] = {"T-18421"}


def _fresh(desk: Served, *statuses: str) -> str:
    with desk.as_("acme-read") as client:
        found = client.get("/tickets", params={"limit": 100}).json()["tickets"]
    ticket: str = next(one["id"] for one in found if one["status"] in statuses and one["id"] not in _used)
    _used.add(ticket)
    return ticket


@pytest.fixture
def faulty(desk: Served) -> Iterator[Served]:
    yield desk
    desk.control("DELETE", "faults")
    assert desk.control("GET", "faults") == {"faults": []}
