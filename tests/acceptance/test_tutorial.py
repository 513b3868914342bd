"""The tutorial's own blocks, copied into a shell in order: what its reader types works."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from embedded.ports import Ports

TUTORIAL: Final = Path(__file__).parents[2] / "docs" / "tutorial-your-own-service.md"

_BLOCK: Final = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def _blocks() -> list[tuple[str, str, str]]:
    """Language, file name and text of each block."""
    return [found.groups("") for found in _BLOCK.finditer(TUTORIAL.read_text())]  # type: ignore[misc]  # three groups


def _script(folder: Path, ports: Ports, shelf: int) -> str:
    """The files are written; the commands, on ports that are free here."""
    commands = []
    for language, name, text in _blocks():
        text = text.replace("9100", str(shelf)).replace(
            "interlock dev", f"interlock dev --port-base {ports.gateway}"
        )
        if name:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        elif language == "bash":
            commands.append(text)
    return "set -eu\n" + "\n".join(commands)


def _environment() -> dict[str, str]:
    binaries = str(Path(sys.executable).parent)
    return {"PATH": f"{binaries}:{os.environ['PATH']}", "HOME": os.environ["HOME"], "COLUMNS": "200"}


def _free_port() -> int:
    """Of the kernel's own range, in which no stack looks for its ports."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the shell said to the tutorial's reader."""
    folder = tmp_path_factory.mktemp("tutorial")
    script = _script(folder, Ports.free(), _free_port())
    shell = subprocess.Popen(
        ["bash", "-c", script],
        cwd=folder,
        env=_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        # Its children in the background hold the pipe open, so the shell's own end is what counts.
        status = shell.wait(timeout=120)
    finally:
        os.killpg(shell.pid, signal.SIGTERM)
        out, _ = shell.communicate(timeout=30)
    assert status == 0, out
    return out


def test_the_tutorials_own_blocks_bring_a_service_under_interlock(said: str) -> None:
    """Every command ends well; the book is on the shelf until the person approved, and lent once after it."""
    before, after = re.findall(r'^\{"id": "b-1".*?\}', said, re.MULTILINE)
    assert '"state": "on the shelf", "version": 1' in before
    assert '"state": "lent to Jane", "version": 2' in after
    assert said.index(before) < said.index("principal:vera") < said.index(after)


def test_the_tutorials_reader_is_told_what_to_type(said: str) -> None:
    """The log names each missing secret; the approval shows what was read beside what is sent."""
    assert "interlock secret put shelf-write --tenant acme --value @FILE" in said
    assert "title Solaris, state on the shelf" in said
    assert "1 routes and 1 people are sound." in said
    assert re.search(r"acme +\d+ +yes", said)
