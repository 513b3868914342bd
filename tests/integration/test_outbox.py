"""Cards of the outbox against a Slack that is busy, cut off, restarted or down: each card is there, once."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table, insert, select, update

from adapters.approvals import StoreApprovals
from adapters.blocks import Card
from adapters.card_carrier import CARD_LEASE_MS, CardCarrier
from adapters.drainer import Drainer
from adapters.leases import Leases
from adapters.outbox import LetterQuery, StoreOutbox
from adapters.schema import actions, approvals, outbox, runs
from adapters.slack import SlackPoster, slack_client
from adapters.store import Store
from contracts.action import Change, Frozen, Preview
from contracts.errors import Refused, TokenRefused, Unavailable, Unknown
from contracts.outbox import Letter, LetterKind
from contracts.secret import Secret
from contracts.tokens import Purpose
from policies.retrying import MENDING_ATTEMPTS
from tests.content_keys import HeldKeys
from tests.frozen import frozen as template
from tests.integration.running_slack import BOT_TOKEN, ROOM, Json, Slack, begin

BUDGET = '{"steps": 1, "seconds": 1, "usd": "0", "denials": 0}'


class HandClock:
    """A clock that is put forward by hand."""

    def __init__(self) -> None:
        self.ms = time.time_ns() // 1_000_000

    def now_ms(self) -> int:
        return self.ms

    def forward(self, seconds: float) -> None:
        self.ms += int(seconds * 1_000)


class NoGrants:
    """A verifier that never saw a token."""

    def verify(self, purpose: Purpose, token: str) -> dict[str, Any]:
        raise TokenRefused(f"no {purpose} token is known: {len(token)} bytes")


@dataclass
class Bench:
    """A store with approvals in it, and drainers over it."""

    url: str
    store: Store
    clock: HandClock
    slack_url: str

    def drainer(self, poster: Any = None, *, store: Store | None = None, channel: str = ROOM) -> Drainer:
        store = store or self.store
        carrier = CardCarrier(
            store,
            StoreApprovals(store, NoGrants(), self.clock),
            poster or SlackPoster(slack_client(self.slack_url, Secret(BOT_TOKEN))),
            names,
            self.clock,
            channel=channel,
            page_url=lambda approval_id: f"http://127.0.0.1/approvals/{approval_id}",
        )
        return Drainer(self.leases(store), {LetterKind.CARD: carrier}, self.clock)

    def leases(self, store: Store | None = None) -> Leases:
        return Leases(
            store or self.store, self.clock, env="dev", kinds=[LetterKind.CARD], lease_ms=CARD_LEASE_MS
        )

    @property
    def rows(self) -> StoreOutbox:
        return StoreOutbox(self.store, self.clock, "dev")

    async def change(self, table: Table, **values: Any) -> None:
        async def work(connection: Any) -> None:
            await connection.execute(update(table).values(**values))

        await self.store.write(work)

    async def row(self, table: Table) -> Any:
        async with self.store.read() as connection:
            return (await connection.execute(select(table))).one()

    async def pending(self) -> tuple[Letter, ...]:
        return await self.rows.list(LetterQuery())


async def names() -> Mapping[str, str]:
    return {"principal:ada": "Ada Lovelace"}


@pytest.fixture
async def bench(store_url: str, slack: Slack) -> AsyncIterator[Bench]:
    store = Store(store_url, HeldKeys())
    yield Bench(store_url, store, HandClock(), slack.url)
    await store.close()


def frozen(number: int) -> Frozen:
    """Each number's own action."""
    return template(
        action_id=f"act_{number}",
        run_id=f"run_{number}",
        request_id=f"req_{number:012}",
        env="dev",
        arguments={"ticket_id": f"T-{number}"},
        target=f"T-{number}",
        preview=Preview(
            target=f"T-{number} “Password reset loops”",
            changes=(Change(field="status", before="open", after="closed"),),
            stakes="1 customer sees it as resolved.",
        ),
        idempotency_key=f"key_{number}",
        key_hash=f"hash_{number}",
        on_behalf_of=None,
    )


