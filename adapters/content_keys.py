"""Content keys in Secrets Manager: one ring for each tenant and environment."""

from adapters.keys import NothingThere, PrivateKeys
from adapters.rings import Ring
from contracts.errors import PermissionRefused

FOLDER = "content"
"""Beside the tenants' folders: what lies in those is read by the tenants' own roles alone."""


def content_secret(tenant: str) -> str:
    """Its name below ``interlock/<env>/``."""
    return f"{FOLDER}/{tenant}"


class TenantContentKeys:
    """Implements ``adapters.contents.ContentKeys`` for the environment that this process serves."""

    def __init__(self, keys: PrivateKeys) -> None:
        self._keys = keys

    async def ring(self, tenant: str, env: str) -> Ring:
        if env != self._keys.env:
            raise PermissionRefused(f"this process reads the content of {self._keys.env}, not of {env}")
        try:
            return Ring.read(await self._keys.text(content_secret(tenant)))
        except NothingThere:
            return Ring()
