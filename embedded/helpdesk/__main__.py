"""The helpdesk's process: ``python -m embedded.helpdesk --port P --db FILE --keys FILE``."""

import argparse
import logging
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from embedded.helpdesk.app import build
from embedded.helpdesk.database import Database, DatabaseUnusable
from embedded.helpdesk.door import Line
from embedded.helpdesk.keys import KeyFile, KeysUnreadable
from embedded.helpdesk.seed import seed

log = logging.getLogger(__name__)


class CannotStart(Exception):
    """The process cannot serve; the sentence says what to change."""


def main() -> int:
    """Serve until SIGTERM or SIGINT; the exit status."""
    _on_stop_signals(_leave)
    options = _options()
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s helpdesk %(levelname)s %(message)s"
    )
    try:
        listener = _listener(options.host, options.port)
        keys = KeyFile(options.keys)
        database = Database(options.db)
    except (CannotStart, KeysUnreadable, DatabaseUnusable) as error:
        sys.stderr.write(f"helpdesk: {error}\n")
        return 2
    with database.writing() as connection:
        if seed(connection):
            log.info("seeded %s", options.db)
    log.info("listening on http://%s:%d", *listener.getsockname())
    _serve(build(database=database, keys=keys), listener)
    return 0


def _serve(app: FastAPI, listener: socket.socket) -> None:
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            http=Line,
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=2,
        )
    )

    def stop(_signal: int, _frame: object) -> None:
        """uvicorn raises the signal again once stopped: that must not kill a process that ends well."""
        server.should_exit = True

    _on_stop_signals(stop)
    server.run(sockets=[listener])


def _on_stop_signals(handler: Callable[[int, object], None]) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handler)


def _leave(_signal: int, _frame: object) -> None:
    """Nothing is being served yet, so there is nothing to finish."""
    raise SystemExit(0)


def _listener(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except (OSError, OverflowError) as error:
        listener.close()
        reason = error.strerror if isinstance(error, OSError) else error
        raise CannotStart(
            f"port {port} on {host} cannot be used ({reason}): choose another with --port"
        ) from error
    return listener


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m embedded.helpdesk", description="The embedded helpdesk.")
    parser.add_argument("--port", type=int, required=True, help="port to listen on; 0 takes a free one")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument(
        "--db", type=Path, required=True, help="SQLite file, made and filled if it is not there"
    )
    parser.add_argument("--keys", type=Path, required=True, help="JSON file with the hashes of the keys")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
