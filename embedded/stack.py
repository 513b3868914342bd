"""The embedded stack: every process of Interlock and of its neighbours, on one machine, supervised."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Final

import httpx

from contracts.errors import InterlockError, Malformed
from embedded import break_glass as glass
from embedded import endpoints
from embedded.aws.seed import Seeded, seed
from embedded.commands import Commands, Plan
from embedded.endpoints import Endpoints
from embedded.lock import held
from embedded.ports import Ports, url
from embedded.process import Child, Command, Event
from embedded.roles import BREAK_GLASS, QUEUES, Roles
from embedded.secrets import ToolSecret, tool_secrets
from embedded.seed import ENV, prepare_store
from embedded.temporal import Temporal
from policies.diff_words import tally, title
from policies.load import load
from tools.load import load_tools
from worker.version import workflow_version

#: Last to first: who depends on others is stopped before them.
_STOPPING: Final = (
    ("agent", "broker", "tools"),
    ("gateway", BREAK_GLASS),
    ("slack", "helpdesk", "aws"),
    ("temporal",),
)


def ignore(_event: Event) -> None:
    """Nobody watches."""


def shipped_policies() -> Path:
    return Path(str(files("policies"))) / "shipped"


def shipped_tools() -> Path:
    return Path(str(files("tools"))) / "helpdesk.yaml"


@asynccontextmanager
async def running_stack(
    state: Path,
    *,
    ports: Ports | None = None,
    policies: Path | None = None,
    tools: Path | None = None,
    headless: bool = False,
    reset: bool = False,
    break_glass: bool = False,
    temporal_settings: Sequence[str] = (),
    programs: Mapping[str, Sequence[str]] = MappingProxyType({}),
    on_event: Callable[[Event], None] = ignore,
) -> AsyncIterator[Endpoints]:
    """A stack for as long as the block runs. None: free ports, the shipped policies, the shipped tools.

    ``temporal_settings`` are dynamic settings of its Temporal server, ``name=value``.
    ``programs``: by role, the module and its arguments that stand in for the worker, or for ``break-glass``.

    Raises:
        InterlockError: it cannot start; the sentence says why. Nothing is left running.
    """
    plan = await asyncio.to_thread(
        _plan,
        state.absolute(),
        ports=ports or Ports.free(),
        policies=(policies or shipped_policies()).absolute(),
        tools=(tools or shipped_tools()).absolute(),
        headless=headless,
        break_glass=break_glass,
        temporal_settings=temporal_settings,
        programs=programs,
    )
    with held(plan.state, reset=reset):
        _forget(plan.state)
        stack = Stack(plan, on_event)
        try:
            await stack.start()
            yield stack.endpoints()
        finally:
            await stack.stop()


def _plan(
    state: Path,
    *,
    ports: Ports,
    policies: Path,
    tools: Path,
    headless: bool,
    break_glass: bool,
    temporal_settings: Sequence[str],
    programs: Mapping[str, Sequence[str]],
) -> Plan:
    if not policies.is_dir():
        raise Malformed(f"there is no policy directory {policies}: give one with --policies")
    if not tools.is_file():
        raise Malformed(f"there is no tool file {tools}: give one with --tools")
    loaded = load_tools(tools)
    found = load(policies, loaded.catalogue, env=ENV)
    build = workflow_version(os.environ.get("INTERLOCK_BUILD", "")).build_id
    return Plan(
        state=state,
        ports=ports,
        policies=found,
        tools=loaded,
        tools_file=tools,
        headless=headless,
        build=build,
        break_glass=break_glass,
        temporal_settings=temporal_settings,
        programs=programs,
    )


class Stack:
    """The children of this process. The caller holds the state directory."""

    def __init__(self, plan: Plan, on_event: Callable[[Event], None] = ignore) -> None:
        self._plan = plan
        self._tell = on_event
        self._children: dict[str, Child] = {}
        self._keepers: list[asyncio.Task[None]] = []
        self._temporal = Temporal(plan.ports.temporal)
        self._http = httpx.AsyncClient(trust_env=False, timeout=3.0)
        self._roles = Roles(
            state=plan.state,
            ports=plan.ports,
            tools=plan.tools_file,
            tenants=plan.tenants,
            addresses={"helpdesk": url(plan.ports.helpdesk), **plan.tools.addresses},
            headless=plan.headless,
            build=plan.build,
        )
        self._commands = Commands(plan, self._roles, self._temporal, self._http)
        self._missing: tuple[ToolSecret, ...] = ()
        self._ready = False

    async def start(self) -> None:
        """Return when every part answers. Raises InterlockError; the caller stops what had started."""
        await asyncio.to_thread(self._plan.ports.check, break_glass=self._plan.break_glass)
        try:
            async with asyncio.TaskGroup() as group:
                await self._start(group)
        except* InterlockError as failed:
            raise _first(failed) from None
        self._ready = True
        glass.keep_settings(self._plan.state, self._plan.ports.break_glass, self._roles.break_glass())
        self._keep_endpoints()
        for secret in self._missing:
            self._tell(Event(part="secrets", kind="missing", seconds=0.0, text=secret.todo(self._plan.state)))

    async def stop(self) -> None:
        """Stop everything, whoever depends on others first."""
        _forget(self._plan.state)
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        for stage in _STOPPING:
            found = [self._children[name] for name in stage if name in self._children]
            await asyncio.gather(*(child.stop() for child in found))
        await self._http.aclose()

    def endpoints(self) -> Endpoints:
        ports = self._plan.ports
        return Endpoints(
            gateway=url(ports.gateway),
            temporal=self._temporal.address,
            temporal_ui=None if self._plan.headless else url(ports.temporal_ui),
            slack=url(ports.slack),
            aws=url(ports.aws),
            helpdesk=url(ports.helpdesk),
            break_glass=url(ports.break_glass) if self._plan.break_glass else None,
            state=str(self._plan.state),
            pids={"dev": os.getpid()} | {name: child.pid for name, child in self._children.items()},
        )

    async def _start(self, group: asyncio.TaskGroup) -> None:
        """Each part as soon as what it needs is there."""
        temporal = group.create_task(self._run(self._commands.temporal()))
        store = group.create_task(self._timed("store", self._prepare_store))
        seeded = await self._aws()
        group.create_task(self._run(self._commands.slack(seeded)))
        group.create_task(self._run(self._commands.helpdesk(seeded)))
        await asyncio.gather(temporal, store)
        group.create_task(self._run(self._commands.gateway()))
        if self._plan.break_glass:
            group.create_task(self._run(self._commands.break_glass()))
        for role in QUEUES:
            group.create_task(self._run(self._commands.worker(role)))

    async def _aws(self) -> Seeded:
        ports, state = self._plan.ports, self._plan.state
        await self._run(self._commands.aws())
        seeded = await asyncio.to_thread(seed, url(ports.aws), state, env=ENV, tenants=self._plan.tenants)
        needed = tool_secrets(self._plan.tools.catalogue, self._plan.policies.people)
        self._missing = tuple(secret for secret in needed if secret.path not in seeded.names)
        return seeded

    async def _prepare_store(self) -> None:
        changes = await prepare_store(self._plan.state, self._plan.policies, self._plan.tools)
        if changes:
            text = f"{title(changes)}: {tally(changes)}"
            self._tell(Event(part="policy", kind="changed", seconds=0.0, text=text))

    async def _run(self, command: Command) -> None:
        child = Child(command, self._plan.state, self._tell)
        await self._timed(command.name, partial(self._first_start, child))
        self._keepers.append(asyncio.create_task(child.keep(self._keep_endpoints)))

    async def _first_start(self, child: Child) -> None:
        self._children[child.command.name] = child
        await child.start()

    async def _timed(self, part: str, work: Callable[[], Awaitable[None]]) -> None:
        began = time.monotonic()
        await work()
        self._tell(Event(part=part, kind="ready", seconds=time.monotonic() - began, text="ready"))

    def _keep_endpoints(self) -> None:
        if not self._ready:
            return
        self.endpoints().keep()
        if self._plan.break_glass:
            pid = self._children[BREAK_GLASS].pid
            glass.keep(self._plan.state, self._plan.ports.break_glass, pid)


def _forget(state: Path) -> None:
    endpoints.forget(state)
    glass.forget(state)


def _first(failed: BaseExceptionGroup[InterlockError]) -> InterlockError:
    """One sentence is enough: what fails beside it mostly follows from it."""
    error: BaseException = failed
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if not isinstance(error, InterlockError):
        raise error
    return error
