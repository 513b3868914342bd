"""The composition root of the break-glass process: the one file of it that sees both sides of its ports."""

from collections.abc import Awaitable, Callable

from adapters.actions import StoreActions
from adapters.alert_carrier import AlertCarrier
from adapters.attempts import StoreAttempts
from adapters.break_glass_acts import StoreActs
from adapters.break_glass_sessions import StoreOpenings
from adapters.card_carrier import CARD_LEASE_MS
from adapters.clock import SystemClock
from adapters.content_keys import TenantContentKeys
from adapters.documents import StoreDocuments
from adapters.drainer import Drainer
from adapters.holds import StoreHolds
from adapters.keys import AwsIdentity, KeyRing, PrivateKeys
from adapters.leases import Leases
from adapters.ledger import StoreLedger
from adapters.passkeys import WebAuthnReader, WebAuthnVerifier
from adapters.secrets import BREAK_GLASS, TenantSecrets
from adapters.session_entry import SessionEntry
from adapters.session_leaving import SessionLeaving
from adapters.slack import SlackPoster, slack_client
from adapters.store import Store
from adapters.tokens import JwtSigner, JwtVerifier
from breakglass.acting import Acting
from breakglass.app import BreakGlass, create
from breakglass.carrying import Carrying
from breakglass.door import Doorkeeper
from breakglass.ending import Ending
from breakglass.hands import Hands
from breakglass.holding import Holding
from breakglass.members import Members
from breakglass.opening import Openings
from breakglass.pages.login import GlassLogin
from breakglass.pages.look import BREAK_GLASS as LOOK
from breakglass.pages.signed_in import SignedInHere
from breakglass.parts import Parts
from breakglass.settings import Settings
from contracts.attempts import Attempts
from contracts.outbox import LetterKind
from contracts.ports import Clock, PasskeyVerifier
from contracts.tokens import Purpose, Signer, Verifier
from contracts.toolbox import Toolbox
from gateway.background import Rounds
from gateway.in_force import InForce
from gateway.parts import PagesApp
from policies.pages import Pages
from tools.load import load_worker_tools
from tools.resolver import Places, SystemResolver
from tools.toolbox import HttpToolbox

_EVERY_S = 1.0
"""Between looks at what is to end."""


async def build(settings: Settings) -> BreakGlass:
    """The process over its real neighbours.

    Raises:
        InterlockError: a key cannot be had, a neighbour did not answer, or AWS let this process read what it
            must not.
    """
    identity, ring = AwsIdentity.load(settings.aws), KeyRing.load(settings.keyring)
    keys, clock = PrivateKeys(identity, settings.env, ring), SystemClock()
    toolbox = await _toolbox(settings, identity)
    signer = JwtSigner([await keys.signing_key(Purpose.BREAK_GLASS)])
    store = Store(settings.store, TenantContentKeys(keys))
    alerts = await _alerts(settings, keys, store, clock)
    return create(
        parts_of(
            settings.env,
            store,
            clock,
            signer=signer,
            verifier=JwtVerifier(ring),
            passkeys=WebAuthnVerifier(settings.pages),
            toolbox=toolbox,
            pages=settings.pages,
            duties=(alerts,),
        )
    )


async def _toolbox(settings: Settings, identity: AwsIdentity) -> HttpToolbox:
    """With this process's own roles, once AWS has shown that they open nothing else."""
    loaded = load_worker_tools(settings.tools, settings.addresses)
    secrets = TenantSecrets(identity, settings.env, role=BREAK_GLASS)
    await secrets.check_forbidden_read(tenants=settings.tenants, name=settings.probe or loaded.credentials[0])
    places = Places(SystemResolver(), settings.web_hosts)
    return HttpToolbox(loaded.operations, secrets, loaded.addresses, places=places)


async def _alerts(
    settings: Settings, keys: PrivateKeys, store: Store, clock: Clock
) -> Callable[[], Awaitable[None]]:
    """Brought by this process too: in an incident the broker may be down. Leases keep each to once."""
    poster = SlackPoster(slack_client(settings.slack_url or None, await keys.text("slack/bot-token")))
    kinds = {LetterKind.ALERT: AlertCarrier(store, poster, clock, channel=settings.slack_alerts)}
    leases = Leases(store, clock, env=settings.env, kinds=kinds, lease_ms=CARD_LEASE_MS)
    return Drainer(leases, kinds, clock, every_s=_EVERY_S).run


def parts_of(
    env: str,
    store: Store,
    clock: Clock,
    *,
    signer: Signer,
    verifier: Verifier,
    passkeys: PasskeyVerifier,
    toolbox: Toolbox,
    pages: str = "",
    duties: tuple[Callable[[], Awaitable[None]], ...] = (),
) -> Parts:
    """Everything over one store, with pages at that address; empty: there are none."""
    documents, holds = StoreDocuments(store, clock), StoreHolds(store, clock)
    sessions, in_force = StoreOpenings(store, clock), InForce(documents, env)
    acts = StoreActs(store=store, verifier=verifier, clock=clock)
    members = Members(in_force=in_force, sessions=sessions, holds=holds, env=env)
    attempts = StoreAttempts(store, clock, env)
    holding, hands = Holding(holds=holds), Hands()
    carrying = _carrying(store, documents, clock, verifier, toolbox)
    openings = Openings(
        members=members,
        sessions=sessions,
        in_force=in_force,
        passkeys=passkeys,
        signer=signer,
        holding=holding,
        clock=clock,
        env=env,
    )
    acting = Acting(
        members=members,
        acts=acts,
        carrying=carrying,
        signer=signer,
        holding=holding,
        hands=hands,
        clock=clock,
    )
    ending = Ending(
        members=members,
        sessions=sessions,
        acts=acts,
        holding=holding,
        hands=hands,
        carrying=carrying,
        clock=clock,
        env=env,
    )
    return Parts(
        env=env,
        clock=clock,
        attempts=attempts,
        doorkeeper=Doorkeeper(verifier, attempts, env),
        members=members,
        openings=openings,
        acting=acting,
        ending=ending,
        hands=hands,
        pages=_pages(Pages.at(pages), env, clock, verifier, attempts),
        duties=(Rounds("break-glass", ending.round, every=_EVERY_S).run, *duties),
        closing=(store.close,),
    )


def _pages(
    at: Pages | None, env: str, clock: Clock, verifier: Verifier, attempts: Attempts
) -> PagesApp | None:
    if at is None:
        return None
    return PagesApp(
        at=at,
        identity=GlassLogin(verifier, attempts, env),
        sessions=SignedInHere(clock=clock),
        passkeys=WebAuthnReader(at),
        look=LOOK,
    )


def _carrying(
    store: Store, documents: StoreDocuments, clock: Clock, verifier: Verifier, toolbox: Toolbox
) -> Carrying:
    return Carrying(
        verifier=verifier,
        actions=StoreActions(store, clock),
        documents=documents,
        leaving=SessionLeaving(store, verifier, clock),
        ledger=StoreLedger(store, SessionEntry(verifier), clock),
        toolbox=toolbox,
    )
