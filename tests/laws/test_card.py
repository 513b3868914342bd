"""Laws of the card: it says all that a decision needs, in nobody's markup, within Slack's limits."""

import json
import unicodedata
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slack_sdk.models.blocks import Block

from adapters.blocks import Card
from adapters.card import APPROVE, DENY, TOTAL
from adapters.cards import render
from adapters.question_card import DID, DID_NOT, STOP
from contracts.action import Change, Frozen, Original, Preview
from contracts.approval import ANSWERS, ApprovalKind, ApprovalRecord, ApprovalState
from contracts.errors import Malformed
from contracts.run import Outcome
from contracts.tokens import Grant
from embedded.slack import blocks as kit

ASKED = 1_795_600_000_000
PEOPLE = {"principal:ada": "Ada Lovelace", "principal:grace": "Grace Hopper", "user:u-1042": "Uma"}
PREVIEW = Preview(
    target="T-18421 “Password reset loops”",
    changes=(Change(field="status", before="open", after="closed"),),
    stakes="1 customer sees the ticket as resolved.",
    undo="Reopen T-18421.",
)
FROZEN = Frozen(
    action_id="act_1",
    run_id="run_1",
    request_id="req_9f2c01ab77e3",
    tenant="acme",
    env="prod",
    route="support/close",
    policy_digest="sha256:" + "1" * 64,
    catalogue_digest="sha256:" + "2" * 64,
    tool="ticket.close",
    tool_version="1",
    address="helpdesk",
    effect="write",
    credential="ticketing-write",
    arguments={"ticket_id": "T-18421", "reason": "KB-2041 resolves it."},
    target="T-18421",
    target_version="7",
    idempotency_key="req_9f2c01ab77e3:ticket.close:T-18421",
    key_hash="sha256:" + "3" * 64,
    ordinal=1,
    preview=PREVIEW,
    caller="backend:crm",
    on_behalf_of="user:u-1042",
    words="The article fits.",
)


def approval(frozen: Frozen = FROZEN, **more: Any) -> ApprovalRecord:
    record = ApprovalRecord(
        approval_id="apr_1",
        kind=ApprovalKind.ACTION,
        run_id=frozen.run_id,
        action_id=frozen.action_id,
        tenant=frozen.tenant,
        env=frozen.env,
        route=frozen.route,
        state=ApprovalState.WAITING,
        action_digest=frozen.digest(),
        action=asdict(frozen),
        needed=1,
        group="support-leads",
        caller=frozen.caller,
        on_behalf_of=frozen.on_behalf_of,
        requested_ms=ASKED,
        deadline_ms=ASKED + 4 * 3_600_000,
        decided_ms=None,
        channel=None,
        message_ts=None,
        outcome=None,
        outcome_text="",
        claimed=False,
        grants=(),
        denial="",
        question="",
        version=1,
    )
    return replace(record, **more)


def grant(approver: str, decision: str = "approve", at_ms: int = ASKED + 60_000) -> Grant:
    return Grant(
        jti=f"gr_{approver}_{decision}",
        approval_id="apr_1",
        action_digest=FROZEN.digest(),
        run_id="run_1",
        tenant="acme",
        env="prod",
        approver=f"principal:{approver}",
        decision=decision,
        way="slack",
        at_ms=at_ms,
    )


def shown(record: ApprovalRecord, *, now_ms: int = ASKED, page_url: str | None = None) -> Card:
    card = render(record, people=PEOPLE, now_ms=now_ms, page_url=page_url)
    lawful(card)
    return card


def lawful(card: Card) -> None:
    """Within Slack's limits as Slack's own models and the stand-in read them, and without markup."""
    assert kit.complaints(kit.MESSAGE, "/blocks", card.blocks) == []
    assert kit.text_length(card.blocks) <= TOTAL < kit.BLOCKS_TEXT
    for block in card.blocks:
        parsed = Block.parse(block)
        assert parsed is not None
        parsed.validate_json()
    assert '"mrkdwn"' not in json.dumps(card.blocks)
    assert 0 < len(card.text) <= 1_000
    assert not set("<>") & set(card.text)
    for text in texts(card.blocks):
        assert not [
            c for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")
        ]


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for entry in value:
            yield from texts(entry)
    elif isinstance(value, dict):
        if value.get("type") == "plain_text":
            yield value["text"]
        else:
            for entry in value.values():
                yield from texts(entry)


