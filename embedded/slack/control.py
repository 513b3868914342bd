"""Control for tests and the demo, behind one token: see everything, click as anyone, cause trouble."""

import hmac
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from embedded.slack.arguments import Refused
from embedded.slack.checks import Json
from embedded.slack.commands import Commands
from embedded.slack.faults import Fault, Kind
from embedded.slack.interactions import Click, Interactions
from embedded.slack.workspace import Workspace


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ClickRequest(_Body):
    """POST /control/click."""

    channel: str
    ts: str
    user: str
    action_id: str
    block_id: str | None = None
    value: str | None = None
    stale: bool = False
    wait: bool = True


class SubmitRequest(_Body):
    """POST /control/submit; values as in Slack's view.state.values."""

    view_id: str
    user: str
    values: dict[str, dict[str, Json]] = Field(default_factory=dict)
    wait: bool = True


class CommandRequest(_Body):
    """POST /control/command; the text as it was typed, with its slash."""

    channel: str
    user: str
    text: str
    wait: bool = True


class FaultRequest(_Body):
    """POST /control/faults."""

    method: str
    kind: Kind
    count: int = Field(default=1, ge=1)
    retry_after: int = Field(default=1, ge=1, le=3600)


def router(workspace: Workspace, interactions: Interactions, commands: Commands) -> APIRouter:
    """The routes under /control, all behind the token."""
    expected = f"Bearer {workspace.settings.control_token.get_secret_value()}".encode()

    def authorised(request: Request) -> None:
        if not hmac.compare_digest(request.headers.get("authorization", "").encode(), expected):
            raise HTTPException(401, "The control interface needs its bearer token.")

    api = APIRouter(prefix="/control", dependencies=[Depends(authorised)])
    _looks(api, workspace)
    _acts(api, interactions)
    _types(api, commands)
    _faults(api, workspace)
    return api


def _looks(api: APIRouter, workspace: Workspace) -> None:
    store = workspace.store

    @api.get("/messages")
    async def messages(channel: Annotated[str | None, Query()] = None) -> Json:
        return {"messages": store.messages(channel)}

    @api.get("/ephemerals")
    async def ephemerals(user: Annotated[str | None, Query()] = None) -> Json:
        return {"ephemerals": store.ephemerals(user=user)}

    @api.get("/views")
    async def views(user: Annotated[str | None, Query()] = None) -> Json:
        return {"views": store.open_views(user)}

    @api.get("/calls")
    async def calls() -> Json:
        return {"calls": list(workspace.calls)}

    @api.get("/interactions")
    async def sent() -> Json:
        return {"interactions": list(workspace.interactions)}


def _acts(api: APIRouter, interactions: Interactions) -> None:
    @api.post("/click")
    async def click(asked: ClickRequest) -> Json:
        try:
            delivery = await interactions.click(Click(**asked.model_dump(exclude={"wait"})), wait=asked.wait)
        except Refused as refusal:
            raise HTTPException(404, refusal.error) from refusal
        return delivery.as_json()

    @api.post("/submit")
    async def submit(asked: SubmitRequest) -> Json:
        try:
            delivery = await interactions.submit(**asked.model_dump())
        except Refused as refusal:
            raise HTTPException(404, refusal.error) from refusal
        return delivery.as_json()


def _types(api: APIRouter, commands: Commands) -> None:
    @api.post("/command")
    async def command(asked: CommandRequest) -> Json:
        try:
            delivery = await commands.type(**asked.model_dump())
        except Refused as refusal:
            raise HTTPException(404, refusal.error) from refusal
        return delivery.as_json()


def _faults(api: APIRouter, workspace: Workspace) -> None:
    faults = workspace.faults

    @api.post("/reset")
    async def reset() -> Json:
        """An empty workspace, as on its first day."""
        workspace.store.empty()
        faults.clear()
        workspace.calls.clear()
        workspace.interactions.clear()
        return {"ok": True}

    @api.get("/faults")
    async def pending() -> Json:
        return {"faults": [asdict(fault) for fault in faults.pending]}

    @api.post("/faults")
    async def add(asked: FaultRequest) -> Json:
        faults.add(Fault(**asked.model_dump()))
        return await pending()

    @api.delete("/faults")
    async def clear() -> Json:
        faults.clear()
        return await pending()
