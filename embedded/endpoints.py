"""Where the parts of a running stack are."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from embedded.aws.files import read_json, write_json

_FILE: Final = "endpoints.json"


@dataclass(frozen=True, kw_only=True)
class Endpoints:
    """Base URLs; Temporal's is ``host:port``. No secret is among them."""

    gateway: str
    temporal: str
    #: None: headless.
    temporal_ui: str | None
    slack: str
    aws: str
    helpdesk: str
    #: The state directory, absolute.
    state: str
    #: By part; ``dev`` is the supervisor.
    pids: Mapping[str, int]
    #: None: it does not run.
    break_glass: str | None = None

    def document(self) -> dict[str, Any]:
        """Without ``break_glass`` where it does not run."""
        found = {"ready": True, **asdict(self)}
        return found if self.break_glass else {name: found[name] for name in found if name != "break_glass"}

    def keep(self) -> None:
        """Write ``STATE/endpoints.json`` at once."""
        write_json(Path(self.state) / _FILE, self.document())


def read(state: Path) -> dict[str, Any] | None:
    """What the stack on this directory last said; None where none runs."""
    found: dict[str, Any] | None = read_json(state / _FILE)
    return found


def forget(state: Path) -> None:
    (state / _FILE).unlink(missing_ok=True)
