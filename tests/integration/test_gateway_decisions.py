"""Laws of decisions, over HTTP and by clicks in Slack: what counts once, and what never does."""

from pathlib import Path
from typing import Any

import pytest

from contracts.approval import ApprovalRecord, ApprovalState
from tests.integration.test_gateway_world import (
    CARD,
    CHANNEL,
    SLACK_URL,
    World,
    opened,
    press,
    problem,
    signed,
    until,
)


async def decide(
    world: World, approval: ApprovalRecord, who: dict[str, str] | None = None, **changed: Any
) -> Any:
    """A decision over HTTP."""
    body = {"decision": "approve", "action_digest": approval.action_digest, **changed}
    path = f"/v1/approvals/{approval.approval_id}/decision"
    return await world.http.post(path, json=body, headers=who or world.approver())


async def click(world: World, payload: Any, *, secret: str | None = None, age_s: int = 0) -> Any:
    """A signed interaction."""
    keys = {} if secret is None else {"secret": secret}
    body, headers = signed(payload, at_ms=world.clock.at_ms - 1_000 * age_s, **keys)
    return await world.http.post("/slack/interactions", content=body, headers=headers)


async def state(world: World, approval: ApprovalRecord) -> ApprovalState:
    return (await world.approvals.get(approval.approval_id)).state


async def test_an_approval_over_http_is_a_signed_grant_and_wakes_the_run(store_url: str) -> None:
    """200 with the approval, the grant among its decisions; the outbox tells the run and has it no more."""
    async with opened(store_url) as world, world.app.router.lifespan_context(world.app):
        approval = await world.asked()
        answer = await decide(world, approval)
        assert answer.status_code == 200
        shown = answer.json()
        assert (shown["state"], shown["kind"], shown["needed"]) == ("approved", "action", 1)
        (grant,) = shown["grants"]
        assert (grant["approver"], grant["way"]) == ("principal:ada", "http")

        async def told() -> bool:
            return not await world.letters()

        await until(told)
        assert len(world.temporal.nudged) == 1
        run = (await world.http.get(f"/v1/runs/{approval.run_id}", headers=world.caller())).json()
        assert run["actions"][0]["approvers"] == ["principal:ada"]


async def test_a_decision_outlives_a_temporal_that_is_away(tmp_path: Path) -> None:
    """The row stands and the run is told later; a run that Temporal does not know is not told for ever."""
    async with opened(tmp_path) as world:
        approval = await world.asked()
        gone = await world.asked(key="k-2")
        world.temporal.executions.pop(gone.run_id)
        await decide(world, approval)
        await decide(world, gone)
        world.temporal.down = True
        assert await world.drain.drain_once() == 0
        assert [(one.kind, one.attempts, one.error) for one in await world.letters()] == [
            ("decision", 1, "Temporal did not answer")
        ] * 2
        world.temporal.down = False
        world.clock.at_ms += 3_000
        assert await world.drain.drain_once() == 2
        assert await world.letters() == ()
        assert [run_id for run_id, _, _ in world.temporal.nudged] == [approval.run_id]


@pytest.mark.parametrize(
    ("name", "changed", "status", "kind"),
    [
        ("nobody", {}, 403, "forbidden"),
        ("mallory", {}, 403, "forbidden"),
        ("linus", {}, 403, "forbidden"),
        ("ada", {"action_digest": "sha256:" + "0" * 64}, 422, "other-action"),
        ("ada", {"decision": "withdraw"}, 404, "not-found"),
        ("ada", {"decision": "it_did"}, 422, "invalid-request"),
        ("ada", {"decision": "stop"}, 422, "invalid-request"),
        ("ada", {"action_digest": "x"}, 422, "invalid-request"),
        ("ada", {"principal": "principal:grace"}, 422, "invalid-request"),
        ("ada", {"reason": "a\u0000b"}, 422, "invalid-request"),
    ],
)
async def test_a_decision_that_does_not_count_changes_nothing(
    tmp_path: Path, name: str, changed: dict[str, Any], status: int, kind: str
) -> None:
    """A stranger, no member, another tenant's approver, another action: refused with a sentence."""
    async with opened(tmp_path) as world:
        approval = await world.asked()
        answer = await decide(world, approval, world.approver(name), **changed)
        assert problem(answer) == (status, kind)
        assert answer.json()["detail"]
        assert await state(world, approval) is ApprovalState.WAITING


