"""Laws of starting, reading and cancelling runs over HTTP."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from contracts.digest import digest
from contracts.tokens import Purpose, Warrant
from contracts.wire import Ending
from gateway.problems import BODY_LIMIT
from tests.integration.test_gateway_world import opened, problem, route


async def test_a_start_is_a_signed_warrant_and_an_execution(tmp_path: Path) -> None:
    """202 with the run; its warrant pins what the token and the published documents say."""
    async with opened(tmp_path) as world:
        answer = await world.start(on_behalf_of="user:ada", budgets={"steps": 5, "usd": "0.50"})
        run = answer.json()
        assert answer.status_code == 202
        assert answer.headers["location"] == f"/v1/runs/{run['run_id']}"
        record = await world.runs.get(run["run_id"])
        warrant = Warrant.read(world.verifier.verify(Purpose.WARRANT, record.warrant))
        assert (warrant.tenant, warrant.env, warrant.caller) == ("acme", "dev", "svc:demo")
        assert warrant.policy_digest == route().digest() == run["policy_digest"]
        assert warrant.input_digest == digest({"ticket_id": "T-1"})
        assert run["budget"] == {"steps": 5, "seconds": 60, "usd": "0.50", "denials": 3}
        assert run["state"] == "queued"
        assert run["created_at"].endswith("Z")
        assert record.first_execution == world.temporal.executions[run["run_id"]]


async def test_the_same_key_and_body_is_the_same_run(tmp_path: Path) -> None:
    """Key order and spelled-out nulls are no difference; it is answered with 200 and started once."""
    async with opened(tmp_path) as world:
        first = await world.start()
        again = await world.start(on_behalf_of=None, budgets=None)
        assert (first.status_code, again.status_code) == (202, 200)
        assert first.json()["run_id"] == again.json()["run_id"]
        assert len(world.temporal.executions) == 1


async def test_the_same_key_with_another_body_is_refused(tmp_path: Path) -> None:
    """422, whatever the difference; another caller's or tenant's key of that name is another key."""
    async with opened(tmp_path) as world:
        await world.start()
        for body in (
            {"input": {"ticket_id": "T-2"}},
            {"on_behalf_of": "user:ada"},
            {"budgets": {"steps": 2}},
        ):
            assert problem(await world.start(None, "k-1", **body)) == (422, "idempotency-key-reused")
        for headers in (world.caller("globex"), world.caller(sub="svc:other")):
            assert (await world.start(headers)).status_code == 202


async def test_racing_starts_of_one_key_are_one_run(tmp_path: Path) -> None:
    """However many at once: one is new."""
    async with opened(tmp_path) as world:
        answers = await asyncio.gather(*(world.start() for _ in range(8)))
        assert sorted(answer.status_code for answer in answers) == [200] * 7 + [202]
        assert len({answer.json()["run_id"] for answer in answers}) == 1


@pytest.mark.parametrize("key", [None, "", "a b", "ü", "x" * 256])
async def test_a_key_that_is_none_is_400(tmp_path: Path, key: str | None) -> None:
    """1 to 255 visible ASCII characters, or nothing is started."""
    async with opened(tmp_path) as world:
        headers: list[tuple[bytes, bytes]] = [(n.encode(), v.encode()) for n, v in world.caller().items()]
        if key is not None:
            headers.append((b"Idempotency-Key", key.encode()))
        body = {"route": "support/close", "input": {"ticket_id": "T-1"}}
        answer = await world.http.post("/v1/runs", json=body, headers=headers)
        assert problem(answer) == (400, "idempotency-key")
        assert answer.json()["field"] == "Idempotency-Key"


@pytest.mark.parametrize(
    ("body", "kind", "field"),
    [
        ({"tenant": "globex"}, "invalid-request", "/tenant"),
        ({"env": "prod"}, "invalid-request", "/env"),
        ({"budgets": {"stepz": 1}}, "invalid-request", "/budgets/stepz"),
        ({"budgets": {"steps": True}}, "invalid-request", "/budgets/steps"),
        ({"budgets": {"usd": 0.5}}, "invalid-request", "/budgets/usd"),
        ({"budgets": {"usd": "NaN"}}, "invalid-request", "/budgets/usd"),
        ({"budgets": {"steps": 26}}, "budget-wider", "/budgets/steps"),
        ({"budgets": {"usd": "1.01"}}, "budget-wider", "/budgets/usd"),
        ({"budgets": {"denials": 4}}, "budget-wider", "/budgets/denials"),
        ({"input": []}, "invalid-request", "/input"),
        ({"input": {}}, "input-refused", "/input"),
        ({"input": {"ticket_id": 5}}, "input-refused", "/input/ticket_id"),
        ({"input": {"ticket_id": "x", "script": []}}, "input-refused", "/input"),
        ({"on_behalf_of": "ada"}, "invalid-request", "/on_behalf_of"),
        ({"on_behalf_of": "user:a\u0000"}, "invalid-request", "/on_behalf_of"),
    ],
)
async def test_a_body_that_is_wrong_names_its_field(
    tmp_path: Path, body: dict[str, Any], kind: str, field: str
) -> None:
    """422 with a JSON pointer; tenant and environment in a body are unknown keys like any other."""
    async with opened(tmp_path) as world:
        answer = await world.start(**body)
        assert problem(answer) == (422, kind)
        assert answer.json()["field"] == field
        assert not world.temporal.executions


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b"{", "malformed-request"),
        (b'{"route":"support/close","input":{"ticket_id":"\\ud800"}}', "input-refused"),
        (b'{"route":"support/close","input":{"\\ud800":1}}', "input-refused"),
        (b'{"route":"support/close","input":{"ticket_id":NaN}}', "malformed-request"),
        (b'{"route":"support/close","input":{"n":9007199254740993}}', "input-refused"),
        (b'{"route":"support/close","input":{"n":' + b"9" * 5_000 + b"}}", "malformed-request"),
        (b'{"route":"support/close","input":' + b'{"a":' * 90 + b"1" + b"}" * 91, "input-refused"),
        (b'{"route":"support/close","input":' + b"[" * 100_000, "malformed-request"),
    ],
)
async def test_bytes_that_two_parsers_may_read_differently_are_refused(
    tmp_path: Path, raw: bytes, kind: str
) -> None:
    """No lone surrogate, no NaN, no integer beyond 2^53, no abyss; each is the caller's problem."""
    async with opened(tmp_path) as world:
        headers = {**world.caller(), "Idempotency-Key": "k", "Content-Type": "application/json"}
        answer = await world.http.post("/v1/runs", content=raw, headers=headers)
        assert problem(answer)[1] == kind


