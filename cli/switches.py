"""``interlock switch``: stop and resume everything, a tool, a tenant or a route."""

from typing import Annotated, Any
from urllib.parse import quote

import typer

from cli import output
from cli.client import Reach
from cli.minting import operator
from cli.options import GatewayOption, JsonOption, StateOption, TokenOption

app = typer.Typer(no_args_is_help=True, help="Kill switches.")

Scope = Annotated[str, typer.Argument(help="all, tool:NAME, tenant:NAME or route:NAME.")]
Reason = Annotated[str, typer.Option(help="Why, in a sentence; it is audited.")]


@app.command()
def stop(
    scope: Scope,
    reason: Reason,
    until: Annotated[str | None, typer.Option(help="When it lifts itself: 2027-01-31T09:00:00Z.")] = None,
    state: StateOption = None,
    gateway: GatewayOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Stop a scope: nothing in it reads or writes until it is resumed.

    Example: interlock switch stop tool:ticket.close --reason "Closes the wrong tickets."
    """
    body: dict[str, Any] = {"stopped": True, "reason": reason}
    if until is not None:
        body["until"] = until
    _set(Reach.read(state, gateway, token), scope, body, as_json)


@app.command()
def resume(
    scope: Scope,
    reason: Reason,
    state: StateOption = None,
    gateway: GatewayOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Resume a scope; approvals given while it was stopped are asked for again.

    Example: interlock switch resume tool:ticket.close --reason "Fixed."
    """
    _set(Reach.read(state, gateway, token), scope, {"stopped": False, "reason": reason}, as_json)


@app.command("list")
def list_switches(
    state: StateOption = None,
    gateway: GatewayOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the switches that were ever set.

    Example: interlock switch list --json
    """
    found = Reach.read(state, gateway, token).client(operator()).get("/v1/switches")
    output.document(found) if as_json else _table(found["switches"])


def _set(reach: Reach, scope: str, body: dict[str, Any], as_json: bool) -> None:
    found = reach.client(operator()).put(f"/v1/switches/{quote(scope, safe=':/')}", body)
    output.document(found) if as_json else _table([found])


def _table(found: list[dict[str, Any]]) -> None:
    rows = [
        (
            one["scope"],
            "stopped" if one["stopped"] else "runs",
            one["reason"],
            one["actor"],
            one["at"],
            one["until"],
        )
        for one in found
    ]
    output.table("Switches", ("scope", "now", "reason", "who", "at", "until"), rows)
