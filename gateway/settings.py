"""Settings of the gateway, read once from the environment. None of them is a secret."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self
from urllib.parse import urlsplit

from contracts.errors import Malformed

_NEEDED: Final = (
    "INTERLOCK_STORE",
    "INTERLOCK_TEMPORAL",
    "INTERLOCK_AWS",
    "INTERLOCK_KEYRING",
    "INTERLOCK_SLACK_TEAM",
    "INTERLOCK_SLACK_APP",
    "INTERLOCK_SLACK_CHANNEL",
)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where the gateway's neighbours are, and whose clicks count."""

    env: str
    #: SQLAlchemy's URL.
    store: str
    #: host:port of Temporal's frontend.
    temporal: str
    #: File of this process's AWS identity.
    aws: Path
    #: File of everyone's public keys.
    keyring: Path
    slack_team: str
    slack_app: str
    slack_channel: str
    #: Base URL of a stand-in; empty: Slack itself.
    slack_url: str
    #: Origin of Temporal's Web UI, for the codec; empty: none.
    temporal_ui: str
    #: Base URL under which people reach this gateway's pages; empty: there are none.
    pages: str

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Self:
        """Raises Malformed, naming every variable that is missing or none."""
        missing = [name for name in _NEEDED if not environ.get(name)]
        if missing:
            raise Malformed(f"the gateway needs {', '.join(missing)} in its environment")
        return cls(
            env=environ.get("INTERLOCK_ENV", "dev"),
            store=environ["INTERLOCK_STORE"],
            temporal=environ["INTERLOCK_TEMPORAL"],
            aws=Path(environ["INTERLOCK_AWS"]),
            keyring=Path(environ["INTERLOCK_KEYRING"]),
            slack_team=environ["INTERLOCK_SLACK_TEAM"],
            slack_app=environ["INTERLOCK_SLACK_APP"],
            slack_channel=environ["INTERLOCK_SLACK_CHANNEL"],
            slack_url=url_of(environ, "INTERLOCK_SLACK_URL"),
            temporal_ui=url_of(environ, "INTERLOCK_TEMPORAL_UI"),
            pages=url_of(environ, "INTERLOCK_PAGES"),
        )


def url_of(environ: Mapping[str, str], name: str) -> str:
    """The address in a variable; empty: none. Raises Malformed."""
    text = environ.get(name, "").rstrip("/")
    if text and not (urlsplit(text).scheme in ("http", "https") and urlsplit(text).netloc):
        raise Malformed(f"{name} is no address: write one like http://127.0.0.1:8233")
    return text
