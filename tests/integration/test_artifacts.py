"""What a run's tools made is part of its end, whichever end it is."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters.turns import StoreTurns
from contracts.budget import Usage
from contracts.decision import Call, Decision, Reason, Ruling
from contracts.digest import Json
from contracts.ledger import Conclusion
from contracts.run import ARTIFACTS, Outcome, WarrantedRun
from contracts.tool import Catalogue, Effect
from contracts.transcript import ModelTurn
from contracts.turns import NewTurn, Reservation
from contracts.wire import Ending
from tests.integration.test_gateway_world import CLOSE, World, opened

DOCS = Path(__file__).parents[2] / "docs" / "interfaces.md"
DRAFT = replace(CLOSE, name="email.draft", effect=Effect.READ, target=None)
ALLOWED = Decision(ruling=Ruling.ALLOW, reasons=(Reason(rule="allow_tools[0]", text="allowed"),))


def _documented() -> Json:
    """The example of the interfaces' page."""
    section = DOCS.read_text().split("## Artifacts")[1]
    found = re.search(r"```json\n(.*?)```", section, re.DOTALL)
    assert found
    return json.loads(found[1])


async def _turn(world: World, run: WarrantedRun, step: int, calls: int) -> list[str]:
    """A step of the model that drafts so many mails; the actions' ids."""
    turns, attempt = StoreTurns(world.store, world.clock), f"{run.warrant.run_id}:{step}"
    await turns.reserve(run, Reservation(attempt_id=attempt, step=step, usd="0", seconds=1.0))
    proposed = tuple(Call(tool="email.draft", arguments={"n": place}) for place in range(calls))
    turn = NewTurn(
        attempt_id=attempt,
        step=step,
        answer=ModelTurn(text="", calls=proposed),
        calls=tuple((call, ALLOWED) for call in proposed),
        usd="0",
        usage=Usage(input_tokens=1, output_tokens=1),
        duration_ms=5,
        stop=None,
        final=False,
    )
    recorded = await turns.record(run, turn, Catalogue(tools={"email.draft": DRAFT}))
    return [call.action_id for call in recorded.calls]


async def _conclude(world: World, run: WarrantedRun, action_id: str, artifact: Json) -> None:
    conclusion = Conclusion(
        outcome=Outcome.SUCCEEDED, content="{}", text="done", duration_ms=1, artifact=artifact
    )
    await world.actions.conclude(run, action_id, conclusion)


async def _ended(world: World, run: WarrantedRun, ending: Ending) -> dict[str, Any]:
    await world.runs.end(run, ending)
    answer = await world.http.get(f"/v1/runs/{run.warrant.run_id}", headers=world.caller())
    result: dict[str, Any] = answer.json()["result"]
    return result


@pytest.mark.parametrize(
    "ending",
    [
        Ending(state="completed"),
        Ending(state="stopped", reason="budget_steps"),
        Ending(state="failed", text="the model's provider said no"),
        Ending(state="cancelled", text="not needed"),
    ],
    ids=lambda ending: ending.state,
)
async def test_every_end_carries_what_was_made(tmp_path: Path, ending: Ending) -> None:
    """An artifact made in step 3 is in the run's result, exactly as the interfaces' page shows it."""
    golden = _documented()
    async with opened(tmp_path) as world:
        run = await world.warranted((await world.start()).json()["run_id"])
        (action,) = await _turn(world, run, 3, 1)
        await _conclude(world, run, action, {"kind": golden["kind"], "content": golden["content"]})
        assert (await _ended(world, run, ending))["artifacts"] == [golden]


async def test_artifacts_stand_in_the_order_of_their_calls(tmp_path: Path) -> None:
    """Whichever call of a turn answers first, and whatever made nothing, the order is the proposals'."""
    async with opened(tmp_path) as world:
        run = await world.warranted((await world.start()).json()["run_id"])
        first, second, nothing = await _turn(world, run, 1, 3)
        (later,) = await _turn(world, run, 2, 1)
        for action in (later, second, first):
            await _conclude(world, run, action, {"kind": "email", "content": {"of": action}})
        await _conclude(world, run, nothing, None)
        made = (await _ended(world, run, Ending(state="completed")))["artifacts"]
        assert [artifact["content"]["of"] for artifact in made] == [first, second, later]
        assert [artifact["action"]["step"] for artifact in made] == [1, 1, 2]


async def test_the_first_conclusion_of_an_action_is_its_artifact(tmp_path: Path) -> None:
    """A second attempt of the same read, after the first was written down, replaces nothing."""
    async with opened(tmp_path) as world:
        run = await world.warranted((await world.start()).json()["run_id"])
        (action,) = await _turn(world, run, 1, 1)
        for number in (1, 2):
            await _conclude(world, run, action, {"kind": "email", "content": {"number": number}})
        made = (await _ended(world, run, Ending(state="completed")))["artifacts"]
        assert [artifact["content"] for artifact in made] == [{"number": 1}]


async def test_a_run_makes_no_more_artifacts_than_its_readers_can_take(tmp_path: Path) -> None:
    """What is over the limit failed, with a sentence for the model; what was made before stays."""
    async with opened(tmp_path) as world:
        run = await world.warranted((await world.start()).json()["run_id"])
        proposed = await _turn(world, run, 1, ARTIFACTS + 1)
        for action in proposed:
            await _conclude(world, run, action, {"kind": "email", "content": {"of": action}})
        last = await world.actions.get(run, proposed[-1])
        assert (last.outcome, "20 artifacts" in last.outcome_text) == (Outcome.FAILED, True)
        made = (await _ended(world, run, Ending(state="completed")))["artifacts"]
        assert [artifact["content"]["of"] for artifact in made] == proposed[:-1]
