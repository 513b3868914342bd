"""One world for a test, over SQLite."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.break_glass.glass_world import GlassWorld, glass
from tests.sqlite import sqlite


@pytest.fixture
async def life(tmp_path: Path) -> AsyncIterator[GlassWorld]:
    async with glass(sqlite(tmp_path)) as world:
        yield world
