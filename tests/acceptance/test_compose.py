"""The production shape without Docker: every service's own command and settings, over real neighbours.

What is not started here, for want of their images: the two PostgreSQL servers' own entry points, Temporal's
server, its schema and its UI. PostgreSQL (with passwords) and Temporal's dev server stand in their places.
"""

import asyncio
import json
import os
import secrets
import shlex
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import pytest_asyncio
import yaml

from adapters.pollers import worker_identity
from cli import minting
from cli.state import State
from embedded.ports import Ports
from embedded.process import Child, Command, Event
from embedded.stack import shipped_policies, shipped_tools
from tests import postgres
from tests.compose import BREAK_GLASS, ROLES, Here, load, services
from worker.health import healthy

pytestmark = pytest.mark.asyncio(loop_scope="module")

PROFILE: Final = ("emulators",)
SECONDS: Final = 60.0


@dataclass
class System:
    """The services as they are started one after the other."""

    directory: Path
    ports: Ports
    cluster: postgres.Cluster
    services: dict[str, dict[str, Any]] = field(default_factory=lambda: services(profiles=PROFILE))
    children: dict[str, Child] = field(default_factory=dict)
    #: Whose own commands were run.
    tried: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        (self.directory / "volumes").mkdir()
        self.here = Here(
            addresses={
                "temporal:7233": f"127.0.0.1:{self.ports.temporal}",
                "store-db:5432": f"127.0.0.1:{self.cluster.port}",
                "aws:4566": f"127.0.0.1:{self.ports.aws}",
                "slack:9300": f"127.0.0.1:{self.ports.slack}",
                "helpdesk:9400": f"127.0.0.1:{self.ports.helpdesk}",
                "gateway:8080": f"127.0.0.1:{self.ports.gateway}",
            },
            volumes=self.directory / "volumes",
            image={
                "/etc/interlock/policies": shipped_policies(),
                "/etc/interlock/tools.yaml": shipped_tools(),
            },
        )

    def address(self, name: str) -> str:
        return next(f"http://{to}" for of, to in self.here.addresses.items() if of.startswith(f"{name}:"))

    async def once(self, name: str, *words: str) -> str:
        """Run a service that ends, or other words in its place; what it printed."""
        service = self.services[name]
        command = self.here.command(name, service, list(words) or None)
        process = await asyncio.create_subprocess_exec(
            *command,
            env=self.here.environment(name, service),
            cwd=self.directory,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(), SECONDS)
        assert process.returncode == 0, f"{shlex.join(command)}: {err.decode()}"
        self.tried.add(name)
        return out.decode()

    async def serve(self, name: str) -> None:
        """Start a service and wait until its own health says that it is well."""
        service = self.services[name]

        async def well(pid: int) -> bool:
            # A look that costs nothing before the service's own, which starts a process.
            return await self._looks_well(name, pid) and await self.well(name, pid)

        command = Command(
            name=name,
            arguments=self.here.command(name, service),
            environment=self.here.environment(name, service),
            probe=well,
        )
        self.children[name] = Child(command, self.directory, _ignore)
        await self.children[name].start()
        self.tried.add(name)

    async def _looks_well(self, name: str, pid: int) -> bool:
        if name in ("agent", "broker", "tools"):
            return await healthy(name, self.here.addresses["temporal:7233"], pid)
        return await _listens(self.address(name))

    async def well(self, name: str, pid: int) -> bool:
        """What the service's own health command says."""
        service = self.services[name]
        words = self.here.command(name, service, service["healthcheck"]["test"][1:])
        # In a container the worker is the process with the number 1.
        words += ["--pid", str(pid)] if "worker.health" in words else []
        process = await asyncio.create_subprocess_exec(
            *words, env=self.here.environment(name, service), stderr=subprocess.DEVNULL
        )
        return await process.wait() == 0

    async def temporal(self) -> None:
        """The dev server in the place of Temporal's: bare but for the dynamic configuration of the file."""
        given = yaml.safe_load(load()["configs"]["temporal-dynamic"]["content"])
        words = [str(Path(sys.executable).parent / "temporal"), "server", "start-dev", "--headless"]
        words += ["--ip", "127.0.0.1", "--port", str(self.ports.temporal), "--log-level", "error"]
        for name, (setting,) in given.items():
            words += ["--dynamic-config-value", f"{name}={json.dumps(setting['value'])}"]

        async def listens(_pid: int) -> bool:
            return await _listens(f"http://127.0.0.1:{self.ports.temporal}")

        environment = {"HOME": str(self.directory), "PATH": os.defpath}
        command = Command(name="temporal", arguments=words, environment=environment, probe=listens)
        self.children["temporal"] = Child(command, self.directory, _ignore)
        await self.children["temporal"].start()

    def store(self) -> None:
        """What PostgreSQL's image does at its first start, for an owner who is less than a superuser."""
        password = (self.here.volume("identity-store-db") / "password").read_text()
        with self.cluster.owner() as connection:
            connection.execute(f"CREATE ROLE interlock LOGIN CREATEROLE PASSWORD '{password}'")
            connection.execute("CREATE DATABASE interlock OWNER interlock")

    async def stop(self) -> None:
        for stage in (ROLES, ("slack", "helpdesk", "aws", "temporal")):
            await asyncio.gather(*(self.children[name].stop() for name in stage if name in self.children))


