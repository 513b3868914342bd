"""The gateway's composition root: the one file here that sees both sides of its ports."""

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import text
from temporalio.api.common.v1 import Payload as WirePayload
from temporalio.client import Client

from adapters import slack_signature
from adapters.actions import StoreActions
from adapters.answers import StoreAnswers
from adapters.approvals import ApprovalQuery, StoreApprovals
from adapters.attempts import StoreAttempts
from adapters.audit_log import AuditQuery, StoreAuditLog
from adapters.break_glass_sessions import StoreOpenings
from adapters.breakers import StoreBreakers
from adapters.care_rows import CareQuery, StoreCare
from adapters.clock import SystemClock
from adapters.content_keys import TenantContentKeys
from adapters.denial_form import SlackDenialForms
from adapters.desk import StoreDesk
from adapters.documents import StoreDocuments
from adapters.drainer import Drainer
from adapters.keys import AwsIdentity, KeyRing, PrivateKeys
from adapters.leases import Leases
from adapters.outbox import LetterQuery, StoreOutbox
from adapters.passkeys import WebAuthnReader, WebAuthnVerifier
from adapters.payload_keys import PayloadKeys
from adapters.payloads import EncryptingCodec
from adapters.proofs import Proofs
from adapters.runs import NewRun, RunQuery, StoreRuns
from adapters.sessions import StoreSessions
from adapters.slack import SlackPoster, slack_client
from adapters.store import Store
from adapters.switches import StoreSwitches
from adapters.temporal import TemporalStarter, connect
from adapters.tokens import JwtSigner, JwtVerifier
from contracts.approval import ApprovalRecord
from contracts.audit import ChainedRecord
from contracts.outbox import TO_RUNS, Carrier, Letter, LetterKind
from contracts.ports import Clock
from contracts.run import RunRecord
from contracts.secret import Secret
from contracts.tokens import Purpose
from gateway import ports
from gateway.app import Gateway, create
from gateway.carriers import carriers
from gateway.in_force import InForce
from gateway.launcher import Launcher
from gateway.pages.local_login import LocalLogin
from gateway.parts import PagesApp, Parts, SlackApp
from gateway.resumer import Resumer
from gateway.settings import Settings
from gateway.watching import Watching
from gateway.whisper import Whisper
from policies.care import Decided
from policies.pages import Pages

LEASE_MS: Final = 15_000
"""Half of it is longer than the calls to Temporal of one letter may take."""
_AT_ONCE: Final = 6
"""Letters; more of them keep people's clicks waiting for the store."""


async def build(settings: Settings) -> Gateway:
    """The gateway over its real neighbours.

    Raises:
        InterlockError: a key cannot be had, or a neighbour did not answer.
    """
    identity, ring = AwsIdentity.load(settings.aws), KeyRing.load(settings.keyring)
    keys = PrivateKeys(identity, settings.env, ring)
    signer = JwtSigner([await keys.signing_key(Purpose.WARRANT), await keys.signing_key(Purpose.GRANT)])
    payload_keys = await keys.payload_keys()
    client = await connect(settings.temporal, payload_keys, identity="gateway")
    bot = slack_client(settings.slack_url or None, await keys.text("slack/bot-token"))
    poster = SlackPoster(bot)
    whisper = Whisper(poster, proxied=not settings.slack_url)
    slack = SlackApp(
        team=settings.slack_team,
        app=settings.slack_app,
        channel=settings.slack_channel,
        url=settings.slack_url,
        signature=Signature(await keys.text("slack/signing-secret")),
        private=whisper,
        forms=SlackDenialForms(poster),
        pages=settings.pages,
    )
    return create(_parts(settings, ring, keys, signer, client, payload_keys, slack, whisper))