async def test_the_requester_never_approves(tmp_path: Path) -> None:
    """Neither who started the run nor whom it acts for; a run for somebody unknown has no approver at all."""
    async with opened(tmp_path) as world:
        known: list[tuple[dict[str, str], dict[str, Any], str]] = [
            (world.caller(), {"on_behalf_of": "user:ada"}, "ada"),
            (world.caller(sub="principal:ada"), {}, "ada"),
            (world.caller(sub="user:ada"), {}, "ada"),
            (world.caller(), {"on_behalf_of": "user:nobody"}, "grace"),
        ]
        for number, (headers, body, refused) in enumerate(known):
            approval = await world.asked(headers, key=f"k-{number}", **body)
            answer = await decide(world, approval, world.approver(refused))
            assert problem(answer) == (403, "forbidden")
            assert answer.json()["refusal"] == "requester"
            assert await state(world, approval) is ApprovalState.WAITING


async def test_first_decision_is_final(store_url: str) -> None:
    """The same person again, or another one after it, is 409."""
    async with opened(store_url) as world:
        approval = await world.asked()
        assert (await decide(world, approval, decision="deny", reason="wrong ticket")).status_code == 200
        again = await decide(world, approval)
        other = await decide(world, approval, world.approver("grace"))
        assert (problem(again), again.json()["refusal"]) == ((409, "conflict"), "repeated")
        assert (problem(other), other.json()["refusal"]) == ((409, "conflict"), "decided")
        assert await state(world, approval) is ApprovalState.DENIED


async def test_a_late_decision_is_410(tmp_path: Path) -> None:
    """The gateway's clock at arrival against the deadline."""
    async with opened(tmp_path) as world:
        approval = await world.asked()
        world.clock.at_ms += 60_001
        assert problem(await decide(world, approval)) == (410, "too-late")
        assert await state(world, approval) is ApprovalState.WAITING


async def test_an_approval_may_be_withdrawn(tmp_path: Path) -> None:
    """Until the claim it waits again, and the one who withdrew is no approver any more."""
    async with opened(tmp_path) as world:
        approval = await world.asked()
        await decide(world, approval)
        answer = await decide(world, approval, decision="withdraw")
        assert (answer.status_code, answer.json()["state"]) == (200, "waiting")
        run = (await world.http.get(f"/v1/runs/{approval.run_id}", headers=world.caller())).json()
        assert run["actions"][0]["approvers"] == []


async def test_a_click_on_the_card_counts(tmp_path: Path) -> None:
    """Signed, from the card, by a person of the group: acknowledged with an empty 200, decided by then."""
    async with opened(tmp_path) as world:
        approval = await world.asked()
        answer = await click(world, press(approval))
        assert (answer.status_code, answer.content) == (200, b"")
        after = await world.approvals.get(approval.approval_id)
        assert after.state is ApprovalState.APPROVED
        assert [(grant.approver, grant.way) for grant in after.grants] == [("principal:ada", "slack")]
        assert not world.private.answers


async def test_a_denial_by_click_ends_it(tmp_path: Path) -> None:
    """The deny button denies."""
    async with opened(tmp_path) as world:
        approval = await world.asked()
        assert (await click(world, press(approval, deny=True))).status_code == 200
        assert await state(world, approval) is ApprovalState.DENIED


@pytest.mark.parametrize(("secret", "age_s"), [("wrong-secret", 0), (None, 301), (None, -301)])
async def test_a_forged_or_stale_click_is_401(tmp_path: Path, secret: str | None, age_s: int) -> None:
    """Another secret, or a time that is not these five minutes: 401, and nothing is looked at."""
    async with opened(tmp_path) as world:
        approval = await world.asked()
        answer = await click(world, press(approval), secret=secret, age_s=age_s)
        assert problem(answer) == (401, "unauthenticated")
        assert await state(world, approval) is ApprovalState.WAITING
        assert [outcome for _, outcome in await world.outcomes(approval.approval_id)] == ["asked"]


