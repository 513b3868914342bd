"""Break-glass on a local stack: where its process is, and how it is started beside a stack that runs."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from contracts.errors import Unavailable
from embedded.aws.files import read_json, write_json
from embedded.ports import await_free, url
from embedded.roles import inherited

_WHERE: Final = "break-glass.json"
_SETTINGS: Final = "break-glass-settings.json"


@dataclass(frozen=True, kw_only=True)
class Beside:
    """How the process is started: its port, and its whole environment."""

    port: int
    environment: Mapping[str, str]


def keep(state: Path, port: int, pid: int) -> None:
    """Write ``STATE/break-glass.json``: the process of that pid answers at that port."""
    write_json(state / _WHERE, {"url": url(port), "pid": pid})


def keep_settings(state: Path, port: int, settings: Mapping[str, str]) -> None:
    """Write down how it would be started beside this stack. No secret is among it."""
    write_json(state / _SETTINGS, {"port": port, "settings": dict(settings)})


def forget(state: Path) -> None:
    for name in (_WHERE, _SETTINGS):
        (state / name).unlink(missing_ok=True)


def serve_beside(state: Path) -> Beside:
    """How this process becomes the break-glass process of the stack that runs on the directory.

    Whoever calls it has to do so at once: ``STATE/break-glass.json`` names this process from here on. Blocks.

    Raises:
        Unavailable: no stack runs there, or its break-glass process runs already.
    """
    found: dict[str, Any] | None = read_json(state / _SETTINGS)
    if found is None:
        raise Unavailable(f"no stack runs on {state}: run `interlock dev`, or `interlock dev --break-glass`")
    try:
        await_free("break-glass", found["port"])
    except Unavailable as error:
        raise Unavailable(
            f"port {found['port']} does not work: break-glass runs there already, or end what listens on it"
        ) from error
    keep(state, found["port"], os.getpid())
    return Beside(port=found["port"], environment=inherited() | found["settings"])
