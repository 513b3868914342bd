"""How a method reads its arguments: each reader gives the value or refuses with Slack's error word."""

import base64
import binascii
import json
import re
from typing import Any

from embedded.slack import blocks as kit
from embedded.slack.checks import Json
from embedded.slack.config import Channel, Person, direct
from embedded.slack.workspace import Workspace

METADATA_BYTES = 16 * 1024
PAGE = 999
_TS = re.compile(r"\d{1,10}(\.\d{1,6})?")


class Refused(Exception):
    """A call that Slack answers with `ok: false`."""

    def __init__(self, error: str, messages: list[str] | None = None, *, retry_after: int = 0) -> None:
        super().__init__(error)
        self.error = error
        self.messages = messages or []
        self.retry_after = retry_after


def content(arguments: Json) -> tuple[str, Any]:
    """The text and the blocks as Slack keeps them. Raises Refused."""
    text, blocks = arguments.get("text") or "", arguments.get("blocks")
    if not isinstance(text, str):
        raise Refused("invalid_arguments", ["[ERROR] must be a string [json-pointer:/text]"])
    if arguments.get("attachments"):
        raise Refused(
            "invalid_arguments", ["[ERROR] unsupported here: use blocks [json-pointer:/attachments]"]
        )
    if blocks is not None and (found := kit.complaints(kit.MESSAGE, "/blocks", blocks)):
        raise Refused("invalid_blocks", found)
    if kit.text_length(blocks) > kit.BLOCKS_TEXT:
        raise Refused("msg_blocks_too_long")
    if not text.strip() and not blocks:
        raise Refused("no_text")
    return text, kit.completed(blocks)


def required(arguments: Json, name: str) -> str:
    """A string that must be there."""
    value = arguments.get(name)
    if not isinstance(value, str) or not value:
        raise Refused("invalid_arguments", [f"[ERROR] missing required field: {name} [json-pointer:/{name}]"])
    return value


def channel_of(workspace: Workspace, arguments: Json) -> Channel:
    """The channel that is named by id."""
    channel = workspace.settings.channel(arguments.get("channel"))
    if channel is None:
        raise Refused("channel_not_found")
    return channel


def destination_of(workspace: Workspace, arguments: Json) -> Channel:
    """Where a message goes: a channel, or by user id what only that person and the app see."""
    person = workspace.settings.person(arguments.get("channel"))
    return channel_of(workspace, arguments) if person is None else direct(person)


def person_of(workspace: Workspace, arguments: Json, name: str = "user") -> Person:
    """The person that is named by user id."""
    person = workspace.settings.person(required(arguments, name))
    if person is None:
        raise Refused("user_not_found")
    return person


def thread_of(workspace: Workspace, channel: Channel, arguments: Json) -> str | None:
    """The thread's parent, also when a reply was named."""
    if not arguments.get("thread_ts"):
        return None
    parent = workspace.store.message(channel.id, required(arguments, "thread_ts"))
    if parent is None:
        raise Refused("thread_not_found")
    return str(parent.get("thread_ts") or parent["ts"])


def metadata_of(arguments: Json) -> Json | None:
    """None when the call says nothing of metadata; an empty object takes it away."""
    metadata = arguments.get("metadata")
    if metadata is None or metadata == "":
        return None
    if metadata == {}:
        return {}
    well_formed = (
        isinstance(metadata, dict)
        and set(metadata) <= {"event_type", "event_payload", "entities"}
        and isinstance(metadata.get("event_type"), str)
        and isinstance(metadata.get("event_payload"), dict)
    )
    if not well_formed:
        raise Refused("invalid_metadata_format")
    if len(json.dumps(metadata, ensure_ascii=False).encode()) > METADATA_BYTES:
        raise Refused("metadata_too_large")
    return dict(metadata)


def limit_of(arguments: Json, *, default: int = 100) -> int:
    """How many entries a page holds."""
    try:
        limit = int(arguments.get("limit") or default)
    except (TypeError, ValueError) as error:
        raise Refused("invalid_limit") from error
    if limit < 1:
        raise Refused("invalid_limit")
    return min(limit, PAGE)


def moment(arguments: Json, name: str, default: str) -> str:
    """A time in the form that messages carry, so that the two compare as text."""
    value = str(arguments.get(name) or default)
    if not _TS.fullmatch(value):
        raise Refused(f"invalid_ts_{name}")
    seconds, _, micros = value.partition(".")
    return f"{seconds:0>10}.{micros:0<6}"


def cursor_of(arguments: Json) -> str | None:
    """The time at which the page before ended."""
    if not arguments.get("cursor"):
        return None
    try:
        kind, _, ts = base64.b64decode(str(arguments["cursor"]), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise Refused("invalid_cursor") from error
    if kind != "next_ts" or not _TS.fullmatch(ts):
        raise Refused("invalid_cursor")
    return ts


def flag(arguments: Json, name: str) -> bool:
    """A boolean, as JSON or as the form writes it."""
    return str(arguments.get(name, "")).lower() in ("1", "true")


def wants_metadata(arguments: Json) -> bool:
    """Whether messages carry their metadata in the answer."""
    return flag(arguments, "include_all_metadata")
