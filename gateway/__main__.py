"""``python -m gateway --port 8100``: the gateway as a process."""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence

import structlog

from contracts.errors import InterlockError
from gateway.build import build
from gateway.logs import configure
from gateway.serving import serve
from gateway.settings import Settings


async def start(settings: Settings, *, host: str, port: int) -> None:
    """Serve until a signal ends it. Raises InterlockError where a neighbour or a key is missing."""
    await serve(await build(settings), host=host, port=port)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="gateway", description="Every way in over HTTP.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    given = parser.parse_args(arguments)
    configure("gateway")
    try:
        asyncio.run(start(Settings.read(os.environ), host=given.host, port=given.port))
    except InterlockError as error:
        structlog.get_logger("gateway").error("cannot start", error=error.sentence)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
