"""A sound policy directory in every test's own folder."""

from functools import partial
from pathlib import Path

import pytest

from tests.laws.policy_desk import PEOPLE, ROUTE, ROUTE_FILE, Put, put


@pytest.fixture
def write(tmp_path: Path) -> Put:
    """Writes a file of a sound policy directory anew."""
    put(tmp_path, ROUTE_FILE, ROUTE)
    put(tmp_path, "people.yaml", PEOPLE)
    return partial(put, tmp_path)
