"""The Slack stand-in answers to its own names only, wherever it listens."""

import json
from pathlib import Path

import httpx
import pytest

from embedded.slack.app import build
from embedded.slack.config import load
from embedded.slack.faults import Lines, RateLimit
from embedded.slack.store import Store
from embedded.slack.workspace import Workspace

CONFIG = {
    "team": "T0INTERLOCK",
    "app": "A0INTERLOCK",
    "bot_user": "U0INTERLOCK",
    "bot_token": "planted-bot-token",
    "signing_secret": "planted-signing-secret",
    "control_token": "planted-control-token",
    "interactions_url": "http://gateway:8080/slack/interactions",
    "channels": [{"id": "C0APPROVALS", "name": "approvals"}],
    "people": [{"user": "U0ADA", "name": "Ada Lovelace"}],
}


@pytest.mark.parametrize(
    ("host", "status"),
    [("slack:9300", 200), ("127.0.0.1:7713", 200), ("localhost", 200), ("evil.example:9300", 400)],
)
async def test_a_foreign_name_is_refused(tmp_path: Path, host: str, status: int) -> None:
    """Its address in the network and loopback are its names; a page elsewhere that resolves here is not."""
    path = tmp_path / "slack.json"
    path.touch(0o600)
    path.write_text(json.dumps(CONFIG))
    store = Store(tmp_path / "slack.db")
    workspace = Workspace(
        settings=load(path),
        store=store,
        base_url="http://slack:9300",
        lines=Lines(),
        rate=RateLimit(None, 1),
    )
    transport = httpx.ASGITransport(app=build(workspace))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        assert (await client.get("/healthz", headers={"Host": host})).status_code == status
    store.close()
