"""`python -m embedded.slack --port P --db FILE --config FILE`: serve until SIGTERM or SIGINT."""

import argparse
import errno
import signal
import socket
import sys
from pathlib import Path

import uvicorn

from embedded.slack.app import HOST, build
from embedded.slack.config import ConfigError, load
from embedded.slack.faults import Lines, RateLimit
from embedded.slack.store import Store, StoreError
from embedded.slack.workspace import Workspace

WRONG_USE = 2


class PortError(Exception):
    """The port cannot be listened on; the message is one sentence."""


def main(argv: list[str] | None = None) -> int:
    """Serve; 0 after a signal, 2 with a sentence when it cannot start."""
    asked = _arguments(argv)
    try:
        settings = load(asked.config)
        listener = _listen(asked.host, asked.port)
        with listener:
            store = Store(asked.db)
            lines = Lines()
            workspace = Workspace(
                settings=settings,
                store=store,
                base_url=asked.base_url or f"http://{asked.host}:{listener.getsockname()[1]}",
                lines=lines,
                rate=RateLimit(settings.messages_per_second, settings.burst),
            )
            try:
                _serve(workspace, listener)
            finally:
                store.close()
    except (ConfigError, StoreError, PortError) as error:
        print(f"Slack stand-in: {error}", file=sys.stderr)  # noqa: T201  the sentence is for the person who started it
        return WRONG_USE
    return 0


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m embedded.slack", description="A Slack workspace on loopback."
    )
    parser.add_argument("--port", type=int, required=True, help="port to listen on; 0 takes a free one")
    parser.add_argument("--host", default=HOST, help="address to listen on; the page has no login")
    parser.add_argument("--base-url", help="where the app reaches this server, if elsewhere than there")
    parser.add_argument("--db", type=Path, required=True, help="SQLite file that keeps the workspace")
    parser.add_argument("--config", type=Path, required=True, help="JSON file, mode 0600")
    return parser.parse_args(argv)


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except (OSError, OverflowError) as error:
        listener.close()
        taken = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
        raise PortError(
            f"Port {port} on {host} is taken: choose another with --port."
            if taken
            else f"Port {port} on {host} cannot be used ({error}): choose another with --port."
        ) from error
    return listener


def _serve(workspace: Workspace, listener: socket.socket) -> None:
    config = uvicorn.Config(
        build(workspace),
        http=workspace.lines.protocol(),
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    # uvicorn listens for signals only once it runs, and raises them again at its end: before, they must stop
    # it all the same, and afterwards they must not end in a traceback.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, server.handle_exit)
    print(f"Slack stand-in: {workspace.base_url}", flush=True)  # noqa: T201  says where, above all after --port 0
    server.run(sockets=[listener])


if __name__ == "__main__":
    sys.exit(main())
