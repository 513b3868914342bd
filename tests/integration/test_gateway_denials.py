"""Laws of denying in Slack: Deny asks why, and the form denies, by the rules of any decision."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from activities.ask import Asking
from activities.open import Mint
from activities.warranted import Warrants
from adapters.actions import StoreActions
from adapters.approvals import StoreApprovals
from adapters.turns import StoreTurns
from contracts.approval import ApprovalRecord, ApprovalState
from contracts.denial import REASON, DenialForm
from contracts.errors import InterlockError, RateLimited, Refused, Unavailable
from contracts.transcript import Role
from contracts.wire import ApprovalRef
from tests.integration.test_gateway_decisions import click, decide, state
from tests.integration.test_gateway_world import (
    CARD,
    CHANNEL,
    World,
    opened,
    press,
    problem,
    signed,
    submission,
)


def form_of(approval: ApprovalRecord, **changed: Any) -> DenialForm:
    known = {"approval_id": approval.approval_id, "action_digest": approval.action_digest}
    return DenialForm(**{**known, "channel": CHANNEL, "message_ts": CARD, **changed})


def complaint(answer: Any) -> str:
    """The sentence that Slack shows at the reason's field."""
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert (said["response_action"], list(said["errors"])) == ("errors", [REASON])
    return str(said["errors"][REASON])


async def test_deny_asks_why_and_denies_nothing_yet(store_url: str) -> None:
    """The press is acknowledged and opens the form with what names card and action; the approval waits."""
    async with opened(store_url) as world:
        approval = await world.asked()
        answer = await click(world, press(approval, deny=True))
        assert (answer.status_code, answer.content) == (200, b"")
        assert world.forms.opened == [("1764000000.1.abc", form_of(approval))]
        assert await state(world, approval) is ApprovalState.WAITING
        assert await world.letters() == ()
        assert not world.private.answers


async def test_a_reason_that_was_sent_off_denies(store_url: str) -> None:
    """An empty 200 closes the form; the grant came by Slack, the reason stands, and the run is to be told."""
    async with opened(store_url) as world:
        approval = await world.asked()
        answer = await click(world, submission(form_of(approval), "  Another customer's.\r\nLook again. "))
        assert (answer.status_code, answer.content) == (200, b"")
        after = await world.approvals.get(approval.approval_id)
        assert (after.state, after.denial) == (ApprovalState.DENIED, "Another customer's.\nLook again.")
        assert [(grant.approver, grant.way) for grant in after.grants] == [("principal:ada", "slack")]
        assert [letter.kind for letter in await world.letters()] == ["decision"]


async def test_the_reason_reaches_the_model(store_url: str) -> None:
    """The model's next request holds the denial with its words, so that it can propose something better."""
    async with opened(store_url) as world:
        approval = await world.asked()
        await click(world, submission(form_of(approval), "The customer asked for a refund, not for silence."))
        assert await _collected(world, approval) == "denied"
        run = await world.warranted(approval.run_id)
        told = await StoreTurns(world.stores["agent"], world.clock).transcript(run)
        (result,) = [message.body for message in told if message.role is Role.TOOL]
        assert result["outcome"] == "rejected"
        assert "The customer asked for a refund, not for silence." in result["content"]


async def _collected(world: World, approval: ApprovalRecord) -> str:
    """What the broker makes of the decisions."""
    store = world.stores["broker"]
    asking = Asking(
        warrants=Warrants(runs=world.runs, verifier=world.verifier),
        verifier=world.verifier,
        actions=StoreActions(store, world.clock),
        approvals=StoreApprovals(store, world.verifier, world.clock),
        documents=world.documents,
        mint=Mint(signer=world.signer, documents=world.documents, clock=world.clock),
        clock=world.clock,
    )
    inside = ActivityEnvironment()
    inside.info = replace(inside.info, workflow_id=approval.run_id)
    return str((await inside.run(asking.collect, ApprovalRef(approval_id=approval.approval_id))).state)