async def test_a_body_beyond_the_limit_is_413(tmp_path: Path) -> None:
    """With and without a Content-Length, before it is parsed."""

    async def stream() -> Any:
        for _ in range(BODY_LIMIT // 1_024 + 2):
            yield b" " * 1_024

    async with opened(tmp_path) as world:
        headers = {**world.caller(), "Idempotency-Key": "k", "Content-Type": "application/json"}
        whole = await world.http.post("/v1/runs", content=b" " * (BODY_LIMIT + 1), headers=headers)
        parts = await world.http.post("/v1/runs", content=stream(), headers=headers)
        unsigned = await world.http.post("/slack/interactions", content=stream())
        assert problem(whole) == problem(parts) == problem(unsigned) == (413, "body-too-large")


async def test_an_unpublished_route_is_404(tmp_path: Path) -> None:
    """A route that the token permits and nobody published starts nothing."""
    async with opened(tmp_path) as world:
        assert problem(await world.start(route="support/none")) == (404, "not-found")


async def test_a_script_comes_only_beside_a_scripted_route_s_input(tmp_path: Path) -> None:
    """The scripted model's keys stand beside the route's own, which are still checked."""
    scripted = route("support/scripted", model={"name": "scripted", "price": None})
    async with opened(tmp_path, scripted) as world:
        script = {"script": [[{"tool": "ticket.close", "args": {}}]], "final": "done"}
        good = await world.start(route=scripted.name, input={"ticket_id": "T-1", **script})
        bad = await world.start(None, "k-2", route=scripted.name, input=script)
        assert good.status_code == 202
        assert problem(bad) == (422, "input-refused")


async def test_a_subject_that_nobody_is_still_reads(tmp_path: Path) -> None:
    """A run may act for someone whom the people file does not know: it gets no writes, and starts."""
    async with opened(tmp_path) as world:
        assert (await world.start(on_behalf_of="user:nobody")).status_code == 202


async def test_a_run_that_temporal_did_not_take_is_started_by_its_letter(tmp_path: Path) -> None:
    """202 and queued while Temporal is down; the outbox, or a replay of the request, starts it once."""
    async with opened(tmp_path) as world:
        world.temporal.down = True
        queued = await world.start()
        other = await world.start(key="k-2")
        assert (queued.status_code, queued.json()["state"]) == (202, "queued")
        world.temporal.down = False
        assert (await world.start(key="k-2")).status_code == 200
        assert set(world.temporal.executions) == {other.json()["run_id"]}
        assert await world.drain.drain_once() == 0
        world.clock.at_ms += 3_000
        assert await world.drain.drain_once() == 1
        run_id = queued.json()["run_id"]
        assert (await world.runs.get(run_id)).first_execution == world.temporal.executions[run_id]
        assert await world.letters() == ()


async def test_a_cancelled_run_is_closed_even_while_temporal_is_away(tmp_path: Path) -> None:
    """202 at once; its workflow hears of it as soon as it can."""
    async with opened(tmp_path) as world:
        run_id = (await world.start()).json()["run_id"]
        world.temporal.down = True
        path = f"/v1/runs/{run_id}/cancel"
        answer = await world.http.post(path, headers=world.caller(), json={"reason": "not needed"})
        assert (answer.status_code, answer.json()["cancel_reason"]) == (202, "not needed")
        assert await world.drain.drain_once() == 0
        world.temporal.down = False
        world.clock.at_ms += 3_000
        assert await world.drain.drain_once() == 1
        assert world.temporal.cancelled == [(run_id, "not needed")]


async def test_a_run_cancelled_before_it_started_is_cancelled_when_it_starts(tmp_path: Path) -> None:
    """The cancellation waits for the start, whose record sends it on its way at once."""
    async with opened(tmp_path) as world:
        world.temporal.down = True
        run_id = (await world.start()).json()["run_id"]
        path = f"/v1/runs/{run_id}/cancel"
        await world.http.post(path, headers=world.operator(), json={"reason": "no"})
        world.temporal.down = False
        assert await world.drain.drain_once() == 0
        (_, cancel) = (await world.letters())[::-1]
        assert "not started yet" in cancel.error
        await world.parts.launcher.launch(await world.runs.get(run_id))
        assert await world.drain.drain_once() == 1
        assert world.temporal.cancelled == [(run_id, "no")]


async def test_an_ended_run_is_not_cancelled(tmp_path: Path) -> None:
    """409 with the sentence."""
    async with opened(tmp_path) as world:
        run_id = (await world.start()).json()["run_id"]
        await world.runs.end(await world.warranted(run_id), Ending(state="completed", text="done"))
        path = f"/v1/runs/{run_id}/cancel"
        answer = await world.http.post(path, headers=world.caller(), json={"reason": "x"})
        assert problem(answer) == (409, "conflict")
        shown = (await world.http.get(f"/v1/runs/{run_id}", headers=world.caller())).json()
        assert shown["result"] == {"text": "done", "data": {}, "artifacts": []}
        assert shown["ended_at"] is not None


async def test_a_long_poll_answers_when_the_run_changes(tmp_path: Path) -> None:
    """It waits for the next change; an older version, or an ended run, is answered at once."""
    async with opened(tmp_path) as world:
        run_id = (await world.start()).json()["run_id"]
        path = f"/v1/runs/{run_id}"
        waiting = asyncio.create_task(world.http.get(f"{path}?wait=10", headers=world.caller()))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        await world.runs.begin(run_id)
        changed = (await waiting).json()
        assert changed["state"] == "running"
        old = await world.http.get(f"{path}?wait=10&version={changed['version'] - 1}", headers=world.caller())
        assert old.json()["version"] == changed["version"]
        same = await world.http.get(f"{path}?wait=1&version={changed['version']}", headers=world.caller())
        assert same.json()["version"] == changed["version"]
        await world.runs.end(await world.warranted(run_id), Ending(state="completed"))
        async with asyncio.timeout(2):
            assert (await world.http.get(f"{path}?wait=30", headers=world.caller())).json()[
                "state"
            ] == "completed"


async def test_lists_page_through_everything_once(tmp_path: Path) -> None:
    """Newest first, fifty a page; the cursor leads through all of them and carries no rights."""
    async with opened(tmp_path) as world:
        for number in range(53):
            world.clock.at_ms += number % 2
            await world.start(key=f"k-{number}")
        first = (await world.http.get("/v1/runs", headers=world.caller())).json()
        second = (await world.http.get(f"/v1/runs?cursor={first['cursor']}", headers=world.caller())).json()
        ids = [run["run_id"] for run in first["runs"] + second["runs"]]
        assert (len(first["runs"]), len(set(ids)), second["cursor"]) == (50, 53, None)
        stolen = await world.http.get(f"/v1/runs?cursor={first['cursor']}", headers=world.caller("globex"))
        assert stolen.json()["runs"] == []
        for bad in ("x", "bnVsbA", "WzEsMl0", "W10", "W3RydWUsIngiXQ"):
            answer = await world.http.get(f"/v1/runs?cursor={bad}", headers=world.caller())
            assert problem(answer) == (422, "invalid-request"), bad


async def test_a_misspelt_filter_is_refused(tmp_path: Path) -> None:
    """An unknown parameter would widen the list in silence."""
    async with opened(tmp_path) as world:
        for query in ("tennant=acme", "state=done", "route=A%00"):
            answer = await world.http.get(f"/v1/runs?{query}", headers=world.caller())
            assert problem(answer) == (422, "invalid-request")


async def test_the_run_s_json_has_the_frozen_shape(tmp_path: Path) -> None:
    """Every key of the interface is there, with an action that waits for a person."""
    async with opened(tmp_path) as world:
        approval = await world.asked(on_behalf_of="user:u-7")
        run = (await world.http.get(f"/v1/runs/{approval.run_id}", headers=world.caller())).json()
        assert {
            "run_id", "request_id", "tenant", "env", "route", "on_behalf_of", "state", "stop_reason",
            "policy_digest", "started_at", "ended_at", "budget", "spend", "actions", "result",
        } <= set(run)  # fmt: skip
        assert run["state"] == "waiting_approval"
        assert set(run["spend"]) == {"steps", "seconds", "usd", "denials"}
        (action,) = run["actions"]
        assert {
            "step", "tool", "effect", "decision", "reasons", "arguments_digest", "action_digest",
            "idempotency_key", "approval_id", "approvers", "attempts", "outcome", "duration_ms",
        } <= set(action)  # fmt: skip
        assert action["reasons"] == ["Writes need a person."]
        assert action["idempotency_key"] == f"{run['request_id']}:ticket.close:T-1"


async def test_a_method_that_is_none_names_all_that_are(tmp_path: Path) -> None:
    """405 with every method of the path, however many calls share it."""
    async with opened(tmp_path) as world:
        answer = await world.http.delete("/v1/runs", headers=world.caller())
        assert problem(answer) == (405, "method-not-allowed")
        assert answer.headers["allow"] == "GET, POST"
        nowhere = await world.http.delete("/v1/nowhere", headers=world.caller())
        assert problem(nowhere) == (404, "not-found")


async def test_our_own_mistakes_are_problem_documents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error that nobody foresaw is 500 without a word of its text."""
    async with opened(tmp_path) as world:

        async def broken(*_: object) -> None:
            raise ZeroDivisionError("secret detail")

        monkeypatch.setattr(world.runs, "get", broken)
        answer = await world.http.get("/v1/runs/run_1", headers=world.caller())
        assert problem(answer) == (500, "internal-error")
        assert "secret detail" not in answer.text
