"""What is said in a card's thread: who is asked, who is asked too, and what came of it; each once."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters.approvals import StoreApprovals
from adapters.blocks import Card
from adapters.card_carrier import CARD_LEASE_MS
from adapters.runs import StoreRuns
from adapters.slack import SlackPoster, slack_client
from adapters.store import Store
from contracts.approval import Terms
from contracts.outbox import LetterKind
from contracts.run import Outcome
from contracts.secret import Secret
from contracts.wire import Ending
from policies.people import People
from tests.integration.approved_write import DONE
from tests.integration.running_slack import BOT_TOKEN, Slack
from tests.integration.thread_stage import HOUR, NIGHT, STAFF, TERMS, Stage, publish, staged
from tests.sqlite import sqlite


def said(reply: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Kind and words of each block."""
    return [(block["text"]["type"], block["text"]["text"]) for block in reply["blocks"]]


async def test_a_reminder_calls_those_who_can_still_decide(store_url: str, slack: Slack) -> None:
    """It stands in the thread and in the audit at its time; whom the run acts for is not called."""
    async with staged(store_url, slack, on_behalf_of="user:grace") as stage:
        stage.later(2 * HOUR - 1)
        assert await stage.drained() == 0
        stage.later(1)
        assert await stage.drained() == 1
        (reply,) = stage.replies()
        called, told = said(reply)
        assert called == ("mrkdwn", "Still to decide: <@U0ADA>")
        assert told[0] == "plain_text"
        assert told[1].startswith("Reminder: ticket.close for acme (dev), T-1 waits until ")
        assert (await stage.world.outcomes(stage.approval.approval_id))[-1] == ("run", "reminded")
        assert (await stage.now()).version == stage.approval.version
        assert await stage.notes() == [f"escalation:{stage.approval.approval_id}"]


async def _decided(stage: Stage) -> None:
    assert await stage.answer("approve") == 200


async def _denied(stage: Stage) -> None:
    assert await stage.answer("deny") == 200


async def _ended(stage: Stage) -> None:
    run = await stage.world.warranted(stage.approval.run_id)
    await StoreRuns(stage.world.stores["broker"], stage.world.clock).end(run, Ending(state="failed"))


async def _cancelling(stage: Stage) -> None:
    await stage.world.runs.request_cancel(stage.approval.run_id, actor="svc:demo", reason="enough")


async def _late(stage: Stage) -> None:
    stage.later(2 * HOUR)


@pytest.mark.parametrize("change", [_decided, _denied, _ended, _cancelling, _late])
async def test_what_waits_no_more_is_not_called_for(
    tmp_path: Path, slack: Slack, change: Callable[[Stage], Awaitable[None]]
) -> None:
    """Decided, ended, about to end or expired meanwhile: neither reminder nor escalation, and no letter."""
    async with staged(sqlite(tmp_path), slack) as stage:
        await change(stage)
        stage.later(3 * HOUR)
        await stage.drained()
        assert not [one for one in stage.replies() if one["text"].startswith(("Reminder", "Escalated"))]
        assert await stage.notes() == []
        audited = {outcome for _, outcome in await stage.world.outcomes(stage.approval.approval_id)}
        assert not audited & {"reminded", "escalated"}


async def test_an_escalation_calls_who_is_at_work(store_url: str, slack: Slack) -> None:
    """The thread says it once, the card is brought up to date, the audit has it, and they may decide."""
    away = replace(STAFF.people[-1], hours=NIGHT)
    async with staged(store_url, slack, terms=replace(TERMS, remind_ms=None)) as stage:
        await publish(stage.world, People(people=(*STAFF.people[:-1], away)))
        stage.later(3 * HOUR)
        assert await stage.drained() == 2
        (reply,) = stage.replies()
        assert said(reply)[0] == ("mrkdwn", "Please decide: <@U0HEDY>")
        assert "managers may decide from now on" in said(reply)[1][1]
        assert "at work" not in said(reply)[1][1]
        audited = await stage.world.outcomes(stage.approval.approval_id)
        assert audited.count(("run", "escalated")) == 1
        assert slack.calls("chat.update") == 1
        assert await stage.backlog() == []
        assert await stage.answer("approve", "joan") == 200


async def test_with_nobody_at_work_all_are_called(tmp_path: Path, slack: Slack) -> None:
    """Whoever is called at night is told why."""
    home = tuple(replace(one, hours=NIGHT) for one in STAFF.people)
    async with staged(sqlite(tmp_path), slack, terms=replace(TERMS, remind_ms=None)) as stage:
        await publish(stage.world, People(people=home))
        stage.later(3 * HOUR)
        await stage.drained()
        (reply,) = stage.replies()
        assert said(reply)[0] == ("mrkdwn", "Please decide: <@U0HEDY> <@U0JOAN>")
        assert "Nobody of managers is at work now" in said(reply)[1][1]


