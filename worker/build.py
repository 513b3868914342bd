"""The composition root of the workers: each role in a module of its own, and no process loads another's."""

from collections.abc import Awaitable, Callable
from importlib import import_module

from worker.parts import Parts, Role, parts_of
from worker.settings import Settings


async def build(role: str, settings: Settings) -> Role:
    """Wire a role: ``agent``, ``broker`` or ``tools``. Raises InterlockError where a neighbour says no."""
    wired: Callable[[Parts], Awaitable[Role]] = getattr(import_module(f"worker.{role}"), role)
    return await wired(await parts_of(role, settings))
