"""Blocks of a page of the docs, typed into a shell in order."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

DOCS: Final = Path(__file__).parents[2] / "docs"

_BLOCK: Final = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Block:
    """One fenced block."""

    language: str
    #: The file that it is, or empty.
    name: str
    text: str


def blocks(page: str) -> Sequence[Block]:
    """Of a page such as ``break-glass.md``."""
    found = _BLOCK.finditer((DOCS / page).read_text())
    return [Block(language=one[1], name=one[2] or "", text=one[3]) for one in found]


def typed(script: str, folder: Path, *, seconds: float = 120) -> str:
    """What a shell says to it, which ends well."""
    shell = subprocess.Popen(
        ["bash", "-c", f"set -eu\n{script}"],
        cwd=folder,
        env=_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        # Its children in the background hold the pipe open, so the shell's own end is what counts.
        status = shell.wait(timeout=seconds)
    finally:
        # A page may end what it started.
        with suppress(ProcessLookupError):
            os.killpg(shell.pid, signal.SIGTERM)
        out, _ = shell.communicate(timeout=30)
    assert status == 0, out
    return out


def _environment() -> dict[str, str]:
    binaries = str(Path(sys.executable).parent)
    return {"PATH": f"{binaries}:{os.environ['PATH']}", "HOME": os.environ["HOME"], "COLUMNS": "200"}
