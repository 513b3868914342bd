"""Settings of the break-glass process, read once from the environment. None of them is a secret."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from contracts.errors import Malformed
from gateway.settings import url_of
from tools.addresses import given
from worker.settings import hosts_of

_NEEDED: Final = (
    "INTERLOCK_STORE",
    "INTERLOCK_AWS",
    "INTERLOCK_TOOLS",
    "INTERLOCK_SLACK_ALERTS",
    "INTERLOCK_BREAK_GLASS_KEYRING",
    "INTERLOCK_BREAK_GLASS_PAGES",
)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where its neighbours are. It has no Temporal, no queue, and no address of the agents' gateway."""

    env: str
    #: SQLAlchemy's URL, with the login of this process alone.
    store: str
    #: File of this process's AWS identity.
    aws: Path
    #: File of its two public keys; the agents' ring has neither.
    keyring: Path
    #: Base URL of its own pages, on which people sign their consent.
    pages: str
    #: The tool file.
    tools: Path
    #: Base URLs of sources, by variable.
    addresses: dict[str, str]
    tenants: tuple[str, ...]
    #: Name of the secret by which the tenants' separation is checked; None: the tool file's first.
    probe: str | None
    #: By host, the only ``address:port`` at which a tool that reaches out finds it.
    web_hosts: Mapping[str, str]
    #: Base URL of a stand-in; empty: Slack itself.
    slack_url: str
    #: The channel in which everybody is told.
    slack_alerts: str

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Self:
        """Raises Malformed, naming every variable that is missing or none."""
        missing = [name for name in _NEEDED if not environ.get(name)]
        if missing:
            raise Malformed(f"the break-glass process needs {', '.join(missing)} in its environment")
        return cls(
            env=environ.get("INTERLOCK_ENV", "dev"),
            store=environ["INTERLOCK_STORE"],
            aws=Path(environ["INTERLOCK_AWS"]),
            keyring=Path(environ["INTERLOCK_BREAK_GLASS_KEYRING"]),
            pages=url_of(environ, "INTERLOCK_BREAK_GLASS_PAGES"),
            tools=Path(environ["INTERLOCK_TOOLS"]),
            addresses=given(environ),
            tenants=tuple(filter(None, environ.get("INTERLOCK_TENANTS", "").split(","))),
            probe=environ.get("INTERLOCK_PROBE_CREDENTIAL") or None,
            web_hosts=hosts_of(environ.get("INTERLOCK_WEB_HOSTS", "")),
            slack_url=url_of(environ, "INTERLOCK_SLACK_URL"),
            slack_alerts=environ["INTERLOCK_SLACK_ALERTS"],
        )
