"""Workers that were held up until after their run's end: they change nothing of it, on a real store."""

import pytest

from adapters.approvals import ApprovalQuery, StoreApprovals
from adapters.runs import StoreRuns
from adapters.turns import StoreTurns
from contracts.action import Frozen
from contracts.approval import Terms
from contracts.errors import TokenRefused
from contracts.run import RunState
from contracts.transcript import ModelTurn
from contracts.turns import NewTurn, Reservation
from contracts.wire import Ending
from tests.integration.test_gateway_world import CATALOGUE, ENV, opened


async def test_a_late_question_is_not_asked(store_url: str) -> None:
    """A broker that stood still over the end opens no approval, and the run stays as it ended."""
    async with opened(store_url) as world:
        asked = await world.asked()
        run = await world.warranted(asked.run_id)
        broker = world.stores["broker"]
        await StoreRuns(broker, world.clock).end(run, Ending(state="cancelled"))
        approvals = StoreApprovals(broker, world.verifier, world.clock)
        frozen = Frozen.read({**asked.action, "words": "frozen anew"})
        with pytest.raises(TokenRefused):
            await approvals.ask(run, frozen, needed=1, terms=Terms(group="support-leads", deadline_ms=None))
        with pytest.raises(TokenRefused):
            await approvals.ask_outcome(run, asked.action_id)
        assert await approvals.list(ApprovalQuery(env=ENV, state="waiting")) == ()
        assert (await world.runs.get(asked.run_id)).state is RunState.CANCELLED


async def test_a_late_turn_is_not_recorded(store_url: str) -> None:
    """A model's answer that comes after the end proposes nothing; nor is the model asked any more."""
    async with opened(store_url) as world:
        run_id = (await world.start()).json()["run_id"]
        run = await world.warranted(run_id)
        turns = StoreTurns(world.stores["agent"], world.clock)
        reservation = Reservation(attempt_id="late", step=1, usd="0.01", seconds=1.0)
        await turns.reserve(run, reservation)
        await StoreRuns(world.stores["broker"], world.clock).end(run, Ending(state="cancelled"))
        turn = NewTurn(
            attempt_id="late",
            step=1,
            answer=ModelTurn(text="Done."),
            calls=(),
            usd="0.01",
            usage=None,
            duration_ms=1,
            stop=None,
            final=True,
        )
        with pytest.raises(TokenRefused):
            await turns.record(run, turn, CATALOGUE)
        with pytest.raises(TokenRefused):
            await turns.reserve(run, Reservation(attempt_id="later", step=2, usd="0.01", seconds=1.0))
        assert await turns.recorded(run, 1) is None
