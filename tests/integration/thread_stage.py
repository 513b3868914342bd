"""An approval with its card in a real stand-in, and brokers that bring what is said in the card's thread."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select, update

from adapters.actions import conclude
from adapters.approvals import StoreApprovals
from adapters.card_carrier import CARD_LEASE_MS, CardCarrier
from adapters.drainer import Drainer
from adapters.leases import Leases
from adapters.ledger import StoreLedger
from adapters.letters import order
from adapters.note_carrier import NoteCarrier
from adapters.outbox import LetterQuery
from adapters.run_entry import RunEntry
from adapters.schema import approvals, outbox
from adapters.slack import SlackPoster, slack_client
from adapters.standing import current_people
from adapters.store import Store
from contracts.action import Frozen
from contracts.approval import ApprovalRecord, Hours, Terms
from contracts.ledger import Conclusion
from contracts.outbox import Carrier, LetterKind
from contracts.run import Outcome
from contracts.secret import Secret
from policies.people import People
from tests.integration.approved_write import Case
from tests.integration.running_slack import BOT_TOKEN, ROOM, Slack
from tests.integration.test_gateway_world import ENV, World, opened, person

HOUR: Final = 3_600_000
TERMS: Final = Terms(
    group="support-leads",
    deadline_ms=4 * HOUR,
    remind_ms=2 * HOUR,
    escalate_ms=3 * HOUR,
    escalate_to="managers",
)
NOTES: Final = (LetterKind.REMINDER, LetterKind.ESCALATION, LetterKind.NOTICE)


@dataclass
class Stage:
    """One action that waits for its approval."""

    world: World
    slack: Slack
    approval: ApprovalRecord

    def poster(self) -> SlackPoster:
        return SlackPoster(slack_client(self.slack.url, Secret(BOT_TOKEN)))

    def broker(self, poster: Any = None, *, store: Store | None = None) -> Drainer:
        """A broker's drainer, by the broker's own login."""
        store, clock = store or self.world.stores["broker"], self.world.clock
        rows = StoreApprovals(store, self.world.verifier, clock)
        poster = poster or self.poster()

        async def people() -> People:
            async with store.read() as connection:
                return await current_people(connection, ENV)

        async def names() -> dict[str, str]:
            return {}

        cards = CardCarrier(
            store, rows, poster, names, clock, channel=ROOM, page_url=lambda _approval_id: None
        )
        notes = NoteCarrier(store, rows, poster, people, clock)
        kinds: Mapping[LetterKind, Carrier] = {LetterKind.CARD: cards, **dict.fromkeys(NOTES, notes)}
        leases = Leases(store, clock, env=ENV, kinds=kinds, lease_ms=CARD_LEASE_MS)
        return Drainer(leases, kinds, clock)

    async def drained(self, drainer: Drainer | None = None) -> int:
        """Everything that is due is brought; how much that was."""
        drainer, total = drainer or self.broker(), 0
        while brought := await drainer.drain_once():
            total += brought
        return total

    def later(self, ms: int) -> None:
        self.world.clock.at_ms += ms

    def replies(self) -> list[dict[str, Any]]:
        """What stands in the card's thread."""
        messages = self.slack.messages()
        assert all(one.get("thread_ts") in (None, messages[0]["ts"]) for one in messages)
        return [one for one in messages if one.get("thread_ts")]

    async def notes(self) -> list[str]:
        """Ids of the letters to the thread that have not arrived, those for later too."""
        async with self.world.store.read() as connection:
            kept = select(outbox.c.outbox_id).where(outbox.c.kind.in_(NOTES)).order_by(outbox.c.outbox_id)
            return list(await connection.scalars(kept))

    async def backlog(self) -> list[str]:
        """What operators see of them."""
        return [one.outbox_id for one in await self.world.outbox.list(LetterQuery()) if one.kind in NOTES]

    async def order(self, kind: LetterKind, subject: str) -> None:
        """Order a letter that nothing gave rise to, by the tool worker's login."""

        async def work(connection: Any) -> None:
            now = self.world.clock.now_ms()
            await order(connection, kind, subject, run_id=self.approval.run_id, next_ms=now)

        await self.world.stores["tools"].write(work)

    async def answer(self, decision: str, name: str = "ada", **more: str) -> int:
        body = {"decision": decision, "action_digest": self.approval.action_digest, **more}
        path = f"/v1/approvals/{self.approval.approval_id}/decision"
        return (await self.world.http.post(path, json=body, headers=self.world.approver(name))).status_code

    async def ends(self, outcome: Outcome, text: str = "") -> None:
        """The action ends so, as the broker writes it down; an unknown one may end once more."""
        run, now = await self.world.warranted(self.approval.run_id), self.world.clock.now_ms()
        told = Conclusion(outcome=outcome, content=text, text=text, duration_ms=0)

        async def work(connection: Any) -> None:
            await conclude(connection, run.warrant, self.approval.action_id, told, now)

        await self.world.stores["broker"].write(work)

    async def case(self) -> Case:
        """The write, for the ledger of the tool worker's login."""
        return Case(
            world=self.world,
            ledger=StoreLedger(self.world.stores["tools"], RunEntry(self.world.proofs), self.world.clock),
            run=await self.world.warranted(self.approval.run_id),
            frozen=Frozen.read(self.approval.action),
            approval_id=self.approval.approval_id,
        )

    async def now(self) -> ApprovalRecord:
        return await self.world.approvals.get(self.approval.approval_id)


NIGHT: Final = Hours(days=(), start=0, until=1, zone="UTC")
"""Hours in which nobody ever works."""

STAFF: Final = People(
    people=(
        person("ada"),
        person("grace"),
        person("linus", tenants=("globex",)),
        person("mallory", groups=()),
        person("hedy", groups=("managers",)),
        person("joan", groups=("managers",)),
    )
)


@asynccontextmanager
async def staged(
    store_url: str, slack: Slack, *, terms: Terms = TERMS, posted: bool = True, **body: Any
) -> AsyncIterator[Stage]:
    """Somebody's action waits; its card stands in Slack, or is still to be posted."""
    async with opened(store_url) as world:
        await publish(world, STAFF)
        approval = await world.asked(terms=terms, **body)
        stage = Stage(world=world, slack=slack, approval=approval)

        async def unplace(connection: Any) -> None:
            await connection.execute(update(approvals).values(channel=None, message_ts=None))

        await world.store.write(unplace)
        if posted:
            assert await stage.broker().drain_once() == 1
        yield stage


async def publish(world: World, people: People) -> None:
    await world.documents.publish(ENV, "people", "people", people.document(), actor="op:test")
