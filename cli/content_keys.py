"""Content keys as the operator reads them, for verbs that open the store themselves."""

import os
from dataclasses import dataclass
from pathlib import Path

from adapters.content_keys import TenantContentKeys
from adapters.keys import AwsIdentity, KeyRing, PrivateKeys
from adapters.rings import Ring
from cli.state import State


@dataclass(frozen=True, kw_only=True)
class OperatorKeys:
    """Implements ``adapters.contents.ContentKeys``; who needs no key needs no AWS identity either."""

    state: State

    async def ring(self, tenant: str, env: str) -> Ring:
        """With the identity of INTERLOCK_AWS, or of the state directory; raises Malformed where none is."""
        identity = AwsIdentity.load(Path(os.environ.get("INTERLOCK_AWS") or self.state.identity))
        return await TenantContentKeys(PrivateKeys(identity, env, KeyRing(keys={}))).ring(tenant, env)
