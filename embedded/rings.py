"""The local stack's rings of keys: grown by a rotation, emptied to forget a tenant."""

from pathlib import Path

from adapters.content_keys import FOLDER, content_secret
from adapters.rings import grown, ring_of
from contracts.errors import Malformed, PermissionRefused
from embedded.aws.seed import Shelf
from embedded.aws.server import root_identity

PAYLOAD = "keys/payload"


class LocalRings:
    """With the emulator's root identity: for the operator here. Blocks."""

    def __init__(self, endpoint: str, state: Path, env: str) -> None:
        """Raises PermissionRefused where the environment is prod."""
        if env == "prod":
            raise PermissionRefused("keys of prod are changed with AWS's own tools: see docs/operations.md")
        self._shelf = Shelf(root_identity(endpoint, state), env)

    def tenants(self) -> tuple[str, ...]:
        """Those that have, or had, a content key."""
        below = f"{FOLDER}/"
        found = (name for name in self._shelf.names() if name.startswith(below))
        return tuple(sorted(name.removeprefix(below) for name in found))

    def rotate(self, tenant: str | None, use_from: float) -> None:
        """Add a key to a tenant's ring, or to the payloads' (None). Raises Malformed: no such tenant."""
        name = PAYLOAD if tenant is None else self._named(tenant)
        self._shelf.put(name, grown(self._shelf.read(name), use_from))

    def forget(self, tenant: str) -> None:
        """Delete the tenant's keys. What is left is an empty ring: no start of the stack makes new ones."""
        self._shelf.replace(self._named(tenant), ring_of())

    def _named(self, tenant: str) -> str:
        if tenant not in self.tenants():
            raise Malformed(f"there is no tenant {tenant} here: {', '.join(self.tenants())}")
        return content_secret(tenant)
