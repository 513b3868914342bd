"""Hypothesis profiles (``fuzz`` is `make fuzz`'s), and the stores that integration tests run on."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from adapters.migrations import migrate
from tests.postgres import Cluster, running

# How long an example takes says more of the machine's load than of any law.
_UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("everyday", _UNTIMED)
settings.register_profile("fuzz", _UNTIMED, max_examples=500 * int(os.environ.get("ROUNDS", "1")))
settings.load_profile("everyday")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """One PostgreSQL server for the tests of this process."""
    with running() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with our tables in it, to be copied."""
    path = tmp_path_factory.mktemp("migrated") / "store.db"
    migrate(f"sqlite+aiosqlite:///{path}")
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A fresh store with our tables in it: every test that asks for one runs on both databases."""
    if request.param == "postgresql":
        cluster: Cluster = request.getfixturevalue("postgres")
        return cluster.fresh()
    path = shutil.copy(request.getfixturevalue("migrated"), tmp_path / "store.db")
    return f"sqlite+aiosqlite:///{path}"
