"""``python -m embedded.aws --state DIR --port P``: the AWS emulator as a process of its own."""

import argparse
import os
from pathlib import Path
from typing import NoReturn

from embedded.aws.server import start_command


def main() -> NoReturn:
    """Become the emulator."""
    parser = argparse.ArgumentParser(prog="python -m embedded.aws", description="The embedded AWS.")
    parser.add_argument("--state", type=Path, required=True, help="directory of its state and its root key")
    parser.add_argument("--port", type=int, required=True, help="port to listen on")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    asked = parser.parse_args()
    arguments, environment = start_command(asked.port, asked.state, asked.host)
    os.execve(arguments[0], arguments, environment)  # noqa: S606  becoming the emulator is the purpose; no shell


if __name__ == "__main__":
    main()
