"""Laws of deciding on the full page: the same rules as a click, a passkey where one is due, nothing lost."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from contracts.action import Change, Preview
from contracts.approval import ApprovalRecord, ApprovalState
from tests.browsing import csrf, signed
from tests.integration.pages_world import DESTROYING, browsing, give_passkeys
from tests.integration.test_gateway_world import PAGES, TERMS, Asking, World
from tests.passkeys import SoftPasskey

LAPTOP = SoftPasskey.create()


async def state(world: World, approval: ApprovalRecord) -> ApprovalState:
    return (await world.approvals.get(approval.approval_id)).state


async def test_an_approval_on_the_page_is_a_grant_like_any_other(tmp_path: Path) -> None:
    """303 back to the page, which says who decided; the grant says that it came by the page."""
    async with browsing(tmp_path, "ada") as (world, (ada,)):
        approval = await world.asked()
        answer = await ada.decide(approval, "approve")
        assert (answer.status_code, answer.headers["location"]) == (303, f"/approvals/{approval.approval_id}")
        after = await world.approvals.get(approval.approval_id)
        assert (after.state, [(g.approver, g.way) for g in after.grants]) == (
            ApprovalState.APPROVED,
            [("principal:ada", "page")],
        )
        assert "Ada approved on this page" in (await ada.see(answer.headers["location"])).text


async def test_a_denial_s_reason_is_kept(tmp_path: Path) -> None:
    """What was typed is what stands with the denial, line breaks as people make them."""
    async with browsing(tmp_path, "ada") as (world, (ada,)):
        approval = await world.asked()
        await ada.decide(approval, "deny", reason="Wrong ticket.\r\n<b>T-2</b> it is.")
        after = await world.approvals.get(approval.approval_id)
        assert (after.state, after.denial) == (ApprovalState.DENIED, "Wrong ticket.\n<b>T-2</b> it is.")
        assert "&lt;b&gt;T-2&lt;/b&gt;" in (await ada.see(f"/approvals/{approval.approval_id}")).text


async def test_an_approval_is_taken_back_on_the_page(tmp_path: Path) -> None:
    """Until the claim, by who gave it and nobody else."""
    async with browsing(tmp_path, "ada", "grace") as (world, (ada, grace)):
        approval = await world.asked()
        await ada.decide(approval, "approve")
        path = f"/approvals/{approval.approval_id}"
        assert "Take back my approval" in (await ada.see(path)).text
        assert "Take back my approval" not in (await grace.see(path)).text
        assert (await ada.decide(approval, "withdraw")).status_code == 303
        assert await state(world, approval) is ApprovalState.WAITING


async def test_a_second_click_is_told_and_changes_nothing(tmp_path: Path) -> None:
    """A form that is sent twice counts once; the page says so with the status that the API answers."""
    async with browsing(tmp_path, "ada") as (world, (ada,)):
        approval = await world.asked_about(Asking(needed=2))
        await ada.decide(approval, "approve")
        again = await ada.decide(approval, "approve")
        assert (again.status_code, "You already approved" in again.text) == (409, True)
        assert len((await world.approvals.get(approval.approval_id)).grants) == 1


UNCOUNTED: list[tuple[dict[str, Any], int, str]] = [
    ({"action_digest": "sha256:" + "0" * 64}, 422, "another action"),
    ({"decision": "it_did"}, 422, "answered with"),
    ({"decision": "explode"}, 422, "holds no decision"),
    ({"decision": None}, 422, "holds no decision"),
    ({"action_digest": None}, 422, "holds no decision"),
    ({"assertion": "{"}, 422, "holds no decision"),
    ({"assertion": "[" * 15_000}, 422, "holds no decision"),
    ({"assertion": '{"credential_id": 1}'}, 422, "holds no decision"),
    ({"reason": "x" * 1_001}, 422, "at most 1000 characters"),
]


async def test_what_does_not_count_is_said_on_the_page(tmp_path: Path) -> None:
    """The status of the API, the sentence in an alert, the approval as it was."""
    async with browsing(tmp_path, "ada") as (world, (ada,)):
        approval = await world.asked()
        for changed, status, sentence in UNCOUNTED:
            answer = await ada.decide(approval, **{"decision": "approve", **changed})
            assert (answer.status_code, sentence in answer.text) == (status, True), changed
            assert 'role="alert"' in answer.text
        assert await state(world, approval) is ApprovalState.WAITING


async def test_a_refused_decision_keeps_the_reason_in_the_form(tmp_path: Path) -> None:
    """Nobody types it twice."""
    async with browsing(tmp_path, "ada") as (world, (ada,)):
        approval = await world.asked()
        answer = await ada.decide(approval, "deny", action_digest="sha256:" + "0" * 64, reason="Too <early>")
        assert "Too &lt;early&gt;</textarea>" in answer.text


async def test_a_late_decision_is_410(tmp_path: Path) -> None:
    """An old tab's form, after the deadline."""
    async with browsing(tmp_path, "ada") as (world, (ada,)):
        approval = await world.asked()
        shown = await ada.see(f"/approvals/{approval.approval_id}")
        world.clock.at_ms += 60_001
        fields = {"csrf": csrf(shown), "action_digest": approval.action_digest, "decision": "approve"}
        answer = await ada.send(f"/approvals/{approval.approval_id}/decision", fields)
        assert answer.status_code == 410
        assert "The time to decide this action ended" in answer.text
        assert "<button" not in answer.text.partition("<main")[2]


