"""The broker: mints capabilities, brings letters to Slack, opens breakers, signs the audit's heads."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from activities.ask import Asking
from activities.open import Mint, Opening
from activities.overhearing import Overhearing
from adapters.actions import StoreActions
from adapters.alert_carrier import AlertCarrier
from adapters.anchors import S3Anchors
from adapters.approvals import StoreApprovals
from adapters.audit_log import StoreAuditLog
from adapters.breaker_rounds import BreakerRounds
from adapters.card_carrier import CARD_LEASE_MS, CardCarrier
from adapters.drainer import Drainer
from adapters.endings import TemporalEndings
from adapters.heads import HeadSigner
from adapters.leases import Leases
from adapters.note_carrier import NoteCarrier
from adapters.orphans import Orphans
from adapters.settling import Settler
from adapters.slack import SlackPoster, slack_client
from adapters.tokens import JwtSigner
from contracts import names
from contracts.outbox import Carrier, LetterKind
from contracts.tokens import Purpose
from policies.people import People, short_name
from worker.parts import Parts, Role


async def broker(parts: Parts) -> Role:
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
    attempts = parts.attempts()
    overhearing = Overhearing(attempts=attempts)
    return Role(
        queue=names.BROKER_QUEUE,
        client=parts.client,
        activities=[
            opening.open_run,
            opening.finish,
            asking.ask,
            asking.ask_outcome,
            asking.collect,
            overhearing.overheard,
        ],
        attempts=attempts,
        beside=[
            *await _outbox(parts, approvals),
            _heads(parts, signer),
            Settler(approvals).run,
            BreakerRounds(parts.store, parts.documents, parts.clock, env).run,
            Orphans(parts.runs, TemporalEndings(parts.client, env), parts.clock, env).run,
        ],
    )


def _page(pages: str, approval_id: str) -> str | None:
    """Where people see the whole of an approval; None: there are no pages."""
    return f"{pages}/approvals/{approval_id}" if pages else None


async def _outbox(parts: Parts, approvals: StoreApprovals) -> Sequence[Callable[[], Awaitable[None]]]:
    """Cards, notes and alerts have a drainer each: where Slack limits one, the others do not wait."""
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
    alerts = AlertCarrier(parts.store, poster, parts.clock, channel=settings.slack_alerts)
    under = dict.fromkeys((LetterKind.REMINDER, LetterKind.ESCALATION, LetterKind.NOTICE), notes)

    def drainer(kinds: Mapping[LetterKind, Carrier], every_s: float) -> Drainer:
        leases = Leases(parts.store, parts.clock, env=settings.env, kinds=kinds, lease_ms=CARD_LEASE_MS)
        return Drainer(leases, kinds, parts.clock, every_s=every_s)

    return [
        drainer({LetterKind.CARD: cards}, 0.3).run,
        drainer(under, 1.0).run,
        drainer({LetterKind.ALERT: alerts}, 1.0).run,
    ]


async def _names(parts: Parts) -> Mapping[str, str]:
    people = (await _people(parts)).people
    return {person.principal: short_name(person.principal).title() for person in people}


async def _people(parts: Parts) -> People:
    """Those in force; nobody where none are."""
    identity = await parts.documents.published(parts.settings.env, "people", "people")
    return People(people=()) if identity is None else People.read(await parts.documents.document(identity))


def _heads(parts: Parts, signer: JwtSigner) -> Callable[[], Awaitable[None]]:
    anchors = S3Anchors(parts.identity, parts.settings.anchors)
    return HeadSigner(StoreAuditLog(parts.store), signer, anchors, parts.clock).run
