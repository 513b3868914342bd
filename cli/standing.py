"""A running stack for as long as a verb needs one: the one that is there, or one of its own."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Final

import httpx

from cli.state import State
from contracts.errors import InterlockError, Unavailable

_STOP_SECONDS: Final = 30


def alive(state: State) -> bool:
    """Whether a stack on this directory answers."""
    try:
        return httpx.get(state.address("gateway") + "/healthz", timeout=3, trust_env=False).is_success
    except (InterlockError, httpx.HTTPError):
        return False


@contextmanager
def stack(state: State, port_base: int | None) -> Iterator[bool]:
    """Whether the stack was started here, and so is stopped here. Raises Unavailable: it does not come up."""
    if alive(state):
        yield False
        return
    with tempfile.TemporaryFile("w+") as complaints:
        process = _start(state, port_base, complaints)
        try:
            _await_ready(process, complaints)
            yield True
        finally:
            _stop(process)


def _start(state: State, port_base: int | None, complaints: IO[str]) -> "subprocess.Popen[str]":
    ports = [] if port_base is None else ["--port-base", str(port_base)]
    # A session of its own: Ctrl-C reaches this process alone, which then stops the stack in order.
    return subprocess.Popen(  # noqa: S603  our own interpreter and our own module
        [sys.executable, "-m", "cli.main", "dev", "--json", "--state", str(state.directory), *ports],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=complaints,
        text=True,
        start_new_session=True,
    )


def _await_ready(process: "subprocess.Popen[str]", complaints: IO[str]) -> None:
    """The stack says one line when everything answers, and bounds its own start."""
    line = process.stdout.readline() if process.stdout else ""
    try:
        ready = json.loads(line).get("ready", False)
    except (ValueError, AttributeError):
        ready = False
    if ready:
        return
    _stop(process)
    complaints.seek(0)
    said = complaints.read().strip().splitlines()
    raise Unavailable("the stack did not start: " + (said[-1] if said else f"status {process.returncode}"))


def _stop(process: "subprocess.Popen[str]") -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout:
        process.stdout.close()
