"""The embedded stack: every process of Interlock and of its neighbours, on one machine, supervised."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Final

import httpx

from adapters.pollers import worker_identity
from contracts.errors import InterlockError, Malformed
from embedded import endpoints
from embedded.aws import server as aws
from embedded.aws.emulator import READY as AWS_READY
from embedded.aws.seed import TENANTS, Seeded, seed
from embedded.endpoints import Endpoints
from embedded.lock import held
from embedded.ports import Ports, url
from embedded.process import Child, Command, Event
from embedded.roles import QUEUES, Roles, inherited, module
from embedded.secrets import ToolSecret, tool_secrets
from embedded.seed import ENV, prepare_store, write_helpdesk_keys, write_slack_config
from embedded.temporal import Temporal, server_command
from policies.diff_words import tally, title
from policies.load import PolicySet, load
from tools.load import LoadedTools, load_tools
from worker.version import workflow_version

#: Last to first: who depends on others is stopped before them.
_STOPPING: Final = (("agent", "broker", "tools"), ("gateway",), ("slack", "helpdesk", "aws"), ("temporal",))


def ignore(_event: Event) -> None:
    """Nobody watches."""


def shipped_policies() -> Path:
    return Path(str(files("policies"))) / "shipped"


def shipped_tools() -> Path:
    return Path(str(files("tools"))) / "helpdesk.yaml"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a stack is made from."""

    #: Absolute.
    state: Path
    ports: Ports
    policies: PolicySet
    tools: LoadedTools
    tools_file: Path
    headless: bool
    #: Of the agent worker.
    build: str
    #: Dynamic settings of the Temporal server beside our own, ``name=value``.
    temporal_settings: Sequence[str]
    #: By role, the module and its arguments that stand in for the worker: a test's own.
    programs: Mapping[str, Sequence[str]]

    @property
    def tenants(self) -> tuple[str, ...]:
        """The helpdesk's, and those that the people file names beside them."""
        named = {tenant for person in self.policies.people.people for tenant in person.tenants}
        return *TENANTS, *sorted(named - {*TENANTS})


@asynccontextmanager
async def running_stack(
    state: Path,
    *,
    ports: Ports | None = None,
    policies: Path | None = None,
    tools: Path | None = None,
    headless: bool = False,
    reset: bool = False,
    temporal_settings: Sequence[str] = (),
    programs: Mapping[str, Sequence[str]] = MappingProxyType({}),
    on_event: Callable[[Event], None] = ignore,
) -> AsyncIterator[Endpoints]:
    """A stack for as long as the block runs. None: free ports, the shipped policies, the shipped tools.

    ``temporal_settings`` are dynamic settings of its Temporal server, ``name=value``.
    ``programs``: by role, the module and its arguments that stand in for the worker.

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
        temporal_settings=temporal_settings,
        programs=programs,
    )
    with held(plan.state, reset=reset):
        endpoints.forget(plan.state)
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
        self._missing: tuple[ToolSecret, ...] = ()
        self._ready = False

    async def start(self) -> None:
        """Return when every part answers. Raises InterlockError; the caller stops what had started."""
        await asyncio.to_thread(self._plan.ports.check)
        try:
            async with asyncio.TaskGroup() as group:
                await self._start(group)
        except* InterlockError as failed:
            raise _first(failed) from None
        self._ready = True
        self._keep_endpoints()
        for secret in self._missing:
            self._tell(Event(part="secrets", kind="missing", seconds=0.0, text=secret.todo(self._plan.state)))

    async def stop(self) -> None:
        """Stop everything, whoever depends on others first."""
        endpoints.forget(self._plan.state)
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
            state=str(self._plan.state),
            pids={"dev": os.getpid()} | {name: child.pid for name, child in self._children.items()},
        )

    async def _start(self, group: asyncio.TaskGroup) -> None:
        """Each part as soon as what it needs is there."""
        temporal = group.create_task(self._run(self._temporal_command()))
        store = group.create_task(self._timed("store", self._prepare_store))
        seeded = await self._aws()
        group.create_task(self._run(self._slack_command(seeded)))
        group.create_task(self._run(self._helpdesk_command(seeded)))
        await asyncio.gather(temporal, store)
        group.create_task(self._run(self._gateway_command()))
        for role in QUEUES:
            group.create_task(self._run(self._worker_command(role)))

    async def _aws(self) -> Seeded:
        ports, state = self._plan.ports, self._plan.state
        await self._run(self._aws_command())
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
        if self._ready:
            self.endpoints().keep()

    def _temporal_command(self) -> Command:
        async def answers(_pid: int) -> bool:
            return await self._temporal.answers()

        plan = self._plan
        # Its home is the state directory: a Temporal profile of the developer's is none of ours.
        return Command(
            name="temporal",
            arguments=server_command(
                plan.ports, plan.state, headless=plan.headless, settings=plan.temporal_settings
            ),
            environment=inherited() | {"HOME": str(plan.state)},
            probe=answers,
        )

    def _aws_command(self) -> Command:
        arguments, environment = aws.start_command(self._plan.ports.aws, self._plan.state)
        probe = self._answers(url(self._plan.ports.aws) + AWS_READY)
        return Command(name="aws", arguments=arguments, environment=environment, probe=probe)

    def _slack_command(self, seeded: Seeded) -> Command:
        plan, port = self._plan, self._plan.ports.slack
        config = write_slack_config(plan.state, seeded, plan.policies, url(plan.ports.gateway))
        arguments = ("--db", str(plan.state / "slack.db"), "--config", str(config))
        return self._served("slack", "embedded.slack", port, arguments)

    def _helpdesk_command(self, seeded: Seeded) -> Command:
        plan, port = self._plan, self._plan.ports.helpdesk
        keys = write_helpdesk_keys(plan.state, seeded)
        arguments = ("--db", str(plan.state / "helpdesk.db"), "--keys", str(keys))
        return self._served("helpdesk", "embedded.helpdesk", port, arguments)

    def _served(self, name: str, package: str, port: int, arguments: Sequence[str]) -> Command:
        return Command(
            name=name,
            arguments=module(package, "--port", str(port), *arguments),
            environment=inherited(),
            probe=self._answers(url(port) + "/healthz"),
        )

    def _gateway_command(self) -> Command:
        port = self._plan.ports.gateway
        return Command(
            name="gateway",
            arguments=module("gateway", "--port", str(port)),
            environment=self._roles.environment("gateway"),
            probe=self._answers(url(port) + "/readyz"),
        )

    def _worker_command(self, role: str) -> Command:
        agent = role == "agent"

        async def polls(pid: int) -> bool:
            polled = await self._temporal.polled(QUEUES[role], worker_identity(role, pid), workflows=agent)
            return polled and (not agent or await self._temporal.routed(self._plan.build))

        return Command(
            name=role,
            arguments=module(*self._plan.programs.get(role, ("worker",)), "--role", role),
            environment=self._roles.environment(role),
            probe=polls,
        )

    def _answers(self, address: str) -> Callable[[int], Awaitable[bool]]:
        async def answers(_pid: int) -> bool:
            try:
                return (await self._http.get(address)).status_code == httpx.codes.OK
            except httpx.TransportError:
                return False

        return answers


def _first(failed: BaseExceptionGroup[InterlockError]) -> InterlockError:
    """One sentence is enough: what fails beside it mostly follows from it."""
    error: BaseException = failed
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if not isinstance(error, InterlockError):
        raise error
    return error
