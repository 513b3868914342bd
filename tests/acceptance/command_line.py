"""``interlock``, as a person or a program on the stack's machine runs it."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from tests.acceptance.conftest import SECONDS


async def interlock(state: Path | str, *words: str, columns: int = 200) -> tuple[int, str, str]:
    """Its status, and what it says on standard output and standard error."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli.main", *words, "--state", str(state)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "COLUMNS": str(columns)},
    )
    out, err = await asyncio.wait_for(process.communicate(), SECONDS)
    return process.returncode or 0, out.decode(), err.decode()


async def document(state: Path | str, *words: str) -> Any:
    """What it says with ``--json``, where all went well."""
    status, out, err = await interlock(state, *words, "--json")
    assert status == 0, err
    return json.loads(out)
