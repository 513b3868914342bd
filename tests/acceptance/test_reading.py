"""A run read while it happens and long after: its events over cuts and kills, its reasons in plain words."""

import asyncio
import json
import os
import re
import signal
import sys
import time
from pathlib import Path
from typing import Any

import httpx

from cli import minting
from cli.following import read
from contracts.digest import digest
from embedded import endpoints
from tests.acceptance.command_line import interlock
from tests.acceptance.conftest import (
    ADA,
    MALLORY,
    SCRIPTED,
    SECONDS,
    World,
    scripted_policies,
    scripted_tools,
)

Told = tuple[str, str, str]
"""Id, name and outcome of an event."""


async def _headers(world: World, last: str | None = None) -> dict[str, str]:
    token = await minting.mint(world.state, minting.operator())
    return {"Authorization": f"Bearer {token}", **({} if last is None else {"Last-Event-ID": last})}


async def _read_on(world: World, run_id: str, seen: list[Told], until: str) -> None:
    """Follow the run after what was seen, to the event with this outcome or until the connection is lost."""
    last = seen[-1][0] if seen else None
    block: list[str] = []
    async with world.gateway.stream(
        "GET", f"/v1/runs/{run_id}/events", headers=await _headers(world, last)
    ) as answer:
        assert answer.status_code == 200
        async for line in answer.aiter_lines():
            block.append(line)
            if line:
                continue
            for event in read(block):
                seen.append((event.id, event.name, event.data["outcome"]))
                if event.data["outcome"] == until:
                    return
            block = []


async def _kill_gateway(world: World) -> None:
    """SIGKILL, and the one that the supervisor starts in its place."""
    pid = _gateway(world)
    os.kill(pid, signal.SIGKILL)
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        await asyncio.sleep(0.1)
        try:
            if _gateway(world) != pid and (await world.gateway.get("/readyz")).is_success:
                return
        except httpx.TransportError:
            continue
    raise AssertionError("the gateway did not come back")


def _gateway(world: World) -> int:
    found = endpoints.read(world.state.directory)
    assert found is not None
    return int(found["pids"]["gateway"])


async def test_a_stream_is_the_same_over_cuts_and_a_killed_gateway(world: World) -> None:
    """Read through a SIGKILL in the middle, it has each event once, in order; resumed anywhere, the rest."""
    waiting = await world.waiting()
    seen: list[Told] = []
    await _read_on(world, waiting.run_id, seen, "asked")
    cut = asyncio.create_task(_read_on(world, waiting.run_id, seen, "completed"))
    await asyncio.sleep(0.3)
    await _kill_gateway(world)
    # Whatever the cut looked like to this client, it is over.
    await asyncio.wait([cut], timeout=SECONDS)
    assert cut.done()
    cut.exception()
    await world.click(waiting, ADA)
    await _read_on(world, waiting.run_id, seen, "completed")

    whole: list[Told] = []
    await _read_on(world, waiting.run_id, whole, "completed")
    assert seen == whole
    assert [place for place, _, _ in whole] == sorted({place for place, _, _ in whole}, key=int)
    for place in range(1, len(whole)):
        rest = [whole[place - 1]]
        await _read_on(world, waiting.run_id, rest, "nothing: to the end")
        assert rest == whole[place - 1 :]
    path = f"/v1/runs/{waiting.run_id}/events"
    ended = await world.gateway.get(path, headers=await _headers(world, whole[-1][0]))
    assert ended.status_code == 204


async def test_why_answers_a_stranger(world: World) -> None:
    """Who asked, which rule, what was shown, who approved when, under which credential, what was answered."""
    waiting = await world.waiting()
    await world.refused(waiting, MALLORY)
    await world.click(waiting, ADA)
    await world.reaches(waiting.run_id, "completed")
    (status, document, _), (_, told, _) = await asyncio.gather(
        interlock(world.state.directory, "run", "why", waiting.run_id, "--action", "2", "--json", columns=80),
        interlock(world.state.directory, "run", "why", waiting.run_id, columns=80),
    )
    assert status == 0
    found = json.loads(document)
    (action,) = found["actions"]
    text = " ".join(told.split())
    (question,), (answer,) = action["questions"], action["answers"]

    # Who asked.
    assert "svc:tests, for user:u-1042" in text
    assert found["request"]["request_id"] in text
    # Which rule.
    reason = action["decision"]["reasons"][0]
    assert re.fullmatch(r"routes/support/script\.yaml:[0-9]+", f"{reason['file']}:{reason['line']}")
    assert f"{reason['rule']} ({reason['file']}:{reason['line']})" in text
    assert found["policy"]["policy_digest"][:19] in text
    # What was shown.
    assert "status: open → closed" in text
    assert digest(action["shown"]["frozen"]) == action["shown"]["action_digest"] == waiting.action_digest
    assert waiting.action_digest[:19] in text
    # Who approved, when and how; and whose click did not count.
    refused, counted = question["clicks"]
    assert f"1 person of support-leads, at {question['at'][11:19]}" in text
    assert f"principal:ada approved at {counted['at'][11:19]}" in text
    assert f"principal:mallory clicked at {refused['at'][11:19]}" in text
    # Under which credential.
    assert f"credential dev/acme/ticketing-write, sent at {action['attempts'][0]['at'][11:19]}" in text
    # What the target answered.
    assert f"succeeded at {answer['at'][11:19]}" in text
    assert json.loads(answer["content"])["ticket"]["status"] == "closed"
    # And where it is proven.
    await _check_proofs(world, waiting.run_id, found)


