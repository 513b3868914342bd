"""Slack's Web API: how a call is read, authorised and answered. The methods are in `methods`."""

import hmac
import json
import time
from typing import Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from embedded.slack.arguments import Refused
from embedded.slack.checks import Json
from embedded.slack.faults import Fault
from embedded.slack.methods import METHODS
from embedded.slack.workspace import Workspace

_STRUCTURED = ("blocks", "metadata", "view", "attachments")


def router(workspace: Workspace) -> APIRouter:
    """The routes under /api/."""
    api = APIRouter(prefix="/api")

    @api.api_route("/{method}", methods=["GET", "POST"])
    async def call(method: str, request: Request) -> Response:
        fault = workspace.faults.take(method)
        if fault is not None and fault.kind != "drop":
            return _noted(workspace, method, {}, _trouble(fault))
        arguments: Json = {}
        try:
            arguments, token = await _read(request)
            _authorise(workspace, token)
            response = JSONResponse(_answer(workspace, method, arguments))
        except Refused as refusal:
            response = _refusal(refusal)
        _noted(workspace, method, arguments, response, dropped=fault is not None)
        if fault is not None and request.client is not None:
            await workspace.lines.cut((request.client.host, request.client.port))
        return response

    return api


def _answer(workspace: Workspace, method: str, arguments: Json) -> Json:
    handler = METHODS.get(method)
    if handler is None:
        raise Refused("unknown_method")
    return {"ok": True} | handler(workspace, arguments)


def _refusal(refusal: Refused) -> JSONResponse:
    body: Json = {"ok": False, "error": refusal.error}
    if refusal.messages:
        body |= {"errors": refusal.messages, "response_metadata": {"messages": refusal.messages}}
    if refusal.retry_after:
        return JSONResponse(body, status_code=429, headers={"Retry-After": str(refusal.retry_after)})
    return JSONResponse(body)


def _trouble(fault: Fault) -> JSONResponse:
    if fault.kind == "rate_limited":
        return _refusal(Refused("ratelimited", retry_after=fault.retry_after))
    return JSONResponse({"ok": False, "error": "internal_error"}, status_code=500)


def _noted(
    workspace: Workspace, method: str, arguments: Json, response: Response, *, dropped: bool = False
) -> Response:
    answer = json.loads(bytes(response.body))
    workspace.calls.append(
        {
            "at": time.time(),
            "method": method,
            "arguments": arguments,
            "status": response.status_code,
            "ok": answer["ok"],
            "error": answer.get("error"),
            "dropped": dropped,
        }
    )
    return response


def _authorise(workspace: Workspace, token: str) -> None:
    if not token:
        raise Refused("not_authed")
    if not hmac.compare_digest(token.encode(), workspace.settings.bot_token.get_secret_value().encode()):
        raise Refused("invalid_auth")


async def _read(request: Request) -> tuple[Json, str]:
    """The arguments and the token. As with Slack, a token in a JSON body is not looked at."""
    arguments: Json = dict(request.query_params)
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    body = await request.body()
    if kind == "application/json" and body:
        arguments |= _json_body(body)
        arguments.pop("token", None)
    elif kind == "application/x-www-form-urlencoded":
        arguments |= dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    elif kind == "multipart/form-data":
        arguments |= {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
    elif body:
        raise Refused("invalid_post_type")
    token = str(arguments.pop("token", ""))
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    return _structured(arguments), bearer.strip() if scheme.lower() == "bearer" else token


def _json_body(body: bytes) -> Json:
    try:
        value = json.loads(body)
    except ValueError as error:
        raise Refused("invalid_json") from error
    if not isinstance(value, dict):
        raise Refused("json_not_object")
    return value


def _structured(arguments: Json) -> Json:
    return arguments | {
        name: _parsed(name, arguments[name])
        for name in _STRUCTURED
        if isinstance(arguments.get(name), str) and arguments[name]
    }


def _parsed(name: str, value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError as error:
        known = {"blocks": "invalid_blocks_format", "metadata": "invalid_metadata_format"}
        raise Refused(known.get(name, "invalid_arguments")) from error
