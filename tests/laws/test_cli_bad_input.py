"""Laws of wrong use of the command line: a sentence on standard error and status 1 or 2, no traceback."""

import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Final

import pytest

from cli.main import status

_NOBODY: Final = ("--gateway", "http://127.0.0.1:1", "--token", "x")
_START: Final = ("run", "start", "--route", "support/close")


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("fly",), 2, "No such command 'fly'"),
        (("run", "list", "--colour"), 2, "No such option: --colour"),
        (("run", "show"), 2, "Missing argument"),
        (("run", "show", "../../healthz", *_NOBODY), 2, "'../../healthz' is no id: copy one from a list."),
        (("run", "undo", "../../healthz", *_NOBODY), 2, "'../../healthz' is no id: copy one from a list."),
        (("run", "undo", "run_1", "--arguments", "{}"), 2, "No such option: --arguments"),
        (("approvals", "show", "apr_1/decision", *_NOBODY), 2, "'apr_1/decision' is no id"),
        (_START, 2, "Missing option '--input'"),
        ((*_START, "--input", "{bad", *_NOBODY), 2, "--input is not JSON"),
        ((*_START, "--input", '{"a": 1, "a": 2}', *_NOBODY), 2, "a key is there twice in one object"),
        ((*_START, "--input", "[" * 100_000, *_NOBODY), 2, "--input is nested too deeply."),
        ((*_START, "--input", "[]", *_NOBODY), 2, "--input is no JSON object"),
        ((*_START, "--input", "@/nowhere/input.json", *_NOBODY), 2, "cannot be read: No such file"),
        ((*_START, "--input", "@/", *_NOBODY), 2, "@/ cannot be read: Is a directory."),
        ((*_START, "--input", "@binary", *_NOBODY), 2, "@binary is not JSON"),
        ((*_START, "--input", "{}", "--key", "a b", *_NOBODY), 1, "--key must be visible ASCII characters"),
        ((*_START, "--input", "{}", "--key", "", *_NOBODY), 1, "--key must be visible ASCII characters"),
        (("run", "list", "--state", "nowhere"), 1, "nowhere: run `interlock dev`, or name a gateway"),
        (("run", "list", *_NOBODY), 1, "the address http://127.0.0.1:1 did not answer"),
        (("run", "list", "--gateway", "http://127.0.0.1:1"), 1, "give --token as well"),
        (("run", "list", "--gateway", "nonsense", "--token", "x"), 1, "nonsense is no gateway's address"),
        (("run", "list", *_NOBODY[:3], "ü"), 1, "the token must be visible ASCII characters"),
        (("outbox", "retry", *_NOBODY), 2, "name one ID, or give --all-dead."),
        (("outbox", "retry", "card:apr_1", "--all-dead", *_NOBODY), 2, "name one ID, or give --all-dead."),
        (("outbox", "retry", "../switches", *_NOBODY), 2, "is no id: copy one from `interlock outbox list`"),
        (("policy", "check", "--policies", "nowhere"), 1, "nowhere is no directory"),
        (("worker", "--role", "cook"), 2, "'cook' is not one of 'agent', 'broker', 'tools'"),
        (("token", "--caller", "x", "--tenant", "acme"), 2, "names its --tenant and its --routes"),
    ],
)
def test_wrong_use_gets_a_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    code: int,
    sentence: str,
) -> None:
    """It says what is wrong; 2 where the call itself is, 1 where what it asks for can't be done."""
    (tmp_path / "binary").write_bytes(b"\xff\xfe{}")
    found, said = _called(tmp_path, monkeypatch, capsys, *arguments)
    assert found == code, said
    assert sentence in said


@pytest.fixture
def elsewhere() -> Iterator[str]:
    """A web server that is no gateway: it welcomes everybody, in HTML, but one token, which it refuses."""

    class Welcome(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            refused = self.headers["Authorization"] == "Bearer refused"
            self.send_response(401 if refused else 200)
            self.end_headers()
            self.wfile.write(b"<html>welcome</html>")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Welcome) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("token", "sentence"),
    [
        ("taken", "127.0.0.1 did not answer as a gateway does"),
        ("refused", "the gateway answered 401"),
    ],
)
def test_what_is_no_gateway_gets_a_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    elsewhere: str,
    token: str,
    sentence: str,
) -> None:
    """Another server's page is no answer, whatever its status."""
    call = ("run", "list", "--gateway", elsewhere, "--token", token)
    code, said = _called(tmp_path, monkeypatch, capsys, *call)
    assert (code, sentence in said) == (1, True), said


def _called(
    directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, str]:
    """Status and words of a call in a directory where nothing runs."""
    monkeypatch.chdir(directory)
    for name in ("INTERLOCK_STATE", "INTERLOCK_GATEWAY", "INTERLOCK_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "argv", ["interlock", *arguments])
    code = status()
    said = capsys.readouterr()
    assert not said.out
    assert "Traceback" not in said.err
    return code, " ".join(said.err.split())
