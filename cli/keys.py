"""``interlock secret rotate|forget``: keys of content and of Temporal's payloads, on a local stack."""

import asyncio
import time
from typing import Annotated

import typer

from adapters import key_changes
from adapters.clock import SystemClock
from adapters.contents import NoContents
from adapters.rings import LEAD_SECONDS
from adapters.store import Store
from cli import output
from cli.options import JsonOption, StateOption, named_operator
from cli.state import State
from contracts.errors import Malformed
from embedded.rings import LocalRings

OperatorOption = Annotated[str, typer.Option("--as", help="Who says so, such as op:ada.")]
EnvOption = Annotated[str, typer.Option("--env", help="Environment; prod is refused.")]


def rotate(
    tenant: Annotated[
        str | None, typer.Option(help="Whose content key; none: Temporal's payload key.")
    ] = None,
    lead: Annotated[int, typer.Option(min=0, help="Seconds until it is first used.")] = LEAD_SECONDS,
    operator: OperatorOption = "op:local",
    env: EnvOption = "dev",
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a key that is used from its time on. Nothing restarts, and what older keys sealed stays readable.

    Example: interlock secret rotate --tenant acme
    """
    where = State.at(state)
    actor, use_from = named_operator(operator), time.time() + lead
    LocalRings(where.address("aws"), where.directory, env).rotate(tenant, use_from)
    words = f"a new key, used from {lead} s on"
    asyncio.run(_say(where, env=env, actor=actor, outcome="rotated", tenant=tenant, reason=words))
    if as_json:
        output.document({"rotated": tenant or "payload", "use_from": int(use_from)})
    else:
        output.say(f"The new key of {tenant or 'the payloads'} is used from {lead} s on.")


def forget(
    tenant: Annotated[str, typer.Option(help="Whose content nobody is to read any more.")],
    reason: Annotated[str, typer.Option(help="Why, in a sentence; it is audited.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    operator: OperatorOption = "op:local",
    env: EnvOption = "dev",
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete a tenant's content keys, for good: inputs, transcripts, arguments, results, reasons.

    What is left are ids, states, digests, targets, and an audit chain that still verifies. Runs that are
    under way end; new ones are refused until `interlock secret rotate --tenant T` makes a new key.

    Example: interlock secret forget --tenant acme --reason "Contract ended, request 4711."
    """
    where = State.at(state)
    about = {"env": env, "actor": named_operator(operator), "tenant": tenant, "reason": reason}
    rings = LocalRings(where.address("aws"), where.directory, env)
    if tenant not in rings.tenants():
        raise Malformed(f"there is no tenant {tenant} here: {', '.join(rings.tenants())}")
    if not yes:
        typer.confirm(f"Nobody can undo this. Forget all content of {tenant}?", abort=True, err=True)
    # Said before and after: whoever dies in between leaves a word of what may have happened.
    asyncio.run(_say(where, outcome="forgetting", **about))
    rings.forget(tenant)
    asyncio.run(_say(where, outcome="forgotten", **about))
    if as_json:
        output.document({"forgotten": tenant})
    else:
        output.say(f"{tenant} is forgotten: every process lets go of its keys within a minute.")


async def _say(state: State, *, env: str, actor: str, outcome: str, tenant: str | None, reason: str) -> None:
    store = Store(state.store_url, NoContents())
    try:
        await key_changes.say(
            store, SystemClock(), env=env, actor=actor, outcome=outcome, tenant=tenant, reason=reason
        )
    finally:
        await store.close()
