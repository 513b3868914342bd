"""Getting a service's document from a real server: bounded, in time, and from one origin."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from contracts.errors import Malformed
from tools.openapi import retrieval
from tools.openapi.retrieval import LIMIT, retrieve

GOOD = b'{"openapi": "3.1.0"}'


@contextmanager
def _serving(answers: Mapping[str, tuple[int, Mapping[str, str], bytes]]) -> Iterator[tuple[str, list[Any]]]:
    """A server that answers each path as it is told; its origin, and the headers it was sent."""
    asked: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = answers[self.path]
            asked.append(self.headers)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing is logged."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_document_is_asked_for_without_any_credential(tmp_path: Path) -> None:
    """A redirect within the origin is followed; no request carries a capability or an authorization."""
    answers = {"/a": (307, {"Location": "/docs/b"}, b""), "/docs/b": (200, {}, GOOD)}
    with _serving(answers) as (origin, asked):
        found = retrieve(origin + "/a", tmp_path)
    assert (found.text, found.url) == (GOOD.decode(), origin + "/docs/b")
    assert not [name for headers in asked for name in headers if name.lower().startswith(("auth", "inter"))]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((302, {"Location": "http://127.0.0.1:1/x"}, b""), "redirects to another origin"),
        ((302, {"Location": "/a"}, b""), "redirects more than 3 times"),
        ((302, {"Location": "file:///etc/passwd"}, b""), "plain http or https URL"),
        ((404, {}, b"{}"), "answered HTTP 404"),
        ((200, {}, b"\xff\xfe"), "is no UTF-8"),
        ((200, {}, b" " * (LIMIT + 1)), f"longer than {LIMIT} bytes"),
    ],
)
def test_what_is_no_document_is_a_sentence(
    tmp_path: Path, answer: tuple[int, Mapping[str, str], bytes], said: str
) -> None:
    """Whatever a server answers, the refusal says what it was and repeats no query."""
    with _serving({"/a?planted": answer, "/a": answer}) as (origin, _), pytest.raises(Malformed) as refusal:
        retrieve(origin + "/a?planted", tmp_path)
    assert said in str(refusal.value)
    assert "planted" not in str(refusal.value)


def test_a_server_that_drips_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole of a document comes in time, however often a byte of it does."""
    monkeypatch.setattr(retrieval, "_SECONDS", 0.0)
    with _serving({"/a": (200, {}, GOOD)}) as (origin, _), pytest.raises(Malformed, match="took too long"):
        retrieve(origin + "/a", tmp_path)


@pytest.mark.parametrize("where", ["none.json", "", "..", "\0", "ftp://127.0.0.1/x"])
def test_a_file_that_cannot_be_read_is_a_sentence(tmp_path: Path, where: str) -> None:
    """A path that leads nowhere names itself."""
    with pytest.raises(Malformed, match=r"cannot be read|http or https URL"):
        retrieve(where, tmp_path)