async def _check_proofs(world: World, run_id: str, found: Any) -> None:
    """Each place that the chain names is a record of this run with that hash."""
    answer = await world.gateway.get("/v1/audit", params={"run_id": run_id}, headers=await _headers(world))
    records = {one["seq"]: one["hash"] for one in answer.json()["records"]}
    (action,) = found["actions"]
    (question,) = action["questions"]
    links = [
        *(action["decision"], question),
        *(link for name in ("attempts", "answers") for link in action[name]),
        *question["clicks"],
    ]
    assert len(links) == 6
    assert all(records[link["proof"]["seq"]] == link["proof"]["hash"] for link in links)


async def test_watching_ends_with_the_run_and_says_whether_it_completed(world: World) -> None:
    """It says what the run waits for; --json leaves one document; status 0 only if the run completed."""
    waiting = await world.waiting()
    watching = asyncio.create_task(
        interlock(world.state.directory, "run", "watch", waiting.run_id, "--json", columns=80)
    )
    await world.decide(waiting, "ada", "deny")
    status, out, err = await watching
    run = json.loads(out)
    assert (status, run["state"]) == (0, "completed")
    assert f"waits for 1 person of support-leads to approve ticket.close {waiting.ticket}" in " ".join(
        err.split()
    )
    assert "denied by ada" in err

    stopped = await world.waiting()
    headers = await _headers(world)
    path = f"/v1/runs/{stopped.run_id}/cancel"
    await world.gateway.post(path, json={"reason": "Wrong ticket."}, headers=headers)
    (status, out, _), (shown, timeline, _) = await asyncio.gather(
        interlock(world.state.directory, "run", "watch", stopped.run_id, columns=80),
        interlock(world.state.directory, "run", "show", stopped.run_id, columns=80),
    )
    assert (status, shown) == (1, 0)
    assert "asked to cancel it: Wrong ticket." in out
    assert "cancelled: Wrong ticket." in out
    assert all(len(line) <= 80 for line in timeline.splitlines())


async def test_leaving_a_watch_leaves_the_run(world: World) -> None:
    """Ctrl-C ends the watching alone, with a sentence and status 130."""
    waiting = await world.waiting()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "cli.main",
        "run",
        "watch",
        waiting.run_id,
        "--state",
        str(world.state.directory),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout
    async with asyncio.timeout(SECONDS):
        while b"decide in Slack" not in (line := await process.stdout.readline()):
            assert line
        process.send_signal(signal.SIGINT)
        _, err = await process.communicate()
    assert (process.returncode, b"the run goes on" in err) == (130, True)
    assert (await world.run(waiting.run_id))["state"] == "waiting_approval"


async def test_recorded_calls_are_decided_again_under_other_rules(world: World, tmp_path: Path) -> None:
    """On a running stack, by the operator's own keys: each call that changes is named with its rule."""
    waiting = await world.waiting()
    policies, tools = scripted_policies(tmp_path / "policies"), scripted_tools(tmp_path / "tools.yaml")
    route = policies / "routes" / f"{SCRIPTED}.yaml"
    route.write_text(json.dumps({**json.loads(route.read_text()), "require_approval": ["tickets.get"]}))
    words = ("policy", "diff", str(policies), "--tools", str(tools), "--replay", "1d", "--json")
    status, out, err = await interlock(world.state.directory, *words)
    assert status == 0, err
    found = json.loads(out)
    assert [one["text"] for one in found["changes"]] == ["a person is asked before `tickets.get`"]
    (own,) = [one for one in found["replay"]["listed"] if one["run_id"] == waiting.run_id]
    assert (own["tool"], own["was"], own["would"]["decision"]) == (
        "tickets.get",
        {"decision": "allow", "approvals": 0},
        "needs_approval",
    )
    assert "require_approval[0]" in own["rules"]
