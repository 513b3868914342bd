"""The tests' own break-glass process: ``python -m tests.chaos.glass DIRECTORY --port N``.

It dies or stops at the named points of an act, as the tests' own tool worker does at those of a write.
"""

import argparse
import asyncio
import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.holds import StoreHolds
from breakglass.app import BreakGlass, create
from breakglass.build import build
from breakglass.parts import Parts
from breakglass.settings import Settings
from gateway.serving import serve
from tests.chaos.points import Point, Points
from tests.chaos.wrapped import PointedLedger, PointedToolbox

SILENCE_MS: Final = 3_000
"""After so long a silent process counts as dead; of the shipped one it is 10 s."""

_HOST: Final = "127.0.0.1"


@dataclass(frozen=True, kw_only=True)
class Acknowledged:
    """ASGI middleware: a confirmed act has another point once its answer has left."""

    points: Points
    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        said = bytearray()

        async def noting(message: Message) -> None:
            said.extend(message.get("body", b""))
            await send(message)

        await self.app(scope, receive, noting)
        if scope["type"] == "http" and scope["path"].endswith("/confirm"):
            answer: dict[str, Any] = json.loads(said)
            self.points.passed(Point.AFTER_ACK, answer.get("idempotency_key") or "")


def wrapped(app: BreakGlass, points: Points) -> ASGIApp:
    """The application with its acts' ports wrapped; what it does is untouched."""
    shipped: Parts = app.state.parts
    carrying, holds = shipped.acting.carrying, shipped.ending.holding.holds
    assert isinstance(holds, StoreHolds)
    holds.silence_ms = SILENCE_MS
    pointed = replace(
        carrying,
        ledger=PointedLedger(points=points, inner=carrying.ledger),
        toolbox=PointedToolbox(points=points, inner=carrying.toolbox),
    )
    parts = replace(shipped, acting=replace(shipped.acting, carrying=pointed))
    return Acknowledged(points=points, app=create(parts))


async def _serve(directory: Path, port: int) -> None:
    app = await build(Settings.read(os.environ))
    await serve(wrapped(app, Points(directory)), host=_HOST, port=port)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="tests.chaos.glass")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--port", type=int, required=True)
    given = parser.parse_args()
    asyncio.run(_serve(given.directory, given.port))
