"""Laws of who may decide, each attack by its name."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.approval import Answer, ApprovalRecord, ApprovalState, Click, Refusal
from contracts.tokens import Grant
from policies.people import People
from policies.quorum import judge, standing, tally
from policies.refusals import sentence
from tests.laws.judging import ASKED, MINUTE, PEOPLE, approval, click, grant, person, ruled


@pytest.mark.parametrize("answer", [Answer.APPROVE, Answer.DENY])
@pytest.mark.parametrize("way", [{}, {"way": "http", "channel": None, "message_ts": None}])
def test_a_standing_click_counts(answer: Answer, way: dict[str, Any]) -> None:
    """Somebody of the group and tenant, who is not the requester, may approve and deny in both ways."""
    assert ruled(approval(), click(answer=answer, **way)) is None


def test_the_first_click_on_a_card_on_its_way_counts() -> None:
    """The card may stand in the channel that was announced before anybody has written down its message."""
    assert ruled(approval(message_ts=None), click(message_ts="7.7")) is None


PLACES = st.sampled_from([None, "C1", "C2"])
MESSAGES = st.sampled_from([None, "1.1", "2.2", "3.3"])


@given(PLACES, MESSAGES, st.lists(st.tuples(PLACES, MESSAGES), max_size=8))
def test_clicks_of_one_message_alone_are_ever_on_the_card(
    channel: str | None, message: str | None, clicked: list[tuple[str | None, str | None]]
) -> None:
    """Whatever comes in whatever order, the accepted clicks name one message, in the announced channel."""
    record, accepted = approval(channel=channel, message_ts=message), set()
    for place in clicked:
        wish = click(channel=place[0], message_ts=place[1])
        if ruled(record, wish) is None:
            accepted.add(place)
            record = replace(record, message_ts=record.message_ts or wish.message_ts)
    assert accepted <= {(channel, record.message_ts)}
    assert None not in {part for place in accepted for part in place}


ATTACKS: dict[str, tuple[ApprovalRecord, Click, Refusal]] = {
    "by a stranger": (approval(), click("eve"), Refusal.STRANGER),
    "by somebody outside the group": (approval(), click("mallory"), Refusal.NOT_IN_GROUP),
    "where the route names no group": (approval(group=""), click(), Refusal.NOT_IN_GROUP),
    "by an approver of another tenant": (approval(), click("linus"), Refusal.OTHER_TENANT),
    "for other arguments": (approval(), click(action_digest="sha256:" + "b" * 64), Refusal.OTHER_ACTION),
    "for another approval": (approval(), click(approval_id="apr_2"), Refusal.OTHER_ACTION),
    "from another channel": (approval(), click(channel="C2"), Refusal.OTHER_CARD),
    "from another message": (approval(), click(message_ts="9.9"), Refusal.OTHER_CARD),
    "before the card was posted": (
        approval(channel=None, message_ts=None),
        click(channel=None, message_ts=None),
        Refusal.OTHER_CARD,
    ),
    "while a card is on its way to another channel": (
        approval(channel="C2", message_ts=None),
        click(),
        Refusal.OTHER_CARD,
    ),
    "of no message, while a card is on its way": (
        approval(message_ts=None),
        click(message_ts=None),
        Refusal.OTHER_CARD,
    ),
    "while no card was sent": (approval(channel=None, message_ts=None), click(), Refusal.OTHER_CARD),
    "in a way nobody knows": (approval(), click(way="mail", channel=None), Refusal.OTHER_CARD),
    "by the requester": (approval(on_behalf_of="user:ada"), click(), Refusal.REQUESTER),
    "by the requester as principal": (approval(on_behalf_of="principal:ada"), click(), Refusal.REQUESTER),
    "by the starter": (approval(caller="principal:ada"), click(), Refusal.REQUESTER),
    "by the starter under another name": (
        approval(caller="user:ada", on_behalf_of=None),
        click(),
        Refusal.REQUESTER,
    ),
    "for nobody known": (approval(on_behalf_of="user:nobody"), click(), Refusal.REQUESTER),
    "given twice": (approval(grant("ada"), needed=2), click(), Refusal.REPEATED),
    "given twice after the quorum": (
        approval(grant("ada"), state=ApprovalState.APPROVED),
        click(),
        Refusal.REPEATED,
    ),
    "denied after one's approval": (
        approval(grant("ada"), needed=2),
        click(answer=Answer.DENY),
        Refusal.REPEATED,
    ),
    "replayed after a withdrawal": (
        approval(grant("ada"), grant("ada", "withdraw")),
        click(),
        Refusal.REPEATED,
    ),
    "late": (approval(), click(at_ms=ASKED + 240 * MINUTE + 1), Refusal.LATE),
    "after the expiry": (approval(state=ApprovalState.EXPIRED), click(), Refusal.LATE),
    "after a denial": (
        approval(grant("grace", "deny"), state=ApprovalState.DENIED),
        click(),
        Refusal.DECIDED,
    ),
    "after the quorum": (
        approval(grant("grace"), state=ApprovalState.APPROVED),
        click(),
        Refusal.DECIDED,
    ),
    "after the run was cancelled": (approval(state=ApprovalState.CANCELLED), click(), Refusal.DECIDED),
    "withdrawn by another": (approval(grant("grace")), click(answer=Answer.WITHDRAW), Refusal.NOT_FOUND),
    "withdrawn by a denier": (
        approval(grant("ada", "deny"), state=ApprovalState.DENIED),
        click(answer=Answer.WITHDRAW),
        Refusal.NOT_FOUND,
    ),
    "withdrawn twice": (
        approval(grant("ada"), grant("ada", "withdraw")),
        click(answer=Answer.WITHDRAW),
        Refusal.REPEATED,
    ),
    "withdrawn after the claim": (
        approval(grant("ada"), state=ApprovalState.APPROVED, claimed=True),
        click(answer=Answer.WITHDRAW),
        Refusal.CLAIMED,
    ),
    "withdrawn after the expiry": (
        approval(grant("ada"), state=ApprovalState.EXPIRED),
        click(answer=Answer.WITHDRAW),
        Refusal.LATE,
    ),
    "withdrawn from another card": (
        approval(grant("ada")),
        click(answer=Answer.WITHDRAW, channel="C2"),
        Refusal.OTHER_CARD,
    ),
}


@pytest.mark.parametrize(("record", "wish", "refusal"), ATTACKS.values(), ids=ATTACKS)
def test_an_attack_is_refused(record: ApprovalRecord, wish: Click, refusal: Refusal) -> None:
    """A decision that is not entitled to count is refused by its own name, with a sentence."""
    assert ruled(record, wish) is refusal


@pytest.mark.parametrize("answer", [Answer.APPROVE, Answer.DENY])
def test_nobody_denies_what_they_may_not_approve(answer: Answer) -> None:
    """A denial needs the same standing as an approval."""
    for record, wish, refusal in ATTACKS.values():
        if wish.answer is Answer.APPROVE and refusal in (
            Refusal.STRANGER,
            Refusal.NOT_IN_GROUP,
            Refusal.OTHER_TENANT,
            Refusal.REQUESTER,
        ):
            assert ruled(record, replace(wish, answer=answer)) is refusal


def test_the_person_must_be_the_one_who_clicked() -> None:
    """A person that is not the click's principal, or not the file's, is a stranger."""
    grace = PEOPLE.by_principal("principal:grace")
    assert judge(approval(), click("ada"), grace, PEOPLE) is Refusal.STRANGER
    forged = person("ada", groups=("leads", "managers"))
    assert judge(approval(), click("ada"), forged, PEOPLE) is Refusal.STRANGER


def test_an_approval_may_be_withdrawn_until_the_claim() -> None:
    """Who approved may take it back, even after the deadline, and may deny then."""
    approved = approval(grant("ada"), state=ApprovalState.APPROVED)
    assert ruled(approved, click(answer=Answer.WITHDRAW, at_ms=ASKED + 300 * MINUTE)) is None
    withdrawn = approval(grant("ada"), grant("ada", "withdraw"))
    assert tally(withdrawn, PEOPLE) is ApprovalState.WAITING
    assert ruled(withdrawn, click(answer=Answer.DENY)) is None


def test_a_click_at_the_deadline_is_in_time() -> None:
    """The deadline is the last millisecond that counts; never is never."""
    assert ruled(approval(), click(at_ms=ASKED + 240 * MINUTE)) is None
    assert ruled(approval(deadline_ms=None), click(at_ms=ASKED + 10**12)) is None


FOREIGN: dict[str, dict[str, Any]] = {
    "of another action": {"action_digest": "sha256:" + "b" * 64},
    "of another approval": {"approval_id": "apr_2"},
    "of another run": {"run_id": "run_2"},
    "of another tenant": {"tenant": "globex"},
    "of another environment": {"env": "prod"},
    "by a stranger": {"approver": "principal:eve"},
    "by an outsider": {"approver": "principal:mallory"},
    "by the requester": {"approver": "principal:hedy"},
    "of another tenant's approver": {"approver": "principal:linus"},
    "late": {"at_ms": ASKED + 241 * MINUTE},
    "with another word": {"decision": "approved"},
}


@pytest.mark.parametrize("change", FOREIGN.values(), ids=FOREIGN)
def test_a_foreign_grant_has_no_standing(change: dict[str, Any]) -> None:
    """A signed grant that is about something else, or by somebody without standing, counts for nothing."""
    odd = grant("ada", **change)
    record = approval(odd)
    assert standing(record, record.grants, PEOPLE) == ()
    assert tally(record, PEOPLE) is ApprovalState.WAITING


@pytest.mark.parametrize("decision", ["deny", "withdraw"])
@pytest.mark.parametrize("change", [FOREIGN["of another run"], FOREIGN["of another action"]])
def test_a_foreign_no_changes_nothing(decision: str, change: dict[str, Any]) -> None:
    """A denial or withdrawal of another action does not touch this one."""
    record = approval(grant("ada"), grant("ada", decision, **change))
    assert tally(record, PEOPLE) is ApprovalState.APPROVED


def test_standing_is_lost_with_the_group() -> None:
    """Who left the group, the tenant or the file since no longer counts."""
    record = approval(grant("ada"))
    for ada in (person("ada", groups=()), person("ada", tenants=()), None):
        rest = tuple(one for one in PEOPLE.people if one.principal != "principal:ada")
        now = People(people=rest if ada is None else (*rest, ada))
        assert standing(record, record.grants, now) == ()


def test_two_people_who_share_an_identity_both_lose_the_requester_test() -> None:
    """Where the people file is ambiguous, nobody who might be the requester may approve."""
    twin = replace(person("grace"), subjects=("user:ada",))
    people = People(people=(person("ada"), twin))
    record = approval(caller="user:ada", on_behalf_of=None)
    for one in people.people:
        wish = click(one.principal.removeprefix("principal:"))
        assert judge(record, wish, one, people) is Refusal.REQUESTER


def test_a_quorum_needs_different_people() -> None:
    """Two grants of one person are one; any denial ends it."""
    twice = approval(grant("ada"), grant("ada", jti="other"), needed=2)
    assert len(standing(twice, twice.grants, PEOPLE)) == 1
    assert tally(twice, PEOPLE) is ApprovalState.WAITING
    both = approval(grant("ada"), grant("grace"), needed=2)
    assert tally(both, PEOPLE) is ApprovalState.APPROVED
    split = approval(grant("ada"), grant("grace", "deny"))
    assert tally(split, PEOPLE) is ApprovalState.DENIED


def test_an_approval_that_needs_nobody_is_never_approved_by_nobody() -> None:
    """A record that claims to need no one still needs one."""
    assert tally(approval(needed=0), PEOPLE) is ApprovalState.WAITING
    assert tally(approval(needed=-1), PEOPLE) is ApprovalState.WAITING


@pytest.mark.parametrize("end", [ApprovalState.DENIED, ApprovalState.EXPIRED, ApprovalState.CANCELLED])
def test_an_end_is_an_end(end: ApprovalState) -> None:
    """Grants do not revive what was denied, expired or cancelled."""
    assert tally(approval(grant("ada"), grant("grace"), state=end), PEOPLE) is end


decisions = st.builds(
    grant,
    st.sampled_from(["ada", "grace", "linus", "mallory", "hedy", "eve"]),
    st.sampled_from(["approve", "deny", "withdraw"]),
    run_id=st.sampled_from(["run_1", "run_2"]),
)


@given(grants=st.lists(decisions, max_size=8), needed=st.integers(1, 3))
def test_approved_means_enough_different_people_who_may(grants: list[Grant], needed: int) -> None:
    """However grants are mixed, approved means `needed` distinct members of the group, and no denial."""
    record = approval(*grants, needed=needed)
    if tally(record, PEOPLE) is ApprovalState.APPROVED:
        mine = [one for one in grants if one.run_id == "run_1"]
        yes = {one.approver for one in mine if one.decision == "approve"}
        no = {one.approver for one in mine if one.decision == "withdraw"}
        assert len((yes - no) & {"principal:ada", "principal:grace"}) >= needed
        assert all(one.decision != "deny" for one in mine)


@given(grants=st.lists(decisions, max_size=6), extra=decisions, needed=st.integers(1, 3))
def test_a_no_never_approves(grants: list[Grant], extra: Grant, needed: int) -> None:
    """Another denial or withdrawal never turns waiting into approved."""
    before = tally(approval(*grants, needed=needed), PEOPLE)
    after = tally(approval(*grants, extra, needed=needed), PEOPLE)
    if extra.decision != "approve" and before is not ApprovalState.APPROVED:
        assert after is not ApprovalState.APPROVED


SENTENCES = [
    (
        "after a denial",
        "This action was already denied by Grace at 10:02 UTC; nothing changed.",
    ),
    ("given twice", "You already approved this action at 10:02 UTC; nothing changed."),
    ("late", "The time to decide this action ended at 14:00 UTC; nothing changed."),
    ("by a stranger", "You are not in the people file, so you can't decide this; nothing changed."),
    ("by an approver of another tenant", "You don't approve for acme; nothing changed."),
    (
        "for nobody known",
        (
            "This run acts for user:nobody, who is not exactly one person of the people file, "
            "so nobody can approve it; nothing changed."
        ),
    ),
    ("after the run was cancelled", "This action was already cancelled; nothing changed."),
]


@pytest.mark.parametrize(("attack", "text"), SENTENCES, ids=[attack for attack, _ in SENTENCES])
def test_a_refusal_says_why_in_plain_words(attack: str, text: str) -> None:
    """Who is refused learns in one sentence why, who decided and when, and that nothing changed."""
    record, wish, refusal = ATTACKS[attack]
    assert sentence(refusal, record, wish, PEOPLE) == text


def test_a_sentence_names_the_day_where_it_is_another() -> None:
    """A decision of another day carries its date; a closed run and a missing approval have sentences too."""
    record = approval(grant("grace", "deny"), state=ApprovalState.DENIED)
    wish = click(at_ms=ASKED + 24 * 60 * MINUTE)
    assert "by Grace on 2026-06-01 at 10:02 UTC" in sentence(Refusal.DECIDED, record, wish, PEOPLE)
    assert "has ended" in sentence(Refusal.DECIDED, approval(), click(), PEOPLE)
    assert sentence(Refusal.NOT_FOUND, None, click(), PEOPLE) == "There is no such approval; nothing changed."
