"""The calls that were proposed in one environment, read page by page with their arguments."""

from collections.abc import AsyncIterator
from typing import Any, Final

from sqlalchemy import Row, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.action_rows import kept_arguments
from adapters.schema import actions
from adapters.store import Store
from contracts.break_glass import ROUTE
from contracts.decision import Ruling
from policies.replaying import RecordedCall

_PAGE: Final = 200


class RecordedCalls:
    """Read under the content keys of the store; no more than a page is held."""

    def __init__(self, store: Store, env: str) -> None:
        self._store = store
        self._env = env

    async def between(self, since_ms: int, until_ms: int) -> AsyncIterator[RecordedCall]:
        """Route by route, the oldest first; what people did around the agents no policy decided."""
        for route in await self._routes():
            after = (since_ms, "")
            while page := await self._page(route, after, until_ms):
                for call in page:
                    yield call
                after = (page[-1].at_ms, page[-1].action_id)

    async def _routes(self) -> list[str]:
        async with self._store.read() as connection:
            agents = actions.c.route != ROUTE
            statement = select(actions.c.route).where(actions.c.env == self._env, agents).distinct()
            return sorted(await connection.scalars(statement))

    async def _page(self, route: str, after: tuple[int, str], until_ms: int) -> list[RecordedCall]:
        at_ms, action_id = after
        later = or_(
            actions.c.created_ms > at_ms,
            and_(actions.c.created_ms == at_ms, actions.c.action_id > action_id),
        )
        statement = (
            select(actions)
            .where(actions.c.env == self._env, actions.c.route == route, later)
            .where(actions.c.created_ms >= at_ms, actions.c.created_ms <= until_ms)
            .order_by(actions.c.created_ms, actions.c.action_id)
            .limit(_PAGE)
        )

        async def work(connection: AsyncConnection) -> list[RecordedCall]:
            rows = (await connection.execute(statement)).all()
            return [_call(connection, row) for row in rows]

        return await self._store.look(work)


def _call(connection: AsyncConnection, row: Row[Any]) -> RecordedCall:
    return RecordedCall(
        run_id=row.run_id,
        action_id=row.action_id,
        tenant=row.tenant,
        route=row.route,
        tool=row.tool,
        arguments=kept_arguments(connection, row),
        arguments_digest=row.arguments_digest,
        idempotency_key=row.idempotency_key,
        ruling=Ruling(row.decision),
        approvals=row.approvals,
        at_ms=row.created_ms,
    )