def body(card: Card) -> str:
    return "\n".join(texts([block for block in card.blocks if block["type"] != "actions"]))


def buttons(card: Card) -> list[dict[str, Any]]:
    return [e for block in card.blocks if block["type"] == "actions" for e in block["elements"]]


def test_a_card_answers_in_the_order_of_a_decision() -> None:
    """What changes comes first, then where, how bad, whether it can be undone, who asks, why, until when."""
    text = body(shown(approval()))
    answers = [
        "What will change: T-18421 “Password reset loops”",
        "status: open → closed",
        "prod",
        "acme",
        "If it is wrong: 1 customer",
        "Can it be undone? Reopen T-18421.",
        "Asked by backend:crm for Uma",
        "in the agent's own words",
        "│ The article fits.",
        "It expires on",
    ]
    places = [text.index(answer) for answer in answers]
    assert places == sorted(places)


def test_buttons_carry_the_approval_and_the_digest() -> None:
    """Each click names the approval and the bytes it is about; approving asks once more."""
    card = shown(approval())
    approve, deny = buttons(card)
    assert [approve["action_id"], deny["action_id"]] == [APPROVE, DENY]
    assert approve["value"] == deny["value"] == f"apr_1|{FROZEN.digest()}"
    assert (approve["style"], deny["style"]) == ("primary", "danger")
    assert "acme (prod)" in approve["confirm"]["text"]["text"]
    assert card.blocks[-1]["block_id"] == "apr_1"


def test_every_argument_is_on_the_card() -> None:
    """What a preview leaves out is shown all the same: nobody approves an argument unseen."""
    frozen = replace(FROZEN, arguments={"ticket_id": "T-18421", "notify": "everyone@example.com"})
    assert '"notify": "everyone@example.com"' in body(shown(approval(frozen)))


@pytest.mark.parametrize(
    "preview",
    [
        replace(PREVIEW, changes=(Change(field="body", before="", after="x" * 3_001),)),
        replace(
            PREVIEW, changes=tuple(Change(field=f"f{n}", before="", after="y" * 2_900) for n in range(45))
        ),
        replace(
            PREVIEW, changes=tuple(Change(field=f"f{n}", before="", after="y" * 2_000) for n in range(5))
        ),
        replace(PREVIEW, target="t" * 3_001),
        replace(PREVIEW, stakes="s" * 3_001),
        replace(PREVIEW, undo="u" * 3_001),
        replace(PREVIEW, changes=(Change(field="body", before="", after="\u200b" * 400),)),
    ],
)
def test_no_buttons_unless_the_whole_action_fits(preview: Preview) -> None:
    """A part that was cut may be the part that matters: the card says where to read all of it."""
    card = shown(
        approval(replace(FROZEN, preview=preview)), page_url="https://interlock.example/approvals/apr_1"
    )
    assert buttons(card) == []
    assert "interlock approvals show apr_1" in body(card)
    assert "https://interlock.example/approvals/apr_1" in body(card)


def test_long_arguments_take_the_buttons_away() -> None:
    """The frozen bytes count too, not only what the preview tells of them."""
    assert buttons(shown(approval(replace(FROZEN, arguments={"body": "x" * 3_000})))) == []


def test_the_agents_words_may_be_cut_but_visibly() -> None:
    """The agent's reasons are no part of the action: cut, marked, and the buttons stay."""
    card = shown(approval(replace(FROZEN, words="because " * 5_000)))
    assert len(buttons(card)) == 2
    assert "[cut: 40002 characters in all]" in body(card)


def test_a_record_that_is_not_the_frozen_one_has_no_buttons() -> None:
    """A harmless text over another action's digest is not offered for approval."""
    card = shown(approval(action_digest="sha256:" + "0" * 64))
    assert buttons(card) == []
    assert "Decide nothing" in body(card)


