"""The audit record and its chain.

Each tenant has one chain: ``hash(n) = sha256(canonical([hash(n-1), record(n)]))``, starting at ``GENESIS``.
"""

from dataclasses import asdict, dataclass
from typing import Any, Final

from contracts.digest import digest

SYSTEM_TENANT: Final = "system"
"""The chain of what belongs to no tenant: policies, catalogues, the store."""

GENESIS: Final = "sha256:" + "0" * 64


@dataclass(frozen=True, kw_only=True)
class AuditRecord:
    """What happened. Arguments and results appear as digests only."""

    #: ``run``, ``decision``, ``approval``, ``attempt``, ``result``, ``switch``, ``breaker``, ``policy``,
    #: ``store``, ``keys``, ``break_glass``.
    kind: str
    #: Unix milliseconds.
    at_ms: int
    tenant: str
    env: str
    #: Who did it: a caller, ``principal:…``, ``op:…`` or ``run``.
    actor: str
    #: What came of it, in one word: an ``Outcome``, a ruling, an answer, a state.
    outcome: str
    request_id: str | None = None
    run_id: str | None = None
    route: str | None = None
    policy_digest: str | None = None
    action_id: str | None = None
    tool: str | None = None
    arguments_digest: str | None = None
    action_digest: str | None = None
    idempotency_key: str | None = None
    #: ``dev/acme/ticketing-write``.
    credential_scope: str | None = None
    approval_id: str | None = None
    approvers: tuple[str, ...] = ()
    #: Rules that determined it, such as ``deny_tools[0]``; of a decision ``approval.fast``, where it came
    #: sooner than it can be read (``policies.reading``).
    rules: tuple[str, ...] = ()
    #: One sentence. That of a run's record is kept sealed under the tenant's key, and hashed so.
    reason: str = ""
    #: Of a decision: since it was shown.
    duration_ms: int | None = None

    def document(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class ChainedRecord:
    """A record in its place in the tenant's chain."""

    seq: int
    #: As it is kept, and hashed.
    record: dict[str, Any]
    previous: str
    hash: str
    #: The record's reason, readable; empty where nobody asked for it.
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class SignedHead:
    """A signed statement that the tenant's chain had this hash at this place."""

    tenant: str
    seq: int
    hash: str
    token: str


def link(previous: str, record: dict[str, Any]) -> str:
    """The hash of a record that follows ``previous``."""
    return digest([previous, record])
