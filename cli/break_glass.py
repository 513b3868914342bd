"""``interlock break-glass``: people act around the agents, for minutes, in front of everyone."""

import asyncio
import os
from typing import Annotated
from urllib.parse import urlencode

import typer

from cli import break_glass_shown as shown
from cli import minting, output
from cli.break_glass_acting import act, settle
from cli.break_glass_opening import consent, open_session
from cli.break_glass_reach import (
    AddressOption,
    PersonOption,
    PersonTokenOption,
    Reach,
    SessionId,
    path,
)
from cli.login import give
from cli.options import JsonOption, StateOption
from cli.roles import become
from cli.state import State
from contracts.tokens import Purpose
from embedded.break_glass import serve_beside

app = typer.Typer(
    no_args_is_help=True,
    help="People act around the agents: with another's consent, for minutes, in front of everyone.",
)

app.command("open")(open_session)
app.command()(consent)
app.command()(act)
app.command()(settle)

Principal = Annotated[str, typer.Argument(help="A principal of people.yaml, such as ada.")]
EnvOption = Annotated[str, typer.Option(help="Environment; prod is refused.")]


@app.command()
def serve(
    port: Annotated[
        int | None, typer.Option(help="Port to listen on, in a deployment.", min=1, max=65_535)
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on, in a deployment.")] = "127.0.0.1",
    state: StateOption = None,
) -> None:
    """Run the break-glass process in the foreground: beside the local stack, or with a deployment's settings.

    Those come from the environment (INTERLOCK_…), and INTERLOCK_BREAK_GLASS_KEYRING is among them.

    Example: interlock break-glass serve
    """
    if "INTERLOCK_BREAK_GLASS_KEYRING" in os.environ:
        if port is None:
            raise typer.BadParameter("say where to listen: --port.")
        become("breakglass", "--host", host, "--port", str(port))
    beside = serve_beside(State.at(state).directory)
    become("breakglass", "--port", str(beside.port), environment=beside.environment)


@app.command()
def close(
    session_id: SessionId,
    reason: Annotated[str | None, typer.Option(help="Why, in a sentence.")] = None,
    person: PersonOption = None,
    state: StateOption = None,
    break_glass: AddressOption = None,
    token: PersonTokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """End a session before its minute, or refuse one that waits; anyone of the group may.

    Example: interlock break-glass close bg_… --reason "The customers have their mail." --as ada
    """
    client = Reach.read(state, break_glass, token, person).client()
    found = client.post(path(session_id, "close"), {} if reason is None else {"reason": reason})
    output.document(found) if as_json else shown.session(found)


@app.command()
def report(
    session_id: SessionId,
    person: PersonOption = None,
    state: StateOption = None,
    break_glass: AddressOption = None,
    token: PersonTokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what an ended session did: who, why, what, before and after, and how to undo it.

    Example: interlock break-glass report bg_… --as grace
    """
    found = Reach.read(state, break_glass, token, person).client().get(path(session_id, "report"))
    output.document(found) if as_json else shown.report(found)


@app.command("list")
def list_sessions(
    person: PersonOption = None,
    state: StateOption = None,
    break_glass: AddressOption = None,
    token: PersonTokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the sessions of your tenants, newest first.

    Example: interlock break-glass list --as grace
    """
    found = Reach.read(state, break_glass, token, person).client().get("/v1/sessions")
    output.document(found) if as_json else shown.sessions(found["sessions"])


@app.command()
def login(
    principal: Principal,
    open_it: Annotated[bool, typer.Option("--open", help="Open the link in this machine's browser.")] = False,
    env: EnvOption = "dev",
    state: StateOption = None,
    break_glass: AddressOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print a link to sign in on the pages of break-glass: good once, for five minutes.

    Example: interlock break-glass login grace --open
    """
    reach = Reach.read(state, break_glass, None, principal)
    ask = minting.Login(principal=principal, env=env, purpose=Purpose.BREAK_GLASS_LOGIN)
    code = asyncio.run(minting.mint(reach.state, ask))
    link = f"{reach.pages.origin}/sign-in?{urlencode({'code': code})}"
    give(link, ask, open_it=open_it, as_json=as_json)


@app.command()
def token(
    principal: Principal,
    env: EnvOption = "dev",
    ttl: Annotated[int, typer.Option(help="Seconds it lives; 86400 at most.")] = minting.HOUR,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print a person's token for the break-glass process, signed with the local stack's key.

    Example: interlock break-glass token ada
    """
    ask = minting.Person(principal=principal, env=env, ttl=ttl)
    minted = asyncio.run(minting.mint(State.at(state), ask))
    output.document({"token": minted, "sub": ask.subject, "expires_in": ttl}) if as_json else print(minted)