@pytest.mark.parametrize(
    ("who", "outcome"),
    [("mallory", "refused:not_in_group"), ("linus", "refused:other_tenant"), ("nobody", "refused:stranger")],
)
async def test_who_could_not_deny_is_not_asked_why(tmp_path: Path, who: str, outcome: str) -> None:
    """A sentence in private and a record in the audit, and no form; the form would not help them either."""
    async with opened(tmp_path) as world:
        approval = await world.asked()
        assert (await click(world, press(approval, who, deny=True))).status_code == 200
        ((_, sentence),) = world.private.answers
        assert "nothing changed" in sentence
        assert world.forms.opened == []
        assert complaint(await click(world, submission(form_of(approval), name=who))) == sentence
        assert [said for _, said in await world.outcomes(approval.approval_id)] == ["asked", outcome, outcome]
        assert await state(world, approval) is ApprovalState.WAITING


async def test_the_requester_is_not_asked_why(tmp_path: Path) -> None:
    """Whom the run acts for neither opens the form nor denies by it."""
    async with opened(tmp_path) as world:
        approval = await world.asked(on_behalf_of="user:ada")
        await click(world, press(approval, deny=True))
        assert world.forms.opened == []
        assert "acts for you" in complaint(await click(world, submission(form_of(approval))))
        assert await state(world, approval) is ApprovalState.WAITING


async def test_what_was_decided_meanwhile_is_said_in_the_form(tmp_path: Path) -> None:
    """Who was faster and when, the deadline, and a run that was cancelled: each its sentence."""
    async with opened(tmp_path) as world:
        decided, late, over = [await world.asked(key=f"k-{number}") for number in range(3)]
        await decide(world, decided, world.approver("grace"))
        said = complaint(await click(world, submission(form_of(decided))))
        assert said.startswith("This action was already approved by Grace")
        await world.runs.request_cancel(over.run_id, actor="svc:demo", reason="no longer needed")
        assert "nothing left to decide" in complaint(await click(world, submission(form_of(over))))
        world.clock.at_ms += 60_001
        said = complaint(await click(world, submission(form_of(late))))
        assert said.startswith("The time to decide this action ended")
        assert ("principal:ada", "refused:late") in await world.outcomes(late.approval_id)


async def test_a_replayed_form_denies_once(store_url: str) -> None:
    """The same signed bytes again are told so, and a replayed press of Deny opens no second form."""
    async with opened(store_url) as world:
        approval = await world.asked()
        for payload in (press(approval, deny=True), submission(form_of(approval))):
            body, headers = signed(payload, at_ms=world.clock.at_ms)
            for _ in range(2):
                answer = await world.http.post("/slack/interactions", content=body, headers=headers)
        assert "received before" in complaint(answer)
        assert len(world.forms.opened) == 1
        assert len((await world.approvals.get(approval.approval_id)).grants) == 1


async def test_the_same_person_denies_once(tmp_path: Path) -> None:
    """Two forms of one person, or a form after their approval, are one decision."""
    async with opened(tmp_path) as world:
        approval, other = await world.asked(), await world.asked(key="k-2")
        await click(world, submission(form_of(approval)))
        assert complaint(await click(world, submission(form_of(approval)))).startswith("You already denied")
        await click(world, press(other))
        await click(world, press(other, deny=True))
        assert world.forms.opened == []
        assert await state(world, other) is ApprovalState.APPROVED


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        (None, "Say why"),
        ("", "Say why"),
        (" \n ", "Say why"),
        ("x" * 1_001, "1,001 characters"),
        ("x" * 100_000, "100,000 characters"),
        ("a\u0000b", "U+0000"),
        ("a\u001b[2Jb", "U+001B"),
    ],
)
async def test_a_reason_that_is_none_is_said_in_the_form(
    tmp_path: Path, reason: str | None, sentence: str
) -> None:
    """Slack holds its own people to the field's limits; whatever comes past them denies nothing."""
    async with opened(tmp_path) as world:
        approval = await world.asked()
        assert sentence in complaint(await click(world, submission(form_of(approval), reason)))
        assert await state(world, approval) is ApprovalState.WAITING