async def _listens(address: str) -> bool:
    found = httpx.URL(address)
    try:
        _, writer = await asyncio.open_connection(found.host, found.port)
    except OSError:
        return False
    writer.close()
    return True


def _ignore(_event: Event) -> None:
    """A child that dies fails what waits for it."""


async def _start(system: System) -> None:
    """In the order of ``depends_on``; what does not depend on each other at once."""
    async with asyncio.TaskGroup() as group:
        temporal = group.create_task(_temporal(system))
        await system.serve("aws")
        await system.once("handout")
        group.create_task(system.serve("slack"))
        group.create_task(system.serve("helpdesk"))
        await asyncio.to_thread(system.store)
        await system.once("migrate")
        await system.once("publish")
        await temporal
        for role in ROLES:
            group.create_task(system.serve(role))


async def _temporal(system: System) -> None:
    await system.temporal()
    await system.once("temporal-namespace")


@asynccontextmanager
async def running(directory: Path) -> AsyncIterator[System]:
    with postgres.running(bare=True) as cluster:
        system = System(directory=directory, ports=Ports.free(), cluster=cluster)
        try:
            await _start(system)
            yield system
        finally:
            await system.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    async with running(tmp_path_factory.mktemp("compose")) as found:
        yield found


async def test_every_command_of_ours_is_started(system: System) -> None:
    """What is left untried are other people's images, and no service of ours."""
    left_out = {name: one["image"] for name, one in system.services.items() if name not in system.tried}
    assert set(left_out) == {"store-db", "temporal-db", "temporal", "temporal-schema", "temporal-ui"}
    assert not any(image.startswith("interlock") for image in left_out.values())


async def test_a_run_goes_through_to_the_click_and_one_write(system: System) -> None:
    """The shipped route on the shipped model, approved by a signed click: one write, and a proven audit."""
    state = State(directory=system.here.volume("identity-operator"))
    token = await minting.mint(state, minting.caller("test", "acme", "support/close"))
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(
        base_url=system.address("gateway"), headers=headers, trust_env=False, timeout=40
    ) as gateway:
        body = {"route": "support/close", "input": {"ticket_id": "T-18421"}}
        key = {"Idempotency-Key": secrets.token_hex(8)}
        started = await gateway.post("/v1/runs", json=body, headers=key)
        assert started.status_code == 202, started.text
        run = await _reaches(gateway, started.json()["run_id"], "waiting_approval")
        await _approve(system, run["actions"][-1])
        run = await _reaches(gateway, run["run_id"], "completed")
    write = run["actions"][-1]
    assert (write["outcome"], write["approvers"]) == ("succeeded", ["principal:ada"])
    control = (system.here.volume("helpdesk") / "helpdesk-control").read_text()
    counted = await _control(system, "helpdesk", control, "GET", "writes")
    assert counted["executions"] == {write["idempotency_key"]: 1}
    proof = json.loads(await system.once("publish", "interlock", "audit", "verify", "--json"))
    assert proof["verified"] is True


