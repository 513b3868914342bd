"""One world for a test, over SQLite."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.break_glass.glass_world import GlassWorld, glass, over_sqlite


@pytest.fixture
async def life(migrated: Path, tmp_path: Path) -> AsyncIterator[GlassWorld]:
    async with glass(over_sqlite(migrated, tmp_path)) as world:
        yield world
