"""The gateway's world, served over a real socket by the real server from a thread of its own."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import uvicorn
from starlette.types import ASGIApp

from tests.integration.test_gateway_world import World, opened

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Served:
    """A served world: its address, and the loop in which it lives."""

    url: str
    world: World
    loop: asyncio.AbstractEventLoop

    def do(self, work: Awaitable[T]) -> T:
        """Have the world's own loop do something; its result."""

        async def awaited() -> T:
            return await work

        return asyncio.run_coroutine_threadsafe(awaited(), self.loop).result(timeout=30)


@contextmanager
def served(
    directory: Path, change: Callable[[World], ASGIApp] = lambda world: world.app, *, port: int = 0
) -> Iterator[Served]:
    """A world on a port of loopback; 0: a free one. ``change`` may put something around the application."""
    ready: Future[tuple[Served, uvicorn.Server]] = Future()

    async def serve() -> None:
        async with opened(directory) as world:
            server = uvicorn.Server(
                uvicorn.Config(
                    change(world), port=port, log_config=None, access_log=False, server_header=False
                )
            )
            serving = asyncio.create_task(server.serve())
            while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn has no event for it
                await asyncio.sleep(0.01)
            bound = server.servers[0].sockets[0].getsockname()[1]
            loop = asyncio.get_running_loop()
            ready.set_result((Served(url=f"http://127.0.0.1:{bound}", world=world, loop=loop), server))
            await serving

    def keep() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:
            # Whoever waits for the address is told, whatever it was.
            if ready.done():
                raise
            ready.set_exception(error)

    thread = threading.Thread(target=keep, name="gateway")
    thread.start()
    server = None
    try:
        found, server = ready.result(timeout=30)
        yield found
    finally:
        if server is not None:
            server.should_exit = True
        thread.join(timeout=30)
    assert not thread.is_alive(), "the gateway did not stop"
