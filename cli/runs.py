"""``interlock run``: start, show, list, watch, cancel."""

import uuid
from typing import Annotated, Any

import typer

from cli import output
from cli.client import Gateway, Reach
from cli.minting import caller, operator
from cli.options import GatewayOption, JsonOption, StateOption, TokenOption, identifier, json_object

app = typer.Typer(no_args_is_help=True, help="Start runs and follow them.")

RunId = Annotated[str, typer.Argument(help="The run's id, such as run_01f2….", callback=identifier)]


@app.command()
def start(
    route: Annotated[str, typer.Option(help="The route, such as support/close.")],
    given: Annotated[str, typer.Option("--input", help="The route's input: a JSON object, or @FILE.")],
    key: Annotated[
        str | None,
        typer.Option(help="Idempotency key: the same key starts the same run. Random if not given."),
    ] = None,
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
    client = Reach.read(state, gateway, token).client(caller("cli", tenant, route))
    run = client.post("/v1/runs", body, key=str(uuid.uuid4()) if key is None else key)
    _follow(client, run["run_id"], as_json) if watch else _show(run, as_json)


@app.command()
def show(
    run_id: RunId,
    state: StateOption = None,
    gateway: GatewayOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a run with its actions.

    Example: interlock run show run_01f2… --json
    """
    _show(Reach.read(state, gateway, token).client(operator()).get(f"/v1/runs/{run_id}"), as_json)


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
    columns = ("run_id", "tenant", "route", "state", "created_at", "ended_at")
    output.table("Runs", columns, [[run[column] for column in columns] for run in page["runs"]])
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
    """Follow a run to its end; status 0 only if it completed.

    Example: interlock run watch run_01f2…
    """
    _follow(Reach.read(state, gateway, token).client(operator()), run_id, as_json)


@app.command()
def cancel(
    run_id: RunId,
    reason: Annotated[str, typer.Option(help="Why, in a sentence; it is audited.")],
    state: StateOption = None,
    gateway: GatewayOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Cancel a run: nothing more is written from now on.

    Example: interlock run cancel run_01f2… --reason "Wrong ticket."
    """
    client = Reach.read(state, gateway, token).client(operator())
    _show(client.post(f"/v1/runs/{run_id}/cancel", {"reason": reason}), as_json)


def _show(run: dict[str, Any], as_json: bool) -> None:
    output.document(run) if as_json else output.run(run)


def _follow(client: Gateway, run_id: str, as_json: bool) -> None:
    run: dict[str, Any] = {}
    for run in client.changes(run_id):
        done = [f"{action['tool']} {action['outcome'] or action['decision']}" for action in run["actions"]]
        output.progress(f"{run['state']}: {', '.join(done) or 'nothing done yet'}")
    _show(run, as_json)
    if run["state"] != "completed":
        raise typer.Exit(1)
