"""What speaks of break-glass, and what does not."""

import base64
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.attempts import Found
from contracts.break_glass import new_session_id
from contracts.digest import Json
from contracts.tokens import Purpose
from policies.attempts import found, found_in, is_name

SESSION = "bg_0123456789abcdef"
OURS = [purpose for purpose in Purpose if not purpose.of_agents]
PROSE = [
    "We had to break glass last night.",
    "Break-glass was used by Ada, see the report",
    "the break_glass group",
    "bg_0123",
    "bg_0123456789abcdef0",
    "xbg_0123456789abcdef",
    "breakage",
    "glass.break",
    "",
]
NAMES = [
    *("break-glass", "break_glass", "breakglass", "Break-Glass", " break-glass ", "BREAK_GLASS"),
    *("break-glass.open", "break-glass:acme", "break-glass/x", "break-glass#2", "break-glass-login"),
    *(
        "route:break-glass",
        "tool:break_glass",
        "principal:breakglass",
        "interlock:break-glass",
        "/break-glass",
    ),
    *("interlock-break-glass+jwt", "op:break-glass"),
]


def token(header: Json, claims: Json = None) -> str:
    return f"{_part(header)}.{_part(claims or {})}.c2ln"


def _part(value: Json) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


BREAK_GLASS = token({"typ": Purpose.BREAK_GLASS.typ, "alg": "EdDSA"}, {"jti": "0123456789"})
VALUES = {Found.TOKEN: BREAK_GLASS, Found.SESSION: SESSION, Found.NAME: "break-glass"}
leaves = st.none() | st.booleans() | st.integers() | st.sampled_from(PROSE)
trees = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("text", PROSE)
def test_prose_is_no_attempt(text: str) -> None:
    """People write about it: only what could name or open something counts."""
    assert found(text) is None


@pytest.mark.parametrize("name", NAMES)
def test_a_name_as_a_whole_leaf_or_as_a_key_is_an_attempt(name: str) -> None:
    """However it is spelled, and whatever follows its separator."""
    assert found(name) is Found.NAME
    assert found({name: 1}) is Found.NAME
    assert is_name(name)


@pytest.mark.parametrize(
    "key", ["break_glass_token", "breakGlassReason", "interlock_break_glass", "breakglass2"]
)
def test_a_key_that_begins_with_the_name_is_an_attempt(key: str) -> None:
    """A field is a word that we would choose: no field of ours begins so."""
    assert found({"claims": [{key: None}]}) is Found.NAME


@pytest.mark.parametrize("purpose", OURS)
@pytest.mark.parametrize("around", ["{}", "Bearer {}", "see {}, please", '{{"a": ["{}"]}}', "token={}&x=1"])
def test_a_token_is_found_anywhere_in_a_text(purpose: Purpose, around: str) -> None:
    """Its unverified header says what it is."""
    for typ in (purpose.typ, purpose.typ.upper(), f"application/{purpose.typ}"):
        assert found(around.format(token({"typ": typ}))) is Found.TOKEN


def test_a_token_is_read_as_leniently_as_verifiers_read() -> None:
    """What is no letter of base64 is skipped by them, so it hides nothing from us."""
    assert found(BREAK_GLASS[:6] + "\n!" + BREAK_GLASS[6:]) is Found.TOKEN


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": Purpose.BREAK_GLASS.audience},
        {"run_id": SESSION},
        {"tools": ["break-glass"]},
        {"break_glass": True},
        {"opening": {"session_id": SESSION}},
        {"inner": BREAK_GLASS},
    ],
)
def test_another_purposes_token_whose_claims_speak_of_it_is_one(claims: dict[str, Any]) -> None:
    """Whoever holds an agents' key can write such claims into their own tokens."""
    assert found(token({"typ": Purpose.CAPABILITY.typ}, claims)) is Found.TOKEN


@pytest.mark.parametrize("purpose", [purpose for purpose in Purpose if purpose.of_agents])
def test_tokens_of_the_agents_are_none(purpose: Purpose) -> None:
    """They are judged by their verifiers."""
    assert found(token({"typ": purpose.typ}, {"sub": "svc:demo", "routes": ["*"]})) is None


@given(trees, st.sampled_from(list(Found)), st.lists(st.sampled_from(["list", "object", "json"]), max_size=6))
def test_it_is_found_at_any_place(tree: Json, what: Found, path: list[str]) -> None:
    """Lists, objects and JSON within text hide nothing; what is around it is nothing."""
    assert found(tree) is None
    value: Json = VALUES[what]
    for step in path:
        value = {"list": [tree, value], "object": {"a": value, "b": tree}, "json": json.dumps([value])}[step]
    assert found(value) is what
    assert found_in(json.dumps(value).encode()) is what


@given(st.permutations(list(Found)))
def test_the_gravest_is_said(order: list[Found]) -> None:
    """A token counts for more than an id, and an id for more than a name."""
    assert found([VALUES[what] for what in order]) is Found.TOKEN
    assert found([VALUES[what] for what in order if what is not Found.TOKEN]) is Found.SESSION


def test_every_session_of_ours_is_known_by_its_id() -> None:
    """The ids that are made are those that are looked for."""
    assert all(found(f"see {new_session_id()}.") is Found.SESSION for _ in range(100))


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda data: data.decode("latin-1")))
def test_whatever_it_is_it_is_judged(text: str) -> None:
    """Nothing that is sent raises."""
    assert found([text, {text: text}]) in (None, *Found)


@pytest.mark.parametrize(
    "hostile",
    [
        "A" * 262_144,
        "A" * 262_143 + ".",
        "a." * 131_072,
        ("A" * 16 + ".") * 15_000,
        "bg_" * 87_000,
        "break-" * 43_000,
        "[" * 262_144,
        ("eyJ" + "A" * 20 + ".") * 10_000,
        " " * 262_144,
    ],
    ids=range(9),
)
def test_the_work_goes_by_the_length_alone(hostile: str) -> None:
    """A body at the limit takes no longer than a blink, whatever it is made of."""
    began = time.process_time()
    found({"x": hostile, hostile: 1})
    assert time.process_time() - began < 1.0


@pytest.mark.parametrize("around", ["{}", '{{"a": "{}"}}', '["{}"]'])
@pytest.mark.parametrize(("innermost", "what"), [("nothing", None), (SESSION, Found.TOKEN)])
def test_tokens_within_tokens_cost_their_length_alone(
    around: str, innermost: str, what: Found | None
) -> None:
    """A few kilobytes of nested tokens are read to their end within a blink, from anybody."""
    nested = innermost
    for _ in range(20):
        nested = token({"typ": "JWT"}, {"a": around.format(nested)})
    began = time.process_time()
    assert found(nested) is what
    assert time.process_time() - began < 1.0


@pytest.mark.parametrize("what", list(Found))
def test_bytes_hide_nothing(what: Found) -> None:
    """Temporal hands over a binary payload as bytes."""
    assert found([VALUES[what].encode()]) is what


def test_depth_is_no_matter() -> None:
    """A value of 100,000 levels is walked as a flat one is."""
    value: Json = SESSION
    for _ in range(100_000):
        value = [value]
    assert found(value) is Found.SESSION
    while isinstance(value, list):
        value = value[0]