async def test_who_may_not_decide_reads_why_and_has_no_buttons(tmp_path: Path) -> None:
    """Of the tenant but not of the group; and whom the run acts for. A form that they make is refused."""
    async with browsing(tmp_path, "mallory", "ada") as (world, (mallory, ada)):
        one = await world.asked()
        other = await world.asked(key="k-2", on_behalf_of="user:ada")
        for who, approval, why in (
            (mallory, one, "Only people in support-leads"),
            (ada, other, "somebody else has to decide"),
        ):
            shown = await who.see(f"/approvals/{approval.approval_id}")
            assert why in shown.text
            assert 'name="decision"' not in shown.text
            # Their session is good, and so is its token: it is the desk that refuses.
            assert (await who.decide(approval, "approve")).status_code == 403
            assert await state(world, approval) is ApprovalState.WAITING


async def test_another_tenant_s_approval_is_not_there(tmp_path: Path) -> None:
    """The same page as for one that never was, for reading and for deciding, which is audited."""
    async with browsing(tmp_path, "linus") as (world, (linus,)):
        approval = await world.asked()
        there = await linus.see(f"/approvals/{approval.approval_id}")
        nowhere = await linus.see("/approvals/apr_00")
        assert (there.status_code, there.text) == (404, nowhere.text)
        token = csrf(await linus.see("/approvals"))
        answer = await linus.decide(approval, "approve", csrf=token)
        assert (answer.status_code, answer.text) == (404, nowhere.text)
        assert ("principal:linus", "refused:other_tenant") in await world.outcomes(approval.approval_id)
        assert await state(world, approval) is ApprovalState.WAITING
        assert approval.approval_id not in (await linus.see("/approvals")).text


async def test_a_destructive_action_takes_a_passkey_by_one_of_two(tmp_path: Path) -> None:
    """The first approves without; the second only with a passkey's signature over this digest."""
    async with browsing(tmp_path, "ada", "grace") as (world, (ada, grace)):
        await give_passkeys(world, {"grace": LAPTOP.passkey})
        approval = await world.asked_about(DESTROYING)
        assert (await ada.decide(approval, "approve")).status_code == 303
        bare = await grace.decide(approval, "approve")
        assert (bare.status_code, "signed with your passkey" in bare.text) == (403, True)
        assertion = signed(LAPTOP.sign(approval.action_digest))
        assert (await grace.decide(approval, "approve", assertion=assertion)).status_code == 303
        assert await state(world, approval) is ApprovalState.APPROVED
        shown = (await ada.see(f"/approvals/{approval.approval_id}")).text
        assert "Grace approved on this page, signed with a passkey" in shown


