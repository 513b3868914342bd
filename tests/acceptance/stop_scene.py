"""Runs in flight, two of their tools switched off in the middle, and what the target saw of them."""

import asyncio
import secrets
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import httpx

READS: Final = "tool:tickets.get"
WRITES: Final = "tool:ticket.close"
SCOPES: Final = (READS, WRITES)
_LOOK: Final = 0.25
_STARTS_AT_ONCE: Final = 8
_STILL: Final = 3.0
"""Seconds for which the stop holds, once runs stand still."""


@dataclass(frozen=True, kw_only=True)
class Outside:
    """Everybody outside: a caller, an approver, an operator, and the target's own log."""

    gateway: httpx.AsyncClient
    helpdesk: httpx.AsyncClient
    caller: Mapping[str, str] = field(repr=False)
    approver: Mapping[str, str] = field(repr=False)
    operator: Mapping[str, str] = field(repr=False)
    #: A scripted route that may read and close tickets.
    route: str

    async def start(self, read: str, close: str) -> str:
        """A run that reads one ticket, closes another, and reads the first once more; its id."""
        look = [{"tool": "tickets.get", "args": {"ticket_id": read}}]
        write = [{"tool": "ticket.close", "args": {"ticket_id": close, "reason": "It works again."}}]
        answer = await self.gateway.post(
            "/v1/runs",
            json={"route": self.route, "input": {"script": [look, write, look], "final": "Done."}},
            headers={**self.caller, "Idempotency-Key": secrets.token_hex(8)},
        )
        assert answer.status_code == httpx.codes.ACCEPTED, answer.text
        return str(answer.json()["run_id"])

    async def run(self, run_id: str) -> dict[str, Any]:
        return _document(await self.gateway.get(f"/v1/runs/{run_id}", headers=self.operator))

    async def switch(self, scope: str, *, stopped: bool) -> float:
        """Unix seconds by which it was committed."""
        body = {"stopped": stopped, "reason": "a test"}
        _document(await self.gateway.put(f"/v1/switches/{scope}", json=body, headers=self.operator))
        return time.time()

    async def approve_all(self, runs: set[str]) -> int:
        """Approve what waits of these runs, as a person would who means every one of them; how many."""
        waiting = _document(
            await self.gateway.get("/v1/approvals", params={"state": "waiting"}, headers=self.approver)
        )
        ours = [one for one in waiting["approvals"] if one["run_id"] in runs]
        answers = [await self._approve(one) for one in ours]
        return answers.count(httpx.codes.OK)

    async def _approve(self, one: Mapping[str, Any]) -> int:
        answer = await self.gateway.post(
            f"/v1/approvals/{one['approval_id']}/decision",
            json={"decision": "approve", "action_digest": one["action_digest"]},
            headers=self.approver,
        )
        return answer.status_code

    async def requests(self, tickets: Sequence[str]) -> list[tuple[float, str]]:
        """When each request about one of these tickets came in, and which it was."""
        about = {f"/tickets/{ticket}" for ticket in tickets}
        found = _document(await self.helpdesk.get("/control/requests"))["requests"]
        return [
            (datetime.fromisoformat(one["at"]).timestamp(), f"{one['method']} {one['path']}")
            for one in found
            if one["path"].removesuffix("/close") in about
        ]

    async def writes(self, tickets: Sequence[str]) -> Counter[str]:
        """How often each of these tickets was written to, by the target's own count."""
        found = _document(await self.helpdesk.get("/control/writes"))["writes"]
        return Counter(one["ticket"] for one in found if one["ticket"] in set(tickets))


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What came of it. Seconds."""

    runs: Sequence[dict[str, Any]]
    #: Of runs while the tools were off.
    states: Counter[str]
    #: Requests of both tools: in all, and while they were off, by how long after the commit each came in.
    requests: int
    late: Sequence[float]
    off: float
    writes: Counter[str]

    @property
    def completed(self) -> int:
        return sum(run["state"] == "completed" for run in self.runs)

    @property
    def broke_the_law(self) -> list[float]:
        """Requests that came in later than one second after the commit."""
        return [after for after in self.late if after > 1.0]


async def played(outside: Outside, pairs: Sequence[tuple[str, str]], seconds: float) -> Seen:
    """Start a run for each pair of tickets, switch off in the middle, lift it, and let all end."""
    everything = [ticket for pair in pairs for ticket in pair]
    closing = [close for _, close in pairs]
    runs: set[str] = set()
    approving = asyncio.create_task(_approving(outside, runs))
    starting = asyncio.create_task(_started(outside, pairs, runs))
    try:
        async with asyncio.timeout(seconds):
            # In the middle: runs of every stage are there.
            while (await outside.writes(closing)).total() < len(pairs) / 4:  # noqa: ASYNC110  the target tells
                await asyncio.sleep(_LOOK)
            stopped = [await outside.switch(scope, stopped=True) for scope in SCOPES]
            await starting
            await asyncio.sleep(_STILL)
            states = Counter([(await outside.run(run_id))["state"] for run_id in runs])
            lifted = time.time()
            for scope in SCOPES:
                await outside.switch(scope, stopped=False)
            ended = [await _ended(outside, run_id) for run_id in sorted(runs)]
    finally:
        for task in (approving, starting):
            task.cancel()
        await asyncio.gather(approving, starting, return_exceptions=True)
        for scope in SCOPES:
            await outside.switch(scope, stopped=False)
    came = await outside.requests(everything)
    return Seen(
        runs=ended,
        states=states,
        requests=len(came),
        late=[at - max(stopped) for at, _ in came if max(stopped) < at < lifted],
        off=lifted - max(stopped),
        writes=await outside.writes(closing),
    )


async def _started(outside: Outside, pairs: Sequence[tuple[str, str]], runs: set[str]) -> None:
    gate = asyncio.Semaphore(_STARTS_AT_ONCE)

    async def one(read: str, close: str) -> None:
        async with gate:
            runs.add(await outside.start(read, close))

    await asyncio.gather(*(one(read, close) for read, close in pairs))


async def _approving(outside: Outside, runs: set[str]) -> None:
    while True:
        await outside.approve_all(runs)
        await asyncio.sleep(_LOOK)


async def _ended(outside: Outside, run_id: str) -> dict[str, Any]:
    while True:
        run = await outside.run(run_id)
        if run["ended_at"] is not None:
            return run
        await asyncio.sleep(_LOOK)


def _document(answer: httpx.Response) -> dict[str, Any]:
    assert answer.is_success, answer.text
    found: dict[str, Any] = answer.json()
    return found
