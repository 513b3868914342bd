"""Fetches what verification needs: the chains from the store, the anchors from their bucket."""

from typing import Any, Final

from adapters.anchors import S3Anchors
from adapters.audit_log import AuditQuery, StoreAuditLog
from adapters.contents import NoContents
from adapters.keys import AwsIdentity, KeyRing
from adapters.store import Store
from adapters.tokens import JwtVerifier
from cli.state import State
from cli.verify import Chain, Proof, report, verify
from contracts.audit import ChainedRecord
from contracts.tokens import Purpose
from embedded.aws.plan import anchor_bucket
from embedded.aws.seed import TENANTS

_PAGE: Final = 1_000


async def prove(
    state: State, env: str = "dev", tenant: str | None = None, *, accept_restores: bool = False
) -> dict[str, Any]:
    """Verify one tenant's chain, or all.

    Raises:
        InterlockError: store, key ring or anchors cannot be read.
    """
    verifier = JwtVerifier(KeyRing.load(state.keyring))
    anchors = S3Anchors(AwsIdentity.load(state.identity), anchor_bucket(env))
    store = Store(state.store_url, NoContents())
    try:
        log = StoreAuditLog(store)
        # A seeded tenant whose whole chain was deleted still has its anchors.
        names = {*await log.tenants(), *TENANTS} if tenant is None else {tenant}
        chains = [await _chain(log, anchors, name) for name in sorted(names)]
    finally:
        await store.close()
    proofs: dict[str, Proof] = {
        chain.tenant: verify(chain, lambda signed: verifier.verify(Purpose.AUDIT_HEAD, signed))
        for chain in chains
        if tenant is not None or chain.records or chain.anchors
    }
    return report(proofs, accept_restores=accept_restores)


async def _chain(log: StoreAuditLog, anchors: S3Anchors, tenant: str) -> Chain:
    # Heads and anchors first: the log grows meanwhile, and a head must not be ahead of what was read.
    found, heads = await anchors.list(tenant), await log.heads(tenant)
    return Chain(tenant=tenant, anchors=found, heads=heads, records=await _records(log, tenant))


async def _records(log: StoreAuditLog, tenant: str) -> list[ChainedRecord]:
    records: list[ChainedRecord] = []
    after = 0
    while page := await log.kept(AuditQuery(tenant=tenant, after=after, limit=_PAGE)):
        records += page
        after = page[-1].seq
    return records
