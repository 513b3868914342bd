"""What is personal data in text, and what only looks like it."""

import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.digest import digest
from embedded.helpdesk.seed import world
from policies.personal import card, personal

ALL = ("email", "phone", "card", "iban")

#: Kind, and the value as it stands in a text.
VALUES = [
    ("email", "marta.keller@example.com"),
    ("email", "o'brien+tickets@mail.example.co.uk"),
    ("email", "jörg_müller@büro.example"),
    ("email", "用户@例子.广告"),
    ("phone", "+1 202 555 0143"),
    ("phone", "+49 (0)30 555 0187"),
    ("phone", "+12025550143"),
    ("phone", "0049 30 555 0187"),
    ("phone", "(202) 555-0143"),
    ("phone", "202-555-0119"),
    ("phone", "202.555.0119"),
    ("phone", "030/5550187"),
    ("phone", "01 42 68 53 00"),
    ("card", "4111 1111 1111 1111"),
    ("card", "5555-5555-5555-4444"),
    ("card", "378282246310005"),
    ("card", "3782 822463 10005"),
    ("card", "6011000990139424"),
    ("card", "6304 0000 0000 0000 117"),
    ("iban", "DE89 3704 0044 0532 0130 00"),
    ("iban", "GB82WEST12345698765432"),
    ("iban", "fr14 2004 1010 0505 0001 3m02 606"),
]

#: None of it is personal data.
INNOCENT = [
    "T-18421, O-10231, C-1001 and KB-1042",
    "order 1234-5678-90, invoice no. 2026 000 123",
    "2026-09-14T09:00:00.000Z",
    "2026-09-14 09:00, 14.09.2026, 9/14/2026",
    "between 2019-2023, in 2024 2025",
    "EUR 1,234,567.00 and 12 345 678 EUR and $ 555 1234",
    "1.234.567 visitors, 49.00, 98.7654321",
    "192.168.100.100:9100 and 10.15.7.1",
    "550e8400-e29b-41d4-a716-446655440000",
    "12345678-1234-4234-8234-123456789012",
    "4111111111111112",
    "1758000000000",
    "DE88370400440532013000",
    "req_9f2c01ab77e3:ticket.close:T-18421#2",
    "mail me @ noon, user@localhost, ratio 3@4.50",
    "1920x1080, 24/7, 08/29, 10 20 30 40 50",
    "version 10.15.7.20260914",
]


def _found(text: str) -> list[tuple[str, str]]:
    return [(one.kind, text[one.start : one.end]) for one in personal(text, ALL)]


@pytest.mark.parametrize(("kind", "value"), VALUES)
@pytest.mark.parametrize(
    "around", ["{}", "at {}, please", "({})", "a\n{}\nb", '"{}"', r"\n{}\n", "<{}>", "x: {}."]
)
def test_a_value_is_found_whole(kind: str, value: str, around: str) -> None:
    """Whatever stands around it, the whole value is found, and nothing but it."""
    assert _found(around.format(value)) == [(kind, value)]


@pytest.mark.parametrize("text", INNOCENT)
def test_what_only_looks_personal_is_none(text: str) -> None:
    """Ids, dates, amounts, addresses of machines and numbers without their check digit are not masked."""
    assert _found(text) == []


@pytest.mark.parametrize("text", ["call me at 2025550143", "Tel. 5550187", "mobile number: 015155501871"])
def test_a_bare_number_is_a_phone_where_the_text_says_so(text: str) -> None:
    """Digits without separators count behind a word for a phone."""
    assert [kind for kind, _ in _found(text)] == ["phone"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("A@x.org", "a@X.ORG"),
        ("4111 1111 1111 1111", "4111-1111-1111-1111"),
        ("DE89 3704 0044 0532 0130 00", "de89370400440532013000"),
        ("+49 (0)30 555 0187", "0049 30 5550187"),
    ],
)
def test_two_spellings_are_one_value(one: str, other: str) -> None:
    """Case and separators make no other person."""
    assert len({found.key for found in personal(f"{one}; {other}", ALL)}) == 1


@given(st.integers(0, 10**18))
def test_a_card_is_what_passes_luhn(number: int) -> None:
    """Of each ten numbers that end differently exactly one is a card's."""
    start = f"4{number}"
    cards = [card(f"{start}{last}") for last in range(10)]
    assert sum(cards) == (12 <= len(start) <= 18)


def test_digests_are_not_taken_for_numbers() -> None:
    """Of a thousand digests none holds anything personal."""
    assert _found(" ".join(digest(number) for number in range(1_000))) == []


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)
    elif isinstance(value, str):
        yield value


def test_the_world_of_the_helpdesk_holds_what_it_says() -> None:
    """In all tickets, customers and orders only addresses, numbers, cards and accounts are found."""
    found = {one for text in _texts(asdict(world())) for one in _found(text)}
    assert {kind for kind, _ in found} == set(ALL)
    assert all("@" in value for kind, value in found if kind == "email")
    assert {value for kind, value in found if kind in ("card", "iban")} == {
        *("4111 1111 1111 1111", "5555 5555 5555 4444", "DE89 3704 0044 0532 0130 00")
    }
    assert all("555" in value for kind, value in found if kind == "phone")


_HOSTILE = [
    *(
        "1 ",
        "4 ",
        "4444 ",
        "4111 1111 1111 111 ",
        "@",
        "a@",
        "a.",
        "x@a.",
        "AA11 ",
        "DE89 ",
        "DE89DE89DE89D ",
        "+1",
    ),
    *("+1.", "(", "1-", "call 1234567,", "a", "1", "\\", "\\n", "00 ", "14.09.2026 ", ".+%'-"),
]


def test_a_million_hostile_characters_take_time_by_their_length() -> None:
    """No pattern goes back: each piece, 45,000 characters of it, is through in a moment."""
    text = "\n".join(piece * (45_000 // len(piece)) for piece in _HOSTILE)
    assert len(text) > 1_000_000
    began = time.process_time()
    personal(text, ALL)
    assert time.process_time() - began < 10
