"""How the process starts and stops, and what it tells nobody."""

import contextlib
import io
import json
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from embedded.slack.__main__ import main
from tests.integration.slack_standin.app import SIGNING_SECRET, Json
from tests.integration.slack_standin.blocks import CARD
from tests.integration.slack_standin.workspace import (
    BOT_TOKEN,
    CONTROL_TOKEN,
    ROOM,
    ROOT,
    Start,
    command,
    config,
)


def refused(folder: Path, settings: Json | str, *, port: int = 0, mode: int = 0o600) -> str:
    """Starts with that config, expects exit 2, and gives what was said."""
    path = folder / "refused.json"
    path.write_text(settings if isinstance(settings, str) else json.dumps(settings))
    path.chmod(mode)
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        code = main(command(folder, path, port)[3:])
    assert code == 2
    assert said.getvalue().count("\n") == 1
    return said.getvalue()


async def test_a_restart_keeps_every_message(start: Start) -> None:
    """Even after SIGKILL messages and ephemerals are there, and the first click works."""
    slack = start()
    client = slack.client()
    ts = (await client.chat_postMessage(channel=ROOM, text="card", blocks=CARD))["ts"]
    await client.chat_postEphemeral(channel=ROOM, user="U0ADA", text="aside")
    slack.stop(signal.SIGKILL)
    again = start()
    assert [m["ts"] for m in again.control("GET", "messages")["messages"]] == [ts]
    assert [m["text"] for m in again.control("GET", "ephemerals")["ephemerals"]] == ["aside"]
    assert again.click(ts)["acknowledged"]
    assert (await again.client().chat_postMessage(channel=ROOM, text="next"))["ts"] > ts


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("served", [True, False])
async def test_a_signal_ends_it_cleanly(start: Start, number: signal.Signals, served: bool) -> None:
    """SIGTERM and SIGINT, even in its first moment, end it with status 0 and not a word."""
    slack = start()
    if served:
        await slack.client().auth_test()
    assert slack.stop(number) == 0
    assert slack.log.read_text() == ""


def test_wrong_starts_are_refused_in_one_sentence(tmp_path: Path) -> None:
    """A taken port, and a config that is open, malformed, incomplete or unknown, end with status 2."""
    good = config("http://127.0.0.1:9/slack/interactions")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        said = refused(tmp_path, good, port=taken.getsockname()[1])
        assert "is taken: choose another with --port" in said
    assert "chmod 600" in refused(tmp_path, good, mode=0o644)
    assert "is not JSON" in refused(tmp_path, "{")
    assert "bot_token" in refused(tmp_path, {k: v for k, v in good.items() if k != "bot_token"})
    assert "colour" in refused(tmp_path, good | {"colour": "red"})
    assert "one id twice" in refused(tmp_path, good | {"people": good["people"] * 2})
    (tmp_path / "slack.sqlite").write_text("this is no database, but long enough to be looked at as one" * 20)
    assert "database" in refused(tmp_path, good)


def test_a_refused_start_has_status_2_and_no_traceback(tmp_path: Path) -> None:
    """The process itself ends with status 2 and one sentence."""
    ended = subprocess.run(
        command(tmp_path, tmp_path / "missing.json"), cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith("Slack stand-in: The config file")
    assert ended.stderr.count("\n") == 1


def test_a_rejected_secret_is_not_repeated(tmp_path: Path) -> None:
    """The sentence about a wrong secret names the key and not its value."""
    said = refused(tmp_path, config("http://127.0.0.1:9/x") | {"signing_secret": "planted"})
    assert "signing_secret" in said
    assert "planted" not in said


def test_a_second_instance_is_refused(start: Start, tmp_path: Path) -> None:
    """Two stand-ins never share a database."""
    start()
    assert "already uses" in refused(tmp_path, config("http://127.0.0.1:9/x"))


async def test_secrets_are_neither_logged_nor_stored_nor_told(start: Start, tmp_path: Path) -> None:
    """Token, signing secret and control token appear in no log, file, page or control answer."""
    slack = start()
    ts = (await slack.client().chat_postMessage(channel=ROOM, text="card", blocks=CARD))["ts"]
    slack.click(ts)
    shown = [slack.http("GET", f"/channels/{ROOM}").text]
    shown += [json.dumps(slack.control("GET", what)) for what in ("calls", "messages", "interactions")]
    slack.stop()
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("slack.sqlite*"))
    seen = "".join(shown) + slack.log.read_text() + stored.decode("latin-1")
    for secret in (BOT_TOKEN, SIGNING_SECRET, CONTROL_TOKEN):
        assert secret not in seen