async def ask(bench: Bench, number: int = 1, **more: Any) -> str:
    """An approval as ``StoreApprovals.ask`` leaves it."""
    action, now = frozen(number), bench.clock.now_ms()
    shared = {"run_id": action.run_id, "tenant": action.tenant, "env": action.env, "route": action.route}
    blank = dict.fromkeys(["start_hash", "body_digest", "policy_digest", "catalogue_digest"], f"x{number}")
    run: Json = {
        **shared,
        **blank,
        "request_id": action.request_id,
        "caller": action.caller,
        "created_ms": now,
    }
    run |= {"warrant": "", "input": "{}", "budget": BUDGET, "state": "waiting_approval"}
    proposed: Json = {**shared, "action_id": action.action_id, "step": 1, "place": 0, "tool": action.tool}
    proposed |= {"effect": "write", "decision": "needs_approval", "reasons": "[]", "approvals": 1}
    proposed |= {"arguments": "{}", "arguments_digest": "", "words": "", "call_id": "", "created_ms": now}
    proposed |= {"frozen": json.dumps(asdict(action)), "key_hash": action.key_hash}
    asked: Json = {**shared, "approval_id": f"apr_{number}", "kind": "action", "action_id": action.action_id}
    asked |= {"state": "waiting", "action_digest": action.digest(), "needed": 1, "approvers": "leads"}
    asked |= {"caller": action.caller, "requested_ms": now}
    order: Json = {"outbox_id": f"card:apr_{number}", "approval_id": f"apr_{number}", "next_ms": now}
    order |= {"kind": "card", "run_id": action.run_id}

    async def work(connection: Any) -> None:
        rows = ((runs, run), (actions, proposed | more), (approvals, asked), (outbox, order))
        for table, values in rows:
            await connection.execute(insert(table).values(**values))

    await bench.store.write(work)
    return f"card:apr_{number}"


async def test_a_card_is_posted_once_and_its_place_recorded(bench: Bench, slack: Slack) -> None:
    """One round posts the card and writes down where it stands; the next has nothing to do."""
    await ask(bench)
    drainer = bench.drainer()
    assert [await drainer.drain_once(), await drainer.drain_once()] == [1, 0]
    (message,) = slack.messages()
    row = await bench.row(approvals)
    assert (row.channel, row.message_ts, row.version) == (ROOM, message["ts"], 1)
    assert "apr_1" in [block["block_id"] for block in message["blocks"]]
    assert (await bench.row(outbox)).done_version == 1


async def test_a_changed_approval_updates_its_card_in_place(bench: Bench, slack: Slack) -> None:
    """A new version of the row shows in the same message, without buttons once it is decided."""
    await ask(bench)
    drainer = bench.drainer()
    await drainer.drain_once()
    await bench.change(approvals, state="denied", decided_ms=bench.clock.now_ms(), version=2)
    assert await drainer.drain_once() == 1
    (message,) = slack.messages()
    assert "actions" not in {block["type"] for block in message["blocks"]}
    assert message["text"].startswith("Denied")


async def test_accepted_then_dropped_leaves_one_message(bench: Bench, slack: Slack) -> None:
    """Slack took the post and the line broke: the message is found again, not posted again."""
    await ask(bench)
    slack.fault("chat.postMessage", "drop")
    drainer = bench.drainer()
    assert await drainer.drain_once() == 0
    assert (await bench.row(outbox)).posting is True
    bench.clock.forward(3)
    assert await drainer.drain_once() == 1
    (message,) = slack.messages()
    assert (await bench.row(approvals)).message_ts == message["ts"]
    assert slack.calls("chat.postMessage") == 1


async def test_a_search_that_fails_never_leads_to_a_second_post(bench: Bench, slack: Slack) -> None:
    """While nobody knows whether the post arrived, a refused or limited search changes nothing of that."""
    await ask(bench)
    slack.fault("chat.postMessage", "drop")
    slack.fault("conversations.history", "rate_limited", retry_after=1)
    slack.fault("conversations.history", "fail")
    drainer = bench.drainer()
    for _ in range(4):
        await drainer.drain_once()
        bench.clock.forward(61)
    assert len(slack.messages()) == slack.calls("chat.postMessage") == 1
    assert await bench.pending() == ()