@pytest.mark.parametrize("missing", ["X-Slack-Signature", "X-Slack-Request-Timestamp"])
async def test_a_click_without_proof_is_401(tmp_path: Path, missing: str) -> None:
    """No signature, no time, or a time that is no number."""
    async with opened(tmp_path) as world:
        approval = await world.asked()
        body, headers = signed(press(approval), at_ms=world.clock.at_ms)
        for value in (None, "", "rubbish"):
            sent = {name: text for name, text in headers.items() if name != missing}
            sent |= {} if value is None else {missing: value}
            answer = await world.http.post("/slack/interactions", content=body, headers=sent)
            assert problem(answer) == (401, "unauthenticated")


async def test_a_changed_body_under_a_good_signature_is_401(tmp_path: Path) -> None:
    """The signature covers every byte."""
    async with opened(tmp_path) as world:
        approval = await world.asked()
        body, headers = signed(press(approval, deny=True), at_ms=world.clock.at_ms)
        answer = await world.http.post(
            "/slack/interactions", content=body.replace(b"interlock.deny", b"interlock.appr"), headers=headers
        )
        assert problem(answer) == (401, "unauthenticated")


async def test_a_replayed_click_counts_once(store_url: str) -> None:
    """The same signed bytes again are acknowledged, refused in private, and change nothing."""
    async with opened(store_url) as world:
        approval = await world.asked()
        body, headers = signed(press(approval), at_ms=world.clock.at_ms)
        for _ in range(3):
            answer = await world.http.post("/slack/interactions", content=body, headers=headers)
            assert answer.status_code == 200
        assert len((await world.approvals.get(approval.approval_id)).grants) == 1
        assert len(world.private.answers) == 2


async def test_a_replay_does_not_revive_a_withdrawn_approval(store_url: str) -> None:
    """The first approval's bytes stay used."""
    async with opened(store_url) as world:
        approval = await world.asked()
        body, headers = signed(press(approval), at_ms=world.clock.at_ms)
        await world.http.post("/slack/interactions", content=body, headers=headers)
        await decide(world, approval, decision="withdraw")
        await world.http.post("/slack/interactions", content=body, headers=headers)
        assert await state(world, approval) is ApprovalState.WAITING


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [
        ({"team": {"id": "T0OTHER"}}, "refused:other_card"),
        ({"api_app_id": "A0OTHER"}, "refused:other_card"),
        ({"channel": {"id": "C0OTHER"}}, "refused:other_card"),
        ({"channel": None}, "refused:other_card"),
        ({"container": {"message_ts": CARD, "channel_id": "C0OTHER"}}, "refused:other_card"),
        ({"container": {}}, "refused:other_card"),
    ],
)
async def test_a_click_from_elsewhere_is_403_and_audited(
    tmp_path: Path, changed: dict[str, Any], outcome: str
) -> None:
    """Another workspace, app or channel, however well signed."""
    async with opened(tmp_path) as world:
        approval = await world.asked()
        assert problem(await click(world, press(approval, **changed))) == (403, "forbidden")
        assert await state(world, approval) is ApprovalState.WAITING
        assert ("principal:ada", outcome) in await world.outcomes(approval.approval_id)


async def test_a_click_from_elsewhere_about_nothing_known_is_403(tmp_path: Path) -> None:
    """There is nothing to audit, and still nothing happens."""
    async with opened(tmp_path) as world:
        approval = await world.asked()
        foreign = press(approval, team={"id": "T0OTHER"}, actions=[])
        assert problem(await click(world, foreign)) == (403, "forbidden")


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [
        # The button's value, copied into another message.
        ({"container": {"message_ts": "1764000000.999999", "channel_id": CHANNEL}}, "refused:other_card"),
        ({"user": {"id": "U0NOBODY", "team_id": "T0INTERLOCK"}}, "refused:stranger"),
        # A guest from another workspace in a shared channel, whose id reads like ours.
        ({"user": {"id": "U0ADA", "team_id": "T0OTHER"}}, "refused:stranger"),
        ({"user": {"id": "U0MALLORY", "team_id": "T0INTERLOCK"}}, "refused:not_in_group"),
        ({"user": {"id": "U0LINUS", "team_id": "T0INTERLOCK"}}, "refused:other_tenant"),
    ],
)
async def test_a_click_that_does_not_count_is_acknowledged_audited_and_told_in_private(
    tmp_path: Path, changed: dict[str, Any], outcome: str
) -> None:
    """Slack gets its 200, the person a sentence, the audit a record, and the approval nothing."""
    async with opened(tmp_path) as world:
        approval = await world.asked()
        answer = await click(world, press(approval, **changed))
        assert (answer.status_code, answer.content) == (200, b"")
        assert await state(world, approval) is ApprovalState.WAITING
        assert outcome in [said for _, said in await world.outcomes(approval.approval_id)]
        ((url, sentence),) = world.private.answers
        assert url.startswith(SLACK_URL)
        assert "nothing changed" in sentence


