"""``interlock outbox``: what has not arrived where it goes, and what was given up."""

import re
from typing import Annotated, Any, Final

import typer

from cli import output
from cli.client import Gateway, Reach
from cli.minting import operator
from cli.options import GatewayOption, JsonOption, StateOption, TokenOption

app = typer.Typer(
    no_args_is_help=True, help="Cards, notes, alerts, starts, decisions and cancellations on their way."
)

_ID: Final = re.compile(r"[a-z]+:[a-z0-9_]{1,64}")


@app.command("list")
def list_letters(
    dead: Annotated[bool, typer.Option("--dead", help="Only what was given up.")] = False,
    state: StateOption = None,
    gateway: GatewayOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what has not arrived yet or was given up, and why.

    Example: interlock outbox list --dead
    """
    letters = _letters(Reach.read(state, gateway, token).client(operator()), dead=dead)
    output.document({"letters": letters}) if as_json else _table(letters)


@app.command()
def retry(
    outbox_id: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="Such as card:apr_…, from the list.")
    ] = None,
    all_dead: Annotated[bool, typer.Option("--all-dead", help="Everything that was given up.")] = False,
    state: StateOption = None,
    gateway: GatewayOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Try one again now, or all that were given up; it is audited.

    Example: interlock outbox retry --all-dead
    """
    if (outbox_id is None) != all_dead:
        raise typer.BadParameter("name one ID, or give --all-dead.")
    if outbox_id is not None and not _ID.fullmatch(outbox_id):
        raise typer.BadParameter(f"{outbox_id!r} is no id: copy one from `interlock outbox list`.")
    client = Reach.read(state, gateway, token).client(operator())
    chosen = [outbox_id] if outbox_id else [one["outbox_id"] for one in _letters(client, dead=True)]
    letters = [client.post(f"/v1/outbox/{one}/retry", None) for one in chosen]
    output.document({"letters": letters}) if as_json else _table(letters)


def _letters(client: Gateway, *, dead: bool) -> list[dict[str, Any]]:
    pages = client.pages("/v1/outbox", dead="true" if dead else None)
    return [letter for page in pages for letter in page["letters"]]


def _table(letters: list[dict[str, Any]]) -> None:
    rows = [
        (
            one["outbox_id"],
            "DEAD" if one["dead"] else "waits",
            one["run_id"],
            one["tenant"],
            one["attempts"],
            one["next_at"],
            one["error"],
        )
        for one in letters
    ]
    output.table("Outbox", ("id", "now", "run", "tenant", "attempts", "next", "last failure"), rows)
