"""What every worker process is built from, and what it serves."""

import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from temporalio.client import Client
from temporalio.worker import WorkerDeploymentConfig

from activities.warranted import Warrants
from adapters.attempts import StoreAttempts
from adapters.clock import SystemClock
from adapters.content_keys import TenantContentKeys
from adapters.documents import StoreDocuments
from adapters.keys import AwsIdentity, KeyRing, PrivateKeys
from adapters.pollers import worker_identity
from adapters.runs import StoreRuns
from adapters.store import Store
from adapters.temporal import TemporalExecutions, connect
from adapters.tokens import JwtSigner, JwtVerifier
from contracts.attempts import Attempts
from contracts.tokens import Purpose
from worker.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Role:
    """What one worker process serves."""

    queue: str
    client: Client
    activities: Sequence[Callable[..., Any]]
    attempts: Attempts
    workflows: Sequence[type] = ()
    #: The version of the workflows' code; runs are pinned to it.
    deployment: WorkerDeploymentConfig | None = None
    #: Activities at a time; None: as many as the SDK takes.
    slots: int | None = None
    #: What runs beside the worker until it stops.
    beside: Sequence[Callable[[], Awaitable[None]]] = field(default=())


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What every role has."""

    settings: Settings
    identity: AwsIdentity
    keys: PrivateKeys
    verifier: JwtVerifier
    store: Store
    clock: SystemClock
    client: Client
    runs: StoreRuns
    documents: StoreDocuments

    def warrants(self, *, executions: bool) -> Warrants:
        return Warrants(
            runs=self.runs,
            verifier=self.verifier,
            executions=TemporalExecutions(self.client) if executions else None,
        )

    def attempts(self) -> StoreAttempts:
        return StoreAttempts(self.store, self.clock, self.settings.env)

    async def signer(self, *purposes: Purpose) -> JwtSigner:
        return JwtSigner([await self.keys.signing_key(purpose) for purpose in purposes])


async def parts_of(role: str, settings: Settings) -> Parts:
    ring = KeyRing.load(settings.keyring)
    identity = AwsIdentity.load(settings.aws)
    keys = PrivateKeys(identity, settings.env, ring)
    clock, store = SystemClock(), Store(settings.store, TenantContentKeys(keys))
    name = worker_identity(role, os.getpid())
    return Parts(
        settings=settings,
        identity=identity,
        keys=keys,
        verifier=JwtVerifier(ring),
        store=store,
        clock=clock,
        client=await connect(settings.temporal, await keys.payload_keys(), identity=name),
        runs=StoreRuns(store, clock),
        documents=StoreDocuments(store, clock),
    )
