"""``interlock doctor``: every part of the local stack, and what to do about each that does not answer."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import typer
from sqlalchemy import text

from adapters.contents import NoContents
from adapters.keys import AwsIdentity, KeyRing, PrivateKeys
from adapters.store import Store
from cli import output
from cli.content_keys import OperatorKeys
from cli.options import JsonOption, StateOption
from cli.secrets import needed
from cli.state import State
from contracts.break_glass import ROUTE
from contracts.errors import InterlockError, Unavailable
from contracts.tokens import Purpose
from embedded.rings import LocalRings
from embedded.secrets import LocalSecrets

_SECONDS: Final = 5.0
_RESTART: Final = "Stop the stack and start it again with `interlock dev`."


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One part: well, or what is wrong and what to do."""

    part: str
    ok: bool
    what: str
    todo: str = ""


@dataclass(frozen=True, kw_only=True)
class Check:
    """How one part is looked at: ``look`` says what it found, or raises."""

    part: str
    look: Callable[[State], Awaitable[str]]
    todo: str = _RESTART


def doctor(state: StateOption = None, as_json: JsonOption = False) -> None:
    """Check every part of the local stack; status 0 only if all are well.

    Example: interlock doctor --json
    """
    found = asyncio.run(examine(State.at(state)))
    well = all(finding.ok for finding in found)
    if as_json:
        output.document({"ok": well, "checks": [asdict(finding) for finding in found]})
    else:
        rows = [(one.part, "ok" if one.ok else "NO", one.what, one.todo) for one in found]
        output.table("Parts", ("part", "well", "found", "what to do"), rows)
    if not well:
        raise typer.Exit(1)


async def examine(state: State) -> tuple[Finding, ...]:
    """Every part, whatever the others are like."""
    return tuple(await asyncio.gather(*(_finding(check, state) for check in CHECKS)))


async def _finding(check: Check, state: State) -> Finding:
    try:
        async with asyncio.timeout(_SECONDS):
            return Finding(part=check.part, ok=True, what=await check.look(state))
    except TimeoutError:
        what = f"no answer within {_SECONDS:.0f} s"
    except InterlockError as error:
        what = error.sentence
    except (httpx.HTTPError, OSError) as error:
        what = f"no answer ({type(error).__name__})"
    return Finding(part=check.part, ok=False, what=what, todo=check.todo)


async def _directory(state: State) -> str:
    if not state.directory.is_dir():
        raise Unavailable(f"there is no directory {state.directory}")
    mode = state.directory.stat().st_mode & 0o777
    if mode & 0o077:
        raise Unavailable(f"{state.directory} holds keys and is open to others (mode {mode:o})")
    return str(state.directory)


async def _endpoints(state: State) -> str:
    return f"{len(state.endpoints())} entries"


async def _gateway(state: State) -> str:
    answer = await _fetch(state.address("gateway") + "/readyz")
    checks: dict[str, Any] = answer.json().get("checks", {})
    out = [name for name, how in checks.items() if how != "ok"]
    if answer.status_code != 200 or out:
        raise Unavailable(f"the gateway answers, but not its {', '.join(out) or 'neighbours'}")
    return "ready"


async def _temporal(state: State) -> str:
    address = state.address("temporal")
    parts = urlsplit(address if "//" in address else f"//{address}")
    await asyncio.to_thread(_connect, parts.hostname or "", parts.port or 7233)
    return address


def _connect(host: str, port: int) -> None:
    with socket.create_connection((host, port), timeout=_SECONDS):
        pass


def _healthy(part: str) -> Callable[[State], Awaitable[str]]:
    async def look(state: State) -> str:
        address = state.address(part)
        answer = await _fetch(address + "/healthz")
        if answer.status_code != 200:
            raise Unavailable(f"{address} answered {answer.status_code}")
        return address

    return look


async def _break_glass(state: State) -> str:
    if "break_glass" not in state.endpoints():
        return "not started: `interlock dev --break-glass`"
    return await _healthy("break_glass")(state)


async def _fetch(url: str) -> httpx.Response:
    async with httpx.AsyncClient(timeout=_SECONDS, trust_env=False) as client:
        return await client.get(url)


