"""Servers that a toolbox talks to."""

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import pytest

from tests.integration.toolbox.desk import CONTROL
from tests.integration.toolbox.hostile import Hostile, serving
from tests.integration.toolbox.vault import READ_TOKEN, WRITE_TOKEN


@pytest.fixture
async def hostile() -> AsyncIterator[Hostile]:
    server = Hostile()
    async with serving(server):
        yield server


KEYS = {"read": READ_TOKEN, "write": WRITE_TOKEN}


@pytest.fixture
async def helpdesk(tmp_path: Path) -> AsyncIterator[str]:
    """The helpdesk as its own process, with one tenant's keys."""
    keys = [{"tenant": "acme", "scope": scope, "sha256": _hash(token)} for scope, token in KEYS.items()]
    (tmp_path / "keys.json").write_text(json.dumps({"keys": keys, "control_sha256": _hash(CONTROL)}))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "embedded.helpdesk", "--port", "0"),
        *("--db", str(tmp_path / "desk.sqlite"), "--keys", str(tmp_path / "keys.json")),
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield await asyncio.wait_for(_address(process), 30)
    finally:
        process.terminate()
        await process.communicate()


def _hash(token: str) -> str:
    return sha256(token.encode()).hexdigest()


async def _address(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None
    lines = []
    while line := (await process.stderr.readline()).decode():
        lines.append(line)
        if found := re.search(r"listening on (http://\S+)", line):
            return found[1]
    raise AssertionError("the helpdesk did not start: " + "".join(lines))
