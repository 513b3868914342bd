"""The composition root of each worker role: the only place that sees both sides of a port."""

import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from temporalio.client import Client
from temporalio.worker import WorkerDeploymentConfig

from activities.act import Acting
from activities.ask import Asking
from activities.guard import Guard
from activities.open import Mint, Opening
from activities.prepare import Preparing
from activities.think import Thinking
from activities.undoing import Undoing
from activities.warranted import Warrants
from adapters.actions import StoreActions
from adapters.anchors import S3Anchors
from adapters.approvals import StoreApprovals
from adapters.audit_log import StoreAuditLog
from adapters.card_carrier import CARD_LEASE_MS, CardCarrier
from adapters.clock import SystemClock
from adapters.content_keys import TenantContentKeys
from adapters.documents import StoreDocuments
from adapters.drainer import Drainer
from adapters.endings import TemporalEndings
from adapters.first_version import first_version
from adapters.heads import HeadSigner
from adapters.keys import AwsIdentity, KeyRing, PrivateKeys
from adapters.leases import Leases
from adapters.ledger import StoreLedger
from adapters.models.clients import endpoints
from adapters.models.models import Models
from adapters.models.providers import Providers
from adapters.note_carrier import NoteCarrier
from adapters.orphans import Orphans
from adapters.passkeys import WebAuthnVerifier
from adapters.pollers import worker_identity
from adapters.proofs import Proofs
from adapters.runs import StoreRuns
from adapters.secrets import TenantSecrets
from adapters.settling import Settler
from adapters.slack import SlackPoster, slack_client
from adapters.store import Store
from adapters.switches import StoreSwitches
from adapters.temporal import TemporalExecutions, connect
from adapters.tokens import JwtSigner, JwtVerifier
from adapters.turns import StoreTurns
from contracts import names
from contracts.errors import Malformed
from contracts.outbox import Carrier, LetterKind
from contracts.tokens import Purpose
from policies.people import People, short_name
from tools.load import load_worker_tools
from tools.toolbox import HttpToolbox
from worker.settings import Settings
from worker.version import pinned, workflow_version
from workflows.agent_run import AgentRun


@dataclass(frozen=True, kw_only=True)
class Role:
    """What one worker process serves."""

    queue: str
    client: Client
    activities: Sequence[Callable[..., Any]]
    workflows: Sequence[type] = ()
    #: The version of the workflows' code; runs are pinned to it.
    deployment: WorkerDeploymentConfig | None = None
    #: Activities at a time; None: as many as the SDK takes.
    slots: int | None = None
    #: What runs beside the worker until it stops.
    beside: Sequence[Callable[[], Awaitable[None]]] = field(default=())


@dataclass(frozen=True, kw_only=True)
class _Parts:
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

    async def signer(self, *purposes: Purpose) -> JwtSigner:
        return JwtSigner([await self.keys.signing_key(purpose) for purpose in purposes])


async def build(role: str, settings: Settings) -> Role:
    """Wire a role: ``agent``, ``broker`` or ``tools``. Raises InterlockError where a neighbour says no."""
    parts = await _parts(role, settings)
    return await _ROLES[role](parts)


