"""Every entry point of the agents, read off the system, walked with what is break-glass's: nothing gets in.

In Temporal the same is in ``tests/workflows/test_overheard.py``; what a value is, in
``tests/laws/test_attempts.py``; what the store refuses each login, in ``test_row_security.py``.
"""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from contracts.attempts import UNPROVEN, Found
from contracts.audit import SYSTEM_TENANT
from contracts.denial import DenialForm
from gateway.interactions import ANSWERS
from gateway.walls import REFUSAL
from tests.integration.break_glass.walls import Try, Walker, tries
from tests.integration.pages_world import browsing
from tests.integration.test_gateway_world import (
    APP,
    CHANNEL,
    TEAM,
    opened,
    press,
    problem,
    signed,
    signed_form,
    submission,
)
from tests.laws.test_attempts import VALUES

#: Each value, and each kind of token beside it; operators are the ones who may name it at some places.
TRIED = [
    ("caller", Found.TOKEN),
    ("approver", Found.SESSION),
    ("caller", Found.NAME),
    *(("operator", what) for what in Found),
]
#: Where operators name it rightly, as nobody else does.
OPERATORS = ("/v1/break-glass", "/v1/switches/", "/v1/audit")


@pytest.fixture
async def walker(tmp_path: Path) -> AsyncIterator[Walker]:
    async with opened(tmp_path) as world:
        walker = Walker(world=world)
        yield walker
        await walker.http.aclose()


@pytest.mark.parametrize(("kind", "what"), TRIED)
async def test_no_call_of_the_api_takes_anything_of_break_glass(
    walker: Walker, kind: str, what: Found
) -> None:
    """Every call, every place a value can stand: refused, one record each, the value in none of them."""
    value = VALUES[what]
    who = getattr(walker.world, kind)()
    before = await walker.books()
    walked, recorded = 0, 0
    for one in tries(walker.app.openapi(), value):
        answer = await walker.sent(one, who)
        seen = await walker.attempts()
        if not _rightly(one, kind, what, value):
            recorded += 1
            assert len(seen) == recorded, f"{one} is not on record once"
            assert _refused(one, answer.status_code, answer.text), f"{one}: {answer.text}"
        walked += 1
    assert walked > 150
    assert await walker.books() == before
    assert {one["outcome"] for one in seen} == {"refused"}
    assert all(value not in json.dumps(one) for one in seen) or what is Found.NAME


def _rightly(one: Try, kind: str, what: Found, value: str) -> bool:
    """Operators name it where they do, but have no token of it to send."""
    named = kind == "operator" and one.path.startswith(OPERATORS) and one.place != "bearer token"
    return named and not (what is Found.TOKEN and value in repr(one))


def _refused(one: Try, status: int, text: str) -> bool:
    """A command is answered in words, and those say that nothing was done."""
    if one.path == "/slack/commands" and status == 200:
        return any(word in text for word in ("There is no command", "nothing changed", "write all"))
    return status >= 400


async def test_a_session_is_no_run_of_the_gateway(walker: Walker) -> None:
    """By its id there is nothing to read, cancel, undo or explain: 404, on record."""
    session = VALUES[Found.SESSION]
    paths = [path for path in walker.app.openapi()["paths"] if "{run_id}" in path]
    assert len(paths) > 4
    for path in paths:
        answer = await walker.http.get(path.format(run_id=session), headers=walker.world.caller())
        assert answer.status_code in (404, 405), path
    cancelled = await walker.http.post(
        f"/v1/runs/{session}/cancel", json={"reason": "x"}, headers=walker.world.caller()
    )
    assert problem(cancelled) == (404, "not-found")
    assert len(await walker.attempts()) == len(paths) + 1


async def test_the_record_says_what_came_where_and_from_whom(walker: Walker) -> None:
    """A caller that is known is named; a token proves nothing, and nobody is."""
    token = VALUES[Found.TOKEN]
    await walker.http.post("/v1/runs", json={}, headers={"Authorization": f"Bearer {token}"})
    await walker.http.post(
        "/v1/runs",
        json={"input": {"note": [token]}},
        headers={**walker.world.caller(), "Idempotency-Key": "k"},
    )
    unproven, known = await walker.attempts()
    assert (unproven["actor"], unproven["tenant"], unproven["rules"]) == (
        "unproven",
        SYSTEM_TENANT,
        ["break-glass.token"],
    )
    assert unproven["reason"] == "a break-glass token came as bearer token to POST /v1/runs"
    assert (known["actor"], known["reason"]) == (
        "svc:demo",
        "a break-glass token came in the body of POST /v1/runs",
    )


@pytest.mark.parametrize(("what", "status"), [(Found.NAME, 202), (Found.TOKEN, 403), (Found.SESSION, 403)])
async def test_a_run_may_be_given_a_text_that_names_it(walker: Walker, what: Found, status: int) -> None:
    """What its model reads is data, as a ticket is: a name is on record, and no more."""
    body = {"route": "support/close", "input": {"ticket_id": VALUES[what]}}
    key = {"Idempotency-Key": "k-1"}
    answer = await walker.http.post("/v1/runs", json=body, headers={**walker.world.caller(), **key})
    assert answer.status_code == status, answer.text
    assert len(await walker.attempts()) == 1


