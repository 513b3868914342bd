"""Content keys of the tests: one for each tenant, the same in every process, until it is forgotten."""

import base64
import hashlib
from dataclasses import dataclass, field

from adapters.rings import Ring, ring_of


@dataclass
class HeldKeys:
    """Implements ``adapters.contents.ContentKeys``, without AWS."""

    #: Rings of tenants that have another one than their first.
    changed: dict[str, Ring] = field(default_factory=dict)

    async def ring(self, tenant: str, env: str) -> Ring:
        return self.changed[tenant] if tenant in self.changed else _first(tenant, env)

    def forget(self, tenant: str) -> None:
        self.changed[tenant] = Ring()


def _first(tenant: str, env: str) -> Ring:
    raw = hashlib.sha256(f"content of {tenant} in {env}".encode()).digest()
    return Ring.read(ring_of((base64.urlsafe_b64encode(raw).decode(), 0)))
