"""``interlock break-glass act`` and ``settle``: one act, and what became of one that nobody knows of."""

import secrets
from typing import Annotated, Any

import httpx
import typer

from cli import asking, output
from cli import break_glass_shown as shown
from cli.break_glass_reach import (
    ActId,
    AddressOption,
    PersonOption,
    PersonTokenOption,
    Reach,
    SessionId,
    path,
)
from cli.client import Gateway
from cli.options import JsonOption, StateOption, json_object


def act(
    session_id: SessionId,
    tool: Annotated[str, typer.Argument(help="One of the session's tools.")],
    args: Annotated[str, typer.Option("--args", help="Its arguments: a JSON object, or @FILE.")],
    key: Annotated[
        str | None,
        typer.Option("--key", help="Idempotency key: the same key is the same act. Random if not given."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Without typing the target.")] = False,
    person: PersonOption = None,
    state: StateOption = None,
    break_glass: AddressOption = None,
    token: PersonTokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Do one thing: see what it will change, type its target, and it is sent.

    Exit status 0 only if it succeeded. Were you cut off? The same command with the same --key tells what
    came of it.

    Example: interlock break-glass act bg_… ticket.close --args '{"ticket_id": "T-18421", …}' --as ada
    """
    arguments = json_object(args, "--args")
    client = Reach.read(state, break_glass, token, person).client()
    key = key or f"act-{secrets.token_hex(8)}"
    output.progress(f"The key of this act: {key}")
    of = client.get(path(session_id))
    one = client.post(path(session_id, "acts"), {"tool": tool, "arguments": arguments}, key=key)
    if one["outcome"] is None:
        one = _confirmed(client, of, one, yes=yes, as_json=as_json)
    output.document(one) if as_json else shown.ended(one)
    if one["outcome"] == "unknown" and not as_json:
        output.say("Nobody knows whether it happened, and nothing writes to its target until somebody says:")
        output.say(f"interlock break-glass settle {session_id} {one['act_id']} --did|--did-not --reason …")
    if one["outcome"] != "succeeded":
        raise typer.Exit(1)


def settle(
    session_id: SessionId,
    act_id: ActId,
    reason: Annotated[str, typer.Option(help="How you know, in a sentence; it is audited.")],
    did: Annotated[bool, typer.Option("--did", help="It happened.")] = False,
    did_not: Annotated[bool, typer.Option("--did-not", help="It did not happen.")] = False,
    person: PersonOption = None,
    state: StateOption = None,
    break_glass: AddressOption = None,
    token: PersonTokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what an unknown act did, having looked at its target; by somebody of the group who did not open it.

    Example: interlock break-glass settle bg_… act_… --did-not --reason "The ticket is open." --as grace
    """
    if did == did_not:
        raise typer.BadParameter("choose one of --did and --did-not.")
    client = Reach.read(state, break_glass, token, person).client()
    body = {"outcome": "it_did" if did else "it_did_not", "reason": reason}
    one = client.post(path(session_id, "acts", act_id, "outcome"), body)
    output.document(one) if as_json else shown.ended(one)


def _confirmed(
    client: Gateway, of: dict[str, Any], one: dict[str, Any], *, yes: bool, as_json: bool
) -> dict[str, Any]:
    if not as_json:
        shown.proposed(one, of)
    if not yes:
        asking.typed("To let it happen, type its target", str(one["target"]))
    confirm = path(of["session_id"], "acts", one["act_id"], "confirm")
    try:
        return client.post(confirm, {"action_digest": one["action_digest"]})
    except (KeyboardInterrupt, httpx.HTTPError):
        output.progress("It may have been sent. The same command with the key above tells what came of it.")
        raise
