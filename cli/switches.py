"""``interlock switch``: stop and resume everything, a tool, a tenant or a route."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import quote

import typer

from cli import output
from cli.client import Reach
from cli.minting import operator
from cli.options import GatewayOption, JsonOption, StateOption, TokenOption
from policies.amounts import milliseconds

app = typer.Typer(no_args_is_help=True, help="Kill switches.")

Scope = Annotated[str, typer.Argument(help="all, tool:NAME, tenant:NAME or route:NAME.")]
Reason = Annotated[str, typer.Option(help="Why, in a sentence; it is audited.")]


@app.command()
def stop(
    scope: Scope,
    reason: Reason,
    until: Annotated[str | None, typer.Option(help="When it lifts itself: 2027-01-31T09:00:00Z.")] = None,
    lasts: Annotated[
        str | None, typer.Option("--for", help="Or how long it holds: 90s, 30m, 4h, 7d.")
    ] = None,
    state: StateOption = None,
    gateway: GatewayOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Stop a scope: nothing in it reads or writes until it is resumed.

    Within a second no call of it leaves any worker; runs that come to one are halted.

    Example: interlock switch stop tool:ticket.close --reason "Closes the wrong tickets." --for 30m
    """
    body: dict[str, Any] = {"stopped": True, "reason": reason}
    if (end := until if lasts is None else _end(lasts, until)) is not None:
        body["until"] = end
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
    """Resume a scope: halted runs carry on; what was approved before the stop is asked about anew.

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
    """List the switches that were ever set: what is stopped now comes first.

    Example: interlock switch list --json
    """
    found = Reach.read(state, gateway, token).client(operator()).get("/v1/switches")
    output.document(found) if as_json else _table(found["switches"])


def _set(reach: Reach, scope: str, body: dict[str, Any], as_json: bool) -> None:
    found = reach.client(operator()).put(f"/v1/switches/{quote(scope, safe=':/')}", body)
    if as_json:
        output.document(found)
        return
    _table([found])
    if found["caution"]:
        output.say(found["caution"])


def _end(lasts: str, until: str | None) -> str:
    """When it lifts itself, from now on."""
    if until is not None:
        raise typer.BadParameter("say --until or --for, not both", param_hint="--for")
    try:
        end = datetime.now(UTC) + timedelta(milliseconds=milliseconds(lasts))
    except (ValueError, OverflowError) as error:
        raise typer.BadParameter("write a duration like 90s, 30m, 4h or 7d", param_hint="--for") from error
    return end.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _table(found: list[dict[str, Any]]) -> None:
    rows = [
        (one["scope"], _now(one), one["until"], one["actor"], one["reason"], one["at"])
        for one in sorted(found, key=lambda one: not one["stopped"])
    ]
    output.table("Switches", ("scope", "now", "until", "who", "why", "set at"), rows)


def _now(switch: dict[str, Any]) -> str:
    if switch["stopped"]:
        return "stopped"
    return "ended by itself" if switch["ended"] else "resumed"
