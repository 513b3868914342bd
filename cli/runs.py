"""``interlock run``: start, show, list, watch, why, cancel, undo."""

import uuid
from collections.abc import Callable
from typing import Annotated, Any

import typer

from cli import output, showing, words
from cli import why as reasons
from cli.client import Gateway, Reach
from cli.following import so_far
from cli.minting import caller, operator
from cli.options import (
    GatewayOption,
    JsonOption,
    KeyOption,
    StateOption,
    TokenOption,
    identifier,
    json_object,
)
from cli.watching import watch as follow

app = typer.Typer(no_args_is_help=True, help="Start runs and follow them.")

RunId = Annotated[str, typer.Argument(help="The run's id, such as run_01f2….", callback=identifier)]


@app.command()
def start(
    route: Annotated[str, typer.Option(help="The route, such as support/close.")],
    given: Annotated[str, typer.Option("--input", help="The route's input: a JSON object, or @FILE.")],
    key: KeyOption = None,
    on_behalf_of: Annotated[str | None, typer.Option(help="For whom it runs, such as user:u-1042.")] = None,
    tenant: Annotated[str, typer.Option(help="Tenant, where the token is minted locally.")] = "acme",
    watch: Annotated[bool, typer.Option("--watch", help="Follow the run to its end.")] = False,
    state: StateOption = None,
    gateway: GatewayOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Start a run.

    Examples:

      interlock run start --route support/close --input '{"ticket_id": "T-18421"}' --key t-18421 --watch

      interlock run start --route support/close --input @input.json --on-behalf-of user:u-1042 --json
    """
    body: dict[str, Any] = {"route": route, "input": json_object(given, "--input")}
    if on_behalf_of is not None:
        body["on_behalf_of"] = on_behalf_of
    reach, who = Reach.read(state, gateway, token), caller("cli", tenant, route)
    client = reach.client(who)
    run = client.post("/v1/runs", body, key=str(uuid.uuid4()) if key is None else key)
    if watch:
        _follow(reach, lambda: reach.client(who), run["run_id"], as_json)
    else:
        _show(client, run, as_json)


@app.command()
def show(
    run_id: RunId,
    state: StateOption = None,
    gateway: GatewayOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a run: who asked, what happened when, and what came of it. Times are UTC.

    Examples:

      interlock run show run_01f2…

      interlock run show run_01f2… --json
    """
    client = Reach.read(state, gateway, token).client(operator())
    _show(client, client.get(f"/v1/runs/{run_id}"), as_json)


@app.command("list")
def list_runs(
    route: Annotated[str | None, typer.Option(help="Only of this route.")] = None,
    run_state: Annotated[
        str | None, typer.Option("--in", help="Only in this state, such as running.")
    ] = None,
    tenant: Annotated[str | None, typer.Option(help="Only of this tenant.")] = None,
    cursor: Annotated[str | None, typer.Option(help="Where the last page ended.")] = None,
    state: StateOption = None,
    gateway: GatewayOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """List runs, newest first, a page at a time.

    Example: interlock run list --in waiting_approval --tenant acme
    """
    client = Reach.read(state, gateway, token).client(operator())
    page = client.get("/v1/runs", route=route, state=run_state, tenant=tenant, cursor=cursor)
    if as_json:
        output.document(page)
        return
    rows = [
        (run["run_id"], run["tenant"], run["route"], run["state"], words.minute(run["created_at"]))
        for run in page["runs"]
    ]
    output.table("Runs", ("run", "tenant", "route", "state", "asked (UTC)"), rows)
    if page["cursor"]:
        output.say(f"More: --cursor {page['cursor']}")


@app.command()
def watch(
    run_id: RunId,
    state: StateOption = None,
    gateway: GatewayOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Follow a run to its end; status 0 only if it completed. Ctrl-C leaves, and the run goes on.

    With --json, the run as it ended is on standard output and its progress on standard error.

    Example: interlock run watch run_01f2…
    """
    reach = Reach.read(state, gateway, token)
    _follow(reach, lambda: reach.client(operator()), run_id, as_json)


@app.command()
def why(
    run_id: RunId,
    action: Annotated[
        int | None, typer.Option(min=1, help="Only this action, by its number in the whole.")
    ] = None,
    state: StateOption = None,
    gateway: GatewayOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say why a run did what it did: who asked, which rule, what was shown, who decided, what was answered.

    Examples:

      interlock run why run_01f2…

      interlock run why run_01f2… --action 3 --json
    """
    found = Reach.read(state, gateway, token).client(operator()).get(f"/v1/runs/{run_id}/why")
    if action is not None:
        count = len(found["actions"])
        if action > count:
            raise typer.BadParameter(f"--action {action}: the run has {count} so far.")
        found["actions"] = [found["actions"][action - 1]]
    output.document(found) if as_json else reasons.show(found)


@app.command()
def cancel(
    run_id: RunId,
    reason: Annotated[str, typer.Option(help="Why, in a sentence; it is audited.")],
    state: StateOption = None,
    gateway: GatewayOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Cancel a run: nothing more is written from now on. What it had written stays, until it is undone.

    Example: interlock run cancel run_01f2… --reason "Wrong ticket."
    """
    client = Reach.read(state, gateway, token).client(operator())
    _show(client, client.post(f"/v1/runs/{run_id}/cancel", {"reason": reason}), as_json)


@app.command()
def undo(
    run_id: RunId,
    action: Annotated[
        list[str] | None,
        typer.Option(help="Only this action, by its idempotency key; may be given several times."),
    ] = None,
    key: KeyOption = None,
    reason: Annotated[str | None, typer.Option(help="Why, in a sentence, for those who approve it.")] = None,
    on_behalf_of: Annotated[
        str | None, typer.Option(help="For whom the undo acts; else for whom the run acted.")
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Follow the undo to its end.")] = False,
    state: StateOption = None,
    gateway: GatewayOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Undo what an ended run wrote, by a new run: the last write first, each with an approval of its own.

    Examples:

      interlock run undo run_01f2… --reason "Wrong ticket." --watch

      interlock run undo run_01f2… --action req_9f2c01ab77e3:ticket.close:T-18421 --json
    """
    reach = Reach.read(state, gateway, token)
    run = reach.client(operator()).get(f"/v1/runs/{run_id}")
    who = caller("cli", run["tenant"], run["route"])
    asked = {"actions": action or None, "reason": reason, "on_behalf_of": on_behalf_of}
    body = {name: value for name, value in asked.items() if value is not None}
    client = reach.client(who)
    started = client.post(f"/v1/runs/{run_id}/undo", body, key=str(uuid.uuid4()) if key is None else key)
    if watch:
        _follow(reach, lambda: reach.client(who), started["run_id"], as_json)
    else:
        _show(client, started, as_json)


def _show(client: Gateway, run: dict[str, Any], as_json: bool) -> None:
    output.document(run) if as_json else showing.show(run, so_far(client, run["run_id"]))


def _follow(reach: Reach, connect: Callable[[], Gateway], run_id: str, as_json: bool) -> None:
    run = follow(reach, connect, run_id, aside=as_json)
    output.document(run) if as_json else showing.result(run)
    if run["state"] != "completed":
        raise typer.Exit(1)
