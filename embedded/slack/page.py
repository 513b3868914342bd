"""The channel as a page, and what its script asks for: messages drawn as HTML, clicks, modals."""

import hashlib
import hmac
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import jinja2
from fastapi import APIRouter, Cookie, Depends, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from markupsafe import Markup
from pydantic import BaseModel, ConfigDict

from embedded.slack import mrkdwn
from embedded.slack.arguments import Refused
from embedded.slack.checks import Json
from embedded.slack.commands import Commands
from embedded.slack.config import Channel, Person, direct
from embedded.slack.interactions import Click, Interactions
from embedded.slack.workspace import Workspace

HERE = Path(__file__).parent
SHOWN = 200
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": _CSP,
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class PageClick(BaseModel):
    """A button pressed on the page."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    channel: str
    ts: str
    user: str
    block_id: str
    action_id: str


class PageView(BaseModel):
    """A modal submitted or closed on the page."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    user: str
    view_id: str
    values: dict[str, dict[str, Json]] = {}


class PageCommand(BaseModel):
    """A slash command typed on the page."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    channel: str
    user: str
    text: str


class PageDismissal(BaseModel):
    """An ephemeral message put away."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    user: str
    ts: str


class Drawing:
    """Draws messages and modals for one person at a time."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        settings = workspace.settings
        names = {p.user: p.name for p in settings.people} | {c.id: c.name for c in settings.channels}
        names[settings.bot_user] = settings.domain.capitalize()
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(HERE / "templates"),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters["moment"] = _moment
        self._templates.globals["names"] = names
        self._templates.globals["said"] = lambda text: _said(text, names)
        self._templates.globals["told"] = lambda text: mrkdwn.mrkdwn(text, names)

    def page(self, channel: Channel, person: Person) -> str:
        """The whole page."""
        return self._templates.get_template("page.html").render(
            settings=self._workspace.settings,
            channel=channel,
            person=person,
            direct=direct(person),
            messages=self.messages(channel, person),
            version=self._workspace.store.version,
        )

    def messages(self, channel: Channel, person: Person) -> list[Json]:
        """What that person sees in the channel, oldest first, each with a digest to tell changes by."""
        store = self._workspace.store
        hidden = [
            doc for doc in store.ephemerals(user=person.user, dismissed=False) if doc["channel"] == channel.id
        ]
        roots = store.history(
            channel.id, oldest="0", latest="9", with_oldest=True, with_latest=True, limit=SHOWN
        )
        known = {root["ts"] for root in roots}
        loose = [doc for doc in hidden if doc.get("thread_ts") not in known]
        drawn = []
        for root in sorted(roots + loose, key=lambda doc: str(doc["ts"])):
            asides = [doc for doc in hidden if doc.get("thread_ts") == root["ts"]]
            thread = sorted(store.replies(channel.id, root["ts"]) + asides, key=lambda doc: str(doc["ts"]))
            html = self._templates.get_template("message.html").render(message=root, thread=thread)
            digest = hashlib.sha256(html.encode()).hexdigest()[:16]
            drawn.append({"key": root["ts"], "digest": digest, "html": Markup(html)})  # noqa: S704  autoescaped
        return drawn

    def view(self, person: Person) -> Json | None:
        """The modal on top for that person."""
        views = self._workspace.store.open_views(person.user)
        if not views:
            return None
        html = self._templates.get_template("view.html").render(view=views[-1])
        return {"id": views[-1]["id"], "hash": views[-1]["hash"], "html": html}


def router(workspace: Workspace, interactions: Interactions, commands: Commands) -> APIRouter:
    """The page's routes."""
    drawing = Drawing(workspace)
    api = APIRouter()
    _reads(api, workspace, drawing)
    _acts(api, workspace, interactions)
    _types(api, commands)
    return api


