"""A step of the model on a real store: what it is shown, what is kept of its answer, and what stops it."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from activities.think import Thinking
from activities.undoing import Undoing
from activities.warranted import Warrants
from adapters.actions import StoreActions
from adapters.audit_log import AuditQuery
from adapters.documents import StoreDocuments
from adapters.runs import StoreRuns
from adapters.switches import StoreSwitches
from adapters.turns import StoreTurns
from contracts.decision import Call
from contracts.digest import Json, digest
from contracts.ledger import Conclusion
from contracts.run import Outcome, RunState
from contracts.tool import Catalogue, Effect
from contracts.transcript import ModelRequest, ModelTurn, Price
from contracts.wire import Ending, Step, Turn
from tests.integration.test_gateway_world import CLOSE, ENV, World, opened, route

GET = replace(CLOSE, name="get", effect=Effect.READ, target=None, names=("/requester/name",))
TOOLS = Catalogue(tools={tool.name: tool for tool in (GET, CLOSE)})

NAME, ADDRESS, PHONE, CARD = (
    "Marta Keller",
    "marta.keller@mailbox.example",
    "+1 202 555 0143",
    "4111111111111111",
)
TICKET = {
    "requester": {"name": NAME, "email": ADDRESS},
    "body": f"Call {PHONE}, card {CARD}. [email-9] {NAME}",
}


@dataclass
class PlayedModel:
    """Implements ``contracts.ports.Model``: says its lines, and keeps what it was asked."""

    lines: Sequence[ModelTurn]
    asked: list[ModelRequest] = field(default_factory=list)

    async def ask(self, request: ModelRequest) -> ModelTurn:
        self.asked.append(request)
        return self.lines[len(self.asked) - 1]

    def price(self, name: str, declared: Price | None) -> Price:  # noqa: ARG002 - the port's own arguments
        return Price(input_usd_per_mtok="0", output_usd_per_mtok="0")


@dataclass
class Stage:
    """One run, its thinking, and the model that it asks."""

    world: World
    run_id: str
    thinking: Thinking
    model: PlayedModel
    step: int = 0

    async def think(self) -> Turn:
        self.step += 1
        environment = ActivityEnvironment()
        environment.info = replace(environment.info, workflow_id=self.run_id)
        return await environment.run(self.thinking.think, Step(step=self.step))

    async def told(self, turn: Turn, content: Json) -> None:
        """Every call of the turn is answered with this."""
        actions = StoreActions(self.world.stores["tools"], self.world.clock)
        run = await self.world.warranted(self.run_id)
        text = json.dumps(content, ensure_ascii=False)
        answer = Conclusion(outcome=Outcome.SUCCEEDED, content=text, text="It answered.", duration_ms=1)
        for call in turn.calls:
            await actions.conclude(run, call.action_id, answer)

    async def end(self, turn: Turn) -> Json:
        """The run ends as the turn says; its result."""
        state = RunState.STOPPED if turn.stop else RunState.COMPLETED
        run = await self.world.warranted(self.run_id)
        runs = StoreRuns(self.world.stores["broker"], self.world.clock)
        await runs.end(run, Ending(state=state, reason=turn.stop))
        return (await self.world.runs.get(self.run_id)).result


@asynccontextmanager
async def staged(store_url: str, *lines: ModelTurn, **keys: Any) -> AsyncIterator[Stage]:
    """A run on a route with these keys, whose model says these lines."""
    async with opened(store_url, route(allow_tools=["get", "ticket.close"], **keys)) as world:
        await world.documents.publish(ENV, "catalogue", "catalogue", TOOLS.document(), actor="op:test")
        run_id = (await world.start()).json()["run_id"]
        store, clock, model = world.stores["agent"], world.clock, PlayedModel(lines)
        runs = StoreRuns(store, clock)
        thinking = Thinking(
            warrants=Warrants(runs=runs, verifier=world.verifier),
            documents=StoreDocuments(store, clock),
            runs=runs,
            turns=StoreTurns(store, clock),
            switches=StoreSwitches(store, clock),
            model=model,
            undoing=Undoing(verifier=world.verifier, actions=StoreActions(store, clock)),
            clock=clock,
        )
        yield Stage(world=world, run_id=run_id, thinking=thinking, model=model)


def says(tool: str, text: str = "", **arguments: Json) -> ModelTurn:
    return ModelTurn(text=text, calls=(Call(tool=tool, arguments=arguments, words=text, call_id="c"),))


async def test_the_model_works_with_masks_and_the_tools_with_values(
    store_url: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """No value is in a request or a log; arguments and rules are of values, words and results of masks."""
    because = "Close it for [name-1] ([email-1])."
    lines = (
        says("get", ticket_id="T-1"),
        says("ticket.close", because, ticket_id="T-1", reason="told [email-1], [name-1.1] on [phone-1]"),
        says("ticket.close", because, ticket_id="T-1", reason="[email-9] and marta.keller@mailbox.example"),
        ModelTurn(text=f"Told [name-1] and {ADDRESS}; made up x@y.example."),
    )
    rule = {"ticket.close": {"properties": {"reason": {"pattern": "mailbox\\.example"}}}}
    masks = ["email", "phone", "card", "name"]
    async with staged(store_url, *lines, mask=masks, when=rule) as stage:
        await stage.told(await stage.think(), TICKET)
        written = (await stage.think()).calls[0]
        for _ in range(2):
            turn = await stage.think()
        actions = await stage.world.actions.of_run(stage.run_id)
        result = await stage.end(turn)
    requests = json.dumps([[message.body for message in asked.messages] for asked in stage.model.asked])
    logged = "".join([*capfd.readouterr(), caplog.text])
    assert not any(value in requests + logged for value in (NAME, "Marta", ADDRESS, PHONE, CARD))
    assert all("[email-1]" in asked.prompt for asked in stage.model.asked)
    assert written.ruling == "needs_approval"
    arguments = {"ticket_id": "T-1", "reason": f"told {ADDRESS}, Marta on {PHONE}"}
    assert (actions[1].arguments, actions[1].arguments_digest) == (arguments, digest(arguments))
    assert actions[1].words == because
    assert actions[2].arguments["reason"] == f"[email-9] and {ADDRESS}"
    assert result["text"] == "Told [name-1] and [email-1]; made up [email]."


async def test_a_route_that_masks_nothing_shows_what_there_is(store_url: str) -> None:
    """Values and brackets reach the model as they are, but nothing that does not show."""
    lines = (says("get", ticket_id="T-1"), ModelTurn(text="Done."))
    async with staged(store_url, *lines) as stage:
        await stage.told(await stage.think(), {"note": f"{ADDRESS} \U000e0041[email-1]"})
        await stage.think()
    assert f"{ADDRESS} [email-1]" in stage.model.asked[1].messages[-1].body["content"]
    assert "Personal data is masked" not in stage.model.asked[1].prompt


async def test_what_is_stopped_asks_no_model(store_url: str) -> None:
    """The run is halted, and the audit names the switch; lifted, it asks."""
    switch: dict[str, Any] = {"env": ENV, "scope": "tenant:acme", "reason": "test", "actor": "op:x"}
    async with staged(store_url, ModelTurn(text="Done.")) as stage:
        await stage.world.switches.set(**switch, stopped=True, until_ms=None)
        halted = (await stage.think()).halted
        assert (halted, stage.model.asked) == ("tenant:acme is stopped by op:x: test", [])
        records = await stage.world.audit.search(AuditQuery(tenant="acme", run_id=stage.run_id))
        told = [one.record["rules"] for one in records if one.record["outcome"] == "halted"]
        assert told == [["switch:tenant:acme"]]
        await stage.world.switches.set(**switch, stopped=False, until_ms=None)
        assert (await stage.think()).final


async def test_a_run_in_circles_says_so_wherever_it_is_asked(store_url: str) -> None:
    """The result, the audit and the answer to why name the rule and the tool in a sentence."""
    lines = [says("get", f"Once more, {number}.", ticket_id="T-1") for number in range(3)]
    async with staged(store_url, *lines) as stage:
        for number in range(2):
            await stage.told(await stage.think(), {"number": number})
        turn = await stage.think()
        assert (turn.stop, turn.calls, turn.rules) == ("loop", (), ("loop",))
        result = await stage.end(turn)
        records = await stage.world.audit.search(AuditQuery(tenant="acme", run_id=stage.run_id))
        why = await stage.world.http.get(f"/v1/runs/{stage.run_id}/why", headers=stage.world.caller())
    sentence = "The run stopped: get with the same arguments was called 3 times."
    assert result["text"] == f"{sentence}\nOnce more, 2.\nIt had written nothing."
    assert [one.record["rules"] for one in records if one.record["outcome"] == "stopped"] == [["loop"]]
    assert why.json()["states"][-1]["reason"] == sentence


@pytest.mark.parametrize(
    ("stall", "stop", "rule", "said"),
    [
        (6, "denials", "budgets.denials", "4 calls were denied, and its budget bears 3"),
        (3, "loop", "stall", "3 steps in a row brought nothing new"),
    ],
)
async def test_each_stop_has_its_own_sentence(
    store_url: str, stall: int, stop: str, rule: str, said: str
) -> None:
    """Too many denials and no progress are told apart."""
    async with staged(store_url, *(says(f"none.{number}") for number in range(4)), stall=stall) as stage:
        turn = await stage.think()
        while turn.stop is None:
            turn = await stage.think()
        result = await stage.end(turn)
    assert (turn.stop, turn.rules) == (stop, (rule,))
    assert result["text"] == f"The run stopped: {said}.\nIt had written nothing."