async def test_an_escalation_counts_while_slack_is_down(tmp_path: Path, slack: Slack) -> None:
    """It is audited, and the card is behind, at its moment and once, however often the reply fails."""
    async with staged(sqlite(tmp_path), slack, terms=replace(TERMS, remind_ms=None)) as stage:
        stage.later(3 * HOUR)
        down = SlackPoster(slack_client("http://127.0.0.1:9", Secret(BOT_TOKEN)))
        for _ in range(3):
            await stage.drained(stage.broker(down))
            stage.later(61_000)
        audited = await stage.world.outcomes(stage.approval.approval_id)
        assert audited.count(("run", "escalated")) == 1
        assert (await stage.now()).version == stage.approval.version + 1
        assert await stage.backlog() == [f"escalation:{stage.approval.approval_id}"]
        await stage.drained()
        assert len(stage.replies()) == 1
        assert (await stage.world.outcomes(stage.approval.approval_id)).count(("run", "escalated")) == 1


async def test_an_executed_write_is_told_to_who_asked(store_url: str, slack: Slack) -> None:
    """The tool worker's own transaction orders the word; it calls the person for whom the run acts."""
    async with staged(store_url, slack, on_behalf_of="user:grace") as stage:
        await stage.answer("approve")
        case = await stage.case()
        claim = await case.claim()
        await case.ledger.settle(case.request(), claim.fence, DONE)
        assert await stage.backlog() == [f"notice:{stage.approval.approval_id}"]
        await stage.drained()
        (reply,) = stage.replies()
        assert said(reply) == [
            ("mrkdwn", "For <@U0GRACE>"),
            ("plain_text", "Done: ticket.close for acme (dev), T-1. done"),
        ]


async def test_an_unknown_write_is_told_twice(store_url: str, slack: Slack) -> None:
    """That nobody knows, and what is known in the end: one reply each."""
    async with staged(store_url, slack) as stage:
        await stage.ends(Outcome.UNKNOWN, "the answer was lost")
        await stage.drained()
        await stage.ends(Outcome.SUCCEEDED, "Ada looked and says that it happened")
        await stage.drained()
        first, second = (said(reply)[1][1] for reply in stage.replies())
        assert first.startswith("Nobody knows whether it happened")
        assert second.startswith("Done:")
        assert await stage.backlog() == []


async def test_what_is_known_by_now_is_not_called_unknown(tmp_path: Path, slack: Slack) -> None:
    """A word that was late is not said when it is wrong by then."""
    async with staged(sqlite(tmp_path), slack) as stage:
        await stage.ends(Outcome.UNKNOWN, "the answer was lost")
        await stage.ends(Outcome.FAILED, "it did not happen")
        await stage.drained()
        (reply,) = stage.replies()
        assert said(reply)[1][1].startswith("Failed, nothing was changed")
        assert await stage.backlog() == []


async def test_a_denial_is_told_with_its_reason(tmp_path: Path, slack: Slack) -> None:
    """Whoever is nobody in Slack is named; the reason is quoted, and is nobody's markup."""
    async with staged(sqlite(tmp_path), slack) as stage:
        await stage.answer("deny", reason="Ask <!channel> first.")
        await stage.ends(Outcome.REJECTED, "principal:ada denied it: Ask <!channel> first.")
        await stage.drained()
        (reply,) = stage.replies()
        assert said(reply) == [
            ("plain_text", "For svc:demo"),
            ("plain_text", "Denied by Ada, nothing was written: ticket.close for acme (dev), T-1."),
            ("plain_text", "Reason given:\n│ Ask <!channel> first."),
        ]
        assert "<" not in reply["text"]


async def test_a_run_s_end_is_told_of_what_it_left(store_url: str, slack: Slack) -> None:
    """An action that was asked for and did not happen before the end is told, in the end's transaction."""
    async with staged(store_url, slack) as stage:
        await _ended(stage)
        assert await stage.backlog() == [f"notice:{stage.approval.approval_id}"]
        await stage.drained()
        assert "the run ended first" in said(stage.replies()[0])[1][1]


async def test_an_expired_card_says_so_and_loses_its_buttons(tmp_path: Path, slack: Slack) -> None:
    """Past the deadline the approval's version grows, so the card is brought up to it; the thread says it."""
    async with staged(sqlite(tmp_path), slack, terms=_quiet(4 * HOUR)) as stage:
        assert "actions" in {block["type"] for block in slack.messages()[0]["blocks"]}
        stage.later(4 * HOUR + 2_000)
        broker = StoreApprovals(stage.world.stores["broker"], stage.world.verifier, stage.world.clock)
        expired = await broker.expire(stage.approval.approval_id)
        assert (expired.state, expired.version) == ("expired", stage.approval.version + 1)
        await stage.ends(Outcome.EXPIRED, "nobody decided before the deadline; nothing was written")
        await stage.drained()
        card, reply = slack.messages()
        assert card["text"].startswith("Expired")
        assert "actions" not in {block["type"] for block in card["blocks"]}
        assert said(reply)[1][1].startswith("Expired, nothing was written")


def _quiet(deadline_ms: int | None) -> Terms:
    return Terms(group="support-leads", deadline_ms=deadline_ms)


