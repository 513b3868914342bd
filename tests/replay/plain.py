"""A history as it may be kept in public: readable, and with no token that opens anything."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from google.protobuf.message import Message
from temporalio.api.common.v1 import Payload
from temporalio.client import WorkflowHistory
from temporalio.converter import PayloadCodec

TOKEN: Final = re.compile(r"eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_TRACE: Final = "stack_trace"


async def in_plain(history: WorkflowHistory, codec: PayloadCodec) -> str:
    """One event a line, decrypted; tokens are a word, and what names the recording machine is left out."""
    for payload in payloads(history):
        (plain,) = await codec.decode([payload])
        payload.CopyFrom(_harmless(plain))
    document = json.loads(history.to_json())
    lines = ",\n".join(json.dumps(event, separators=(",", ":")) for event in document["events"])
    return f'{{"events":[\n{lines}\n]}}\n'


def payloads(history: WorkflowHistory) -> list[Payload]:
    """Every payload of a history: arguments, results, headers, failures, summaries, attributes."""
    return [payload for event in history.events for payload in _payloads(event)]


def _payloads(message: Message) -> Iterator[Payload]:
    """Every payload of a message, however deep."""
    if isinstance(message, Payload):
        yield message
        return
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        for part in _parts(value):
            if isinstance(part, Message):
                yield from _payloads(part)


def _parts(value: Any) -> list[Any]:
    if isinstance(value, Message):
        return [value]
    return list(value.values()) if hasattr(value, "values") else list(value)


def _harmless(payload: Payload) -> Payload:
    text = TOKEN.sub("a-token", payload.data.decode())
    if f'"{_TRACE}"' in text:
        text = json.dumps(json.loads(text) | {_TRACE: ""})
    return Payload(metadata=dict(payload.metadata), data=text.encode())
