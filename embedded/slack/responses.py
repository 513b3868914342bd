"""response_url: for half an hour and five times the app may answer a click without a token."""

import json

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from embedded.slack.arguments import Refused, content
from embedded.slack.checks import Json
from embedded.slack.store import Answer
from embedded.slack.workspace import Workspace


def router(workspace: Workspace) -> APIRouter:
    """The route of every response_url."""
    api = APIRouter()

    @api.post("/response/{identifier}")
    async def respond(identifier: str, request: Request) -> Response:
        try:
            message = json.loads(await request.body())
        except ValueError:
            message = None
        if not isinstance(message, dict):
            return _refused("invalid_payload", 400)
        # Rejected content costs no use; used_url and expired_url are answered before it is looked at.
        answer = workspace.store.answer(identifier)
        if isinstance(answer, str):
            return _refused(answer, 404)
        try:
            _carry_out(workspace, answer, message)
        except Refused as refusal:
            return _refused(refusal.error, 400)
        workspace.store.count_answer(identifier)
        return PlainTextResponse("ok")

    return api


def _refused(error: str, status: int) -> JSONResponse:
    return JSONResponse({"ok": False, "error": error}, status_code=status)


def _carry_out(workspace: Workspace, answer: Answer, message: Json) -> None:
    if message.get("delete_original"):
        _delete(workspace, answer)
    elif message.get("replace_original"):
        _replace(workspace, answer, message)
    else:
        post_answer(workspace, answer, message)


def _delete(workspace: Workspace, answer: Answer) -> None:
    if answer.ephemeral:
        workspace.store.dismiss(answer.ts, user=answer.user)
    else:
        workspace.store.delete_message(answer.channel, answer.ts)


def _replace(workspace: Workspace, answer: Answer, message: Json) -> None:
    store = workspace.store
    before = (
        store.ephemeral(answer.ts, user=answer.user)
        if answer.ephemeral
        else store.message(answer.channel, answer.ts)
    )
    if before is None:
        raise Refused("message_not_found")
    text, blocks = content(message)
    after = {key: value for key, value in before.items() if key != "blocks"} | {"text": text}
    if blocks:
        after["blocks"] = blocks
    if answer.ephemeral:
        store.replace_ephemeral(after, user=answer.user)
    else:
        store.replace_message(after)


def post_answer(workspace: Workspace, answer: Answer, message: Json) -> None:
    """Show the app's answer as a message of its own. Raises Refused where it is none."""
    text, blocks = content(message)
    thread_ts = message.get("thread_ts")
    doc = workspace.bot_message(channel=answer.channel, text=text, blocks=blocks, thread_ts=thread_ts)
    if message.get("response_type") == "in_channel":
        workspace.store.add_message(doc)
    else:
        workspace.store.add_ephemeral(doc, user=answer.user)
