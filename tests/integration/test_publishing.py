"""Publishing: all of it or nothing, against what was compared, audited and told in words, once."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters import schema
from adapters.alert_carrier import AlertCarrier
from adapters.alerts import alert_id, raise_alert
from adapters.audit_log import AuditQuery, StoreAuditLog
from adapters.card_carrier import CARD_LEASE_MS
from adapters.drainer import Drainer
from adapters.leases import Leases
from adapters.outbox import LetterQuery, StoreOutbox
from adapters.slack import SlackPoster, slack_client
from adapters.store import Store
from contracts.alert import Alert, Severity
from contracts.errors import Conflict, Refused, Unavailable
from contracts.outbox import LetterKind
from contracts.secret import Secret
from embedded.publish import Offer, Publishing
from embedded.stack import shipped_policies, shipped_tools
from policies.load import PolicySet, load
from policies.route import Route
from tests import postgres
from tests.content_keys import HeldKeys
from tests.integration.running_slack import BOT_TOKEN, ROOM, Slack
from tests.integration.test_gateway_world import opened, problem
from tests.integration.test_outbox import HandClock
from tools.load import LoadedTools, load_tools

TOOLS = load_tools(shipped_tools())
SHIPPED = load(shipped_policies(), TOOLS.catalogue, env="dev")
ROUTE = "support/close"


def changed(**keys: Any) -> PolicySet:
    """The shipped policy with another ``support/close``."""
    route = Route.parse({**SHIPPED.routes[ROUTE].document(), **keys})
    return replace(SHIPPED, routes={**SHIPPED.routes, ROUTE: route})


WIDER = changed(loop=9, allow_tools=[*SHIPPED.routes[ROUTE].allow_tools, "email.send"], deny_tools=[])
NARROWER = changed(loop=2)


@dataclass
class Desk:
    """Who publishes, and the broker that tells of it, each by their own login."""

    stores: dict[str, Store]
    clock: HandClock
    slack: Slack
    keys: HeldKeys = field(default_factory=HeldKeys)

    @property
    def publishing(self) -> Publishing:
        return Publishing(self.stores["operator"], self.clock)

    async def offer(self, policies: PolicySet, tools: LoadedTools = TOOLS) -> Offer:
        return await self.publishing.offer(policies, tools, env="dev", actor="op:ada")

    async def publish(self, policies: PolicySet) -> list[str]:
        return await self.publishing.put(await self.offer(policies))

    def broker(self, poster: Any = None, env: str = "dev") -> Drainer:
        store = self.stores["broker"]
        poster = poster or SlackPoster(slack_client(self.slack.url, Secret(BOT_TOKEN)))
        kinds = {LetterKind.ALERT: AlertCarrier(store, poster, self.clock, channel=ROOM)}
        leases = Leases(store, self.clock, env=env, kinds=kinds, lease_ms=CARD_LEASE_MS)
        return Drainer(leases, kinds, self.clock)

    async def told(self) -> list[dict[str, Any]]:
        while await self.broker().drain_once():
            pass
        return self.slack.messages()

    async def records(self) -> list[dict[str, Any]]:
        """What the audit says of policies."""
        found = await StoreAuditLog(self.stores["operator"]).search(AuditQuery(tenant="system"))
        return [one.record for one in found if one.record["kind"] == "policy"]

    async def rows(self, table: Any) -> list[Any]:
        async with self.stores["broker"].read() as connection:
            return list((await connection.execute(select(table))).all())


@pytest.fixture
async def desk(store_url: str, slack: Slack) -> AsyncIterator[Desk]:
    keys = HeldKeys()
    stores = postgres.stores(store_url, keys)
    yield Desk(stores=stores, clock=HandClock(), slack=slack, keys=keys)
    for store in {id(store): store for store in stores.values()}.values():
        await store.close()


async def test_a_wider_policy_is_audited_and_told_in_words(desk: Desk) -> None:
    """The record of the route has the sentences and their rules; the channel has them, loud, once."""
    await desk.publish(SHIPPED)
    await desk.told()
    before = len(await desk.records())
    assert len(await desk.publish(WIDER)) == 1
    (record,) = (await desk.records())[before:]
    assert (record["actor"], record["outcome"], record["route"]) == ("op:ada", "published", ROUTE)
    assert record["rules"] == ["policy.wider"]
    assert "WIDER allow_tools: `email.send`, a write, is allowed" in record["reason"]
    assert "WIDER loop" in record["reason"]
    first, message = await desk.told()
    text = json.dumps(message["blocks"], ensure_ascii=False)
    assert "⚠ The policy of support/close got wider" in message["text"]
    assert "`email.send`, a write, is allowed" in text
    assert "op:ada" in text
    assert {block["type"] for block in message["blocks"]} == {"header", "section", "context"}
    assert "mrkdwn" not in text
    assert first["ts"] != message["ts"]
    assert await desk.rows(schema.outbox) == []


async def test_the_first_publication_is_one_message(desk: Desk) -> None:
    """Nothing was permitted before, so it tells of each route, and of no single rule."""
    await desk.publish(SHIPPED)
    (message,) = await desk.told()
    text = json.dumps(message["blocks"])
    assert all(name in text for name in SHIPPED.routes)
    assert len(await desk.records()) == len(SHIPPED.routes) + 2


async def test_what_is_in_force_already_changes_nothing(desk: Desk) -> None:
    """Nothing is audited and nobody is told."""
    await desk.publish(SHIPPED)
    before = await desk.records()
    offer = await desk.offer(SHIPPED)
    assert (offer.news, offer.changes, await desk.publishing.put(offer)) == (False, (), [])
    assert await desk.records() == before
    assert len(await desk.rows(schema.alerts)) == 1


async def test_severity_follows_the_loudest_change(desk: Desk) -> None:
    """Narrower is said quietly, what cannot be compared is a notice, what is wider loud."""
    await desk.publish(SHIPPED)
    for policies in (NARROWER, changed(loop=2, prompt="Be kind."), WIDER):
        desk.clock.forward(1)
        await desk.publish(policies)
    rows = sorted(await desk.rows(schema.alerts), key=lambda row: row.at_ms)
    assert [row.severity for row in rows] == ["loud", "info", "notice", "loud"]


async def test_a_publication_is_refused_when_another_came_first(desk: Desk) -> None:
    """What was shown is no longer what would change: nothing of it is put in force."""
    await desk.publish(SHIPPED)
    offer = await desk.offer(WIDER)
    await desk.publish(NARROWER)
    records = await desk.records()
    with pytest.raises(Conflict, match="look at the diff again"):
        await desk.publishing.put(offer)
    assert (await desk.publishing.in_force("dev")).routes[ROUTE].loop == 2
    assert await desk.records() == records


async def test_of_two_that_publish_at_once_one_does(desk: Desk) -> None:
    """Both compared with the same policy; one of them is refused."""
    await desk.publish(SHIPPED)
    offers = [await desk.offer(policies) for policies in (WIDER, NARROWER)]
    done = await asyncio.gather(*map(desk.publishing.put, offers), return_exceptions=True)
    assert sorted(type(one).__name__ for one in done) == ["Conflict", "list"]


async def test_a_route_that_is_gone_is_withdrawn_with_all_else_at_once(desk: Desk) -> None:
    """The diff, the record and what is in force say the same."""
    await desk.publish(SHIPPED)
    fewer = replace(SHIPPED, routes={name: one for name, one in SHIPPED.routes.items() if name != ROUTE})
    changes = await desk.publish(fewer)
    assert changes == [f"withdrew route {ROUTE}"]
    record = (await desk.records())[-1]
    assert (record["outcome"], record["route"], record["rules"]) == ("withdrawn", ROUTE, ["policy.narrower"])
    assert ROUTE not in (await desk.publishing.in_force("dev")).routes


async def test_half_a_publication_is_none(desk: Desk) -> None:
    """Where the last step fails, nothing of the steps before it stays."""
    await desk.publish(SHIPPED)
    offer = await desk.offer(WIDER)
    assert offer.publication.alert is not None
    known = (await desk.rows(schema.alerts))[0].alert_id
    twice = replace(offer.publication.alert, alert_id=known)
    before = await desk.records()
    with pytest.raises(Exception, match=r"(?i)unique"):
        await desk.publishing.put(replace(offer, publication=replace(offer.publication, alert=twice)))
    assert await desk.records() == before
    assert (await desk.publishing.in_force("dev")).routes[ROUTE].loop == SHIPPED.routes[ROUTE].loop


class Losing(SlackPoster):
    """Slack takes the post, and the line is cut before it answers."""

    async def post(self, *given: Any) -> str:
        await super().post(*given)
        raise Unavailable("the line was cut")


async def test_an_alert_whose_post_has_no_known_fate_is_not_posted_twice(desk: Desk) -> None:
    """It is looked for by its letter's id, and found."""
    await desk.publish(SHIPPED)
    losing = Losing(slack_client(desk.slack.url, Secret(BOT_TOKEN)))
    assert await desk.broker(losing).drain_once() == 0
    desk.clock.forward(120)
    assert len(await desk.told()) == 1
    assert await desk.rows(schema.outbox) == []