async def _parts(role: str, settings: Settings) -> _Parts:
    ring = KeyRing.load(settings.keyring)
    identity = AwsIdentity.load(settings.aws)
    keys = PrivateKeys(identity, settings.env, ring)
    clock, store = SystemClock(), Store(settings.store, TenantContentKeys(keys))
    name = worker_identity(role, os.getpid())
    return _Parts(
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


async def _agent(parts: _Parts) -> Role:
    thinking = Thinking(
        warrants=parts.warrants(executions=True),
        documents=parts.documents,
        runs=parts.runs,
        turns=StoreTurns(parts.store, parts.clock),
        switches=StoreSwitches(parts.store, parts.clock),
        model=Models(Providers(endpoints(os.environ))),
        undoing=Undoing(verifier=parts.verifier, actions=StoreActions(parts.store, parts.clock)),
        clock=parts.clock,
    )
    version = workflow_version(parts.settings.build)
    return Role(
        queue=names.AGENT_QUEUE,
        client=parts.client,
        activities=[thinking.think],
        workflows=[AgentRun],
        deployment=pinned(version),
        beside=[lambda: first_version(parts.client, version)],
    )


async def _broker(parts: _Parts) -> Role:
    env = parts.settings.env
    signer = await parts.signer(Purpose.CAPABILITY, Purpose.AUDIT_HEAD)
    warrants = parts.warrants(executions=True)
    mint = Mint(signer=signer, documents=parts.documents, clock=parts.clock)
    opening = Opening(warrants=warrants, runs=parts.runs, mint=mint)
    approvals = StoreApprovals(parts.store, parts.verifier, parts.clock)
    asking = Asking(
        warrants=warrants,
        verifier=parts.verifier,
        actions=StoreActions(parts.store, parts.clock),
        approvals=approvals,
        documents=parts.documents,
        mint=mint,
        clock=parts.clock,
    )
    return Role(
        queue=names.BROKER_QUEUE,
        client=parts.client,
        activities=[opening.open_run, opening.finish, asking.ask, asking.ask_outcome, asking.collect],
        beside=[
            *await _outbox(parts, approvals),
            _heads(parts, signer),
            Settler(approvals).run,
            Orphans(parts.runs, TemporalEndings(parts.client, env), parts.clock, env).run,
        ],
    )


def _page(pages: str, approval_id: str) -> str | None:
    """Where people see the whole of an approval; None: there are no pages."""
    return f"{pages}/approvals/{approval_id}" if pages else None


async def _outbox(parts: _Parts, approvals: StoreApprovals) -> Sequence[Callable[[], Awaitable[None]]]:
    """Cards and notes have a drainer each: where Slack limits replies, no decided card keeps its buttons."""
    settings = parts.settings
    token = await parts.keys.text("slack/bot-token")
    poster = SlackPoster(slack_client(settings.slack_url or None, token))
    cards = CardCarrier(
        parts.store,
        approvals,
        poster,
        lambda: _names(parts),
        parts.clock,
        channel=settings.slack_channel,
        page_url=lambda approval_id: _page(settings.pages, approval_id),
    )
    notes = NoteCarrier(parts.store, approvals, poster, lambda: _people(parts), parts.clock)
    under = dict.fromkeys((LetterKind.REMINDER, LetterKind.ESCALATION, LetterKind.NOTICE), notes)

    def drainer(kinds: Mapping[LetterKind, Carrier]) -> Drainer:
        leases = Leases(parts.store, parts.clock, env=settings.env, kinds=kinds, lease_ms=CARD_LEASE_MS)
        return Drainer(leases, kinds, parts.clock)

    return [drainer({LetterKind.CARD: cards}).run, drainer(under).run]


async def _names(parts: _Parts) -> Mapping[str, str]:
    people = (await _people(parts)).people
    return {person.principal: short_name(person.principal).title() for person in people}


async def _people(parts: _Parts) -> People:
    """Those in force; nobody where none are."""
    identity = await parts.documents.published(parts.settings.env, "people", "people")
    return People(people=()) if identity is None else People.read(await parts.documents.document(identity))


def _heads(parts: _Parts, signer: JwtSigner) -> Callable[[], Awaitable[None]]:
    anchors = S3Anchors(parts.identity, parts.settings.anchors)
    return HeadSigner(StoreAuditLog(parts.store), signer, anchors, parts.clock).run


async def _tools(parts: _Parts) -> Role:
    settings = parts.settings
    if settings.tools is None:
        raise Malformed("the tool worker needs INTERLOCK_TOOLS, the path of the tool file")
    loaded = load_worker_tools(settings.tools, settings.addresses)
    secrets = TenantSecrets(parts.identity, settings.env)
    await secrets.check_forbidden_read(tenants=settings.tenants, name=settings.probe or loaded.credentials[0])
    toolbox = HttpToolbox(loaded.operations, secrets, loaded.addresses)
    warrants = parts.warrants(executions=False)
    actions = StoreActions(parts.store, parts.clock)
    guard = Guard(verifier=parts.verifier, actions=actions, documents=parts.documents)
    proofs = Proofs(verifier=parts.verifier, passkeys=WebAuthnVerifier(settings.pages))
    preparing = Preparing(
        warrants=warrants,
        guard=guard,
        actions=actions,
        documents=parts.documents,
        undoing=Undoing(verifier=parts.verifier, actions=actions),
        toolbox=toolbox,
        signer=await parts.signer(Purpose.FROZEN),
        clock=parts.clock,
    )
    acting = Acting(
        warrants=warrants,
        guard=guard,
        runs=parts.runs,
        actions=actions,
        ledger=StoreLedger(parts.store, proofs, parts.clock),
        toolbox=toolbox,
    )
    return Role(
        queue=names.TOOLS_QUEUE,
        client=parts.client,
        activities=[preparing.prepare, acting.read, acting.write],
    )


_ROLES: dict[str, Callable[[_Parts], Awaitable[Role]]] = {
    "agent": _agent,
    "broker": _broker,
    "tools": _tools,
}
