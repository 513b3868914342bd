"""The stand-in as its own process, and how people and programs speak to it."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from tests.integration.slack_standin.app import SIGNING_SECRET, Json

ROOT = Path(__file__).resolve().parents[3]
ROOM = "C0APPROVALS"
BOT_TOKEN = "xoxb-planted-bot-token"
CONTROL_TOKEN = "planted-control-token"


def config(interactions_url: str, **more: object) -> Json:
    return {
        "team": "T0INTERLOCK",
        "app": "A0INTERLOCK",
        "bot_user": "U0INTERLOCK",
        "bot_token": BOT_TOKEN,
        "signing_secret": SIGNING_SECRET,
        "control_token": CONTROL_TOKEN,
        "interactions_url": interactions_url,
        "channels": [{"id": ROOM, "name": "approvals"}, {"id": "C0QUIET", "name": "quiet"}],
        "people": [
            {"user": "U0ADA", "name": "Ada Lovelace", "principal": "principal:ada"},
            {"user": "U0GRACE", "name": "Grace Hopper", "principal": "principal:grace"},
            {"user": "U0MALLORY", "name": "Mallory", "team": "T0ELSEWHERE"},
        ],
    } | more


@dataclass
class Slack:
    """A running stand-in."""

    process: subprocess.Popen[str]
    url: str
    log: Path

    def client(self) -> AsyncWebClient:
        client = AsyncWebClient(token=BOT_TOKEN, base_url=f"{self.url}/api/", retry_handlers=[])
        # The client takes a proxy from the environment even for loopback.
        client.proxy = None
        return client

    def http(self, method: str, path: str, body: Json | None = None, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.request(method, self.url + path, json=body, headers=named, trust_env=False, timeout=10)

    def ask(self, method: str, path: str, body: Json | None = None) -> httpx.Response:
        return self.http(method, f"/control/{path}", body, Authorization=f"Bearer {CONTROL_TOKEN}")

    def control(self, method: str, path: str, body: Json | None = None) -> Json:
        answer = self.ask(method, path, body)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def click(self, ts: str, **more: object) -> Json:
        body = {"channel": ROOM, "ts": ts, "action_id": "approve", "user": "U0ADA"} | more
        return self.control("POST", "click", body)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(10)
        if self.process.stdout:
            self.process.stdout.close()
        return code


Start = Callable[..., Slack]


def command(folder: Path, config_file: Path, port: int = 0) -> list[str]:
    start = [sys.executable, "-m", "embedded.slack", "--port", str(port)]
    return [*start, "--db", str(folder / "slack.sqlite"), "--config", str(config_file)]


def run(folder: Path, settings: Json) -> Slack:
    path, log = folder / "slack.json", folder / "slack.log"
    path.write_text(json.dumps(settings))
    path.chmod(0o600)
    with log.open("a") as errors:
        process = subprocess.Popen(
            command(folder, path),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    assert process.stdout is not None
    line = process.stdout.readline()
    return Slack(process, line.rpartition(" ")[2].strip(), log)


async def error_of(call: Any) -> str:
    with pytest.raises(SlackApiError) as caught:
        await call
    return str(caught.value.response["error"])
