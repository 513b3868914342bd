"""What the stand-in is told at its start: workspace, people, channels, and its shared secrets."""

import json
import stat
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

Identifier = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9]{1,30}$")]
Secret = Annotated[SecretStr, Field(min_length=8)]


class ConfigError(Exception):
    """The configuration file cannot be used; the message is one sentence for the person who wrote it."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Channel(_Record):
    """A channel that the app has joined."""

    id: Identifier
    name: str = Field(pattern=r"^[a-z0-9_-]{1,80}$")


class Person(_Record):
    """Someone who can be chosen on the page and who can click."""

    user: Identifier
    #: Full name, as shown beside messages.
    name: str = Field(min_length=1, max_length=80)
    #: Interlock's principal, shown on the page only; None is a stranger to Interlock.
    principal: str | None = None
    #: Home workspace where it is another one than the channel's (Slack Connect).
    team: Identifier | None = None

    @property
    def username(self) -> str:
        """Slack's lower-case handle."""
        return self.name.lower().replace(" ", ".")


class Settings(_Record):
    """One workspace with one installed app."""

    team: Identifier
    app: Identifier
    bot_user: Identifier
    bot_token: Secret
    signing_secret: Secret
    #: Bearer token of the control interface.
    control_token: Secret
    #: Where the app receives block_actions and view_submission.
    interactions_url: str = Field(pattern=r"^https?://[^\s]+$")
    #: Where the app receives slash commands; None: it has none.
    commands_url: str | None = Field(default=None, pattern=r"^https?://[^\s]+$")
    channels: tuple[Channel, ...] = Field(min_length=1)
    people: tuple[Person, ...] = Field(min_length=1)
    #: Sustained chat.postMessage rate of a channel; None is no limit. Slack's own is about 1.
    messages_per_second: float | None = Field(default=None, gt=0)
    #: Messages a channel may take at once before the rate counts.
    burst: int = Field(default=1, ge=1)
    #: Seconds the app has to acknowledge; Slack's own is 3.
    ack_seconds: float = Field(default=3.0, gt=0, le=30)
    domain: str = Field(default="interlock", pattern=r"^[a-z0-9-]{1,40}$")

    @model_validator(mode="after")
    def _unique(self) -> Self:
        for what, ids in (
            ("people", [p.user for p in self.people] + [self.bot_user]),
            ("channels", [c.id for c in self.channels]),
        ):
            if len(set(ids)) != len(ids):
                raise ValueError(f"{what} hold one id twice")
        return self

    def channel(self, identifier: object) -> Channel | None:
        """The channel of that id; the app's with one person alone is one too."""
        return next((c for c in (*self.channels, *map(direct, self.people)) if c.id == identifier), None)

    def person(self, identifier: object) -> Person | None:
        """The person of that user id."""
        return next((p for p in self.people if p.user == identifier), None)


def direct(person: Person) -> Channel:
    """What only this person and the app see. Its name is the person's, which no channel's may be."""
    return Channel.model_construct(id=f"D{person.user[1:]}", name=person.name)


def load(path: Path) -> Settings:
    """Read the file, which holds secrets and so must be closed to others. Raises ConfigError."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        raw = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"The config file {path} cannot be read: {error}.") from error
    if mode & 0o077:
        raise ConfigError(
            f"The config file {path} holds secrets but others may read it: run chmod 600 on it."
        )
    try:
        return Settings.model_validate(json.loads(raw))
    except json.JSONDecodeError as error:
        raise ConfigError(
            f"The config file {path} is not JSON: {error.msg} at line {error.lineno}."
        ) from error
    except ValidationError as error:
        # Only place and complaint: the rejected input may be a secret.
        said = "; ".join(
            f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors(include_input=False)
        )
        raise ConfigError(f"The config file {path} is wrong: {said}.") from None