class Behind(SlackPoster):
    """The channel's history does not show the newest message at the first look."""

    looked = False

    async def find(self, channel: str, outbox_id: str, oldest: float) -> str | None:
        seen = await super().find(channel, outbox_id, oldest) if self.looked else None
        self.looked = True
        return seen


async def test_a_limited_second_post_forgets_nothing_of_the_first(bench: Bench, slack: Slack) -> None:
    """That the second post had no effect says nothing of the first, whose fate is still not known."""
    await ask(bench)
    slack.fault("chat.postMessage", "drop")
    slack.fault("chat.postMessage", "rate_limited", retry_after=1)
    drainer = bench.drainer(Behind(slack_client(slack.url, Secret(BOT_TOKEN))))
    for _ in range(3):
        await drainer.drain_once()
        bench.clock.forward(61)
    assert len(slack.messages()) == 1
    assert await bench.pending() == ()


async def test_a_rate_limit_is_honoured(bench: Bench, slack: Slack) -> None:
    """After a 429 nothing is sent before Slack's time, and then each card once."""
    await ask(bench, 1)
    await ask(bench, 2)
    slack.fault("chat.postMessage", "rate_limited", retry_after=30)
    drainer = bench.drainer()
    assert await drainer.drain_once() == 0
    assert slack.calls("chat.postMessage") == 1
    bench.clock.forward(29)
    assert await drainer.drain_once() == 0
    assert slack.calls("chat.postMessage") == 1
    bench.clock.forward(2)
    assert await drainer.drain_once() == 2
    assert len(slack.messages()) == 2


async def test_a_server_error_is_tried_again(bench: Bench, slack: Slack) -> None:
    """A 500 says nothing of what happened: look, then post."""
    await ask(bench)
    slack.fault("chat.postMessage", "fail")
    drainer = bench.drainer()
    assert await drainer.drain_once() == 0
    bench.clock.forward(3)
    assert await drainer.drain_once() == 1
    assert len(slack.messages()) == 1


class Dying(SlackPoster):
    """Its process dies once Slack has taken the post."""

    async def post(self, channel: str, card: Card, metadata: Mapping[str, str]) -> str:
        await super().post(channel, card, metadata)
        raise asyncio.CancelledError


async def test_a_death_after_the_post_leaves_one_message(bench: Bench, slack: Slack) -> None:
    """Another process takes the card over when the lease has ended, and finds the message."""
    await ask(bench)
    with pytest.raises(asyncio.CancelledError):
        await bench.drainer(Dying(slack_client(slack.url, Secret(BOT_TOKEN)))).drain_once()
    heir = bench.drainer()
    assert await heir.drain_once() == 0
    bench.clock.forward(CARD_LEASE_MS / 1_000)
    assert await heir.drain_once() == 1
    assert len(slack.messages()) == slack.calls("chat.postMessage") == 1


async def test_slack_restarted_in_the_middle(bench: Bench, tmp_path: Path) -> None:
    """Slack goes down with the answer unsaid and comes back: one message, and updates reach it."""
    await ask(bench)
    first = begin(tmp_path)
    bench.slack_url = first.url
    drainer = bench.drainer()
    first.fault("chat.postMessage", "drop")
    try:
        assert await drainer.drain_once() == 0
    finally:
        first.stop()
    bench.clock.forward(3)
    assert await drainer.drain_once() == 0
    second = begin(tmp_path, first.url.rpartition(":")[2])
    try:
        bench.clock.forward(60)
        assert await drainer.drain_once() == 1
        await bench.change(approvals, version=2)
        assert await drainer.drain_once() == 1
        assert len(second.messages()) == 1
    finally:
        second.stop()


