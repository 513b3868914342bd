"""The break-glass process as the command line reaches it: where it is, and as whom one comes."""

import asyncio
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Self

import typer

from cli.client import Gateway
from cli.login import by_name
from cli.minting import Person, mint
from cli.options import identifier
from cli.state import State
from contracts.errors import Malformed, TokenRefused
from policies.pages import Pages

_PATIENCE: Final = 120
"""Seconds: a confirmed act is answered once it has ended."""

SessionId = Annotated[str, typer.Argument(help="The session's id, bg_….", callback=identifier)]
_ACT: Final = re.compile(r"[A-Za-z0-9_]{1,80}(\.[0-9]{1,9}){0,2}")


def _act(text: str) -> str:
    """It becomes part of a path. Raises BadParameter."""
    if not _ACT.fullmatch(text):
        raise typer.BadParameter(f"{text!r} is no id of an act: copy one from `--json`, or from `act`.")
    return text


ActId = Annotated[str, typer.Argument(help="The act's id, bg_….1.0.", callback=_act)]
PersonOption = Annotated[
    str | None,
    typer.Option("--as", help="Who you are, where the token is minted locally, such as ada."),
]
AddressOption = Annotated[
    str | None,
    typer.Option(
        "--break-glass", help="Address of the process; else INTERLOCK_BREAK_GLASS, else the local one's."
    ),
]
PersonTokenOption = Annotated[
    str | None,
    typer.Option("--token", help="A person's token; else INTERLOCK_BREAK_GLASS_TOKEN, else one for --as."),
]


@dataclass(frozen=True, kw_only=True)
class Reach:
    """The options that every verb shares."""

    state: State
    address: str | None
    token: str | None
    person: str | None

    @classmethod
    def read(cls, state: Path | None, address: str | None, token: str | None, person: str | None) -> Self:
        """Options first, then INTERLOCK_BREAK_GLASS and INTERLOCK_BREAK_GLASS_TOKEN."""
        return cls(
            state=State.at(state),
            address=address or os.environ.get("INTERLOCK_BREAK_GLASS") or None,
            token=token or os.environ.get("INTERLOCK_BREAK_GLASS_TOKEN") or None,
            person=person,
        )

    @property
    def url(self) -> str:
        """Raises Unavailable, Malformed."""
        return (self.address or self.state.break_glass()).rstrip("/")

    @property
    def pages(self) -> Pages:
        """Of INTERLOCK_BREAK_GLASS_PAGES, else of the process by name. Raises Malformed, Unavailable."""
        found = Pages.at((os.environ.get("INTERLOCK_BREAK_GLASS_PAGES") or by_name(self.url)).rstrip("/"))
        if found is None:
            raise Malformed("INTERLOCK_BREAK_GLASS_PAGES names no address")
        return found

    def page(self, session: dict[str, Any]) -> str:
        """Where people read a session and sign."""
        return f"{self.pages.origin}/sessions/{session['session_id']}"

    def client(self) -> Gateway:
        """Calls as this person.

        Raises:
            InterlockError: there is no address, or no token can be minted.
        """
        return Gateway(
            self.url,
            self.token or self._minted(),
            called="break-glass process",
            option="--break-glass",
            patience=_PATIENCE,
        )

    def _minted(self) -> str:
        if self.address is not None:
            raise TokenRefused("a process that you name takes a token that you name: give --token as well")
        if self.person is None:
            raise typer.BadParameter("say who you are: --as NAME on a local stack, or a person's --token.")
        return asyncio.run(mint(self.state, Person(principal=self.person)))


def path(session_id: str, *rest: str) -> str:
    return "/".join(("/v1/sessions", session_id, *rest))