async def test_alerts_are_their_environments_own(desk: Desk) -> None:
    """A broker of another environment leaves them alone."""
    await desk.publish(SHIPPED)
    assert await desk.broker(env="prod").drain_once() == 0
    assert await StoreOutbox(desk.stores["gateway"], desk.clock, "prod").list(LetterQuery()) == ()


def alert(**keys: Any) -> Alert:
    known = {"env": "dev", "severity": Severity.LOUD, "title": "T", "lines": (), "actor": "op:x", "at_ms": 1}
    return Alert(**{"alert_id": alert_id(), **known, **keys})


async def raised(desk: Desk, *alerts: Alert) -> None:
    async def work(connection: AsyncConnection) -> None:
        for one in alerts:
            await raise_alert(connection, one)

    await desk.stores["broker"].write(work)


async def test_no_words_of_an_alert_reach_anybody_or_break_it(desk: Desk) -> None:
    """Mentions, markup, line breaks and length are text; what does not fit is counted."""
    now = desk.clock.now_ms()
    hostile = "<!channel> <@U0ADA> *bold*\n\n" + "x" * 5_000
    loud = alert(title=hostile, lines=(hostile,) * 200, actor=hostile[:200], at_ms=now)
    await raised(desk, loud)
    (message,) = await desk.told()
    assert "<!channel>" not in message["text"]
    text = json.dumps(message["blocks"], ensure_ascii=False)
    assert text.count("• <!channel>") + int(re.findall(r"(\d+) more, which", text)[0]) == 200