async def test_two_drainers_post_each_card_once(bench: Bench, slack: Slack) -> None:
    """Drainers with connections of their own share the work and never double it."""
    for number in range(12):
        await ask(bench, number)
    other = Store(bench.url, HeldKeys())
    drained = await asyncio.gather(
        bench.drainer().drain_once(), bench.drainer(store=other).drain_once(), bench.drainer().drain_once()
    )
    await other.close()
    assert sum(drained) == 12
    assert len(slack.messages()) == slack.calls("chat.postMessage") == 12


class Overtaken(SlackPoster):
    """While it posts, its lease ends and another drainer changes the row."""

    overtake: Callable[[], Any]

    async def update(self, channel: str, ts: str, card: Card) -> None:
        await super().update(channel, ts, card)
        await self.overtake()


async def test_a_lost_lease_records_nothing(bench: Bench) -> None:
    """Who was overtaken does not write over what the other has recorded."""
    await ask(bench)
    await bench.drainer().drain_once()
    await bench.change(approvals, version=2)
    slow = Overtaken(slack_client(bench.slack_url, Secret(BOT_TOKEN)))

    async def overtake() -> None:
        bench.clock.forward(CARD_LEASE_MS / 1_000)
        await bench.change(approvals, version=3)
        assert await bench.drainer().drain_once() == 1

    slow.overtake = overtake
    await bench.drainer(slow).drain_once()
    assert (await bench.row(outbox)).done_version == 3


async def test_a_lost_lease_leaves_the_next_one_alone(bench: Bench) -> None:
    """Who was overtaken does not end the lease under which the other still works."""
    outbox_id = await ask(bench)
    await bench.drainer().drain_once()
    await bench.change(approvals, version=2)
    slow = Overtaken(slack_client(bench.slack_url, Secret(BOT_TOKEN)))

    async def overtake() -> None:
        bench.clock.forward(CARD_LEASE_MS / 1_000)
        assert await bench.leases().hold(outbox_id) is not None

    slow.overtake = overtake
    await bench.drainer(slow).drain_once()
    row = await bench.row(outbox)
    assert (row.done_version, row.next_ms) == (1, bench.clock.now_ms() + CARD_LEASE_MS)


async def test_slack_down_is_retried_for_ever(bench: Bench) -> None:
    """An outage of any length gives no card up; waits never exceed a minute."""
    await ask(bench)
    bench.slack_url = "http://127.0.0.1:9"
    drainer = bench.drainer()
    for _ in range(MENDING_ATTEMPTS + 5):
        before = bench.clock.now_ms()
        await drainer.drain_once()
        (pending,) = await bench.pending()
        assert 2_000 <= pending.next_ms - before <= 60_000
        bench.clock.forward(61)
    assert (pending.dead, pending.attempts) == (False, MENDING_ATTEMPTS + 5)


async def test_a_refusal_that_cannot_mend_is_a_dead_letter(bench: Bench, slack: Slack) -> None:
    """A refused card is kept with its sentence, tried no more, and taken up again on request."""
    outbox_id = await ask(bench)
    await bench.change(approvals, channel=ROOM, message_ts="1795600000.000001")
    drainer = bench.drainer()
    assert await drainer.drain_once() == 0
    bench.clock.forward(600)
    assert await drainer.drain_once() == 0
    (pending,) = await bench.pending()
    assert (pending.dead, pending.outbox_id) == (True, outbox_id)
    assert "message_not_found" in pending.error
    await bench.change(approvals, channel=None, message_ts=None)
    await bench.rows.retry(outbox_id, actor="op:ops")
    assert await drainer.drain_once() == 1
    assert len(slack.messages()) == 1
    with pytest.raises(Unknown):
        await bench.rows.retry("card:apr_none", actor="op:ops")


async def test_a_wrong_channel_waits_for_the_operator(bench: Bench, slack: Slack) -> None:
    """What an operator can mend is tried again for some time, then given up; mended, the card goes out."""
    await ask(bench)
    lost = bench.drainer(channel="C0NOWHERE")
    for attempt in range(MENDING_ATTEMPTS):
        assert await lost.drain_once() == 0
        (pending,) = await bench.pending()
        assert pending.dead == (attempt == MENDING_ATTEMPTS - 1)
        assert (await bench.row(outbox)).posting is False
        bench.clock.forward(61)
    await bench.rows.retry(pending.outbox_id, actor="op:ops")
    assert await bench.drainer().drain_once() == 1
    assert len(slack.messages()) == 1