def _reads(api: APIRouter, workspace: Workspace, drawing: Drawing) -> None:
    settings = workspace.settings

    @api.get("/")
    async def home(acting: Annotated[str | None, Query(alias="as")] = None) -> Response:
        whom = "" if settings.person(acting) is None else f"?as={acting}"
        return RedirectResponse(f"/channels/{settings.channels[0].id}{whom}", status_code=307)

    @api.get("/channels/{identifier}")
    async def channel_page(
        identifier: str,
        acting: Annotated[str | None, Query(alias="as")] = None,
        acting_as: Annotated[str | None, Cookie()] = None,
    ) -> Response:
        person = settings.person(acting or acting_as) or settings.people[0]
        if _private(workspace, identifier, person):
            return RedirectResponse(f"/?as={person.user}", status_code=307)
        page = HTMLResponse(drawing.page(_channel(workspace, identifier), person), headers=HEADERS)
        if acting == person.user:
            page.set_cookie("acting_as", person.user, samesite="strict", httponly=True)
        return page

    @api.get("/page/channels/{identifier}")
    async def changes(
        identifier: str, acting: Annotated[str, Query(alias="as")], version: int = -1
    ) -> Response:
        channel, person = _channel(workspace, identifier), settings.person(acting)
        if person is None or _private(workspace, identifier, person):
            raise HTTPException(404, "There is no such person here.")
        if version == workspace.store.version:
            return Response(status_code=204, headers=HEADERS)
        seen = {
            "version": workspace.store.version,
            "messages": drawing.messages(channel, person),
            "view": drawing.view(person),
        }
        return JSONResponse(seen, headers=HEADERS)


def _acts(api: APIRouter, workspace: Workspace, interactions: Interactions) -> None:
    own_page = [Depends(_same_origin)]

    @api.post("/page/click", dependencies=own_page)
    async def click(pressed: PageClick) -> Json:
        try:
            # Where the message changed while the person pressed, Slack sends what the person saw.
            delivery = await interactions.click(Click(**pressed.model_dump(), stale=True))
        except Refused as refusal:
            raise HTTPException(404, refusal.error) from refusal
        return {"acknowledged": delivery.acknowledged}

    @api.post("/page/submit", dependencies=own_page)
    async def submit(form: PageView) -> Json:
        try:
            delivery = await interactions.submit(**form.model_dump())
        except Refused as refusal:
            raise HTTPException(404, refusal.error) from refusal
        asked = json.loads(delivery.body.strip() or "{}") if delivery.acknowledged else {}
        return {"acknowledged": delivery.acknowledged, "errors": asked.get("errors") or {}}

    @api.post("/page/close", dependencies=own_page)
    async def close(form: PageView) -> Json:
        try:
            await interactions.close(user=form.user, view_id=form.view_id)
        except Refused as refusal:
            raise HTTPException(404, refusal.error) from refusal
        return {"closed": True}

    @api.post("/page/dismiss", dependencies=own_page)
    async def dismiss(asked: PageDismissal) -> Json:
        workspace.store.dismiss(asked.ts, user=asked.user)
        return {"dismissed": True}


def _types(api: APIRouter, commands: Commands) -> None:
    @api.post("/page/command", dependencies=[Depends(_same_origin)])
    async def command(typed: PageCommand) -> Json:
        try:
            delivery = await commands.type(**typed.model_dump())
        except Refused as refusal:
            raise HTTPException(404, refusal.error) from refusal
        return {"acknowledged": delivery.acknowledged}


def _same_origin(request: Request) -> None:
    """Only the page itself acts for people: another site in the same browser must not be able to approve."""
    own = f"http://{request.headers.get('host', '')}"
    origin = request.headers.get("origin", "")
    site = request.headers.get("sec-fetch-site", "same-origin")
    json_body = request.headers.get("content-type", "").startswith("application/json")
    if site != "same-origin" or not json_body or not hmac.compare_digest(origin.encode(), own.encode()):
        raise HTTPException(403, "Only the channel's own page may do this.")


def _channel(workspace: Workspace, identifier: str) -> Channel:
    channel = workspace.settings.channel(identifier)
    if channel is None:
        raise HTTPException(404, "There is no such channel here.")
    return channel


def _private(workspace: Workspace, identifier: str, person: Person) -> bool:
    """Whether it is what only somebody else sees."""
    others = (direct(one) for one in workspace.settings.people if one != person)
    return any(channel.id == identifier for channel in others)


def _said(text: Json, names: dict[str, str]) -> Markup:
    """A text object as HTML."""
    if text["type"] == "mrkdwn":
        return mrkdwn.mrkdwn(text["text"], names)
    return mrkdwn.plain(text["text"], shortcodes=text.get("emoji", True))


def _moment(ts: str) -> str:
    return datetime.fromtimestamp(float(ts), UTC).isoformat(timespec="seconds")
