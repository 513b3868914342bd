"""The tools of orders: narrow amounts, and a preview that shows whose money goes where, or none at all."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.action import Prepared, Preview
from contracts.digest import Json
from contracts.run import Outcome
from contracts.toolbox import Answer
from tests.laws.only_gets import Desk
from tests.laws.shipped_tools import LOADED, accepts
from tools.operation import ReadOperation, WriteOperation
from tools.reply import Reply, Stopped

ORDER: dict[str, Any] = {
    "id": "O-1",
    "customer_id": "C-1",
    "customer": "Maria Silva",
    "seller": "Acme Workspace",
    "items": [{"name": "Extra storage", "quantity": 1, "unit_cents": 4900}],
    "currency": "EUR",
    "amount_cents": 123_450,
    "refunded_cents": 0,
    "refunds": [],
    "paid_at": "2026-07-06T08:15:00.000Z",
    "paid_with": "card ending 4242",
    "version": 3,
}
REFUND: dict[str, Any] = {
    "order_id": "O-1",
    "amount_cents": 4900,
    "currency": "EUR",
    "reason": "Bought by mistake.",
}

_TOLD = ("id", "currency", "amount_cents", "refunded_cents", "version")


def _refund() -> WriteOperation[Any]:
    operation = LOADED.operations["refund.create"]
    assert isinstance(operation, WriteOperation)
    return operation


def _prepared(changes: dict[str, Any], etag: str = '"3"', **order: Any) -> Prepared | Answer:
    operation = _refund()
    return asyncio.run(operation.prepare(Desk(ORDER | order, etag), operation.parse(REFUND | changes)))


def _preview(changes: dict[str, Any], **order: Any) -> Preview:
    prepared = _prepared(changes, **order)
    assert isinstance(prepared, Prepared), prepared
    assert (prepared.version, prepared.undo_arguments) == ('"3"', None)
    return prepared.preview


@pytest.mark.parametrize("tool", ["orders.get", "refund.create"])
@pytest.mark.parametrize(
    "extra",
    ["to", "account", "iban", "customer_id", "tenant", "env", "force", "idempotency_key", "refunded_cents"],
)
def test_nobody_says_whom_or_where_a_refund_goes(tool: str, extra: str) -> None:
    """Whoever paid is paid back: no argument names another person, account or tenant."""
    sound = REFUND if tool == "refund.create" else {"order_id": "O-1"}
    assert accepts(tool, sound)
    assert not accepts(tool, sound | {extra: "x"})


@pytest.mark.parametrize("tool", ["orders.get", "refund.create"])
@pytest.mark.parametrize(
    "order_id", ["", "O-", "O-1\n", "o-1", "O-1/refunds", "O-1 O-2", "T-1", 1, None, ["O-1"], "O-\uff11"]
)
def test_an_order_is_named_by_one_id(tool: str, order_id: Json) -> None:
    """No list, no pattern, no path, no other digits: one order."""
    assert not accepts(tool, (REFUND if tool == "refund.create" else {}) | {"order_id": order_id})


@pytest.mark.parametrize(
    ("changes", "accepted"),
    [
        ({"amount_cents": 1}, True),
        ({"amount_cents": 1_000_000}, True),
        ({"amount_cents": 1_000_001}, False),
        ({"amount_cents": 0}, False),
        ({"amount_cents": -4900}, False),
        ({"amount_cents": 49.5}, False),
        ({"amount_cents": "4900"}, False),
        ({"amount_cents": True}, False),
        ({"amount_cents": None}, False),
        ({"currency": "USD"}, True),
        ({"currency": "eur"}, False),
        ({"currency": "JPY"}, False),
        ({"reason": ""}, False),
        ({"reason": "a\nb"}, False),
        ({"reason": "a\u202eb"}, False),
        ({"reason": "a\u200bb"}, False),
        ({"reason": "x" * 501}, False),
    ],
)
def test_a_refund_is_a_whole_number_of_cents_in_a_known_currency(
    changes: dict[str, Json], accepted: bool
) -> None:
    """From one cent up to a bound, with a reason of one visible line."""
    assert accepts("refund.create", REFUND | changes) is accepted


@pytest.mark.parametrize("name", list(REFUND))
def test_nothing_of_a_refund_is_left_to_a_default(name: str) -> None:
    """Order, amount, currency and reason are all said, each time."""
    assert not accepts("refund.create", {key: value for key, value in REFUND.items() if key != name})


def test_a_preview_shows_whose_money_goes_where_and_that_nothing_takes_it_back() -> None:
    """The order as people name it, before and after, who pays whom, the amount large, and no undo."""
    preview = _preview({}, refunded_cents=10_000)
    assert preview.target == "order O-1 of Maria Silva"
    assert [(change.field, change.before, change.after) for change in preview.changes] == [
        ("refunded", "EUR 100.00", "EUR 149.00"),
        ("still refundable", "EUR 1,134.50", "EUR 1,085.50"),
        ("reason", "", "Bought by mistake."),
    ]
    assert preview.stakes == (
        "Acme Workspace pays EUR 49.00 back to 1 customer (Maria Silva) by card ending 4242, of the"
        " EUR 1,234.50 paid on 2026-07-06; money that was paid out cannot be taken back."
    )
    assert preview.figures == ("EUR 49.00", "1 customer")
    assert preview.undo == ""
    assert _refund().undone_by == ""


@given(st.integers(1, 1_000_000), st.integers(0, 1_000_000), st.integers(0, 1_000_000))
def test_people_are_asked_for_what_the_order_has_left_and_no_cent_more(
    amount: int, paid: int, refunded: int
) -> None:
    """Within what is left, before and after add up to the payment; beyond it nobody is asked."""
    refunded = min(paid, refunded)
    prepared = _prepared({"amount_cents": amount}, amount_cents=paid, refunded_cents=refunded)
    if amount > paid - refunded:
        assert isinstance(prepared, Answer)
        assert prepared.outcome is Outcome.REFUSED
        return
    assert isinstance(prepared, Prepared)
    after, left = (_cents(change.after) for change in prepared.preview.changes[:2])
    assert after + left == paid
    assert after == refunded + amount == refunded + _cents(prepared.preview.figures[0])


def _cents(money: str) -> int:
    return int("".join(filter(str.isdigit, money)))


@pytest.mark.parametrize(
    ("changes", "order", "said"),
    [
        ({"currency": "USD"}, {}, "O-1 was paid in EUR, not in USD"),
        ({}, {"refunded_cents": 123_450}, "O-1 is refunded in full already"),
        ({}, {"refunded_cents": 123_449}, "EUR 0.01 of O-1 can still be refunded, not EUR 49.00"),
    ],
)
def test_what_the_helpdesk_would_refuse_is_an_answer_and_no_question(
    changes: dict[str, Any], order: dict[str, Any], said: str
) -> None:
    """The model is told why, so that it can propose something better; nobody is bothered."""
    answer = _prepared(changes, **order)
    assert isinstance(answer, Answer)
    assert (answer.outcome, answer.text) == (Outcome.REFUSED, said)


@pytest.mark.parametrize(
    "order",
    [
        {"id": "O-2"},
        {"amount_cents": "123450"},
        {"amount_cents": 1234.5},
        {"amount_cents": True},
        {"amount_cents": -1},
        {"refunded_cents": -1},
        {"refunded_cents": 123_451},
        {"currency": "JPY"},
        {"currency": None},
        {"customer": None},
        {"paid_at": "\u202e2026"},
    ],
)
def test_an_order_that_cannot_be_read_exactly_is_not_shown(order: dict[str, Any]) -> None:
    """Another order, amounts that are no whole cents or do not add up: neither proposed nor read."""
    read = LOADED.operations["orders.get"]
    assert isinstance(read, ReadOperation)
    with pytest.raises(Stopped) as stopped:
        _prepared({}, **order)
    assert stopped.value.answer.outcome is Outcome.FAILED
    with pytest.raises(Stopped):
        asyncio.run(read.read(Desk(ORDER | order), read.parse({"order_id": "O-1"})))


def test_an_order_without_a_version_is_not_refunded() -> None:
    """A refund is bound to what its approvers saw."""
    with pytest.raises(Stopped, match="named no version"):
        _prepared({}, etag="")


@given(st.text(max_size=200))
def test_no_name_from_outside_breaks_a_preview(text: str) -> None:
    """Customer, seller and means of payment come as one visible line each, cut."""
    preview = _preview({}, customer=text, seller=text, paid_with=text)
    for shown in (preview.target, preview.stakes):
        assert not set(shown) & set("\n\r\t\0\u200b\u202e\u2028\ufeff")
        assert len(shown) < 500


def test_the_model_reads_what_is_refundable() -> None:
    """The order with the difference done for it; its refunds' details stay at the helpdesk."""
    read, desk = LOADED.operations["orders.get"], Desk(ORDER | {"refunded_cents": 450})
    assert isinstance(read, ReadOperation)
    found = asyncio.run(read.read(desk, read.parse({"order_id": "O-1"})))["order"]
    assert desk.asked == [("/orders/{order_id}", {"order_id": "O-1"})]
    assert (found["amount_cents"], found["refunded_cents"], found["refundable_cents"]) == (
        123_450,
        450,
        123_000,
    )
    assert "refunds" not in found


def test_a_refund_sends_what_was_shown_and_nothing_else() -> None:
    """Amount, currency and reason go in the body, the order in the path."""
    operation = _refund()
    request = operation.request(operation.parse(REFUND))
    assert (request.method, request.path, request.parts) == (
        "POST",
        "/orders/{order_id}/refunds",
        {"order_id": "O-1"},
    )
    assert request.body == {"amount_cents": 4900, "currency": "EUR", "reason": "Bought by mistake."}


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (ORDER, {"order": {name: ORDER[name] for name in _TOLD}}),
        ({"id": 7, "customer": "x"}, {"order": {"id": 7}}),
        ({}, {}),
        ([], []),
        (None, "[a binary answer]"),
    ],
)
def test_a_paid_refund_is_told_whatever_the_reply_holds(document: Json, told: Json) -> None:
    """No answer of the helpdesk turns a done refund into a failure."""
    assert _refund().result(Reply(status=200, etag="", document=document, note="[a binary answer]")) == told
