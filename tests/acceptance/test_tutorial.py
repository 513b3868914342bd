"""The tutorial's own blocks, copied into a shell in order: what its reader types works."""

import re
import socket
from pathlib import Path

import pytest

from embedded.ports import Ports
from tests.acceptance.doc_shell import blocks, typed


def _script(folder: Path, ports: Ports, shelf: int) -> str:
    """The files are written; the commands, on ports that are free here."""
    commands = []
    for block in blocks("tutorial-your-own-service.md"):
        text = block.text.replace("9100", str(shelf)).replace(
            "interlock dev", f"interlock dev --port-base {ports.gateway}"
        )
        if block.name:
            (folder / block.name).parent.mkdir(parents=True, exist_ok=True)
            (folder / block.name).write_text(text)
        elif block.language == "bash":
            commands.append(text)
    return "\n".join(commands)


def _free_port() -> int:
    """Of the kernel's own range, in which no stack looks for its ports."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the shell said to the tutorial's reader."""
    folder = tmp_path_factory.mktemp("tutorial")
    return typed(_script(folder, Ports.free(), _free_port()), folder)


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