async def test_a_passkey_counts_as_the_first_approval_too(tmp_path: Path) -> None:
    """In any order: then the second needs none."""
    async with browsing(tmp_path, "ada", "grace") as (world, (ada, grace)):
        await give_passkeys(world, {"grace": LAPTOP.passkey})
        approval = await world.asked_about(DESTROYING)
        assertion = signed(LAPTOP.sign(approval.action_digest))
        assert (await grace.decide(approval, "approve", assertion=assertion)).status_code == 303
        assert (await ada.decide(approval, "approve")).status_code == 303
        assert await state(world, approval) is ApprovalState.APPROVED


@pytest.mark.parametrize("lie", ["other action", "other person", "other key", "other site"])
async def test_a_passkey_s_signature_that_does_not_hold_is_refused(tmp_path: Path, lie: str) -> None:
    """Of another action, by somebody else's passkey, by a key that nobody named, for another site."""
    async with browsing(tmp_path, "ada") as (world, (ada,)):
        named = "grace" if lie == "other person" else "ada"
        await give_passkeys(world, {named: LAPTOP.passkey})
        approval = await world.asked_about(DESTROYING)
        digest = "sha256:" + "0" * 64 if lie == "other action" else approval.action_digest
        key = replace(SoftPasskey.create(), name="x") if lie == "other key" else LAPTOP
        origin = "https://evil.example" if lie == "other site" else PAGES
        answer = await ada.decide(approval, "approve", assertion=signed(key.sign(digest, origin)))
        assert (answer.status_code, "no signature over this action" in answer.text) == (403, True)
        assert not (await world.approvals.get(approval.approval_id)).grants


async def test_the_page_says_who_has_no_passkey_how_to_get_one(tmp_path: Path) -> None:
    """And what their approval is worth without."""
    async with browsing(tmp_path, "ada", "grace") as (world, (ada, grace)):
        approval = await world.asked_about(DESTROYING)
        path = f"/approvals/{approval.approval_id}"
        shown = (await ada.see(path)).text
        assert "somebody else&#39;s has to carry a passkey" in shown
        assert 'href="/passkeys"' in shown
        await ada.decide(approval, "approve")
        assert "you cannot be the one who completes it" in (await grace.see(path)).text


async def test_a_route_s_reading_time_holds_on_the_page_too(tmp_path: Path) -> None:
    """An approval that comes too soon is refused, and counts when it is sent again later."""
    async with browsing(tmp_path, "ada") as (world, (ada,)):
        terms = replace(TERMS, min_review_ms=30_000)
        approval = await world.asked_about(Asking(terms=terms))
        early = await ada.decide(approval, "approve")
        assert (early.status_code, "30 s of reading" in early.text) == (403, True)
        world.clock.at_ms += 30_000
        assert (await ada.decide(approval, "approve")).status_code == 303


async def test_the_whole_action_is_on_the_page_and_none_of_it_is_markup(tmp_path: Path) -> None:
    """Outside text is escaped; what does not show, or turns the line round, is spelled out."""
    hostile = '</p><script src="https://evil.example"></script>\u202e\u200b<a href="//evil.example">x</a>'
    preview = Preview(
        target=hostile,
        changes=tuple(Change(field=hostile, before=hostile + str(at), after="x" * 200) for at in range(40)),
        stakes=hostile,
        undo=hostile,
        figures=(hostile,),
    )
    async with browsing(tmp_path, "ada") as (world, (ada,)):
        approval = await world.asked_about(Asking(preview=preview, words=hostile))
        shown = (await ada.see(f"/approvals/{approval.approval_id}")).text
        assert "evil.example" in shown
        assert '<a href="//evil' not in shown
        assert '<script src="https' not in shown
        assert not {"\u202e", "\u200b"} & set(shown)
        assert "⟨U+202E⟩" in shown
        assert all(f"&lt;/a&gt;{at}</bdi>" in shown for at in range(40))
        listed = (await ada.see("/approvals")).text
        assert '<script src="https' not in listed
