"""How each part of the embedded stack is started, and by what it is seen to answer."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from adapters.pollers import worker_identity
from embedded.aws.emulator import READY as AWS_READY
from embedded.aws.seed import TENANTS, Seeded
from embedded.aws.server import start_command
from embedded.ports import Ports, url
from embedded.process import Command
from embedded.roles import BREAK_GLASS, QUEUES, Roles, inherited, module
from embedded.seed import write_helpdesk_keys, write_slack_config
from embedded.temporal import Temporal, server_command
from policies.load import PolicySet
from tools.load import LoadedTools


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
    #: Whether the break-glass process runs too.
    break_glass: bool
    #: Dynamic settings of the Temporal server beside our own, ``name=value``.
    temporal_settings: Sequence[str]
    #: By role, the module and its arguments that stand in for the worker, ``break-glass`` among them: a
    #: test's own.
    programs: Mapping[str, Sequence[str]]

    @property
    def tenants(self) -> tuple[str, ...]:
        """The helpdesk's, and those that the people file names beside them."""
        named = self.policies.people.tenants()
        return *TENANTS, *sorted(named - {*TENANTS})


class Commands:
    """The parts of one stack."""

    def __init__(self, plan: Plan, roles: Roles, temporal: Temporal, http: httpx.AsyncClient) -> None:
        self._plan = plan
        self._roles = roles
        self._temporal = temporal
        self._http = http

    def temporal(self) -> Command:
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

    def aws(self) -> Command:
        arguments, environment = start_command(self._plan.ports.aws, self._plan.state)
        probe = self._answers(url(self._plan.ports.aws) + AWS_READY)
        return Command(name="aws", arguments=arguments, environment=environment, probe=probe)

    def slack(self, seeded: Seeded) -> Command:
        plan, port = self._plan, self._plan.ports.slack
        config = write_slack_config(plan.state, seeded, plan.policies, url(plan.ports.gateway))
        arguments = ("--db", str(plan.state / "slack.db"), "--config", str(config))
        return self._served("slack", "embedded.slack", port, arguments)

    def helpdesk(self, seeded: Seeded) -> Command:
        plan, port = self._plan, self._plan.ports.helpdesk
        keys = write_helpdesk_keys(plan.state, seeded)
        arguments = ("--db", str(plan.state / "helpdesk.db"), "--keys", str(keys))
        return self._served("helpdesk", "embedded.helpdesk", port, arguments)

    def gateway(self) -> Command:
        port = self._plan.ports.gateway
        return Command(
            name="gateway",
            arguments=module("gateway", "--port", str(port)),
            environment=self._roles.environment("gateway"),
            probe=self._answers(url(port) + "/readyz"),
        )

    def worker(self, role: str) -> Command:
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

    def break_glass(self) -> Command:
        port = self._plan.ports.break_glass
        return Command(
            name=BREAK_GLASS,
            arguments=module(*self._plan.programs.get(BREAK_GLASS, ("breakglass",)), "--port", str(port)),
            environment=self._roles.environment(BREAK_GLASS),
            probe=self._answers(url(port) + "/healthz"),
        )

    def _served(self, name: str, package: str, port: int, arguments: Sequence[str]) -> Command:
        return Command(
            name=name,
            arguments=module(package, "--port", str(port), *arguments),
            environment=inherited(),
            probe=self._answers(url(port) + "/healthz"),
        )

    def _answers(self, address: str) -> Callable[[int], Awaitable[bool]]:
        async def answers(_pid: int) -> bool:
            try:
                return (await self._http.get(address)).status_code == httpx.codes.OK
            except httpx.TransportError:
                return False

        return answers