def test_after_the_deadline_there_are_no_buttons() -> None:
    """Past its time a card offers nothing that could still count."""
    assert buttons(shown(approval(), now_ms=ASKED + 5 * 3_600_000)) == []
    assert len(buttons(shown(approval(deadline_ms=None), now_ms=ASKED + 5 * 3_600_000))) == 2


def test_a_row_without_a_frozen_record_has_no_card() -> None:
    """Nothing is rendered from half a record."""
    with pytest.raises(Malformed):
        render(approval(action={"tool": "ticket.close"}), people={}, now_ms=ASKED, page_url=None)


def test_progress_names_who_approved() -> None:
    """While a second person is awaited the card says who was the first."""
    card = shown(approval(needed=2, grants=(grant("ada"),)))
    assert "1 of 2 people of support-leads approved: Ada Lovelace." in body(card)
    assert len(buttons(card)) == 2


def test_a_withdrawn_approval_is_told_and_not_counted() -> None:
    """Who withdrew is not among those who approved."""
    grants = (grant("ada"), grant("ada", "withdraw", ASKED + 90_000), grant("grace"))
    text = body(shown(approval(needed=2, grants=grants)))
    assert "Ada Lovelace withdrew the approval." in text
    assert "1 of 2 people of support-leads approved: Grace Hopper." in text


def test_a_grant_for_another_action_is_not_shown() -> None:
    """Names on a card are those of decisions on these bytes."""
    other = replace(grant("ada"), action_digest="sha256:" + "0" * 64)
    assert "Ada" not in body(shown(approval(needed=2, grants=(other,))))


def test_a_decision_names_people_time_and_delay() -> None:
    """Once decided the card has no buttons and says who, when and after how long."""
    record = approval(
        state=ApprovalState.APPROVED,
        needed=2,
        grants=(grant("ada"), grant("grace", at_ms=ASKED + 125_000)),
        decided_ms=ASKED + 125_000,
    )
    card = shown(record)
    assert buttons(card) == []
    assert "Approved by Ada Lovelace and Grace Hopper on 25 Nov 2026 at" in body(card)
    assert "2 min 5 s after it was asked" in body(card)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({}, "about to be carried out"),
        ({"claimed": True}, "being carried out"),
        ({"outcome": "succeeded", "outcome_text": "T-18421 is closed."}, "Done. T-18421 is closed."),
        ({"outcome": "refused"}, "The target refused it"),
        ({"outcome": "failed"}, "It failed"),
        ({"outcome": "unknown"}, "Nobody knows whether it happened"),
    ],
)
def test_the_outcome_is_on_the_card(more: dict[str, Any], sentence: str) -> None:
    """After an approval the card says what came of it, unknown included."""
    record = approval(state=ApprovalState.APPROVED, decided_ms=ASKED, grants=(grant("ada"),), **more)
    assert sentence in body(shown(record))


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_outcome_has_its_sentence(outcome: Outcome) -> None:
    """No outcome leaves a card without words."""
    shown(approval(state=ApprovalState.APPROVED, decided_ms=ASKED, outcome=outcome))


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        (ApprovalState.DENIED, "Denied by Ada Lovelace"),
        (ApprovalState.EXPIRED, "not approved in time"),
        (ApprovalState.CANCELLED, "The run ended before"),
    ],
)
def test_every_end_without_a_write_says_so(state: ApprovalState, sentence: str) -> None:
    """Denied, expired and cancelled cards say that nothing is written, a denial with its reason."""
    record = approval(
        state=state,
        decided_ms=ASKED + 60_000,
        grants=(grant("ada", "deny"),),
        denial="wrong\nticket" if state is ApprovalState.DENIED else "",
    )
    text = body(shown(record))
    assert sentence in text
    assert "nothing is written" in text
    assert ("│ wrong\n│ ticket" in text) == (state is ApprovalState.DENIED)


def test_a_card_that_the_target_overtook_says_so() -> None:
    """An approval that was taken back because the target changed names that, and has no button."""
    card = shown(approval(state=ApprovalState.CANCELLED, denial="T-18421 changed after it was shown"))
    assert "T-18421 changed after it was shown; nothing is written on this card." in body(card)
    assert not buttons(card)


