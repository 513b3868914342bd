"""Laws of who may decide what: routes, escalation, haste, passkeys, and whom a run acts for."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.approval import Answer, ApprovalRecord, ApprovalState, Click, Refusal
from contracts.passkey import Assertion
from contracts.tokens import Grant
from policies.people import People
from policies.quorum import enough, judge, passkey_due, standing, tally
from policies.reading import hasty, reading_ms
from policies.refusals import sentence
from tests.laws.judging import ASKED, MINUTE, PEOPLE, approval, click, grant, person, ruled

SIGNED = Assertion(credential_id="c", authenticator_data="a", client_data="d", signature="s")
ESCALATED = ASKED + 60 * MINUTE
TEAM = People(people=(*PEOPLE.people, person("margaret", groups=("managers",))))
PAGE: dict[str, Any] = {"way": "page", "channel": None, "message_ts": None}


def refund(*grants: Grant, **keys: Any) -> ApprovalRecord:
    """A destructive action that two people decide."""
    return approval(*grants, **{"action": {"effect": "destructive"}, "needed": 2, **keys})


def judged(record: ApprovalRecord, wish: Click, people: People) -> Refusal | None:
    return judge(record, wish, people.by_principal(wish.principal), people)


def test_a_decision_on_the_page_needs_no_card() -> None:
    """The page is a way of its own: what is judged is the person, not a message."""
    assert ruled(approval(channel=None, message_ts=None), click(**PAGE)) is None


def test_a_person_approves_on_their_routes_alone() -> None:
    """Who may approve on some routes has no standing on others, at the click and at the claim."""
    narrow = replace(person("ada"), routes=("billing/refund",))
    people = People(people=(narrow, *PEOPLE.people[1:]))
    record = approval(grant("ada"))
    assert judged(approval(), click(), people) is Refusal.OTHER_ROUTE
    assert standing(record, record.grants, people) == ()
    assert judged(approval(route="billing/refund"), click(), people) is None
    assert "on the route support/close" in sentence(Refusal.OTHER_ROUTE, record, click(), people)


@pytest.mark.parametrize(
    ("at_ms", "refusal"), [(ESCALATED - 1, Refusal.NOT_IN_GROUP), (ESCALATED, None), (ESCALATED + 1, None)]
)
def test_a_second_group_decides_from_the_escalation_on(at_ms: int, refusal: Refusal | None) -> None:
    """Not a millisecond earlier, and what somebody said too early never counts later."""
    record = approval(grant("margaret", at_ms=at_ms), escalate_ms=ESCALATED, escalate_to="managers")
    wish = click("margaret", at_ms=at_ms)
    assert judged(replace(record, grants=()), wish, TEAM) is refusal
    assert bool(standing(record, record.grants, TEAM)) is (refusal is None)


def test_the_first_group_decides_after_the_escalation_too() -> None:
    """An escalation asks more people, and nobody less."""
    record = approval(escalate_ms=ESCALATED, escalate_to="managers")
    wish = click("ada", at_ms=ESCALATED + MINUTE)
    assert judged(record, wish, TEAM) is None
    outsider = click("mallory", at_ms=ESCALATED + MINUTE)
    assert judged(record, outsider, TEAM) is Refusal.NOT_IN_GROUP
    assert "leads or managers" in sentence(Refusal.NOT_IN_GROUP, record, outsider, TEAM)


def test_an_approval_that_is_not_escalated_asks_one_group() -> None:
    """Without a moment the second group never decides, whatever the record names."""
    assert judged(approval(escalate_to="managers"), click("margaret"), TEAM) is Refusal.NOT_IN_GROUP


@pytest.mark.parametrize("since", ["shown_ms", "requested_ms"])
def test_an_approval_takes_the_route_s_time_of_reading(since: str) -> None:
    """Sooner after it was shown (asked, where no card stands) it does not count; a denial always does."""
    seen = ASKED + MINUTE
    record = approval(**{"shown_ms": None, "requested_ms": ASKED, since: seen, "min_review_ms": 5_000})
    assert ruled(record, click(at_ms=seen + 4_999)) is Refusal.TOO_FAST
    assert ruled(record, click(answer=Answer.DENY, at_ms=seen + 1)) is None
    assert ruled(record, click(at_ms=seen + 5_000)) is None
    told = sentence(Refusal.TOO_FAST, record, click(at_ms=seen + 800), PEOPLE)
    assert (
        told == "This came 0.8 s after it was shown, and its route asks for 5 s of reading; nothing changed."
    )


@pytest.mark.parametrize("early", [1, MINUTE])
def test_a_decision_before_its_card_stands_is_not_too_fast(early: int) -> None:
    """On the page or over HTTP somebody may be faster than the post, and clocks differ: that is no haste."""
    record = approval(shown_ms=ASKED + MINUTE)
    assert ruled(record, click(at_ms=ASKED + MINUTE - early)) is None
    assert ruled(record, click(at_ms=ASKED - early)) is None
    slow = approval(shown_ms=ASKED + MINUTE, min_review_ms=5_000)
    assert ruled(slow, click(at_ms=ASKED + 4_999)) is Refusal.TOO_FAST
    assert ruled(slow, click(at_ms=ASKED + 5_000)) is None


def test_the_first_of_two_needs_no_passkey_and_the_last_does() -> None:
    """In either order: one of the two who approve a destructive action signs it with a passkey."""
    assert ruled(refund(), click()) is None
    half = refund(grant("grace"))
    assert passkey_due(half, standing(half, half.grants, PEOPLE))
    assert ruled(half, click()) is Refusal.NEEDS_PASSKEY
    assert ruled(half, click(assertion=SIGNED, **PAGE)) is None
    assert ruled(half, click(answer=Answer.DENY)) is None
    signed = refund(grant("grace", assertion=SIGNED))
    assert not passkey_due(signed, standing(signed, signed.grants, PEOPLE))
    assert ruled(signed, click()) is None


def test_a_plain_write_needs_no_passkey() -> None:
    """Nor does an answer about an unknown write."""
    assert not passkey_due(approval(), ())


def test_a_forgotten_effect_counts_as_destructive() -> None:
    """What nobody can read any more is not approved with less."""
    assert passkey_due(approval(action={}), ())


def test_grants_without_a_passkey_never_carry_a_destructive_action() -> None:
    """However many people approved: the grant key alone could have made them all."""
    both = refund(grant("ada"), grant("grace"))
    assert tally(both, PEOPLE) is ApprovalState.WAITING
    signed = refund(grant("ada"), grant("grace", assertion=SIGNED))
    assert tally(signed, PEOPLE) is ApprovalState.APPROVED
    assert not enough(signed, (grant("grace", assertion=SIGNED),), 2)


def test_a_withdrawn_passkey_is_needed_anew() -> None:
    """The signature goes with the approval that it was part of."""
    record = refund(grant("ada", assertion=SIGNED), grant("ada", "withdraw"), grant("grace"))
    assert tally(record, PEOPLE) is ApprovalState.WAITING
    assert passkey_due(record, standing(record, record.grants, PEOPLE))


signatures = st.builds(
    grant,
    st.sampled_from(["ada", "grace", "linus", "mallory"]),
    st.sampled_from(["approve", "deny", "withdraw"]),
    assertion=st.sampled_from([None, SIGNED]),
)


@given(st.lists(signatures, max_size=8))
def test_approved_means_two_people_and_a_passkey(grants: list[Grant]) -> None:
    """However grants are mixed, a destructive action has two who still stand, one with a signature."""
    record = refund(*grants)
    if tally(record, PEOPLE) is ApprovalState.APPROVED:
        counted = standing(record, record.grants, PEOPLE)
        assert len({one.approver for one in counted}) >= 2
        assert any(one.assertion for one in counted)


CHAINS: dict[str, tuple[tuple[str, ...], Refusal | None]] = {
    "a subject further up": (("user:ada",), Refusal.REQUESTER),
    "a subject behind a service": (("svc:router", "user:ada"), Refusal.REQUESTER),
    "a principal further up": (("principal:ada",), Refusal.REQUESTER),
    "somebody that nobody knows": (("user:nobody",), Refusal.REQUESTER),
    "services alone": (("svc:router", "svc:triage"), None),
    "another person": (("user:mallory",), None),
}


@pytest.mark.parametrize(("chain", "refusal"), CHAINS.values(), ids=CHAINS)
def test_nobody_approves_what_runs_for_them_by_way_of_others(
    chain: tuple[str, ...], refusal: Refusal | None
) -> None:
    """Along the whole delegation chain; a subject that is not exactly one person means no writes."""
    record = approval(action={"effect": "write", "delegation": chain})
    assert ruled(record, click()) is refusal
    given_before = replace(record, grants=(grant("ada"),))
    assert bool(standing(given_before, given_before.grants, PEOPLE)) is (refusal is None)


def test_a_sentence_names_who_is_unknown() -> None:
    """Also where it is somebody further up the chain."""
    record = approval(action={"effect": "write", "delegation": ("user:nobody",)})
    assert "acts for user:nobody" in sentence(Refusal.REQUESTER, record, click(), PEOPLE)


PREVIEW = {
    "target": 'T-1 "Login"',
    "changes": [{"field": "status", "before": "open", "after": "closed" * 50}],
    "stakes": "1 customer",
    "undo": "Reopen it.",
}


def test_what_cannot_have_been_read_is_marked() -> None:
    """An approval within the time of skimming is hasty; a denial and a later approval are not."""
    record = approval(action={"effect": "write", "preview": PREVIEW}, shown_ms=ASKED)
    least = reading_ms(record.action)
    assert hasty(record, click(at_ms=ASKED + least - 1))
    assert not hasty(record, click(at_ms=ASKED + least))
    assert not hasty(record, click(answer=Answer.DENY, at_ms=ASKED + 1))


@given(st.text(max_size=400), st.text(max_size=400))
def test_more_to_read_never_takes_less(text: str, more: str) -> None:
    """Reading time grows with what there is to read, and is a second at least."""
    short, long = ({"preview": PREVIEW | {"stakes": words}} for words in (text, text + more))
    assert 1_000 <= reading_ms(short) <= reading_ms(long)
