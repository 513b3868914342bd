"""The state directory of a local stack, as the command line reads it."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from contracts.errors import Malformed, Unavailable

DEFAULT: Final = ".interlock"


@dataclass(frozen=True, kw_only=True)
class State:
    """Where a stack keeps its files: endpoints, keys, identities, the store."""

    directory: Path

    @classmethod
    def at(cls, given: Path | None) -> Self:
        """The directory of ``--state``, of INTERLOCK_STATE, or ``.interlock``."""
        return cls(directory=(given or Path(os.environ.get("INTERLOCK_STATE") or DEFAULT)).absolute())

    @property
    def keyring(self) -> Path:
        return self.directory / "keyring.json"

    @property
    def break_glass_keyring(self) -> Path:
        """Of the break-glass process, which shares no key with the agents'."""
        return self.directory / "break-glass-keyring.json"

    @property
    def identity(self) -> Path:
        """The AWS identity of the local operator."""
        return self.directory / "aws" / "cli.json"

    @property
    def store_url(self) -> str:
        """SQLAlchemy's: of INTERLOCK_STORE, or of the directory's own SQLite file."""
        return os.environ.get("INTERLOCK_STORE") or self.own_store_url

    @property
    def own_store_url(self) -> str:
        return f"sqlite+aiosqlite:///{self.directory / 'interlock.db'}"

    def endpoints(self) -> dict[str, Any]:
        """Addresses of the stack that was started here last. Raises Unavailable, Malformed."""
        path = self.directory / "endpoints.json"
        if not path.is_file():
            raise Unavailable(
                f"no stack runs on {self.directory}: run `interlock dev`, or name a gateway with --gateway"
            )
        return read_document(path)

    def address(self, part: str) -> str:
        """The base URL of a part, such as ``gateway``. Raises Unavailable, Malformed."""
        found = self.endpoints().get(part)
        if not isinstance(found, str) or not found:
            raise Malformed(f"{self.directory / 'endpoints.json'} names no {part}: start the stack again")
        return found.rstrip("/")

    def break_glass(self) -> str:
        """The base URL of the break-glass process. Raises Unavailable, Malformed."""
        path = self.directory / "break-glass.json"
        if not path.is_file():
            raise Unavailable(
                f"no break-glass process runs on {self.directory}: run `interlock dev --break-glass`, "
                "or name one with --break-glass"
            )
        found = read_document(path).get("url")
        if not isinstance(found, str) or not found:
            raise Malformed(f"{path} names no address: start break-glass again")
        return found.rstrip("/")

    def slack_control(self) -> str:
        """The token of the Slack stand-in's control interface. Raises Malformed."""
        path = self.directory / "slack.json"
        token = read_document(path).get("control_token")
        if not isinstance(token, str):
            raise Malformed(f"{path} holds no control_token: start the stack again")
        return token

    def helpdesk_control(self) -> str:
        """The key of the helpdesk's control interface. Raises Unavailable."""
        path = self.directory / "helpdesk-control"
        try:
            return path.read_text().strip()
        except OSError as error:
            raise Unavailable(f"{path} cannot be read: start the stack with `interlock dev`") from error


def read_document(path: Path) -> dict[str, Any]:
    """A JSON object from a file. Raises Malformed, without the content."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        reason = type(error).__name__
    else:
        if isinstance(found, dict):
            return found
        reason = "no object"
    raise Malformed(f"{path} is no JSON document ({reason}): start the stack again to have it written")
