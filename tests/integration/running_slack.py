"""A running Slack stand-in, for tests of what is posted to it."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[2]
ROOM = "C0APPROVALS"
BOT_TOKEN = "xoxb-planted-bot-token"
CONTROL_TOKEN = "planted-control-token"
CONFIG = {
    "team": "T0INTERLOCK",
    "app": "A0INTERLOCK",
    "bot_user": "U0INTERLOCK",
    "bot_token": BOT_TOKEN,
    "signing_secret": "planted-signing-secret",
    "control_token": CONTROL_TOKEN,
    "interactions_url": "http://127.0.0.1:9/slack/interactions",
    "channels": [{"id": ROOM, "name": "approvals"}],
    "people": [{"user": "U0ADA", "name": "Ada Lovelace", "principal": "principal:ada"}],
}
Json = dict[str, Any]


@dataclass
class Slack:
    """A running stand-in."""

    folder: Path
    process: subprocess.Popen[str]
    url: str

    def control(self, method: str, path: str, body: Json | None = None) -> Json:
        headers = {"Authorization": f"Bearer {CONTROL_TOKEN}"}
        answer = httpx.request(
            method, f"{self.url}/control/{path}", json=body, headers=headers, trust_env=False, timeout=10
        )
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def fault(self, method: str, kind: str, **more: int) -> None:
        self.control("POST", "faults", {"method": method, "kind": kind, **more})

    def messages(self) -> list[Json]:
        return list(self.control("GET", f"messages?channel={ROOM}")["messages"])

    def calls(self, method: str) -> int:
        return sum(call["method"] == method for call in self.control("GET", "calls")["calls"])

    def stop(self) -> None:
        self.process.kill()
        self.process.wait(10)
        if self.process.stdout:
            self.process.stdout.close()


def begin(folder: Path, port: str = "0") -> Slack:
    path = folder / "slack.json"
    path.write_text(json.dumps(CONFIG))
    path.chmod(0o600)
    command = [sys.executable, "-m", "embedded.slack", "--port", port, "--db", str(folder / "slack.sqlite")]
    process = subprocess.Popen([*command, "--config", str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return Slack(folder, process, process.stdout.readline().rpartition(" ")[2].strip())