def _question(**keys: Any) -> ApprovalRecord:
    known = "Sent once, at 10:02:11 UTC on 25 Nov 2026; no answer that settles it came within 20 s."
    return approval(kind=ApprovalKind.RECONCILE, question=known, **keys)


def test_an_unknown_write_is_asked_about_with_what_is_known() -> None:
    """The card says when it was sent and what waits meanwhile, and takes three answers, confirmed."""
    card = shown(_question())
    assert "Sent once, at 10:02:11 UTC" in body(card)
    assert "Nothing repeats it" in body(card)
    assert [button["action_id"] for button in buttons(card)] == [DID, DID_NOT, STOP]
    assert all("confirm" in button for button in buttons(card)[:2])


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [("it_did", "says that it happened"), ("it_did_not", "says that it did not happen")],
)
def test_a_settled_question_says_who_said_what(answer: str, sentence: str) -> None:
    """Answered, the card names the person and the answer, and loses its buttons."""
    card = shown(_question(state=ApprovalState.SETTLED, decided_ms=ASKED, grants=(grant("ada", answer),)))
    assert f"Ada Lovelace looked and {sentence}" in body(card)
    assert not buttons(card)


def test_a_stopped_runs_question_can_still_be_answered() -> None:
    """Stopping ends the run and not the question."""
    card = shown(_question(grants=(grant("ada", "stop"),)))
    assert [button["action_id"] for button in buttons(card)] == [DID, DID_NOT]


def test_outside_lines_cannot_pass_for_ours() -> None:
    """A value with line breaks that imitates the card stays behind its bar."""
    forged = Change(field="reason", before="", after="ok\nCan it be undone? Yes, at once.")
    frozen = replace(FROZEN, preview=replace(PREVIEW, changes=(forged,)), words="fine\nApproved by Ada")
    lines = body(shown(approval(frozen))).split("\n")
    assert [line for line in lines if line.startswith("Can it be undone?")] == [
        "Can it be undone? Reopen T-18421."
    ]
    assert not [line for line in lines if line.startswith("Approved by")]


@pytest.mark.parametrize(
    ("before", "after"), [("a → b", "c"), ("שלום", "עולם"), ("one\ntwo", "c")], ids=["arrow", "rtl", "lines"]
)
def test_before_and_after_cannot_be_confused(before: str, after: str) -> None:
    """Values that could turn the arrow round, or hold one, stand under each other instead."""
    changes = (Change(field="status", before=before, after=after),)
    text = body(shown(approval(replace(FROZEN, preview=replace(PREVIEW, changes=changes)))))
    assert f"status, then:\n│ {after}" in text


@pytest.mark.parametrize(
    "char", ["\u202e", "\u200b", "\u2066", "\ufeff", "\x00", "\x1b", "\u2028", "\u3164", "\ufe0f"]
)
def test_what_does_not_show_is_spelled_out(char: str) -> None:
    """Controls, direction marks and blanks appear as their code point."""
    frozen = replace(FROZEN, preview=replace(PREVIEW, target=f"T-1{char}8421"))
    assert f"T-1⟨U+{ord(char):04X}⟩8421" in body(shown(approval(frozen)))


def test_padding_and_stacked_marks_are_spelled_out() -> None:
    """Blanks that push text out of sight and marks that cover other lines do neither."""
    frozen = replace(FROZEN, preview=replace(PREVIEW, target="T" + " " * 60 + "1" + "\u0301" * 5))
    assert "T⟨60 spaces⟩1" in body(shown(approval(frozen)))
    assert "\u0301" * 3 + "⟨U+0301⟩⟨U+0301⟩" in body(shown(approval(frozen)))


PIECES = st.sampled_from(
    [
        *(
            "<@U0ADA>",
            "<!channel>",
            "<http://evil.example|Approve>",
            "*bold*",
            "`code`",
            ":white_check_mark:",
            "&lt;",
        ),
        *("\u202e", "\u200b", "\u2066", "\x00", "\n", "\r\n", "\t", "→", "│ ", "\U0001f600", "\u0301", "א"),
    ]
)
HOSTILE = st.lists(PIECES | st.text(max_size=20), max_size=8).map("".join) | st.builds(
    lambda text, times: (text * times)[:100_000], PIECES, st.sampled_from([100, 3_000, 3_000, 100_000])
)
CHANGES = st.lists(st.builds(Change, field=HOSTILE, before=HOSTILE, after=HOSTILE), max_size=3).map(
    tuple
) | st.just(tuple(Change(field="f" * 50, before="b" * 60, after="a" * 60) for _ in range(200)))


