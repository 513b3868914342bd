"""``interlock worker`` and ``interlock gateway``: one process each, as a deployment runs them."""

import os
import sys
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, NoReturn

import typer


class Role(StrEnum):
    """A worker's role: what it may know."""

    AGENT = "agent"
    BROKER = "broker"
    TOOLS = "tools"


def worker(
    role: Annotated[Role, typer.Option(help="agent thinks, broker guards, tools act.")],
) -> None:
    """Run one worker in the foreground; settings come from the environment (INTERLOCK_…).

    Example: interlock worker --role broker
    """
    become("worker", "--role", role.value)


def gateway(
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65_535)],
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """Run the gateway in the foreground; settings come from the environment (INTERLOCK_…).

    Example: interlock gateway --port 8100
    """
    become("gateway", "--host", host, "--port", str(port))


def become(module: str, *arguments: str, environment: Mapping[str, str] | None = None) -> NoReturn:
    """Run the module in this process's place; None: in this process's own environment."""
    sys.stdout.flush()
    # -P: no folder of the working directory may stand in for the module.
    command = [sys.executable, "-P", "-m", module, *arguments]
    os.execve(sys.executable, command, os.environ if environment is None else environment)  # noqa: S606  no shell is the point