def _parts(
    settings: Settings,
    ring: KeyRing,
    keys: PrivateKeys,
    signer: JwtSigner,
    client: Client,
    payload_keys: PayloadKeys,
    slack: SlackApp,
    whisper: Whisper,
) -> Parts:
    env, clock, verifier = settings.env, SystemClock(), JwtVerifier(ring)
    store = Store(settings.store, TenantContentKeys(keys))
    runs, approvals = GatewayRuns(store, clock), GatewayApprovals(store, verifier, clock)
    switches, starter = StoreSwitches(store, clock), TemporalStarter(client)
    breakers = StoreBreakers(store, StoreDocuments(store, clock), clock, env)
    documents, audit, outbox = (
        StoreDocuments(store, clock),
        GatewayAudit(store),
        GatewayOutbox(store, clock, env),
    )
    launcher = Launcher(runs, starter)
    proofs = Proofs(verifier=verifier, passkeys=WebAuthnVerifier(settings.pages))
    drain = drainer(store, clock, env, carriers(runs, approvals, launcher, starter))
    return Parts(
        env=env,
        clock=clock,
        verifier=verifier,
        signer=signer,
        in_force=InForce(documents, env),
        runs=runs,
        actions=StoreActions(store, clock),
        approvals=approvals,
        desk=StoreDesk(store, signer, proofs, clock),
        switches=switches,
        breakers=breakers,
        audit=audit,
        attempts=StoreAttempts(store, clock, env),
        openings=StoreOpenings(store, clock),
        care=GatewayCare(store),
        answers=StoreAnswers(store),
        sources=documents,
        starter=starter,
        slack=slack,
        codec=Codec(EncryptingCodec(payload_keys)),
        capability_jwk=ring.jwk(Purpose.CAPABILITY),
        outbox=outbox,
        drain=drain,
        launcher=launcher,
        resumer=Resumer(runs, switches, breakers, outbox, drain, clock, env),
        watching=Watching(audit),
        probes=_probes(store, starter, verifier, signer),
        pages=_pages(settings, store, clock, verifier),
        temporal_ui=settings.temporal_ui,
        closing=(whisper.close, store.close),
    )


def _pages(settings: Settings, store: Store, clock: Clock, verifier: JwtVerifier) -> PagesApp | None:
    at = Pages.at(settings.pages)
    if at is None:
        return None
    return PagesApp(
        at=at,
        identity=LocalLogin(verifier, settings.env),
        sessions=StoreSessions(store, clock),
        passkeys=WebAuthnReader(at),
    )


def drainer(store: Store, clock: Clock, env: str, carriers: Mapping[LetterKind, Carrier]) -> Drainer:
    """Of the letters to runs. Twice told is once, so a dead gateway's letters need not wait long."""
    leases = Leases(store, clock, env=env, kinds=TO_RUNS, lease_ms=LEASE_MS)
    return Drainer(leases, carriers, clock, at_once=_AT_ONCE)


def _probes(
    store: Store, starter: TemporalStarter, verifier: JwtVerifier, signer: JwtSigner
) -> Mapping[str, ports.Probe]:
    async def answers() -> None:
        async with store.read() as connection:
            await connection.execute(text("SELECT 1 FROM runs WHERE 1 = 0"))

    async def signs() -> None:
        for purpose in (Purpose.WARRANT, Purpose.GRANT):
            verifier.verify(purpose, signer.sign(purpose, {}))

    return {"store": answers, "temporal": starter.ready, "keys": signs}


class GatewayRuns(StoreRuns):
    """Implements ``gateway.ports.RunRows``."""

    async def accept(self, new: ports.NewRun) -> tuple[RunRecord, bool]:
        return await self.create(NewRun(**vars(new)))

    async def page(self, query: ports.RunQuery) -> Sequence[RunRecord]:
        return await self.list(RunQuery(**vars(query)))


class GatewayApprovals(StoreApprovals):
    """Implements ``gateway.ports.ApprovalRows``."""

    async def page(self, query: ports.ApprovalQuery) -> Sequence[ApprovalRecord]:
        return await self.list(ApprovalQuery(**vars(query)))


class GatewayAudit(StoreAuditLog):
    """Implements ``gateway.ports.AuditRows``."""

    async def page(self, query: ports.AuditQuery) -> Sequence[ChainedRecord]:
        return await self.search(AuditQuery(**vars(query)))


class GatewayCare(StoreCare):
    """Implements ``gateway.ports.CareRows``."""

    async def read(self, query: ports.CareQuery) -> Sequence[Decided]:
        return await self.answers(CareQuery(**vars(query)))


class GatewayOutbox(StoreOutbox):
    """Implements ``gateway.ports.OutboxRows``."""

    async def page(self, query: ports.LetterQuery) -> Sequence[Letter]:
        return await self.list(LetterQuery(**vars(query)))


class Signature:
    """Implements ``gateway.ports.SlackSignature`` with the app's signing secret."""

    def __init__(self, secret: Secret) -> None:
        self._secret = secret

    def verify(self, headers: Mapping[str, str], body: bytes, now_s: int) -> None:
        slack_signature.verify(self._secret, headers, body, now_s)

    def proof(self, headers: Mapping[str, str]) -> str:
        return slack_signature.proof(headers)


class Codec:
    """Implements ``gateway.ports.PayloadCodec`` over Temporal's own shape of a codec."""

    def __init__(self, codec: EncryptingCodec) -> None:
        self._codec = codec

    async def decode(self, payloads: Sequence[ports.Payload]) -> Sequence[ports.Payload]:
        wire = [WirePayload(metadata=payload.metadata, data=payload.data) for payload in payloads]
        decoded = await self._codec.decode(wire)
        return [ports.Payload(metadata=dict(payload.metadata), data=payload.data) for payload in decoded]
