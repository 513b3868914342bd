"""What the stand-ins of Slack and of the tools are told, and how the store is made ready."""

import asyncio
import hashlib
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from adapters.migrations import migrate
from contracts.approval import Person
from contracts.errors import Malformed
from embedded.aws.files import read_json, write_json
from embedded.aws.seed import Seeded
from embedded.publish import publish_loaded
from policies.change import Change
from policies.load import PolicySet
from policies.people import short_name
from tools.load import LoadedTools

ENV: Final = "dev"
TEAM: Final = "T0INTERLOCK"
APP: Final = "A0INTERLOCK"
CHANNEL: Final = "C0APPROVALS"
ALERTS: Final = "C0ALERTS"

_BOT_USER: Final = "U0INTERLOCK"
_FULL_NAMES: Final[Mapping[str, str]] = {
    "Ada": "Ada Lovelace",
    "Grace": "Grace Hopper",
    "Linus": "Linus Pauling",
    "Margaret": "Margaret Hamilton",
    "Mallory": "Mallory Finch",
}


def store_url(state: Path) -> str:
    return f"sqlite+aiosqlite:///{state / 'interlock.db'}"


async def prepare_store(state: Path, policies: PolicySet, tools: LoadedTools) -> Sequence[Change]:
    """Schema and policies; what of the policies changed, as alerts tell it too. Raises Unavailable."""
    url = store_url(state)
    await asyncio.to_thread(migrate, url)
    _, changes = await publish_loaded(url, policies, tools, env=ENV, actor="dev")
    return changes


def write_slack_config(state: Path, seeded: Seeded, policies: PolicySet, gateway_url: str) -> Path:
    """The stand-in's file; its control token stays the same. Raises Malformed: nobody is in Slack."""
    path = state / "slack.json"
    people = [_in_slack(person) for person in policies.people.people if person.slack_user]
    if not people:
        raise Malformed("people.yaml names nobody with a Slack user: without one nobody can approve a write")
    before: Mapping[str, Any] = read_json(path) or {}
    document = {
        "team": TEAM,
        "app": APP,
        "bot_user": _BOT_USER,
        "bot_token": seeded.slack_bot_token.reveal(),
        "signing_secret": seeded.slack_signing_secret.reveal(),
        "control_token": before.get("control_token") or secrets.token_urlsafe(32),
        "interactions_url": f"{gateway_url}/slack/interactions",
        "channels": [{"id": CHANNEL, "name": "approvals"}, {"id": ALERTS, "name": "alerts"}],
        "people": people,
    }
    write_json(path, document)
    return path


def write_helpdesk_keys(state: Path, seeded: Seeded) -> Path:
    """The helpdesk's file of hashes; the control key itself stays in ``STATE/helpdesk-control``."""
    control = _kept_secret(state / "helpdesk-control")
    path = state / "helpdesk-keys.json"
    keys = [asdict(token) for token in seeded.tool_tokens]
    write_json(path, {"keys": keys, "control_sha256": hashlib.sha256(control.encode()).hexdigest()})
    return path


def _in_slack(person: Person) -> dict[str, str]:
    short = short_name(person.principal)
    entry = {
        "user": person.slack_user or "",
        "name": _FULL_NAMES.get(short, short),
        "principal": person.principal,
    }
    if person.slack_team and person.slack_team != TEAM:
        entry["team"] = person.slack_team
    return entry


def _kept_secret(path: Path) -> str:
    try:
        kept = path.read_text().strip()
    except FileNotFoundError:
        kept = ""
    if kept:
        return kept
    made = secrets.token_urlsafe(32)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(made)
    return made