async def test_an_edited_digest_is_another_action(tmp_path: Path) -> None:
    """A value with this approval's id and other bytes' digest approves neither."""
    async with opened(tmp_path) as world:
        approval = await world.asked()
        payload = press(approval)
        payload["actions"][0]["value"] = f"{approval.approval_id}|sha256:{'0' * 64}"
        assert (await click(world, payload)).status_code == 200
        assert await state(world, approval) is ApprovalState.WAITING
        assert ("principal:ada", "refused:other_action") in await world.outcomes(approval.approval_id)


async def test_a_value_of_another_run_s_card_does_not_work_here(tmp_path: Path) -> None:
    """Approving run B by a click that claims to come from run A's card leaves both waiting."""
    async with opened(tmp_path) as world:
        one, other = await world.asked(), await world.asked(key="k-2")
        payload = press(one)
        payload["actions"][0]["value"] = f"{other.approval_id}|{one.action_digest}"
        await click(world, payload)
        assert await state(world, one) is await state(world, other) is ApprovalState.WAITING


async def test_a_second_click_of_the_same_person_is_refused(store_url: str) -> None:
    """Twice by one person is once."""
    async with opened(store_url) as world:
        approval = await world.asked()
        await click(world, press(approval))
        await click(world, press(approval))
        assert len((await world.approvals.get(approval.approval_id)).grants) == 1
        assert ("principal:ada", "refused:repeated") in await world.outcomes(approval.approval_id)


async def test_the_requester_s_click_is_refused(tmp_path: Path) -> None:
    """Whom the run acts for does not approve it in Slack either."""
    async with opened(tmp_path) as world:
        approval = await world.asked(on_behalf_of="user:ada")
        await click(world, press(approval))
        assert await state(world, approval) is ApprovalState.WAITING
        assert ("principal:ada", "refused:requester") in await world.outcomes(approval.approval_id)


async def test_a_response_url_of_anybody_else_is_not_called(tmp_path: Path) -> None:
    """The sentence goes to the person through Slack's own method instead."""
    async with opened(tmp_path) as world:
        approval = await world.asked()
        await click(world, press(approval, "mallory", response_url="http://169.254.169.254/latest"))
        assert not world.private.answers
        ((channel, user, _),) = world.private.words
        assert (channel, user) == (CHANNEL, "U0MALLORY")


@pytest.mark.parametrize(
    "payload",
    ["", "{", "[]", '"x"', "{}", '{"type":"block_actions"}', "[" * 50_000, '{"user":{"id":1}}'],
)
async def test_a_malformed_payload_is_400(tmp_path: Path, payload: str) -> None:
    """Signed rubbish is still rubbish."""
    async with opened(tmp_path) as world:
        assert problem(await click(world, payload)) == (400, "malformed-request")


@pytest.mark.parametrize("value", ["", "apr_1", "apr_1|x", "apr_1|sha256:" + "0" * 64 + "\n"])
async def test_a_button_of_ours_with_a_value_that_is_none_is_400(tmp_path: Path, value: str) -> None:
    """Only an approval's id and a digest."""
    async with opened(tmp_path) as world:
        approval = await world.asked()
        payload = press(approval)
        payload["actions"][0]["value"] = value
        assert problem(await click(world, payload)) == (400, "malformed-request")


async def test_a_button_that_is_not_ours_is_only_acknowledged(tmp_path: Path) -> None:
    """A link button sends an interaction too."""
    async with opened(tmp_path) as world:
        approval = await world.asked()
        answer = await click(world, press(approval, actions=[{"action_id": "open"}]))
        assert (answer.status_code, answer.content) == (200, b"")
        assert (await click(world, press(approval, type="view_closed"))).status_code == 200
        assert await state(world, approval) is ApprovalState.WAITING