STATES: dict[ApprovalKind, list[ApprovalState]] = {
    ApprovalKind.ACTION: [state for state in ApprovalState if state is not ApprovalState.SETTLED],
    ApprovalKind.RECONCILE: [ApprovalState.WAITING, ApprovalState.SETTLED],
}


@st.composite
def hostile_approvals(draw: st.DrawFn) -> ApprovalRecord:
    text = HOSTILE
    preview = Preview(target=draw(text), changes=draw(CHANGES), stakes=draw(text), undo=draw(text))
    named: dict[str, Any] = {
        name: draw(text) for name in ("tenant", "env", "route", "tool", "address", "caller", "words")
    }
    frozen = replace(FROZEN, preview=preview, on_behalf_of=draw(text), arguments={"a": draw(text)}, **named)
    sealed = "sha256:" + "4" * 64
    kind = draw(st.sampled_from(sorted(STATES)))
    return replace(
        approval(),
        kind=kind,
        question=draw(text),
        action=asdict(frozen),
        action_digest=sealed,
        state=draw(st.sampled_from(STATES[kind])),
        grants=(
            replace(grant("ada"), approver=draw(text), action_digest=sealed),
            replace(grant("ada", draw(st.sampled_from(sorted(ANSWERS[kind])))), action_digest=sealed),
        ),
        denial=draw(text),
        group=draw(text),
        needed=draw(st.integers(1, 3)),
        outcome=draw(st.none() | st.sampled_from(list(Outcome))),
        outcome_text=draw(text),
        decided_ms=draw(st.none() | st.just(ASKED + 1)),
    )


@settings(max_examples=40, deadline=None)
@given(record=hostile_approvals(), name=HOSTILE, url=st.none() | HOSTILE)
def test_no_outside_text_breaks_a_card(record: ApprovalRecord, name: str, url: str | None) -> None:
    """Whatever every field holds, the card is plain text, within limits, and shows what it hides."""
    lawful(render(record, people={"principal:ada": name}, now_ms=ASKED, page_url=url))


@settings(max_examples=30, deadline=None)
@given(text=HOSTILE)
def test_buttons_stand_only_under_a_whole_action(text: str) -> None:
    """Whatever the target is called: either all of it is on the card, or there is no button."""
    frozen = replace(FROZEN, preview=replace(PREVIEW, target="T", changes=()), arguments={"a": text})
    card = shown(approval(frozen))
    assert bool(buttons(card)) != ("[cut:" in body(card))


def test_a_card_says_whose_undo_it_is() -> None:
    """Tool, target and run of what it undoes, out of the sealed record; its words are of who asked for it."""
    original = Original(run_id="run_0", action_id="run_0.1.0", tool="ticket.close", target="T-1 *now*")
    card = json.dumps(shown(approval(replace(FROZEN, undoes=original))).blocks)
    assert "This undoes ticket.close T-1 *now*, which run run_0 did." in card
    assert "in the words of who asked for the undo" in card
    assert "This undoes" not in json.dumps(shown(approval()).blocks)


@pytest.mark.parametrize(("times", "said"), [(1, "once before"), (2, "2 times before")])
def test_a_card_says_that_it_repeats(times: int, said: str) -> None:
    """Whoever approves the third of three equal payments is told that there were two."""
    assert f"This repeats: the run did exactly this {said}." in body(
        shown(approval(replace(FROZEN, repeats=times)))
    )
    assert "This repeats" not in body(shown(approval()))


@pytest.mark.parametrize("length", [200, 5_000])
def test_a_card_of_an_undo_is_lawful_whatever_it_undoes(length: int) -> None:
    """Names of any length leave it within Slack's limits."""
    long = "&" * length
    shown(approval(replace(FROZEN, undoes=Original(run_id=long, action_id="a", tool=long, target=long))))
