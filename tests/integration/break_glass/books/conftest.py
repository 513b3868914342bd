"""What tests of break-glass's books share."""

from collections.abc import AsyncIterator

import pytest

from tests.integration.break_glass.books.sessions import Glass, beside


@pytest.fixture
async def glass(store_url: str) -> AsyncIterator[Glass]:
    async with beside(store_url) as found:
        yield found
