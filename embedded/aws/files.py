"""Files of the state directory that only their owner reads."""

import json
import os
from pathlib import Path
from typing import Any


def write_json(path: Path, document: Any) -> None:
    """Replace the file at once, mode 0600, in a directory of mode 0700 where it has to be made."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(document, file, indent=1)
    fresh.replace(path)


def read_json(path: Path) -> Any | None:
    """What the file says; None where there is none."""
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return None
