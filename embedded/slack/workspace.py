"""The running workspace: what every part of the server shares."""

import secrets
import time
from collections import deque
from dataclasses import dataclass, field

from embedded.slack.checks import Json
from embedded.slack.config import Person, Settings
from embedded.slack.faults import Faults, Lines, RateLimit
from embedded.slack.store import Store

TRIGGER_SECONDS = 3.0
KEPT_CALLS = 5_000


@dataclass(frozen=True, kw_only=True)
class Trigger:
    """A person's act, for 3 s good for opening one modal."""

    user: str
    expires: float


class Triggers:
    """Trigger ids: a few seconds of memory, so a restart may forget them."""

    def __init__(self) -> None:
        self._known: dict[str, Trigger] = {}
        self._used: set[str] = set()

    def mint(self, user: str) -> str:
        """A new trigger id of that person."""
        identifier = f"{time.time_ns()}.{secrets.token_hex(16)}"
        self._known[identifier] = Trigger(user=user, expires=time.monotonic() + TRIGGER_SECONDS)
        return identifier

    def exchange(self, identifier: str) -> Trigger | str:
        """The trigger, once, or Slack's error word."""
        trigger = self._known.get(identifier)
        if trigger is None:
            return "invalid_trigger_id"
        if identifier in self._used:
            return "exchanged_trigger_id"
        if trigger.expires <= time.monotonic():
            return "expired_trigger_id"
        self._used.add(identifier)
        return trigger


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """Settings, memory and moods of one stand-in."""

    settings: Settings
    store: Store
    #: Where people and the app reach this server, without a slash at the end.
    base_url: str
    lines: Lines
    faults: Faults = field(default_factory=Faults)
    triggers: Triggers = field(default_factory=Triggers)
    #: Web API calls, newest last, without their tokens.
    calls: deque[Json] = field(default_factory=lambda: deque(maxlen=KEPT_CALLS))
    #: Interactions sent, newest last.
    interactions: deque[Json] = field(default_factory=lambda: deque(maxlen=KEPT_CALLS))
    rate: RateLimit

    def bot_message(self, *, channel: str, text: str, blocks: object, thread_ts: str | None) -> Json:
        """A new message of the app, as Slack stores it."""
        doc: Json = {
            "type": "message",
            "user": self.settings.bot_user,
            "bot_id": self.bot_id,
            "app_id": self.settings.app,
            "team": self.settings.team,
            "channel": channel,
            "ts": self.store.next_ts(),
            "text": text,
        }
        if blocks:
            doc["blocks"] = blocks
        if thread_ts:
            doc["thread_ts"] = thread_ts
        return doc

    @property
    def bot_id(self) -> str:
        """The app's id as an author of messages."""
        return f"B{self.settings.bot_user[1:]}"

    def team_of(self, person: Person) -> str:
        """The person's home workspace."""
        return person.team or self.settings.team