@pytest.mark.parametrize("reason", ["x" * 1_000, "<!channel> & \u202e*gro*\u200b\n😀"])
async def test_a_reason_is_kept_as_it_was_written(store_url: str, reason: str) -> None:
    """At most 1,000 characters, any of them: what shows them escapes them."""
    async with opened(store_url) as world:
        approval = await world.asked()
        assert (await click(world, submission(form_of(approval), reason))).content == b""
        assert (await world.approvals.get(approval.approval_id)).denial == reason


@pytest.mark.parametrize(
    "view",
    [
        {"callback_id": "other"},
        {"callback_id": ""},
        {"private_metadata": ""},
        {"private_metadata": "["},
        {"private_metadata": "[" * 3_000},
        {"private_metadata": '"apr_1"'},
        {"private_metadata": "{}"},
        {"private_metadata": json.dumps({"approval_id": "apr_1", "action_digest": 1})},
        {"private_metadata": 7},
        {"state": None},
        {"state": {"values": []}},
        {"state": {"values": {REASON: {REASON: {"value": 7}}}}},
        {"state": {"values": {REASON: {REASON: {"value": "\ud800"}}}}},
    ],
)
async def test_a_form_that_is_none_of_ours_is_400(tmp_path: Path, view: dict[str, Any]) -> None:
    """Signed rubbish is no denial, and its person does not see the form close as if it had counted."""
    async with opened(tmp_path) as world:
        approval = await world.asked()
        answer = await click(world, submission(form_of(approval), **view))
        assert problem(answer) == (400, "malformed-request")
        assert await state(world, approval) is ApprovalState.WAITING


@pytest.mark.parametrize(
    "changed", [{"state": {}}, {"state": {"values": {}}}, {"state": {"values": {"other": {}}}}]
)
async def test_a_form_without_its_field_asks_again(tmp_path: Path, changed: dict[str, Any]) -> None:
    """No reason is no denial."""
    async with opened(tmp_path) as world:
        approval = await world.asked()
        assert "Say why" in complaint(await click(world, submission(form_of(approval), **changed)))
        assert await state(world, approval) is ApprovalState.WAITING


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"action_digest": "sha256:" + "0" * 64}, "other_action"),
        ({"message_ts": "1764000000.999999"}, "other_card"),
        ({"channel": "C0OTHER"}, "other_card"),
    ],
)
async def test_metadata_of_another_card_or_action_denies_nothing(
    tmp_path: Path, changed: dict[str, str], refusal: str
) -> None:
    """Though Slack signed it: the form is held to the card and the bytes, as a click is."""
    async with opened(tmp_path) as world:
        approval = await world.asked()
        answer = await click(world, submission(form_of(approval, **changed)))
        assert "nothing changed" in complaint(answer)
        assert await state(world, approval) is ApprovalState.WAITING
        assert ("principal:ada", f"refused:{refusal}") in await world.outcomes(approval.approval_id)


async def test_metadata_that_names_nothing_known_is_told_so(tmp_path: Path) -> None:
    """An approval that is not there, and metadata with a key of its own."""
    async with opened(tmp_path) as world:
        approval = await world.asked()
        answer = await click(world, submission(form_of(approval, approval_id="apr_0")))
        assert complaint(answer) == "There is no such approval."
        more = json.dumps({**asdict(form_of(approval)), "principal": "principal:grace"})
        answer = await click(world, submission(form_of(approval), private_metadata=more))
        assert problem(answer) == (400, "malformed-request")


