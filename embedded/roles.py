"""Our own processes: how gateway and workers are started, and what each may know."""

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from contracts import names
from embedded.aws import plan
from embedded.aws.seed import BREAK_GLASS_KEYRING, KEYRING
from embedded.helpdesk.site import HOST as DOCS
from embedded.ports import HOST, Ports, url
from embedded.seed import ALERTS, APP, CHANNEL, ENV, TEAM, store_url
from tools.addresses import variable

#: Role to its task queue.
QUEUES: Final = {"agent": names.AGENT_QUEUE, "broker": names.BROKER_QUEUE, "tools": names.TOOLS_QUEUE}
BREAK_GLASS: Final = plan.Role.BREAK_GLASS.value

_INHERITED: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TZ")
_PROVIDERS: Final = ("OPENAI_", "ANTHROPIC_", "AWS_BEDROCK_")


@dataclass(frozen=True, kw_only=True)
class Roles:
    """What the processes' environments are made of."""

    state: Path
    ports: Ports
    tools: Path
    tenants: Sequence[str]
    #: Base URLs of the tool file's sources, by source.
    addresses: Mapping[str, str]
    headless: bool
    #: Build id of the agent worker, the same for as long as the stack runs.
    build: str

    def environment(self, role: str) -> dict[str, str]:
        """The whole environment of a role; a model provider's key goes to the agent worker alone."""
        if role == BREAK_GLASS:
            return inherited() | self.break_glass()
        found = inherited() | self._addresses() | self._common(role)
        found |= {
            "INTERLOCK_KEYRING": str(self.state / KEYRING),
            "INTERLOCK_SLACK_TEAM": TEAM,
            "INTERLOCK_SLACK_APP": APP,
            "INTERLOCK_SLACK_CHANNEL": CHANNEL,
            "INTERLOCK_ANCHORS": plan.anchor_bucket(ENV),
        }
        if role == "tools":
            found |= self._world()
        if role == "agent":
            found["INTERLOCK_BUILD"] = self.build
            found |= {name: value for name, value in os.environ.items() if name.startswith(_PROVIDERS)}
        return found

    def break_glass(self) -> dict[str, str]:
        """Settings of the break-glass process: nothing of Temporal, of the gateway or of agents' keys."""
        return {
            **self._common(BREAK_GLASS),
            **self._world(),
            "INTERLOCK_SLACK_URL": url(self.ports.slack),
            "INTERLOCK_BREAK_GLASS_KEYRING": str(self.state / BREAK_GLASS_KEYRING),
            "INTERLOCK_BREAK_GLASS_PAGES": _by_name(self.ports.break_glass),
        }

    def _common(self, role: str) -> dict[str, str]:
        return {
            "INTERLOCK_ENV": ENV,
            "INTERLOCK_STORE": store_url(self.state),
            "INTERLOCK_AWS": str(self.state / "aws" / f"{role}.json"),
            "INTERLOCK_SLACK_ALERTS": ALERTS,
            "INTERLOCK_TENANTS": ",".join(self.tenants),
            "INTERLOCK_TOOLS": str(self.tools),
            "INTERLOCK_PROBE_CREDENTIAL": plan.PROBE,
        }

    def _world(self) -> dict[str, str]:
        """Where tools find what they act on."""
        found = {variable(source): address for source, address in self.addresses.items()}
        return found | {"INTERLOCK_WEB_HOSTS": self._web_hosts()}

    def _web_hosts(self) -> str:
        """The embedded documentation, and what whoever starts the stack has of their own."""
        own = os.environ.get("INTERLOCK_WEB_HOSTS", "")
        return ",".join(filter(None, (f"{DOCS}={HOST}:{self.ports.helpdesk}", own)))

    def _addresses(self) -> dict[str, str]:
        found = {
            "INTERLOCK_TEMPORAL": f"127.0.0.1:{self.ports.temporal}",
            "INTERLOCK_SLACK_URL": url(self.ports.slack),
            "INTERLOCK_GATEWAY": url(self.ports.gateway),
            "INTERLOCK_PAGES": _by_name(self.ports.gateway),
        }
        if not self.headless:
            found["INTERLOCK_TEMPORAL_UI"] = url(self.ports.temporal_ui)
        return found


def _by_name(port: int) -> str:
    """A passkey belongs to a host by name; an address of numbers has none."""
    return f"http://localhost:{port}"


def inherited(wanted: Iterable[str] = _INHERITED) -> dict[str, str]:
    return {name: os.environ[name] for name in wanted if name in os.environ}


def module(name: str, *arguments: str) -> list[str]:
    """A module of ours. ``-P``: no folder of the working directory may stand in for it."""
    return [sys.executable, "-P", "-m", name, *arguments]
