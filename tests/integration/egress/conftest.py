"""The small internet, made anew for each test; its certificates are made once."""

from collections.abc import AsyncIterator

import pytest

from tests.integration.egress.authority import Authority
from tests.integration.egress.net import Net, net


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
async def web(authority: Authority) -> AsyncIterator[Net]:
    async with net(authority) as made:
        yield made
