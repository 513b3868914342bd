"""``interlock token``: a token for callers, approvers and operators of a local stack."""

import asyncio
from dataclasses import replace
from typing import Annotated

import typer

from cli import minting, output
from cli.options import JsonOption, StateOption
from cli.state import State


def token(
    caller: Annotated[str | None, typer.Option(help="A caller's name: may start runs.")] = None,
    approver: Annotated[str | None, typer.Option(help="A principal of people.yaml: may decide.")] = None,
    operator: Annotated[
        str | None, typer.Option(help="An operator's name: may stop, resume and audit.")
    ] = None,
    acts_for: Annotated[
        str | None, typer.Option("--for", help="The subject for whom the caller acts, such as user:u-1042.")
    ] = None,
    tenant: Annotated[str | None, typer.Option(help="The caller's tenant; narrows the others.")] = None,
    routes: Annotated[
        str | None, typer.Option(help="Routes it reaches, with commas between; `*` is all.")
    ] = None,
    env: Annotated[str, typer.Option(help="Environment; prod is refused.")] = "dev",
    ttl: Annotated[int, typer.Option(help="Seconds it lives; 86400 at most.")] = minting.HOUR,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print a token, signed with the local stack's key.

    Examples:

      interlock token --caller demo --tenant acme --routes support/close

      interlock token --approver principal:ada

      interlock token --operator me
    """
    if sum(name is not None for name in (caller, approver, operator)) != 1:
        raise typer.BadParameter("choose one of --caller, --approver and --operator.")
    reach = tuple(route.strip() for route in routes.split(",") if route.strip()) if routes else ()
    if caller is not None:
        if tenant is None or not reach:
            raise typer.BadParameter("a caller's token names its --tenant and its --routes.")
        ask = replace(minting.caller(caller, tenant, *reach), acts_for=acts_for)
    else:
        if acts_for is not None:
            raise typer.BadParameter("only a caller's token acts --for somebody.")
        ask = minting.approver(approver) if approver is not None else minting.operator(operator or "")
        ask = replace(ask, tenant=tenant or ask.tenant, routes=reach or ask.routes)
    ask = replace(ask, env=env, ttl=ttl)
    minted = asyncio.run(minting.mint(State.at(state), ask))
    output.document({"token": minted, "sub": ask.subject, "expires_in": ttl}) if as_json else print(minted)
