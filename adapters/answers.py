"""What each action of a run was answered, as the model was told it: bounded and scrubbed."""

import json
from collections.abc import Mapping

from sqlalchemy import select

from adapters.schema import messages
from adapters.store import Store
from contracts.transcript import Role


class StoreAnswers:
    """Implements ``gateway.ports.AnswerRows``."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def of_run(self, run_id: str) -> Mapping[str, str]:
        """The content by action id; an action without an answer is left out."""
        statement = select(messages.c.action_id, messages.c.body).where(
            messages.c.run_id == run_id, messages.c.role == Role.TOOL
        )
        async with self._store.read() as connection:
            return {
                row.action_id: json.loads(row.body)["content"] for row in await connection.execute(statement)
            }
