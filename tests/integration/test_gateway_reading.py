"""Laws of reading a run: its events in order, each once, from wherever one left off; and why it did what."""

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from sqlalchemy import update

from adapters import schema
from adapters.audit_log import AuditQuery
from adapters.claim_rows import LEASE_MS
from adapters.documents import keep_rule_places
from adapters.ledger import StoreLedger
from adapters.run_entry import RunEntry
from contracts.action import Frozen
from contracts.approval import ApprovalRecord
from contracts.digest import digest, digest_bytes
from contracts.ledger import ClaimRequest, Conclusion
from contracts.run import Outcome
from contracts.tool import Retry
from contracts.wire import Ending
from gateway.app import create
from gateway.watching import Watching
from tests.integration.test_gateway_decisions import click, decide
from tests.integration.test_gateway_world import CATALOGUE, CLOSE, World, opened, press, problem, until

Told = tuple[int, str, str]
"""Id, name and outcome of an event."""

LIFE = [
    ("run", "accepted"),
    ("run", "running"),
    ("action", "needs_approval"),
    ("approval", "asked"),
    ("run", "waiting_approval"),
    ("approval", "refused:not_in_group"),
    ("approval", "approve"),
    ("run", "running"),
    ("action", "sent"),
    ("action", "succeeded"),
    ("run", "completed"),
]
"""Every event of a run that closes a ticket."""


async def waiting(world: World, **start: Any) -> ApprovalRecord:
    """A run that began and waits for people."""
    run_id = (await world.start(**start)).json()["run_id"]
    await world.runs.begin(run_id)
    return await world.asked(**start)


async def write(world: World, approval: ApprovalRecord) -> None:
    """What the tool worker does of an approved close."""
    await world.approvals.resume(approval.approval_id)
    ledger = StoreLedger(world.store, RunEntry(world.proofs), world.clock)
    request = await claim_request(world, approval)
    claim = await ledger.claim(request)
    assert claim.say == "send"
    world.clock.at_ms += 40
    conclusion = Conclusion(
        outcome=Outcome.SUCCEEDED,
        content='{"status":"closed"}',
        text="T-1 is closed.",
        duration_ms=40,
        attempts=claim.fence,
        credential_scope="dev/acme/ticketing-write",
    )
    await ledger.settle(request, claim.fence, conclusion)


async def claim_request(world: World, approval: ApprovalRecord, retry: Retry | None = None) -> ClaimRequest:
    run, frozen = await world.warranted(approval.run_id), Frozen.read(approval.action)
    return ClaimRequest(
        run=run,
        frozen=frozen,
        action_digest=frozen.digest(),
        spec=replace(CLOSE, retry=retry or Retry()),
        holder="one",
    )


async def lived(world: World) -> ApprovalRecord:
    """A whole life: Mallory's click is refused, Ada approves after two minutes, the ticket is closed."""
    approval = await waiting(world, on_behalf_of="user:grace")
    await click(world, press(approval, "mallory"))
    world.clock.at_ms += 30_000
    assert (await decide(world, approval)).status_code == 200
    await write(world, approval)
    await world.runs.end(await world.warranted(approval.run_id), Ending(state="completed", text="Closed."))
    return approval


def events(text: str) -> list[dict[str, Any]]:
    """The events of a stream as an EventSource reads them; comments are none."""
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if "data" in fields:
            found.append({**fields, "data": json.loads(fields["data"])})
    return found


def told(text: str) -> list[Told]:
    return [(int(one["id"]), one["event"], one["data"]["outcome"]) for one in events(text)]


async def stream(
    world: World, run_id: str, last: object = None, who: dict[str, str] | None = None, query: str = ""
) -> httpx.Response:
    headers = {**(who or world.caller()), **({} if last is None else {"Last-Event-ID": str(last)})}
    return await world.http.get(f"/v1/runs/{run_id}/events{query}", headers=headers)


