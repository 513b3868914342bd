"""``interlock breaker``: circuit breakers as they stand, and closed by hand."""

from typing import Annotated, Any
from urllib.parse import quote

import typer

from cli import output
from cli.client import Reach
from cli.minting import operator
from cli.options import GatewayOption, JsonOption, StateOption, TokenOption

app = typer.Typer(no_args_is_help=True, help="Circuit breakers.")


@app.command("list")
def list_breakers(
    state: StateOption = None,
    gateway: GatewayOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the breakers of the routes in force, with what each counts now.

    Example: interlock breaker list --json
    """
    found = Reach.read(state, gateway, token).client(operator()).get("/v1/breakers")
    output.document(found) if as_json else _table(found["breakers"])


@app.command()
def reset(
    route: Annotated[str, typer.Argument(help="The route, such as support/close.")],
    reason: Annotated[str, typer.Option(help="Why, in a sentence; it is audited and announced.")],
    state: StateOption = None,
    gateway: GatewayOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Close a breaker: runs start and write again, and what happened before counts no more.

    Example: interlock breaker reset support/close --reason "The helpdesk is back."
    """
    client = Reach.read(state, gateway, token).client(operator())
    found = client.post(f"/v1/breakers/{quote(route, safe='/')}/reset", {"reason": reason})
    output.document(found) if as_json else _table([found])


def _table(found: list[dict[str, Any]]) -> None:
    rows = [
        (
            one["route"],
            one["state"].replace("_", " "),
            *_counted(one["counts"]),
            _moment(one["until"]),
            one["reason"],
            # Of one that never opened and was never reset nobody has anything to say.
            "" if one["at"] is None else f"{one['actor']}, {_moment(one['at'])}",
        )
        for one in found
    ]
    columns = ("route", "now", "failed", "denied", "unknown", "$", "until", "opened because", "changed by")
    output.table("Breakers", columns, rows)


def _counted(counts: dict[str, Any] | None) -> tuple[Any, ...]:
    if counts is None:
        return "", "", "", ""
    return f"{counts['failed']}/{counts['runs']}", counts["denials"], counts["unknowns"], counts["usd"]


def _moment(at: str | None) -> str:
    """A time of the gateway's to the second, UTC: ``2026-11-26 00:48:48``."""
    return "" if at is None else at[:19].replace("T", " ")
