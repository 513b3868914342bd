"""Hypothesis profiles (``fuzz`` is `make fuzz`'s), and the stores that integration tests run on."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from zlib import crc32

import pytest
from hypothesis import HealthCheck, settings

from tests import statements
from tests.postgres import Cluster, running
from tests.sqlite import sqlite

_TESTS: Final = Path(__file__).parent
#: Files that take longest, longest first: what is begun last should be over soon.
_LONG: Final = (
    "acceptance/test_no_write_without_approval.py",
    "corpus/test_injections.py",
    "acceptance/test_cancel.py",
    "acceptance/test_stops.py",
    "acceptance/test_hostile_model.py",
    "acceptance/test_reading.py",
    "chaos/test_points.py",
    "acceptance/test_drill.py",
    "chaos/test_glass_points.py",
    "acceptance/test_tutorial.py",
    "acceptance/test_unknown_writes.py",
    "workflows/test_cancellation.py",
    "acceptance/test_demo.py",
    "acceptance/test_compose.py",
    "acceptance/test_a_week_later.py",
    "workflows/test_versions.py",
    "acceptance/test_slack_page.py",
    "acceptance/test_foreign_service.py",
    "acceptance/test_kills.py",
    "integration/break_glass/test_glass_browser.py",
    "integration/break_glass/test_walls.py",
    "workflows/test_overheard.py",
    "integration/test_pages_browser.py",
    "integration/test_gateway_reading.py",
    "integration/test_races.py",
    "workflows/test_costs.py",
    "integration/test_openapi_fuzzed.py",
    "acceptance/test_outbox.py",
    "acceptance/test_undo.py",
    "acceptance/test_keys.py",
    "acceptance/test_history_dump.py",
    "acceptance/test_routes.py",
    "acceptance/test_starts.py",
    "acceptance/test_browser_click.py",
    "acceptance/test_leaks.py",
    "acceptance/test_history.py",
    "acceptance/test_several_calls.py",
    "integration/test_stack.py",
    "integration/test_orphans.py",
    "workflows/test_agent_run.py",
    "integration/slack_standin/test_card_pictures.py",
    "integration/slack_standin/test_process.py",
    "integration/test_slack_types.py",
)

_SHARE: Final = 3
"""Of so many tests that run on both databases `make test` runs one on PostgreSQL, the others on SQLite."""

# How long an example takes says more of the machine's load than of any law.
_UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("everyday", _UNTIMED, max_examples=40)
settings.register_profile("fuzz", _UNTIMED, max_examples=500 * int(os.environ.get("ROUNDS", "1")))
settings.load_profile("everyday")
statements.share()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Long files first; among the others those with a process behind them before the laws."""
    items.sort(key=lambda item: _place(item.path.relative_to(_TESTS).as_posix()))
    if config.getoption("file_or_dir"):
        return
    rest = os.environ.get("STORES") == "rest"
    config.hook.pytest_deselected(items=[item for item in items if _of_the_rest(item) != rest])
    items[:] = [item for item in items if _of_the_rest(item) == rest]


def _of_the_rest(item: pytest.Item) -> bool:
    """Whether it is for `make stores` (``STORES=rest``): each on the database that it has not met."""
    if "store_url" not in getattr(item, "fixturenames", ()):
        return False
    on_postgresql = "postgresql" in item.name
    test = item.nodeid.replace("postgresql" if on_postgresql else "sqlite", "")
    return on_postgresql == bool(crc32(test.encode()) % _SHARE)


def _place(file: str) -> tuple[int, bool]:
    return (_LONG.index(file) if file in _LONG else len(_LONG), file.startswith("laws/"))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """One PostgreSQL server for the tests of this process."""
    with running() as cluster:
        yield cluster


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A fresh store with our tables in it: every test that asks for one runs on both databases."""
    if request.param == "postgresql":
        cluster: Cluster = request.getfixturevalue("postgres")
        return cluster.fresh()
    return sqlite(tmp_path)
