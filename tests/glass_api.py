"""The break-glass process's HTTP interface as the command line needs it: one session, held in memory."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import uvicorn
from fastapi import FastAPI, Header, Request
from fastapi.responses import JSONResponse, Response

SESSION: Final = "bg_0123456789abcdef"
ACT: Final = f"{SESSION}.1.0"
DIGEST: Final = f"sha256:{'a1' * 32}"
ACT_DIGEST: Final = f"sha256:{'b2' * 32}"
KEY: Final = "req_9f2c01ab77e3:ticket.close:T-18421"
PREVIEW: Final[dict[str, Any]] = {
    "target": "ticket T-18421",
    "changes": [{"field": "status", "before": "open", "after": "closed"}],
    "stakes": "One customer reads it.",
    "undo": "It can be reopened.",
    "figures": [],
}


@dataclass(kw_only=True)
class Desk:
    """What the fake keeps, and what it is to answer."""

    session: dict[str, Any] = field(default_factory=lambda: _session())
    #: Of a confirmed act.
    outcome: str = "succeeded"
    #: Bodies by the last part of the path, in their order.
    asked: list[tuple[str, Any]] = field(default_factory=list)
    #: What the next call is refused with: status and sentence.
    refusal: tuple[int, str] | None = None
    #: A confirmation gets no whole answer.
    hangs_up: bool = False
    #: How often a waiting session is looked at before somebody consents on the page; None: nobody does.
    looks: int | None = None

    def noted(self, name: str, body: Any) -> None:
        self.asked.append((name, body))

    def bodies(self, name: str) -> list[Any]:
        return [body for called, body in self.asked if called == name]

    def opened(self) -> None:
        self.session |= {
            "state": "open",
            "consenter": "principal:grace",
            "opened_at": "2027-01-04T09:01:00.000Z",
            "until": "2027-01-04T09:11:00.000Z",
            "told": ["principal:margaret"],
        }

    def act(self) -> dict[str, Any]:
        return {
            "act_id": ACT,
            "ordinal": 1,
            "tool": "ticket.close",
            "effect": "write",
            "arguments": {"ticket_id": "T-18421"},
            "target": "T-18421",
            "preview": PREVIEW,
            "action_digest": ACT_DIGEST,
            "idempotency_key": KEY,
            "undo": {"tool": "ticket.reopen", "arguments": {"ticket_id": "T-18421"}},
            "outcome": None,
            "text": "",
            "attempts": 0,
            "duration_ms": None,
            "proposed_at": "2027-01-04T09:02:00.000Z",
        }

    def report(self) -> dict[str, Any]:
        taken = ("session_id", "tenant", "env", "opener", "consenter", "reason", "tools", "overrides")
        act = self.act()
        done = {name: act[name] for name in ("ordinal", "tool", "target", "idempotency_key", "action_digest")}
        done |= {
            "outcome": "succeeded",
            "text": "Closed.",
            "changes": PREVIEW["changes"],
            "undo": {"text": "It can be reopened.", **act["undo"]},
            "proposed_at": act["proposed_at"],
            "ended_at": "2027-01-04T09:02:05.000Z",
        }
        return {name: self.session[name] for name in taken} | {
            "asked_at": self.session["asked_at"],
            "opened_at": "2027-01-04T09:01:00.000Z",
            "until": "2027-01-04T09:11:00.000Z",
            "ended_at": "2027-01-04T09:11:00.000Z",
            "ended_by": "break-glass",
            "ended_why": "its minutes are over",
            "told": ["principal:margaret"],
            "acts": [done],
            "refused": 0,
        }


def _session() -> dict[str, Any]:
    return {
        "session_id": SESSION,
        "state": "waiting",
        "tenant": "acme",
        "env": "dev",
        "tools": ["ticket.close"],
        "overrides": [],
        "minutes": 10,
        "reason": "The queue is on fire.",
        "opener": "principal:ada",
        "consenter": None,
        "opening_digest": DIGEST,
        "asked_at": "2027-01-04T09:00:00.000Z",
        "consent_until": "2027-01-04T09:15:00.000Z",
        "opened_at": None,
        "until": None,
        "ended_at": None,
        "ended_by": None,
        "ended_why": "",
        "told": [],
        "acts": [],
        "report_digest": None,
    }


def application(desk: Desk) -> FastAPI:
    app = FastAPI()

    @app.middleware("http")
    async def refuse(request: Request, call_next: Any) -> Any:
        if request.headers.get("authorization") != "Bearer person":
            return _problem(401, "this token is no person's")
        if desk.refusal is not None:
            return _problem(*desk.refusal)
        answer = await call_next(request)
        # A command's client ends with its process; within one process its connections have to end as well.
        answer.headers["Connection"] = "close"
        return answer

    _sessions(app, desk)
    _acts(app, desk)
    return app


def _sessions(app: FastAPI, desk: Desk) -> None:
    @app.post("/v1/sessions", status_code=201)
    async def ask(body: dict[str, Any]) -> Any:
        desk.noted("sessions", body)
        return desk.session

    @app.get("/v1/sessions")
    async def every() -> Any:
        return {"sessions": [desk.session]}

    @app.get(f"/v1/sessions/{SESSION}")
    async def one() -> Any:
        if desk.looks is not None:
            desk.looks -= 1
            if desk.looks < 0:
                desk.opened()
        return desk.session

    @app.post(f"/v1/sessions/{SESSION}/consent")
    async def consent(body: dict[str, Any]) -> Any:
        desk.noted("consent", body)
        desk.opened()
        return desk.session

    @app.post(f"/v1/sessions/{SESSION}/close")
    async def close(body: dict[str, Any]) -> Any:
        desk.noted("close", body)
        desk.session |= {
            "state": "refused",
            "ended_at": "2027-01-04T09:03:00.000Z",
            "ended_by": "principal:ada",
        }
        return desk.session

    @app.get(f"/v1/sessions/{SESSION}/report")
    async def report() -> Any:
        return desk.report()


def _acts(app: FastAPI, desk: Desk) -> None:
    @app.post(f"/v1/sessions/{SESSION}/acts", status_code=201)
    async def propose(body: dict[str, Any], idempotency_key: str = Header()) -> Any:
        desk.noted("acts", body | {"key": idempotency_key})
        return desk.act()

    @app.post(f"/v1/sessions/{SESSION}/acts/{ACT}/confirm")
    async def confirm(body: dict[str, Any]) -> Any:
        desk.noted("confirm", body)
        if desk.hangs_up:
            return Response(headers={"Content-Length": "1"}, content=b"", media_type="application/json")
        return desk.act() | {"outcome": desk.outcome, "text": "Closed.", "attempts": 1, "duration_ms": 41}

    @app.post(f"/v1/sessions/{SESSION}/acts/{ACT}/outcome")
    async def outcome(body: dict[str, Any]) -> Any:
        desk.noted("outcome", body)
        return desk.act() | {"outcome": "succeeded" if body["outcome"] == "it_did" else "failed"}


def _problem(status: int, sentence: str) -> JSONResponse:
    document = {"title": "refused", "detail": sentence, "status": status}
    return JSONResponse(document, status, headers={"Connection": "close"})


@contextmanager
def serving(desk: Desk) -> Iterator[str]:
    """Its address, for as long as the block runs."""
    server = uvicorn.Server(uvicorn.Config(application(desk), port=0, log_config=None, access_log=False))
    thread = threading.Thread(target=server.run, name="break-glass")
    thread.start()
    try:
        while not server.started and thread.is_alive():
            time.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=30)
    assert not thread.is_alive(), "the fake did not stop"
