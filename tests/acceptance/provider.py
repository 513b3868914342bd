"""A model's provider on loopback that answers as badly as it is told, and keeps all that it was sent."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from aiohttp import web

Json: TypeAlias = dict[str, Any]

KEY: Final = "sk-planted-provider-key-0b5e55ed"
MODEL: Final = "openai-chat:gpt-4o"


def call(tool: str, arguments: str, place: int = 0) -> Json:
    """A tool call as OpenAI's chat format writes it; its arguments are a text that may be anything."""
    return {"id": f"call_{place}", "type": "function", "function": {"name": tool, "arguments": arguments}}


def says(text: str | None = None, *calls: Json) -> Json:
    """An assistant's message."""
    return {"role": "assistant", "content": text, **({"tool_calls": list(calls)} if calls else {})}


@dataclass
class Provider:
    """Speaks OpenAI's chat format."""

    url: str = ""
    #: What it says, by the ``play`` of the run's input: one message for each turn, then "Done.".
    plays: dict[str, Sequence[Json]] = field(default_factory=dict)
    #: Seconds that it thinks, by the same.
    slow: dict[str, float] = field(default_factory=dict)
    #: Whole requests: headers without the key on one line, then the body.
    requests: list[bytes] = field(default_factory=list)
    #: Whether each request carried the key.
    keys: list[bool] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        body = await request.read()
        headers = {name: value for name, value in request.headers.items() if name != "Authorization"}
        self.keys.append(request.headers.get("Authorization") == f"Bearer {KEY}")
        self.requests.append(json.dumps(headers).encode() + b"\n" + body)
        messages = json.loads(body)["messages"]
        play = next(json.loads(one["content"]) for one in messages if one["role"] == "user")["play"]
        await asyncio.sleep(self.slow.get(play, 0))
        return web.json_response(_completion(self._next(play, messages)))

    def _next(self, play: str, messages: Sequence[Json]) -> Json:
        turn = sum(one["role"] == "assistant" for one in messages)
        turns = self.plays[play]
        return turns[turn] if turn < len(turns) else says("Done.")


def _completion(message: Json) -> Json:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_760_000_000,
        "model": "gpt-4o-2024-08-06",
        "choices": [
            {
                "index": 0,
                "message": message,
                "finish_reason": "tool_calls" if "tool_calls" in message else "stop",
            }
        ],
        "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120},
    }


@asynccontextmanager
async def serving() -> AsyncIterator[Provider]:
    provider = Provider()
    app = web.Application(client_max_size=16 * 1024 * 1024)
    app.router.add_post("/v1/chat/completions", provider.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    provider.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    try:
        yield provider
    finally:
        await runner.cleanup()
