"""What each action of a run was answered, as the model was told it: bounded and scrubbed."""

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.contents import FORGOTTEN
from adapters.messages import body
from adapters.schema import messages, runs
from adapters.store import Store
from contracts.transcript import Role


class StoreAnswers:
    """Implements ``gateway.ports.AnswerRows``."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def of_run(self, run_id: str) -> Mapping[str, str]:
        """The content by action id; an action without an answer is left out."""
        statement = (
            select(messages, runs.c.tenant, runs.c.env)
            .join(runs, runs.c.run_id == messages.c.run_id)
            .where(messages.c.run_id == run_id, messages.c.role == Role.TOOL)
        )

        async def work(connection: AsyncConnection) -> dict[str, str]:
            rows = (await connection.execute(statement)).all()
            said = {row.action_id: body(connection, row, row.seq, row.body) for row in rows}
            return {name: FORGOTTEN if told is None else told["content"] for name, told in said.items()}

        return await self._store.look(work)
