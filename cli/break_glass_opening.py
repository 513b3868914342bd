"""``interlock break-glass open`` and ``consent``: one person asks, another agrees."""

import time
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from cli import asking, output
from cli import break_glass_shown as shown
from cli.break_glass_reach import (
    AddressOption,
    PersonOption,
    PersonTokenOption,
    Reach,
    SessionId,
    path,
)
from cli.client import Gateway
from cli.options import JsonOption, StateOption
from contracts.break_glass import GROUP, LONGEST_MINUTES
from contracts.errors import Conflict
from embedded.soft_passkey import SoftPasskey

_PAUSE: Final = 1.0


def open_session(
    tenant: Annotated[str, typer.Option(help="The one tenant that it is about.")],
    tool: Annotated[list[str], typer.Option("--tool", help="A tool that writes; once for each.")],
    minutes: Annotated[
        int, typer.Option(min=1, max=LONGEST_MINUTES, help="How long it stays open, from the consent on.")
    ],
    reason: Annotated[str, typer.Option(help="Why, in a sentence: everybody reads it.")],
    override: Annotated[
        list[str] | None,
        typer.Option("--override", help="A kill switch to go past: tool:ticket.close; once for each."),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the second person.")] = False,
    person: PersonOption = None,
    state: StateOption = None,
    break_glass: AddressOption = None,
    token: PersonTokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask for a session: minutes in which you act around the agents, once a second person consents.

    The alert channel hears of it at once. Nothing is open until somebody else consents with a passkey.

    Example: interlock break-glass open --tenant acme --tool ticket.close --minutes 10 --reason "…" --as ada
    """
    reach = Reach.read(state, break_glass, token, person)
    body = {"tenant": tenant, "tools": tool, "minutes": minutes, "reason": reason}
    client = reach.client()
    opened = client.post("/v1/sessions", body | ({"overrides": override} if override else {}))
    if not as_json:
        shown.session(opened)
    _tell(reach, opened, aside=as_json)
    if wait:
        opened = _waited(client, opened)
        if not as_json:
            shown.session(opened)
    if as_json:
        output.document(opened)
    if wait and opened["state"] != "open":
        raise typer.Exit(1)


def consent(
    session_id: SessionId,
    passkey: Annotated[
        Path | None, typer.Option("--passkey", help="A passkey's file (interlock passkey make), for drills.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Without typing the tenant's name.")] = False,
    open_it: Annotated[bool, typer.Option("--open", help="Open the page in this machine's browser.")] = False,
    person: PersonOption = None,
    state: StateOption = None,
    break_glass: AddressOption = None,
    token: PersonTokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Consent to somebody's session: read it whole, then sign its digest with your passkey.

    Without --passkey you sign on the page that is printed, and the command waits for it.

    Example: interlock break-glass consent bg_… --passkey .interlock/passkeys/grace.json --as grace
    """
    reach = Reach.read(state, break_glass, token, person)
    client = reach.client()
    one = client.get(path(session_id))
    if not as_json:
        shown.session(one)
    if one["state"] != "waiting":
        raise Conflict(f"it waits for nobody's consent: it is {one['state']}")
    if passkey is None:
        agreed = _on_the_page(reach, client, one, open_it)
    else:
        agreed = _by_file(reach, client, one, SoftPasskey.load(passkey), yes=yes)
    output.document(agreed) if as_json else shown.session(agreed)
    if agreed["state"] != "open":
        raise typer.Exit(1)


def _tell(reach: Reach, opened: dict[str, Any], *, aside: bool) -> None:
    """What the second person has to know."""
    say: Callable[[str], None] = output.progress if aside else output.say
    say(f"Tell a second person of the group {GROUP}, by voice: session {opened['session_id']}, tenant")
    say(f"{opened['tenant']}, digest {opened['opening_digest'][:19]}…. They read it whole and consent on")
    say(f"{reach.page(opened)}, or with")
    say(f"interlock break-glass consent {opened['session_id']} --as NAME")


def _by_file(
    reach: Reach, client: Gateway, one: dict[str, Any], passkey: SoftPasskey, *, yes: bool
) -> dict[str, Any]:
    if not yes:
        asking.typed("To consent, type the tenant's name", one["tenant"])
    assertion = passkey.sign(one["opening_digest"], reach.pages.origin)
    body = {"opening_digest": one["opening_digest"], "assertion": assertion.document()}
    return client.post(path(one["session_id"], "consent"), body)


def _on_the_page(reach: Reach, client: Gateway, one: dict[str, Any], open_it: bool) -> dict[str, Any]:
    output.progress(f"Sign on the page: {reach.page(one)}")
    output.progress("Not signed in there? Get a link: interlock break-glass login NAME")
    if open_it and not webbrowser.open(reach.page(one)):
        output.progress("No browser opens here: open the page yourself.")
    return _waited(client, one)


def _waited(client: Gateway, one: dict[str, Any]) -> dict[str, Any]:
    """The session once it waits no more. Raises KeyboardInterrupt, having said that nothing is lost."""
    try:
        output.progress(f"Waiting until {one['consent_until']}; Ctrl-C ends only the waiting.")
        while one["state"] == "waiting":
            time.sleep(_PAUSE)
            one = client.get(path(one["session_id"]))
        return one
    except KeyboardInterrupt:
        output.progress(f"Stopped waiting; {one['session_id']} still waits for its consent.")
        raise
