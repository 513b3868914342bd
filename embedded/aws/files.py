"""Files of the state directory that only their owner reads."""

import json
import os
from pathlib import Path
from typing import Any


def write_json(path: Path, document: Any) -> None:
    """Replace the file at once, mode 0600, in a directory of mode 0700 where it has to be made."""
    write_text(path, json.dumps(document, indent=1))


def write_text(path: Path, text: str, mode: int = 0o600) -> None:
    """``write_json`` of any text."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
        os.fchmod(file.fileno(), mode)  # whatever the umask says
        file.write(text)
    fresh.replace(path)


def read_json(path: Path) -> Any | None:
    """What the file says; None where there is none."""
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return None