@asynccontextmanager
async def served(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """The gateway over a real socket: streams are read while they are written."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(world.app, log_config=None, timeout_graceful_shutdown=1))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    address = f"http://127.0.0.1:{listening.getsockname()[1]}"
    try:
        async with httpx.AsyncClient(base_url=address, timeout=10, trust_env=False) as http:
            yield http
    finally:
        server.should_exit = True
        await serving
        listening.close()


async def test_a_stream_tells_every_change_and_ends_with_the_run(tmp_path: Path) -> None:
    """Every change of a state is an event, in order; the last one says so, and it is the run's end."""
    async with opened(tmp_path) as world:
        approval = await lived(world)
        answer = await stream(world, approval.run_id)
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert [(name, outcome) for _, name, outcome in told(answer.text)] == LIFE
        found = events(answer.text)
        assert [one["data"]["last"] for one in found] == [False] * (len(LIFE) - 1) + [True]
        assert found[-1]["data"]["run"]["state"] == "completed"


async def test_events_carry_the_shapes_of_the_json_interface(tmp_path: Path) -> None:
    """The run without its actions, the action, the approval: exactly as they are read on their own."""
    async with opened(tmp_path) as world:
        approval = await lived(world)
        run = (await world.http.get(f"/v1/runs/{approval.run_id}", headers=world.caller())).json()
        path = f"/v1/approvals/{approval.approval_id}"
        shown = (await world.http.get(path, headers=world.operator())).json()
        (action,) = run.pop("actions")
        wanted = {"run": run, "action": action, "approval": shown}
        for one in events((await stream(world, approval.run_id)).text):
            assert one["data"][one["event"]] == wanted[one["event"]]


async def test_a_stream_goes_on_after_any_event(tmp_path: Path) -> None:
    """From every id, by header or parameter, exactly the events after it; after the last one 204."""
    async with opened(tmp_path) as world:
        run_id = (await lived(world)).run_id
        whole = told((await stream(world, run_id)).text)
        for place, (seq, _, _) in enumerate(whole[:-1], start=1):
            assert told((await stream(world, run_id, seq)).text) == whole[place:]
            by_query = await stream(world, run_id, query=f"?last_event_id={seq}")
            assert told(by_query.text) == whole[place:]
        assert told((await stream(world, run_id, 0)).text) == whole
        ended = await stream(world, run_id, whole[-1][0])
        assert (ended.status_code, ended.text) == (204, "")


async def test_the_header_goes_before_the_parameter(tmp_path: Path) -> None:
    """An EventSource reconnects with the address of its first request and the header of its last event."""
    async with opened(tmp_path) as world:
        run_id = (await lived(world)).run_id
        first, *_, before, _ = told((await stream(world, run_id)).text)
        answer = await stream(world, run_id, before[0], query=f"?last_event_id={first[0]}")
        assert [outcome for _, _, outcome in told(answer.text)] == ["completed"]


async def test_an_id_that_is_none_is_refused(tmp_path: Path) -> None:
    """422 and the field; an event that this run does not have would skip others in silence."""
    async with opened(tmp_path) as world:
        run_id = (await world.start()).json()["run_id"]
        for nonsense in ("x", "-1", "1.0", "007", "", "99999999999999999", "9007199254740991"):
            answer = await stream(world, run_id, nonsense)
            assert problem(answer) == (422, "invalid-request"), nonsense
            assert answer.json()["field"] == "Last-Event-ID"
            by_query = await stream(world, run_id, query=f"?last_event_id={nonsense}")
            assert problem(by_query) == (422, "invalid-request"), nonsense
            assert by_query.json()["field"] == "last_event_id"


async def test_another_run_s_event_is_no_place_in_this_one(tmp_path: Path) -> None:
    """The two share a chain, not a stream."""
    async with opened(tmp_path) as world:
        mine = (await world.start()).json()["run_id"]
        await world.start(key="k-2")
        assert told((await stream(world, mine, query="?follow=false")).text) == [(1, "run", "accepted")]
        assert problem(await stream(world, mine, 2)) == (422, "invalid-request")


async def test_who_may_not_read_the_run_reads_nothing_of_it(tmp_path: Path) -> None:
    """Another tenant's, route's or kind's token is answered as if the run never was."""
    async with opened(tmp_path) as world:
        run_id = (await lived(world)).run_id
        for path in ("events", "why"):
            mine = f"/v1/runs/{run_id}/{path}"
            for who in (
                world.caller("globex"),
                world.caller(routes=["support/other"]),
                world.operator("globex"),
                world.operator(routes=["support/other"]),
            ):
                assert problem(await world.http.get(mine, headers=who)) == (404, "not-found")
            never = await world.http.get(f"/v1/runs/run_00/{path}", headers=world.caller())
            assert problem(never) == (404, "not-found")
            elsewhere = world.caller(env="prod")
            assert problem(await world.http.get(mine, headers=elsewhere)) == (401, "unauthenticated")
            assert problem(await world.http.get(mine, headers=world.approver())) == (403, "forbidden")
            assert (await world.http.get(mine, headers=world.operator("acme"))).status_code == 200


async def test_approvals_page_through_everything_once(tmp_path: Path) -> None:
    """Newest first, fifty a page, however many wait: none is left out, and none comes twice."""
    async with opened(tmp_path) as world:
        asked = []
        for number in range(52):
            world.clock.at_ms += number % 2
            asked.append((await world.asked(key=f"k-{number}")).approval_id)
        who = world.approver()
        first = (await world.http.get("/v1/approvals", headers=who)).json()
        path = f"/v1/approvals?state=waiting&cursor={first['cursor']}"
        second = (await world.http.get(path, headers=who)).json()
        found = [one["approval_id"] for one in first["approvals"] + second["approvals"]]
        assert (len(first["approvals"]), second["cursor"]) == (50, None)
        assert sorted(found) == sorted(asked)
        stolen = await world.http.get(path, headers=world.approver("linus"))
        assert stolen.json()["approvals"] == []
        assert problem(await world.http.get("/v1/approvals?cursor=W10x", headers=who))[0] == 422


async def test_a_click_after_the_end_is_no_event(tmp_path: Path) -> None:
    """The stream is the same before and after it; the audit and the why have it."""
    async with opened(tmp_path) as world:
        approval = await lived(world)
        before = told((await stream(world, approval.run_id)).text)
        await click(world, press(approval, "grace"))
        assert told((await stream(world, approval.run_id)).text) == before
        seq = (await world.audit.tips([approval.run_id]))[approval.run_id]
        assert seq > before[-1][0]
        assert (await stream(world, approval.run_id, seq)).status_code == 204


async def test_a_live_stream_brings_what_happens_while_it_is_open(tmp_path: Path) -> None:
    """Each event as it happens, the last one ends it, and another gateway goes on where it was cut."""
    async with opened(tmp_path) as world:
        run_id = (await world.start()).json()["run_id"]
        seen: list[str] = []
        async with served(world) as http, asyncio.timeout(15):
            path = f"/v1/runs/{run_id}/events"
            async with http.stream("GET", path, headers=world.caller()) as answer:
                lines = answer.aiter_lines()
                await _until_outcome(lines, "accepted", seen)
                await world.runs.begin(run_id)
                await _until_outcome(lines, "running", seen)
                approval = await world.asked()
                await _until_outcome(lines, "waiting_approval", seen)
        world.app = create(replace(world.parts, watching=Watching(world.audit)))
        async with served(world) as http, asyncio.timeout(15):
            headers = {**world.caller(), "Last-Event-ID": seen[-1]}
            async with http.stream("GET", path, headers=headers) as answer:
                lines = answer.aiter_lines()
                await decide(world, approval)
                await _until_outcome(lines, "approve", seen)
                await write(world, approval)
                await world.runs.end(await world.warranted(run_id), Ending(state="completed"))
                await _until_outcome(lines, "completed", seen)
                assert [line async for line in lines if line] == []
        whole = told((await stream(world, run_id)).text)
        assert seen == [str(seq) for seq, _, _ in whole]


async def _until_outcome(lines: AsyncIterator[str], outcome: str, seen: list[str]) -> None:
    """Read on to the event with this outcome; ``seen`` gets the id of every event on the way."""
    data: dict[str, Any] = {}
    async for line in lines:
        name, _, value = line.partition(": ")
        if name == "data":
            data = json.loads(value)
        elif name == "id":
            seen.append(value)
        elif not line and data.get("outcome") == outcome:
            return
    raise AssertionError(f"the stream ended before {outcome}: {seen}")


async def test_an_event_shows_nothing_older_than_itself(tmp_path: Path) -> None:
    """A run that ends between two looks of one step: the last event shows it ended."""
    async with opened(tmp_path) as world:
        run_id = (await world.start()).json()["run_id"]
        run, looks = await world.warranted(run_id), 0

        class Between(type(world.runs)):  # type: ignore[misc] # the world's own rows, ended in between
            async def get(self, run_id: str) -> Any:
                nonlocal looks
                looks += 1
                found = await super().get(run_id)
                if looks == 2:  # the path's own look came first, the step's comes second
                    await world.runs.end(run, Ending(state="completed"))
                return found

        rows = Between(world.store, world.clock)
        world.app = create(replace(world.parts, runs=rows))
        transport = httpx.ASGITransport(app=world.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
            answer = await http.get(f"/v1/runs/{run_id}/events", headers=world.caller())
        final = events(answer.text)[-1]["data"]
        assert (final["last"], final["run"]["state"]) == (True, "completed")


async def test_a_stream_ends_with_its_token(tmp_path: Path) -> None:
    """Whoever's token runs out is told nothing more, in the middle of a run too."""
    async with opened(tmp_path) as world:
        run_id = (await world.start()).json()["run_id"]
        began = time.monotonic()
        answer = await stream(world, run_id, who=world.caller(exp=int(time.time()) + 2))
        assert told(answer.text) == [(1, "run", "accepted")]
        assert 0.5 < time.monotonic() - began < 10


async def test_a_client_that_has_gone_leaves_nothing_behind(tmp_path: Path) -> None:
    """Neither a seat, nor a task that looks, nor a connection to the store."""
    async with opened(tmp_path) as world:
        run_id = (await world.start()).json()["run_id"]
        watching = world.parts.watching
        async with served(world) as http, asyncio.timeout(15):
            path = f"/v1/runs/{run_id}/events"
            assert (await http.get("/healthz")).status_code == 200
            before = len(asyncio.all_tasks())
            for _ in range(5):
                async with http.stream("GET", path, headers=world.caller()) as answer:
                    await anext(answer.aiter_lines())
                    assert watching.watched == 1

                async def empty() -> bool:
                    return watching.watched == 0

                await until(empty)

            async def quiet() -> bool:
                return len(asyncio.all_tasks()) <= before

            await until(quiet)
        assert (await world.start(key="k-2")).status_code == 202


async def test_a_client_that_takes_nothing_is_let_go_with_its_token(tmp_path: Path, monkeypatch: Any) -> None:
    """An open connection that is not read costs its seat until the token runs out, and not longer."""
    monkeypatch.setattr("gateway.events._GRACE", 0.2)
    monkeypatch.setattr("gateway.events.KEEPALIVE_COMMENT", b": " + b"x" * 10_000_000 + b"\n\n")
    monkeypatch.setattr("gateway.events._SILENCE", 0.01)
    async with opened(tmp_path) as world:
        run_id = (await world.start()).json()["run_id"]
        async with served(world) as http, asyncio.timeout(15):
            who = world.caller(exp=int(time.time()) + 2)
            async with http.stream("GET", f"/v1/runs/{run_id}/events", headers=who):
                assert world.parts.watching.watched == 1

                async def empty() -> bool:
                    return world.parts.watching.watched == 0

                await until(empty, seconds=5)


async def test_there_are_so_many_seats_and_nobody_gets_all(tmp_path: Path) -> None:
    """Beyond them 503 with the sentence, for one holder earlier than for all; a seat that is left is free."""
    async with opened(tmp_path) as world:
        watching = Watching(world.audit, seats=3, each=2)
        world.app = create(replace(world.parts, watching=watching))
        run_id = (await world.start()).json()["run_id"]
        path = f"/v1/runs/{run_id}/events"
        async with served(world) as http, asyncio.timeout(15):
            mine, other, third = (world.caller(sub=f"svc:{name}") for name in ("a", "b", "c"))

            async def closed(who: dict[str, str]) -> httpx.Response:
                return await http.get(path, headers=who)

            async with http.stream("GET", path, headers=mine), http.stream("GET", path, headers=mine):
                assert problem(await closed(mine)) == (503, "unavailable")
                async with http.stream("GET", path, headers=other) as taken:
                    assert taken.status_code == 200
                    full = await closed(third)
                    assert problem(full) == (503, "unavailable")
                    assert full.headers["retry-after"]

            async def freed() -> bool:
                return watching.watched == 0

            await until(freed)
            assert (await http.get(f"{path}?follow=false", headers=third)).status_code == 200


async def test_one_look_serves_all_who_watch(tmp_path: Path) -> None:
    """However many streams: the store is asked for news a few times a second, once for all of them."""
    looks: list[list[str]] = []

    async with opened(tmp_path) as world:

        class Counted(type(world.audit)):  # type: ignore[misc] # the world's own rows, counted
            async def tips(self, run_ids: list[str]) -> Any:
                looks.append(run_ids)
                return await super().tips(run_ids)

        watching = Watching(Counted(world.store))
        ids = [(await world.start(key=f"k-{number}")).json()["run_id"] for number in range(3)]
        places = {name: (await world.audit.tips([name]))[name] for name in ids}

        async def one(holder: str, name: str) -> bool:
            async with watching.seat(holder, name):
                return await watching.later(name, places[name], 1.2)

        async with asyncio.TaskGroup() as group:
            waits = [group.create_task(one(f"svc:{n}", ids[n % 3])) for n in range(30)]
            await asyncio.sleep(0.3)
            await world.runs.begin(ids[0])
        assert [wait.result() for wait in waits] == [n % 3 == 0 for n in range(30)]
        assert len(looks) <= 1.2 / 0.25 + 2
        assert all(len(asked) <= 3 for asked in looks)


async def test_what_a_run_s_end_closes_is_told(tmp_path: Path) -> None:
    """A waiting approval is cancelled, an action skipped, an unsettled write unknown: each has its record."""
    async with opened(tmp_path) as world:
        open_one = await waiting(world)
        await world.runs.request_cancel(open_one.run_id, actor="svc:demo", reason="not needed")
        await world.runs.end(await world.warranted(open_one.run_id), Ending(state="cancelled"))
        outcomes = [(name, outcome) for _, name, outcome in told((await stream(world, open_one.run_id)).text)]
        assert outcomes[-4:] == [
            ("run", "cancel"),
            ("approval", "cancelled"),
            ("action", "skipped"),
            ("run", "cancelled"),
        ]
        sent = await waiting(world, key="k-2")
        await decide(world, sent)
        ledger = StoreLedger(world.store, RunEntry(world.proofs), world.clock)
        await ledger.claim(await claim_request(world, sent))
        await world.runs.end(await world.warranted(sent.run_id), Ending(state="failed", text="lost"))
        outcomes = [(name, outcome) for _, name, outcome in told((await stream(world, sent.run_id)).text)]
        assert outcomes[-3:] == [("action", "unknown"), ("approval", "asked"), ("run", "failed")]


async def test_expiry_and_halt_and_their_end_are_told(tmp_path: Path) -> None:
    """Nobody decided: the approval says so. Halted and carried on: the run says both."""
    async with opened(tmp_path) as world:
        approval = await waiting(world)
        run = await world.warranted(approval.run_id)
        world.clock.at_ms += 120_000
        await world.approvals.expire(approval.approval_id)
        await world.approvals.expire(approval.approval_id)
        await world.runs.halt(run, "all is stopped")
        text = "nobody decided before the deadline; nothing was written"
        conclusion = Conclusion(outcome=Outcome.EXPIRED, content=text, text=text, duration_ms=0)
        await world.actions.conclude(run, approval.action_id, conclusion)
        answer = await stream(world, approval.run_id, query="?follow=false")
        assert [(name, outcome) for _, name, outcome in told(answer.text)][5:] == [
            ("approval", "expired"),
            ("run", "halted"),
            ("run", "running"),
            ("action", "expired"),
        ]


async def test_a_write_that_is_sent_again_has_an_attempt_for_each(tmp_path: Path) -> None:
    """Another process that continues a claim is an attempt of its own."""
    async with opened(tmp_path) as world:
        approval = await waiting(world)
        await decide(world, approval)
        ledger = StoreLedger(world.store, RunEntry(world.proofs), world.clock)
        for holder, say in (("one", "send"), ("two", "lookup")):
            request = await claim_request(world, approval, Retry(kind="lookup"))
            assert (await ledger.claim(replace(request, holder=holder))).say == say
            world.clock.at_ms += LEASE_MS
        (action,) = (await why(world, approval.run_id))["actions"]
        assert [one["outcome"] for one in action["attempts"]] == ["sent", "looked_up"]


async def why(world: World, run_id: str) -> dict[str, Any]:
    answer = await world.http.get(f"/v1/runs/{run_id}/why", headers=world.caller())
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_why_has_the_whole_chain(tmp_path: Path) -> None:
    """Who asked, which rule, what was shown, who decided, under which credential, what was answered."""
    async with opened(tmp_path) as world:
        policy, _ = await world.parts.in_force.route("support/close")
        for subject, places in (
            (policy, {"allow_tools": ("routes/support/close.yaml", 24)}),
            (CATALOGUE.digest(), {"ticket.close": ("tools.yaml", 7)}),
        ):
            await world.stores["operator"].write(partial(keep_rule_places, subject=subject, places=places))
        approval = await lived(world)
        found = await why(world, approval.run_id)
        request = found["request"]
        assert (request["caller"], request["on_behalf_of"]) == ("svc:demo", "user:grace")
        assert request["input_digest"] == digest({"ticket_id": "T-1"})
        assert request["execution"] == world.temporal.executions[approval.run_id]
        assert found["policy"]["policy_digest"] == policy
        assert found["policy"]["catalogue_digest"] == CATALOGUE.digest()
        (action,) = found["actions"]
        assert action["decision"]["reasons"] == [
            {
                "rule": "default",
                "text": "Writes need a person.",
                "file": "routes/support/close.yaml",
                "line": 24,
            }
        ]
        assert digest(action["shown"]["frozen"]) == action["shown"]["action_digest"]
        assert action["shown"]["frozen"]["preview"]["changes"][0]["after"] == "closed"
        (question,) = action["questions"]
        assert (question["group"], question["needed"], question["state"]) == ("support-leads", 1, "approved")
        refused, counted = question["clicks"]
        assert (refused["who"], refused["refusal"], refused["way"]) == (
            "principal:mallory",
            "not_in_group",
            "slack",
        )
        assert (counted["who"], counted["answer"], counted["way"], counted["after"]) == (
            "principal:ada",
            "approve",
            "http",
            30.0,
        )
        (attempt,) = action["attempts"]
        assert attempt["credential_scope"] == "dev/acme/ticketing-write"
        assert attempt["approvers"] == ["principal:ada"]
        (answer,) = action["answers"]
        assert (answer["outcome"], answer["text"]) == ("succeeded", "T-1 is closed.")
        assert answer["content"] == '{"status":"closed"}'
        assert answer["content_digest"] == digest_bytes(answer["content"].encode())


async def test_every_link_of_the_chain_is_proven(tmp_path: Path) -> None:
    """Each record of the run stands once in the document, by its place and its hash."""
    async with opened(tmp_path) as world:
        approval = await lived(world)
        chain = {one.seq: one for one in await world.audit.search(AuditQuery(tenant="acme"))}
        proofs = list(_proofs(await why(world, approval.run_id)))
        assert sorted(proof["seq"] for proof in proofs) == sorted(chain)
        assert all(chain[proof["seq"]].hash == proof["hash"] for proof in proofs)


def _proofs(value: Any) -> Any:
    if isinstance(value, dict):
        if "proof" in value:
            yield value["proof"]
        value = list(value.values())
    for inner in value if isinstance(value, list) else ():
        yield from _proofs(inner)


async def test_why_shows_no_result_of_a_read(tmp_path: Path) -> None:
    """Digest and size; of a write, what its target answered, cut."""
    async with opened(tmp_path) as world:
        approval = await waiting(world)
        run = await world.warranted(approval.run_id)
        long = Conclusion(outcome=Outcome.SUCCEEDED, content="ä" * 9_000, text="done", duration_ms=1)
        await world.actions.conclude(run, approval.action_id, long)
        (action,) = (await why(world, approval.run_id))["actions"]
        assert len(action["answers"][-1]["content"]) == 4_000
        assert action["answers"][-1]["content_bytes"] == 18_000

        async def unfreeze(connection: Any) -> None:
            await connection.execute(update(schema.actions).values(action_digest=None))

        await world.store.write(unfreeze)
        (action,) = (await why(world, approval.run_id))["actions"]
        assert action["answers"][-1]["content"] is None
        assert action["answers"][-1]["content_digest"] == digest_bytes(("ä" * 9_000).encode())


async def test_why_of_a_run_that_did_nothing_is_whole(tmp_path: Path) -> None:
    """What did not happen yet is empty, and no error."""
    async with opened(tmp_path) as world:
        run_id = (await world.start()).json()["run_id"]
        found = await why(world, run_id)
        assert found["actions"] == []
        assert [one["outcome"] for one in found["states"]] == ["accepted"]


async def test_the_schema_describes_the_stream(tmp_path: Path) -> None:
    """Each event's name, id and data have their schema, and every reference leads somewhere."""
    async with opened(tmp_path) as world:
        whole = (await world.http.get("/openapi.json")).json()
        call = whole["paths"]["/v1/runs/{run_id}/events"]["get"]
        (media,) = call["responses"]["200"]["content"].items()
        assert media[0] == "text/event-stream"
        assert media[1]["itemSchema"]["properties"]["event"]["enum"] == ["action", "approval", "run"]
        assert {one["name"] for one in call["parameters"]} >= {"Last-Event-ID", "last_event_id", "follow"}
        text = json.dumps(whole)
        names = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
        assert names <= set(whole["components"]["schemas"])
