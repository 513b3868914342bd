"""``interlock login``: a link with which a person signs in on the gateway's pages, once."""

import asyncio
import os
import webbrowser
from typing import Annotated
from urllib.parse import urlencode, urlsplit

import typer

from cli import minting, output
from cli.options import JsonOption, StateOption
from cli.state import State
from contracts.errors import Malformed
from policies.pages import Pages


def login(
    principal: Annotated[str, typer.Argument(help="A principal of people.yaml, such as ada.")],
    open_it: Annotated[bool, typer.Option("--open", help="Open the link in this machine's browser.")] = False,
    env: Annotated[str, typer.Option(help="Environment; prod is refused.")] = "dev",
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print a link to sign in on the pages of the local stack: good once, for five minutes.

    Example: interlock login ada --open
    """
    where, ask = State.at(state), minting.Login(principal=principal, env=env)
    pages = pages_of(where)
    link = f"{pages.origin}/sign-in?{urlencode({'code': asyncio.run(minting.mint(where, ask))})}"
    give(link, ask, open_it=open_it, as_json=as_json)


def give(link: str, ask: minting.Login, *, open_it: bool, as_json: bool) -> None:
    """Print the link, and open it where that is wanted."""
    if as_json:
        output.document({"url": link, "sub": ask.subject, "expires_in": minting.LOGIN_SECONDS})
    else:
        print(link)
    if open_it and not webbrowser.open(link):
        output.say("No browser opens here: open the link yourself.")


def pages_of(state: State) -> Pages:
    """Of INTERLOCK_PAGES, else of the stack that runs here. Raises Malformed, Unavailable."""
    given = os.environ.get("INTERLOCK_PAGES") or by_name(state.address("gateway"))
    found = Pages.at(given.rstrip("/"))
    if found is None:
        raise Malformed("INTERLOCK_PAGES names no address")
    return found


def by_name(gateway: str) -> str:
    """The local gateway by name: a passkey belongs to a host by name."""
    return f"http://localhost:{urlsplit(gateway).port}"
