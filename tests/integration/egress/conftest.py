"""The small internet, made anew for each test: it takes milliseconds."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.egress.net import Net, net


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[Net]:
    async with net(tmp_path) as made:
        yield made
