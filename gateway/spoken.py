"""A slash command as it was typed, and what it asks for."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway.parts import SlackApp
from gateway.problems import Problem, ProblemType
from policies.amounts import milliseconds
from policies.arguments import clean
from policies.attempts import is_name
from policies.switches import SCOPE

HELP: Final = (
    "/interlock stop SCOPE REASON… [for 30m]: nothing in the scope reads or writes until it is resumed\n"
    "/interlock resume SCOPE REASON…: its halted runs carry on\n"
    "/interlock switches: what is stopped now, by whom, and why\n"
    "SCOPE is all, tool:NAME, tenant:NAME or route:NAME."
)
"""What the command can do."""

BREAK_GLASS: Final = "break-glass"
NOT_FROM_SLACK: Final = (
    "Break-glass does not open from Slack, and nothing changed; that you asked is on record.\n"
    "A person of the group break-glass opens it with `interlock break-glass open`, or on the pages of its own"
    " process, and another one consents there with a passkey."
)
"""Whatever was asked of it."""

_ID: Final = r"^[A-Z0-9]{1,40}$"
_LONGEST_REASON: Final = 500


class SlashCommand(BaseModel):
    """What we read of Slack's form; it sends more, and may add to it. Names in it prove nothing."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    api_app_id: str = Field(pattern=_ID)
    team_id: str = Field(pattern=_ID)
    channel_id: str = Field(pattern=_ID)
    user_id: str = Field(pattern=_ID)
    text: str = Field(default="", max_length=4_000)
    response_url: str | None = None

    @property
    def slack_name(self) -> str:
        """Who it was, where the people file knows nobody."""
        return f"slack:{self.team_id}/{self.user_id}"

    @property
    def slack_user(self) -> str:
        return self.user_id

    def comes_from(self, app: SlackApp) -> bool:
        """Whether workspace and app are the configured ones."""
        return (self.team_id, self.api_app_id) == (app.team, app.app)


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What is asked for; ``complaint`` where it can't be told."""

    #: ``stop``, ``resume``, ``switches``, ``help`` or ``break-glass``.
    verb: str
    scope: str = ""
    reason: str = ""
    #: Milliseconds until it lifts itself; None: by hand only.
    lasts_ms: int | None = None
    complaint: str = ""


def read_command(body: bytes) -> SlashCommand:
    """Raises Problem where it is no slash command."""
    try:
        form = parse_qs(body.decode("ascii"), keep_blank_values=True, strict_parsing=True, max_num_fields=40)
        single = {name: value for name, (value,) in form.items()}
        return SlashCommand.model_validate(single)
    except (ValidationError, ValueError) as error:
        raise Problem(ProblemType.MALFORMED, "this is no slash command of Slack's") from error


def read_wish(text: str) -> Wish:
    """As ``HELP`` has it; and ``break-glass``, whatever follows."""
    verb, *rest = text.split() or ["help"]
    match verb.lower():
        case "help" | "switches" as known:
            return Wish(verb=known)
        case "stop" | "resume" as known:
            return _about(known, rest)
        case named if is_name(named):
            return Wish(verb=BREAK_GLASS)
        case _:
            return Wish(verb="help", complaint=f"There is no command {clean(verb, 40)}.")


def _about(verb: str, words: list[str]) -> Wish:
    scope, *said = words or [""]
    if not re.fullmatch(SCOPE, scope):
        named = f"{clean(scope, 80)} is no scope" if scope else "Name a scope"
        return Wish(verb=verb, complaint=f"{named}: write all, tool:NAME, tenant:NAME or route:NAME.")
    lasts_ms = _lasts(said) if verb == "stop" else None
    reason = clean(" ".join(said if lasts_ms is None else said[:-2]), _LONGEST_REASON)
    if not reason:
        return Wish(verb=verb, scope=scope, complaint="Say why, in a few words behind the scope.")
    return Wish(verb=verb, scope=scope, reason=reason, lasts_ms=lasts_ms)


def _lasts(said: list[str]) -> int | None:
    """Of a reason that ends in ``for 30m``."""
    if len(said) < 2 or said[-2].lower() != "for":
        return None
    try:
        return milliseconds(said[-1])
    except ValueError:
        return None