async def test_operators_stop_break_glass_and_read_of_it(walker: Walker) -> None:
    """A kill switch on it is set, and nothing of that is an attempt; of anybody else it is."""
    path, body = "/v1/switches/route:break-glass", {"stopped": True, "reason": "see bg_0123456789abcdef"}
    answer = await walker.http.put(path, json=body, headers=walker.world.operator())
    assert answer.status_code == 200, answer.text
    assert (await walker.http.get("/v1/break-glass", headers=walker.world.operator())).status_code == 200
    assert await walker.attempts() == []
    assert (await walker.http.put(path, json=body, headers=walker.world.caller())).status_code == 403
    assert len(await walker.attempts()) == 1


@pytest.mark.parametrize("action", [*ANSWERS, "interlock.break_glass", "break-glass"])
@pytest.mark.parametrize("value", VALUES.values(), ids=list(VALUES))
async def test_no_button_of_slack_takes_anything_of_break_glass(
    walker: Walker, action: str, value: str
) -> None:
    """As its id, its value, its block or beside it: refused, on record by who pressed it, nothing decided."""
    approval = await walker.world.asked()
    sound = press(approval)["actions"][0] | {"action_id": action}
    buttons = [
        sound | {"action_id": value},
        sound | {"value": value},
        sound | {"value": f"{value}|{approval.action_digest}"},
        sound | {"block_id": value},
        sound | {"break_glass": value},
    ]
    payloads = [press(approval, actions=[one]) for one in buttons]
    payloads += [press(approval, trigger_id=value), press(approval, callback_id=value)]
    shown = {"approval_id": approval.approval_id, "action_digest": approval.action_digest}
    form = DenialForm(**shown, channel=CHANNEL, message_ts="1.1")
    payloads += [submission(form, callback_id=value), submission(form, private_metadata=value)]
    for payload in payloads:
        body, headers = signed(payload, at_ms=walker.world.clock.now_ms())
        answer = await walker.http.post("/slack/interactions", content=body, headers=headers)
        assert problem(answer) == (403, "forbidden")
    seen = await walker.attempts()
    assert [one["actor"] for one in seen] == [f"slack:{TEAM}/U0ADA"] * len(payloads)
    assert (await walker.world.approvals.get(approval.approval_id)).grants == ()


@pytest.mark.parametrize("name", ["ada", "stranger"])
@pytest.mark.parametrize(
    "text", ["break-glass", "break-glass open acme", "break_glass consent", "Break-Glass"]
)
async def test_the_slash_command_says_how_it_opens_and_opens_nothing(
    walker: Walker, name: str, text: str
) -> None:
    """Whoever types it is told, and is on record by name."""
    form = {
        "api_app_id": APP,
        "team_id": TEAM,
        "channel_id": CHANNEL,
        "user_id": f"U0{name.upper()}",
        "text": text,
    }
    body, headers = signed_form(form, at_ms=walker.world.clock.now_ms())
    answer = await walker.http.post("/slack/commands", content=body, headers=headers)
    assert "does not open from Slack" in answer.json()["text"]
    (seen,) = await walker.attempts()
    assert seen["actor"] == ("principal:ada" if name == "ada" else f"slack:{TEAM}/U0STRANGER")
    assert (await walker.books())[0] == 0


@pytest.mark.parametrize("value", VALUES.values(), ids=list(VALUES))
async def test_no_page_takes_anything_of_break_glass(tmp_path: Path, value: str) -> None:
    """In path, query and form of each page, signed in: refused with a page, and on record by name."""
    async with browsing(tmp_path, "ada") as (world, (ada,)):
        walker = Walker(world=world)
        approval = await world.asked()
        decided = await ada.decide(approval, "deny", reason=value)
        assert (decided.status_code, REFUSAL[5:] in decided.text) == (403, True)
        for path in ("/approvals", "/passkeys", "/sign-in", f"/approvals/{approval.approval_id}"):
            assert (await ada.see(f"{path}?x={value}")).status_code == 403, path
        assert (await ada.see(f"/approvals/{value}")).status_code == 404
        for path in ("/sign-in", "/sign-out", "/passkeys"):
            assert (await ada.send(path, {"csrf": "x", "any": value})).status_code == 403, path
        seen = await walker.attempts()
        assert len(seen) == 9
        assert "principal:ada" in {one["actor"] for one in seen}
        assert (await world.approvals.get(approval.approval_id)).grants == ()
        await walker.http.aclose()


async def test_a_flood_is_summed_up(tmp_path: Path) -> None:
    """Thirty a minute are written down, the last says that it is; the next minute's first counts the rest."""
    async with opened(tmp_path) as world:
        token = VALUES[Found.TOKEN]
        for _ in range(40):
            await world.start({"Authorization": f"Bearer {token}"})
        seen = await Walker(world=world).attempts()
        assert len(seen) == 30
        told = ["is only counted" in one["reason"] for one in seen]
        assert told == [False] * 29 + [True]
        world.clock.at_ms += 60_000
        await world.start({"Authorization": f"Bearer {token}"})
        assert (await Walker(world=world).attempts())[-1]["reason"].endswith(
            "; 10 more before it were left out"
        )


async def test_a_flood_hides_no_token_and_nobody_who_is_known(tmp_path: Path) -> None:
    """Whoever floods with names leaves the room for a token, and for what a caller of ours tries."""
    async with opened(tmp_path) as world:
        for _ in range(40):
            await world.http.get(f"/v1/runs/{VALUES[Found.NAME]}")
        await world.start({"Authorization": f"Bearer {VALUES[Found.TOKEN]}"})
        await world.start(input={"text": VALUES[Found.NAME]})
        seen = await Walker(world=world).attempts()
    assert len(seen) == 32
    assert seen[-2]["rules"] == [Found.TOKEN.rule]
    assert seen[-1]["actor"] != UNPROVEN
