"""Content keys as the operator reads them, for verbs that open the store themselves."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from adapters.content_keys import TenantContentKeys
from adapters.keys import AwsIdentity, KeyRing, PrivateKeys
from adapters.rings import Ring
from cli.state import State
from embedded.aws.server import answering


@contextmanager
def operator_keys(state: State) -> Iterator["OperatorKeys"]:
    """The keys, of a local stack that is stopped too. Blocks; raises Malformed, Unavailable."""
    given = os.environ.get("INTERLOCK_AWS")
    identity = Path(given) if given else state.identity
    keys = OperatorKeys(identity=identity)
    endpoint = AwsIdentity.load(identity).endpoint_url if identity.is_file() and not given else None
    with answering(endpoint, state.directory) if endpoint else nullcontext():
        yield keys


@dataclass(frozen=True, kw_only=True)
class OperatorKeys:
    """Implements ``adapters.contents.ContentKeys``; who needs no key needs no AWS identity either."""

    #: File of the operator's AWS identity.
    identity: Path

    async def ring(self, tenant: str, env: str) -> Ring:
        """Raises Malformed where there is no identity."""
        identity = AwsIdentity.load(self.identity)
        return await TenantContentKeys(PrivateKeys(identity, env, KeyRing(keys={}))).ring(tenant, env)
