"""``python -m breakglass --port 8106``: break-glass as a process of its own."""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence

import structlog

from breakglass.build import build
from breakglass.settings import Settings
from contracts.errors import InterlockError
from gateway.logs import configure
from gateway.serving import serve


async def start(settings: Settings, *, host: str, port: int) -> None:
    """Serve until a signal ends it. Raises InterlockError where a neighbour, a key or a lock is missing."""
    await serve(await build(settings), host=host, port=port)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="breakglass", description="A person acts around the agents.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    given = parser.parse_args(arguments)
    configure("break-glass")
    try:
        asyncio.run(start(Settings.read(os.environ), host=given.host, port=given.port))
    except InterlockError as error:
        structlog.get_logger("breakglass").error("cannot start", error=error.sentence)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