async def test_no_sentence_holds_the_token(bench: Bench) -> None:
    """A refused token is not repeated in what operators read."""
    await ask(bench)
    token = "xoxb-another-planted-token"
    await bench.drainer(SlackPoster(slack_client(bench.slack_url, Secret(token)))).drain_once()
    (pending,) = await bench.pending()
    assert "invalid_auth" in pending.error
    assert "planted" not in pending.error


@pytest.mark.parametrize("document", ["{}", '"text"', "[]"])
async def test_a_broken_row_holds_up_no_other_card(bench: Bench, slack: Slack, document: str) -> None:
    """A row that cannot be rendered is a dead letter; the card behind it is posted."""
    await ask(bench, 1, frozen=document)
    await ask(bench, 2)
    assert await bench.drainer().drain_once() == 1
    assert len(slack.messages()) == 1
    assert [pending.dead for pending in await bench.pending()] == [True]


async def test_a_retry_never_interrupts_a_post(bench: Bench) -> None:
    """An operator's retry of a card whose post is under way waits until that is over."""
    outbox_id = await ask(bench)
    lease = bench.clock.now_ms() + CARD_LEASE_MS
    await bench.change(outbox, posting=True, next_ms=lease)
    await bench.rows.retry(outbox_id, actor="op:ops")
    assert (await bench.row(outbox)).next_ms == lease


async def test_the_loop_drains_when_poked_and_ends_when_cancelled(bench: Bench, slack: Slack) -> None:
    """``run`` picks up what is there, and again what a poke announces."""
    await ask(bench, 1)
    drainer = bench.drainer()
    task = asyncio.create_task(drainer.run())
    await _until(slack, 1)
    await ask(bench, 2)
    drainer.poke()
    await _until(slack, 2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 5)


async def _until(slack: Slack, count: int) -> None:
    async with asyncio.timeout(10):
        while len(await asyncio.to_thread(slack.messages)) < count:  # noqa: ASYNC110  in another process
            await asyncio.sleep(0.05)


async def test_a_foreign_message_is_not_taken_for_the_card(bench: Bench, slack: Slack) -> None:
    """Metadata that another app copied leads nobody to adopt its message."""
    await ask(bench)
    await bench.drainer().drain_once()
    poster = SlackPoster(slack_client(slack.url, Secret(BOT_TOKEN)))
    oldest = float(slack.messages()[0]["ts"]) - 1
    assert await poster.find(ROOM, "card:apr_1", oldest) == slack.messages()[0]["ts"]
    assert await poster.find(ROOM, "card:apr_2", oldest) is None
    assert await poster.find(ROOM, "card:apr_1", oldest + 2) is None
    poster._own_user = "U0SOMEBODY"
    assert await poster.find(ROOM, "card:apr_1", oldest) is None


async def test_private_words_reach_one_person(slack: Slack) -> None:
    """What is said privately is plain text for one user; Slack's refusals are told apart."""
    poster = SlackPoster(slack_client(slack.url, Secret(BOT_TOKEN)))
    assert (await poster.identity())["team_id"] == "T0INTERLOCK"
    await poster.private(ROOM, "U0ADA", "Not <!channel> you")
    (said,) = slack.control("GET", "ephemerals?user=U0ADA")["ephemerals"]
    assert said["blocks"][0]["text"]["type"] == "plain_text"
    assert said["text"] == "Not &lt;!channel&gt; you"
    with pytest.raises(Refused, match="user_not_found"):
        await poster.private(ROOM, "U0NOBODY", "Hello")
    slack.fault("chat.postEphemeral", "fail")
    with pytest.raises(Unavailable):
        await poster.private(ROOM, "U0ADA", "Hello")