async def test_an_alert_for_one_person_is_theirs_alone_and_comes_once(desk: Desk) -> None:
    """It stands in their own channel, also where the post's fate was not known, and in no other."""
    await raised(desk, alert(title="For you", whom="U0ADA", at_ms=desk.clock.now_ms()))
    losing = Losing(slack_client(desk.slack.url, Secret(BOT_TOKEN)))
    assert await desk.broker(losing).drain_once() == 0
    desk.clock.forward(120)
    await desk.told()
    assert await desk.rows(schema.outbox) == []
    own = desk.slack.control("GET", "messages?channel=D0ADA")["messages"]
    assert [message["text"] for message in own] == ["⚠ For you (dev)"]
    assert desk.slack.control("GET", f"messages?channel={ROOM}")["messages"] == []


async def test_a_tenants_alert_is_told_whole_and_after_it_is_forgotten_that_there_was_one(desk: Desk) -> None:
    """The broker opens what is sealed; where the key is gone it says so, and holds up nothing."""
    await raised(desk, alert(title="Ada closed T-1", lines=("By hand.",), tenant="acme"))
    (message,) = await desk.told()
    assert "Ada closed T-1" in message["text"]
    desk.keys.forget("globex")
    await raised(desk, alert(title="Grace closed T-2", tenant="globex"))
    told = json.dumps((await desk.told())[-1], ensure_ascii=False)
    assert "Grace" not in told
    assert "An alert about globex" in told
    assert "forgotten" in told


class Refusing(SlackPoster):
    async def post(self, *_given: Any) -> str:
        raise Refused("invalid_blocks")


async def test_an_alert_that_was_given_up_is_operators_of_all_tenants_alone(
    store_url: str, slack: Slack
) -> None:
    """It is in the system's chain; a tenant's operator neither sees it nor has it tried again."""
    async with opened(store_url) as world:
        desk = Desk(stores=world.stores, clock=HandClock(), slack=slack)
        await raised(desk, one := alert(at_ms=desk.clock.now_ms()))
        refusing = Refusing(slack_client(slack.url, Secret(BOT_TOKEN)))
        assert await desk.broker(refusing).drain_once() == 0
        shown = (await world.http.get("/v1/outbox?dead=true", headers=world.operator())).json()["letters"]
        assert [(row["outbox_id"], row["run_id"], row["tenant"]) for row in shown] == [
            (f"alert:{one.alert_id}", "", "system")
        ]
        path = f"/v1/outbox/alert:{one.alert_id}/retry"
        for narrow in (world.operator("acme"), world.operator(routes=[ROUTE])):
            listed = (await world.http.get("/v1/outbox", headers=narrow)).json()["letters"]
            assert [row for row in listed if row["kind"] == "alert"] == []
            assert problem(await world.http.post(path, headers=narrow)) == (404, "not-found")
        assert (await world.http.post(path, headers=world.operator())).status_code == 200
        found = await StoreAuditLog(world.stores["operator"]).search(AuditQuery(tenant="system"))
        records = [row.record for row in found if row.record["kind"] == "outbox"]
        assert [(row["outcome"], row["run_id"]) for row in records] == [("dead", None), ("retried", None)]
        assert len(await desk.told()) == 1