async def test_what_runs_once_may_run_again(system: System) -> None:
    """``up`` on a system that is up seeds, migrates and publishes nothing anew."""
    before = {path: path.read_bytes() for path in system.here.volumes.glob("identity-*/*") if path.is_file()}
    publish = [*system.services["publish"]["command"], "--json"]
    *_, published = await asyncio.gather(
        *(system.once(name) for name in ("handout", "migrate", "temporal-namespace")),
        system.once("publish", *publish),
    )
    assert json.loads(published) == {"changed": [], "changes": []}
    assert {path: path.read_bytes() for path in before} == before


async def test_a_worker_that_does_not_poll_is_not_well(system: System) -> None:
    """The health asks Temporal, and takes no other process's polling for this one's."""
    assert await system.well("broker", system.children["broker"].pid)
    assert not await system.well("broker", os.getpid())
    assert worker_identity("broker", 1).startswith("broker-1@")


async def test_no_container_was_handed_anothers_secret(system: System) -> None:
    """A password or access key stands in the files of its own container, and of who makes it, alone."""
    found: dict[str, set[str]] = {}
    for role in (*ROLES, BREAK_GLASS):
        directory = system.here.volume(f"identity-{role}")
        ring = "break-glass-keyring.json" if role == BREAK_GLASS else "keyring.json"
        assert {path.name for path in directory.iterdir()} == {"aws.json", ring, "pgpass"}
        password = (directory / "pgpass").read_text().strip().rpartition(":")[2]
        key = json.loads((directory / "aws.json").read_text())["secret_access_key"]
        for secret in (password, key):
            holders = {
                path.relative_to(system.here.volumes).parts[0]
                for path in system.here.volumes.rglob("*")
                if path.is_file() and secret.encode() in path.read_bytes()
            }
            found[secret] = holders - {"aws", "identity-migrate"}
            assert found[secret] == {f"identity-{role}"}


async def _reaches(gateway: httpx.AsyncClient, run_id: str, state: str) -> dict[str, Any]:
    until = time.monotonic() + SECONDS
    while True:
        run: dict[str, Any] = (await gateway.get(f"/v1/runs/{run_id}")).json()
        if run["state"] == state:
            return run
        assert run["state"] in ("queued", "running", "waiting_approval"), run
        assert time.monotonic() < until, run
        await asyncio.sleep(0.1)


async def _approve(system: System, action: dict[str, Any]) -> None:
    """Ada presses the button of the action's card, once it is in the channel."""
    control = json.loads((system.here.volume("slack") / "slack.json").read_text())["control_token"]
    until = time.monotonic() + SECONDS
    while True:
        messages = (await _control(system, "slack", control, "GET", "messages"))["messages"]
        cards = [one for one in messages if action["approval_id"] in json.dumps(one["blocks"])]
        if cards:
            break
        assert time.monotonic() < until, messages
        await asyncio.sleep(0.1)
    click = {"channel": cards[0]["channel"], "ts": cards[0]["ts"], "user": "U0ADA"}
    delivery = await _control(
        system, "slack", control, "POST", "click", {**click, "action_id": "interlock.approve"}
    )
    assert delivery["status"] == 200, delivery


async def _control(
    system: System, name: str, token: str, method: str, path: str, body: dict[str, Any] | None = None
) -> dict[str, Any]:
    async with httpx.AsyncClient(base_url=system.address(name), trust_env=False, timeout=20) as client:
        answer = await client.request(
            method, f"/control/{path}", json=body, headers={"Authorization": f"Bearer {token}"}
        )
    assert answer.is_success, answer.text
    found: dict[str, Any] = answer.json()
    return found
