"""``interlock approvals``: what waits for people, and their decisions."""

from typing import Annotated, Any

import typer

from cli import asking, output, words
from cli.care import care
from cli.client import Gateway, Reach
from cli.minting import approver, operator
from cli.options import GatewayOption, JsonOption, StateOption, TokenOption, identifier

app = typer.Typer(no_args_is_help=True, help="What waits for a person, and the person's decision.")

app.command("care")(care)

ApprovalId = Annotated[str, typer.Argument(help="The approval's id.", callback=identifier)]


@app.command("list")
def list_approvals(
    which: Annotated[
        str | None,
        typer.Option("--in", help="waiting, approved, denied, expired or cancelled; `any` for all."),
    ] = "waiting",
    cursor: Annotated[str | None, typer.Option(help="Where the last page ended.")] = None,
    state: StateOption = None,
    gateway: GatewayOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """List approvals, newest first: those that wait, unless told otherwise.

    Example: interlock approvals list --in approved
    """
    client = Reach.read(state, gateway, token).client(operator())
    found = client.get("/v1/approvals", state=None if which == "any" else which, cursor=cursor)
    if as_json:
        output.document(found)
        return
    rows = [
        (
            one["approval_id"],
            one["kind"],
            one["tenant"],
            one["route"],
            one["state"],
            _granted(one),
            words.minute(one["deadline"]) if one["deadline"] else "never",
        )
        for one in found["approvals"]
    ]
    columns = ("approval", "kind", "tenant", "route", "state", "granted", "until (UTC)")
    output.table("Approvals", columns, rows)
    if found["cursor"]:
        output.say(f"More: --cursor {found['cursor']}")


@app.command()
def show(
    approval_id: ApprovalId,
    state: StateOption = None,
    gateway: GatewayOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show an approval with the frozen action that it is about.

    Example: interlock approvals show apr_01f2…
    """
    client = Reach.read(state, gateway, token).client(operator())
    _show(client.get(f"/v1/approvals/{approval_id}"), as_json)


@app.command()
def decide(
    approval_id: ApprovalId,
    approve: Annotated[bool, typer.Option("--approve", help="Let it happen.")] = False,
    deny: Annotated[bool, typer.Option("--deny", help="Refuse it.")] = False,
    withdraw: Annotated[
        bool, typer.Option("--withdraw", help="Take an approval back, until it is used.")
    ] = False,
    did: Annotated[bool, typer.Option("--did", help="Of an unknown write: it happened.")] = False,
    did_not: Annotated[
        bool, typer.Option("--did-not", help="Of an unknown write: it did not happen.")
    ] = False,
    stop: Annotated[
        bool, typer.Option("--stop", help="Of an unknown write: end the run; the question stays.")
    ] = False,
    digest: Annotated[
        str | None, typer.Option(help="The action digest that you have read; else the one shown now.")
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Why, in a sentence.")] = None,
    person: Annotated[
        str | None, typer.Option("--as", help="Principal, where the token is minted locally, such as ada.")
    ] = None,
    state: StateOption = None,
    gateway: GatewayOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Decide an approval by an approver's token, or say what an unknown write did; as with a click.

    At a terminal, --approve without --digest shows the whole action first and asks.

    Examples:

      interlock approvals decide apr_01f2… --approve --as ada

      interlock approvals decide apr_01f2… --deny --reason "The customer still waits." --as grace

      interlock approvals decide apr_01f2… --did-not --as grace
    """
    options = {
        "approve": approve,
        "deny": deny,
        "withdraw": withdraw,
        "it_did": did,
        "it_did_not": did_not,
        "stop": stop,
    }
    chosen = [name for name, on in options.items() if on]
    if len(chosen) != 1:
        raise typer.BadParameter(
            "choose one of --approve, --deny and --withdraw; of an unknown write --did, --did-not or --stop."
        )
    reach = Reach.read(state, gateway, token)
    if reach.token is None and person is None:
        raise typer.BadParameter(
            "say who decides: --as PRINCIPAL on a local stack, or an approver's --token."
        )
    client = reach.client(approver(person or ""))
    about = digest or _read(client, approval_id, chosen[0], as_json=as_json)
    body = {"decision": chosen[0], "action_digest": about}
    if reason is not None:
        body["reason"] = reason
    _show(client.post(f"/v1/approvals/{approval_id}/decision", body), as_json)


def _read(client: Gateway, approval_id: str, decision: str, *, as_json: bool) -> str:
    """The digest of what waits now, which whoever approves at a terminal has seen whole."""
    one = client.get(f"/v1/approvals/{approval_id}")
    if decision == "approve" and not asking.sure(one, as_json=as_json):
        raise typer.Abort
    return str(one["action_digest"])


def _show(one: dict[str, Any], as_json: bool) -> None:
    output.document(one) if as_json else asking.show(one)


def _granted(one: dict[str, Any]) -> str:
    given = sum(grant["decision"] == "approve" for grant in one["grants"])
    return f"{given} of {one['needed']}"