@pytest.mark.parametrize(
    ("payload", "view"),
    [
        ({"team": {"id": "T0OTHER"}}, {}),
        ({"api_app_id": "A0OTHER"}, {}),
        ({}, {"app_id": "A0OTHER"}),
        ({}, {"app_id": None}),
    ],
)
async def test_a_form_of_elsewhere_is_403_and_audited(
    tmp_path: Path, payload: dict[str, Any], view: dict[str, Any]
) -> None:
    """Another workspace's or app's, however well signed, and without its words in our audit."""
    async with opened(tmp_path) as world:
        approval = await world.asked()
        sent = {**submission(form_of(approval), "x" * 100_000, **view), **payload}
        assert problem(await click(world, sent)) == (403, "forbidden")
        assert await state(world, approval) is ApprovalState.WAITING
        assert ("principal:ada", "refused:other_card") in await world.outcomes(approval.approval_id)


@pytest.mark.parametrize("changed", [{"secret": "wrong-secret"}, {"age_s": 301}])
async def test_a_forged_or_stale_form_is_401(tmp_path: Path, changed: dict[str, Any]) -> None:
    """The same signature check as a click's."""
    async with opened(tmp_path) as world:
        approval = await world.asked()
        answer = await click(world, submission(form_of(approval)), **changed)
        assert problem(answer) == (401, "unauthenticated")
        assert await state(world, approval) is ApprovalState.WAITING


@pytest.mark.parametrize(
    "error", [Refused("Slack refused views.open: expired_trigger_id"), RateLimited("later", 1.0)]
)
async def test_a_form_that_does_not_open_leaves_other_ways(tmp_path: Path, error: InterlockError) -> None:
    """The press is acknowledged, and its person is told how else to deny, in private."""
    async with opened(tmp_path) as world:
        world.parts = replace(
            world.parts, slack=replace(world.parts.slack, pages="https://interlock.example")
        )
        world.app.state.parts = world.parts
        approval = await world.asked()
        world.forms.fails = error
        assert (await click(world, press(approval, deny=True))).status_code == 200
        ((_, sentence),) = world.private.answers
        assert f"https://interlock.example/approvals/{approval.approval_id}" in sentence
        assert f"interlock approvals decide {approval.approval_id} --deny" in sentence
        assert await state(world, approval) is ApprovalState.WAITING


async def test_a_sentence_that_a_response_url_does_not_take_is_told_by_the_method(tmp_path: Path) -> None:
    """Once through chat.postEphemeral; a refused click is told what it came to in any case."""
    async with opened(tmp_path) as world:
        world.private.fails = Unavailable("Slack did not take the answer (HTTP 404)")
        approval = await world.asked()
        await click(world, press(approval, "mallory"))
        ((channel, user, sentence),) = world.private.words
        assert (channel, user) == (CHANNEL, "U0MALLORY")
        assert "nothing changed" in sentence


async def test_an_approval_is_taken_back_on_its_card(store_url: str) -> None:
    """The button withdraws what this person approved; somebody else is told that there is nothing to take."""
    async with opened(store_url) as world:
        approval = await world.asked()
        await click(world, press(approval))
        back = press(approval)["actions"][0] | {"action_id": "interlock.withdraw"}
        await click(world, press(approval, "grace", actions=[back]))
        assert await state(world, approval) is ApprovalState.APPROVED
        await click(world, press(approval, actions=[back | {"action_ts": "2"}]))
        assert await state(world, approval) is ApprovalState.WAITING
        assert ("principal:grace", "refused:not_found") in await world.outcomes(approval.approval_id)


async def test_the_link_to_the_page_is_only_acknowledged(tmp_path: Path) -> None:
    """Slack sends its click too, with no value or with one, and it decides nothing."""
    async with opened(tmp_path) as world:
        approval = await world.asked()
        link = {"type": "button", "action_id": "interlock.open", "action_ts": "1"}
        for action in (link, link | {"value": f"{approval.approval_id}|{approval.action_digest}"}):
            answer = await click(world, press(approval, actions=[action]))
            assert (answer.status_code, answer.content) == (200, b"")
        assert await state(world, approval) is ApprovalState.WAITING
        assert [said for _, said in await world.outcomes(approval.approval_id)] == ["asked"]
