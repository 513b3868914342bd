"""A small app that verifies signatures with Slack's own code and answers what it is told to."""

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs

from slack_sdk.signature import SignatureVerifier

SIGNING_SECRET = "planted-signing-secret"
Json = dict[str, Any]


@dataclass
class App:
    """A small app that verifies signatures with Slack's own code and answers what it is told to."""

    server: ThreadingHTTPServer
    received: list[Json] = field(default_factory=list)
    status: int = 200
    answer: str = ""
    delay: float = 0.0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/slack/interactions"


class Receiver(BaseHTTPRequestHandler):
    app: ClassVar[App]

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"])).decode()
        verified = SignatureVerifier(SIGNING_SECRET).is_valid_request(raw, dict(self.headers.items()))
        time.sleep(self.app.delay)
        form = {name: values[0] for name, values in parse_qs(raw).items()}
        payload = json.loads(form["payload"]) if "payload" in form else form
        self.app.received.append({"verified": verified, "path": self.path, "payload": payload})
        self.send_response(self.app.status if verified else 401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(self.app.answer)))
        self.end_headers()
        self.wfile.write(self.app.answer.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class named it
        """Say nothing."""


@contextlib.contextmanager
def listening() -> Iterator[App]:
    class Mine(Receiver):
        pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Mine)
    Mine.app = App(server)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield Mine.app
    server.shutdown()
    server.server_close()
    thread.join()