async def _aws(state: State) -> str:
    identity = AwsIdentity.load(state.identity)
    await PrivateKeys(identity, "dev", KeyRing.load(state.keyring)).text("keys/callers")
    return identity.endpoint_url or "AWS"


async def _keys(state: State) -> str:
    ring, glass = KeyRing.load(state.keyring), KeyRing.load(state.break_glass_keyring)
    for purpose in Purpose:
        (ring if purpose.of_agents else glass).kid(purpose)
    await PrivateKeys(AwsIdentity.load(state.identity), "dev", ring).signing_key(Purpose.CALLERS)
    return f"{len(ring.keys)} purposes, and {len(glass.keys)} of break-glass"


async def _content(state: State) -> str:
    tenants = await asyncio.to_thread(LocalRings(state.address("aws"), state.directory, "dev").tenants)
    keys = OperatorKeys(identity=state.identity)
    rings = {tenant: await keys.ring(tenant, "dev") for tenant in tenants}
    forgotten = [tenant for tenant, ring in rings.items() if not ring.keys]
    return f"{len(rings)} tenants" + (f"; forgotten: {', '.join(forgotten)}" if forgotten else "")


async def _store(state: State) -> str:
    if state.store_url.endswith("/interlock.db") and not (state.directory / "interlock.db").is_file():
        raise Unavailable("the store's file is not there")
    store = Store(state.store_url, NoContents())
    try:
        async with store.read() as connection:
            agents = text("SELECT count(*) FROM runs WHERE route <> :sessions")
            runs = await connection.scalar(agents, {"sessions": ROUTE})
    finally:
        await store.close()
    return f"{runs} runs"


async def _outbox(state: State) -> str:
    store = Store(state.store_url, NoContents())
    try:
        async with store.read() as connection:
            dead = await connection.scalar(text("SELECT count(*) FROM outbox WHERE dead"))
    finally:
        await store.close()
    if dead:
        raise Unavailable(f"{dead} given up: not shown in Slack, or not told to their runs")
    return "nothing was given up"


async def _breakers(state: State) -> str:
    store = Store(state.store_url, NoContents())
    try:
        async with store.read() as connection:
            found = await connection.scalars(text("SELECT route FROM breakers WHERE state <> 'closed'"))
            held = sorted(found)
    finally:
        await store.close()
    if held:
        raise Unavailable(f"open on {', '.join(held)}: new runs are refused, and writes wait")
    return "none is open"


async def _secrets(state: State) -> str:
    there = await asyncio.to_thread(LocalSecrets(state.address("aws"), state.directory, "dev").names)
    missing = [secret for secret in await needed(state) if secret.path not in there]
    if missing:
        raise Unavailable("; ".join(secret.todo(state.directory) for secret in missing))
    return "all that the tools need"


CHECKS: Final = (
    Check(
        part="state",
        look=_directory,
        todo="Start a stack with `interlock dev`, or name its --state; chmod 700 it if it is open.",
    ),
    Check(part="endpoints", look=_endpoints, todo="Start a stack with `interlock dev`, or name its --state."),
    Check(part="gateway", look=_gateway),
    Check(part="temporal", look=_temporal),
    Check(part="slack", look=_healthy("slack")),
    Check(part="helpdesk", look=_healthy("helpdesk")),
    Check(part="break-glass", look=_break_glass),
    Check(part="aws", look=_aws),
    Check(part="keys", look=_keys, todo="Start afresh with `interlock dev --reset` if the keys are lost."),
    Check(part="content keys", look=_content, todo=_RESTART),
    Check(part="secrets", look=_secrets, todo="Give each with `interlock secret put`."),
    Check(
        part="outbox",
        look=_outbox,
        todo="Mend what `interlock outbox list --dead` says, then `interlock outbox retry --all-dead`.",
    ),
    Check(
        part="breakers",
        look=_breakers,
        todo="Mend what `interlock breaker list` says, then `interlock breaker reset ROUTE --reason …`.",
    ),
    Check(part="store", look=_store, todo="Run `interlock store migrate`, or look at INTERLOCK_STORE."),
)
