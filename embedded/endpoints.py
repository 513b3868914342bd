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

    def document(self) -> dict[str, Any]:
        return {"ready": True, **asdict(self)}

    def keep(self) -> None:
        """Write ``STATE/endpoints.json`` at once."""
        write_json(Path(self.state) / _FILE, self.document())


def read(state: Path) -> dict[str, Any] | None:
    """What the stack on this directory last said; None where none runs."""
    found: dict[str, Any] | None = read_json(state / _FILE)
    return found


def forget(state: Path) -> None:
    (state / _FILE).unlink(missing_ok=True)