@pytest.mark.parametrize("trouble", ["drop", "fail", "rate_limited"])
async def test_trouble_with_slack_loses_and_doubles_no_reply(
    tmp_path: Path, slack: Slack, trouble: str
) -> None:
    """Taken and not answered, not taken, or limited: one reply stands in the thread."""
    async with staged(sqlite(tmp_path), slack) as stage:
        slack.fault("chat.postMessage", trouble, **({"retry_after": 30} if trouble == "rate_limited" else {}))
        stage.later(2 * HOUR)
        broker = stage.broker()
        assert await broker.drain_once() == 0
        assert len(await stage.notes()) == 2
        stage.later(29_000)
        assert await broker.drain_once() == (0 if trouble == "rate_limited" else 1)
        stage.later(2_000)
        await stage.drained(broker)
        assert len(stage.replies()) == 1
        audited = await stage.world.outcomes(stage.approval.approval_id)
        assert audited.count(("run", "reminded")) == 1


class Dying(SlackPoster):
    """Its process dies once Slack has taken the reply."""

    async def reply(self, channel: str, ts: str, note: Card, metadata: Mapping[str, str]) -> None:
        await super().reply(channel, ts, note, metadata)
        raise asyncio.CancelledError


async def test_a_death_after_the_reply_leaves_one(store_url: str, slack: Slack) -> None:
    """The heir finds the reply in the thread, and audits the reminder that the dead one did not."""
    async with staged(store_url, slack) as stage:
        stage.later(2 * HOUR)
        with pytest.raises(asyncio.CancelledError):
            await stage.broker(Dying(slack_client(slack.url, Secret(BOT_TOKEN)))).drain_once()
        assert await stage.drained() == 0
        stage.later(CARD_LEASE_MS)
        assert await stage.drained() == 1
        assert len(stage.replies()) == 1
        assert (await stage.world.outcomes(stage.approval.approval_id))[-1] == ("run", "reminded")


async def test_two_brokers_say_it_once(store_url: str, slack: Slack) -> None:
    """They share what is due."""
    async with staged(store_url, slack) as stage:
        await stage.ends(Outcome.SUCCEEDED, "done")
        other = Store(store_url, stage.world.contents)
        brokers = [stage.broker(), stage.broker(store=other), stage.broker()]
        await asyncio.gather(*(stage.drained(broker) for broker in brokers))
        await other.close()
        assert len(stage.replies()) == 1
        assert await stage.backlog() == []


async def test_a_note_waits_for_its_card(tmp_path: Path, slack: Slack) -> None:
    """What happened while Slack was away is said under the card once that stands."""
    async with staged(sqlite(tmp_path), slack, posted=False) as stage:
        await stage.ends(Outcome.SUCCEEDED, "done")
        down = stage.broker(SlackPoster(slack_client("http://127.0.0.1:9", Secret(BOT_TOKEN))))
        assert await stage.drained(down) == 0
        assert slack.messages() == []
        stage.later(61_000)
        broker = stage.broker()
        for _ in range(3):
            await stage.drained(broker)
            stage.later(61_000)
        assert len(stage.replies()) == 1
        assert await stage.backlog() == []


async def test_what_is_for_later_is_no_backlog(tmp_path: Path, slack: Slack) -> None:
    """Operators see a reminder once it is due and has not arrived, and none before."""
    async with staged(sqlite(tmp_path), slack) as stage:
        assert len(await stage.notes()) == 2
        assert await stage.backlog() == []
        stage.later(2 * HOUR)
        assert await stage.backlog() == [f"reminder:{stage.approval.approval_id}"]
        slack.fault("chat.postMessage", "fail")
        await stage.broker().drain_once()
        assert await stage.backlog() == [f"reminder:{stage.approval.approval_id}"]


async def test_a_letter_that_nothing_gave_rise_to_says_nothing(store_url: str, slack: Slack) -> None:
    """A tool worker that was taken over can order letters; what they tell is read in the books."""
    terms = _quiet(4 * HOUR)
    async with staged(store_url, slack, terms=terms) as stage:
        for kind in (LetterKind.REMINDER, LetterKind.ESCALATION, LetterKind.NOTICE):
            await stage.order(kind, stage.approval.approval_id)
        await stage.order(LetterKind.NOTICE, f"{stage.approval.approval_id}_unknown")
        await stage.order(LetterKind.CANCEL, stage.approval.run_id)
        await stage.drained()
        await stage.world.drain.drain_once()
        assert stage.replies() == []
        assert stage.world.temporal.cancelled == []
        assert await stage.notes() == []
        assert await stage.world.letters() == ()


async def test_another_app_s_copy_is_not_taken_for_our_reply(tmp_path: Path, slack: Slack) -> None:
    """A reply is ours by its author and its metadata, in its own thread."""
    async with staged(sqlite(tmp_path), slack) as stage:
        stage.later(2 * HOUR)
        await stage.drained()
        ts, sent = slack.messages()[0]["ts"], f"reminder:{stage.approval.approval_id}"
        poster = stage.poster()
        assert await poster.replied("C0APPROVALS", ts, sent)
        assert not await poster.replied("C0APPROVALS", ts, sent.replace("reminder", "escalation"))
        poster._own_user = "U0SOMEBODY"
        assert not await poster.replied("C0APPROVALS", ts, sent)
