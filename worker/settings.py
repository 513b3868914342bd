"""Settings of a worker, read once from the environment. None of them is a secret."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from contracts.errors import Malformed
from tools.addresses import given

_NEEDED: Final = ("INTERLOCK_STORE", "INTERLOCK_TEMPORAL", "INTERLOCK_AWS", "INTERLOCK_KEYRING")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where a worker's neighbours are."""

    env: str
    #: SQLAlchemy's URL.
    store: str
    #: host:port of Temporal's frontend.
    temporal: str
    #: File of this process's AWS identity.
    aws: Path
    #: File of everyone's public keys.
    keyring: Path
    tenants: tuple[str, ...]
    #: The tool file; of the tool worker.
    tools: Path | None
    #: Base URLs of sources, by variable; of the tool worker.
    addresses: dict[str, str]
    #: Name of the secret by which the tenants' separation is checked; None: the tool file's first.
    probe: str | None
    #: Base URL of the gateway's pages, whose host is the passkeys' relying party; empty: there are none.
    pages: str
    slack_channel: str
    #: Where alerts are posted; where none is named, beside the cards.
    slack_alerts: str
    #: Of the tool worker: by host, the only ``address:port`` at which a tool that reaches out finds it. For
    #: hosts of one's own net; every other host is resolved, and has to be public.
    web_hosts: Mapping[str, str]
    #: Base URL of a stand-in; empty: Slack itself.
    slack_url: str
    #: Bucket of the audit's anchors; of the broker.
    anchors: str
    #: Build id of the workflow code; empty: its digest. Of the agent worker.
    build: str

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Self:
        """Raises Malformed, naming every variable that is missing."""
        missing = [name for name in _NEEDED if not environ.get(name)]
        if missing:
            raise Malformed(f"a worker needs {', '.join(missing)} in its environment")
        tools = environ.get("INTERLOCK_TOOLS")
        return cls(
            env=environ.get("INTERLOCK_ENV", "dev"),
            store=environ["INTERLOCK_STORE"],
            temporal=environ["INTERLOCK_TEMPORAL"],
            aws=Path(environ["INTERLOCK_AWS"]),
            keyring=Path(environ["INTERLOCK_KEYRING"]),
            tenants=tuple(filter(None, environ.get("INTERLOCK_TENANTS", "").split(","))),
            tools=Path(tools) if tools else None,
            addresses=given(environ),
            probe=environ.get("INTERLOCK_PROBE_CREDENTIAL") or None,
            pages=environ.get("INTERLOCK_PAGES", "").rstrip("/"),
            slack_channel=environ.get("INTERLOCK_SLACK_CHANNEL", ""),
            slack_alerts=environ.get("INTERLOCK_SLACK_ALERTS") or environ.get("INTERLOCK_SLACK_CHANNEL", ""),
            web_hosts=hosts_of(environ.get("INTERLOCK_WEB_HOSTS", "")),
            slack_url=environ.get("INTERLOCK_SLACK_URL", ""),
            anchors=environ.get("INTERLOCK_ANCHORS", ""),
            build=environ.get("INTERLOCK_BUILD", ""),
        )


def hosts_of(text: str) -> Mapping[str, str]:
    """``docs.example=127.0.0.1:8080,…`` by host. Raises Malformed."""
    pairs = [entry.partition("=") for entry in filter(None, text.split(","))]
    if any(not (host and address) for host, _, address in pairs):
        raise Malformed("INTERLOCK_WEB_HOSTS is a list such as docs.example=10.0.0.7:443,wiki.example=…")
    return {host.strip().lower(): address.strip() for host, _, address in pairs}
