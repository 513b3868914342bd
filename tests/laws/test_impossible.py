"""Laws of what is shown of rules: what is said never to match, never does; and so with limits and hosts."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from contracts.errors import Malformed
from policies.arguments import check_schema, fault
from policies.egress_checks import host_fault, path_fault
from policies.impossible import idle, impossible
from policies.limit_checks import idle_limits
from policies.route import Route
from policies.schema_parts import kinds
from policies.web_address import read_host
from tests.laws.mistakes import HOURLY
from tests.laws.policy_desk import ROUTE, ROUTE_FILE, Put, sound

small = st.integers(-2, 4)
lengths = st.integers(0, 4)
TYPES = ("string", "integer", "number", "boolean", "null", "array", "object")
values = st.recursive(
    st.none() | st.booleans() | small | st.floats(-2, 4) | st.sampled_from(["", "a", "ab", "abcd"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=4,
)
plain = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(TYPES)
        | st.lists(st.sampled_from(TYPES), min_size=1, max_size=3, unique=True),
        "enum": st.lists(values, max_size=2),
        "const": values,
        "minimum": small,
        "maximum": small,
        "exclusiveMinimum": small,
        "exclusiveMaximum": small,
        "minLength": lengths,
        "maxLength": lengths,
        "required": st.lists(st.sampled_from("abc"), max_size=2, unique=True),
        "additionalProperties": st.booleans(),
    },
)
schemas = plain | st.builds(lambda one, other: {**one, "allOf": [other]}, plain, plain)
_TYPED = {"minimum": 0, "maxLength": "", "maxItems": [], "maxProperties": {}}


@given(schema=schemas, other=values, data=st.data())
def test_what_never_matches_never_matches(schema: Any, other: Any, data: st.DataObject) -> None:
    """Where a contradiction is shown, no value of a kind that it is about is let through."""
    value = data.draw(st.sampled_from([*schema.get("enum", ()), schema.get("const"), other]))
    try:
        check_schema(schema)
    except Malformed:
        assume(False)
    found = [text for _, text in impossible(schema)]
    # Bounds bind what is of their kind alone: of another kind they are no contradiction.
    bound = [text for text in found if "leave nothing between" in text]
    shut = [text for text in found if "is required" in text]
    number = type(value) in (int, float)
    if bound:
        word = "Length" if "Length" in bound[0] else ""
        assert not (isinstance(value, str) if word else number) or fault(schema, value) is not None
    if shut and isinstance(value, dict):
        assert fault(schema, value) is not None
    if len(found) > len(bound) + len(shut):
        assert fault(schema, value) is not None


@given(schema=plain, value=values)
def test_idle_keywords_change_nothing(schema: Any, value: Any) -> None:
    """A keyword that is said to rule nothing can go without any value of the tool's types noticing."""
    types = frozenset(
        {"string"} if isinstance(value, str) else {"integer"} if type(value) is int else {"object"}
    )
    if not isinstance(value, str | dict) and type(value) is not int:
        return
    try:
        check_schema(schema)
    except Malformed:
        assume(False)
    idling = {place[0] for place, _ in idle(schema, (), types)}
    rest = {word: said for word, said in schema.items() if word not in idling}
    assert (fault(schema, value) is None) == (fault(rest, value) is None)


def test_kinds_meet() -> None:
    """Types that hold together are what all of them let through, and a number may be an integer."""
    assert kinds({"type": "number", "allOf": [{"type": "integer"}]}) == frozenset(["integer"])
    assert kinds({"type": ["string", "null"], "allOf": [{"type": "string"}]}) == frozenset(["string"])
    assert kinds({"type": "string", "allOf": [{"type": "object"}]}) == frozenset()
    assert kinds({"minimum": 3}) is None


limits = st.builds(
    lambda per, window, calls: {"tool": "t", "per": per, "window": window, "calls": calls},
    st.sampled_from(["run", "route", "tenant"]),
    st.sampled_from(["1h", "2h"]),
    st.integers(1, 3),
)
calls = st.lists(
    st.tuples(st.integers(0, 200), st.sampled_from(["r1", "r2"]), st.sampled_from(["a", "b"])), max_size=14
)


@given(rules=st.lists(limits, min_size=1, max_size=4), history=calls)
def test_a_limit_that_is_never_reached_refuses_nothing(rules: list[Any], history: list[Any]) -> None:
    """Played over any calls: whatever such a limit would refuse, another limit refuses as well."""
    route = Route.parse(
        {
            "name": "a",
            "model": {"name": "rules"},
            "allow_tools": ["t"],
            "budgets": {"steps": 1, "seconds": 1, "usd": "1", "denials": 1},
            "limits": rules,
        }
    )
    idling = {place[0] for place, _, _ in idle_limits(route)}
    used: list[tuple[int, str, str]] = []
    for at, run, name in sorted(history):
        refusing = set()
        for place, limit in enumerate(route.limits):
            counted = [
                one
                for one in used
                if one[0] > at - limit.window_ms // 60_000
                and (limit.per == "tenant" or one[2] == name)
                and (limit.per != "run" or one[1:] == (run, name))
            ]
            if len(counted) + 1 > (limit.calls or 0):
                refusing.add(place)
        assert not refusing or refusing - idling
        if not refusing:
            used.append((at, run, name))


WARNED = [
    (f"limits: [{HOURLY}, calls: 0}}]", "is allowed and may never be called"),
    (
        f"limits: [{HOURLY}, calls: 3}}, {HOURLY.replace('run', 'tenant')}, calls: 3}}]",
        "can never be reached: `limits[1]` is reached first",
    ),
    (
        "limits: [{tool: ticket.erase, per: run, window: 1h, calls: 3}]",
        "for `ticket.erase`, which is not allowed",
    ),
    ("when: {ticket.erase: {}}", "for `ticket.erase`, which is not allowed"),
    (
        "when: {ticket.close: {properties: {reason: {enum: [done]}}}}",
        "`reason` of `ticket.close` may be left out",
    ),
    ("require_approval: [kb.search]", "each call of it is denied"),
    ("loop: 1", "stops a run at its first read"),
    ("loop: 26", "never reached within 25 steps"),
    ("stall: 26", "never reached within 25 steps"),
]


@pytest.mark.parametrize(("line", "text"), WARNED, ids=[text for _, text in WARNED])
def test_what_rules_nothing_is_a_warning(tmp_path: Path, write: Put, line: str, text: str) -> None:
    """What does nothing is told with its line, and refuses nothing."""
    write(ROUTE_FILE, f"{ROUTE}{line}\n")
    warnings = sound(tmp_path).warnings
    assert [(one.line, text in one.text) for one in warnings] == [(9, True)]


SUMS = [
    ("refund.create", "cents", ""),
    ("refund.create", "/cents", ""),
    ("pay.send", "amount", ""),
    ("pay.send", "/meta/cents", ""),
    ("refund.loose", "cents", "when: {refund.loose: {properties: {cents: {minimum: 0}}}}\n"),
    ("ticket.close", "ticket_id", "when: {ticket.close: {properties: {ticket_id: {pattern: '^[0-9]+$'}}}}\n"),
    (
        "refund.loose",
        "note",
        "when: {refund.loose: {required: [note], allOf: [{properties: {note: {pattern: '^[0-9]+$'}}}]}}\n",
    ),
]


@pytest.mark.parametrize(("tool", "argument", "rule"), SUMS)
def test_what_can_be_summed_is_taken(tmp_path: Path, write: Put, tool: str, argument: str, rule: str) -> None:
    """Whole numbers from 0 up, and text that a pattern bounds, by the tool or by the route."""
    limit = f'{{tool: {tool}, per: run, window: 1h, sum: {{argument: {argument}, max: "500.50"}}}}'
    write(ROUTE_FILE, f"{ROUTE}limits: [{limit}]\n{rule}")
    assert len(sound(tmp_path).routes["support/close"].limits) == 1


@pytest.mark.parametrize(
    "host",
    [
        "docs.example.com",
        "*.example.com",
        "a.example:8443",
        "xn--bcher-kva.example",
        "1.a.example",
        "a-b.example",
    ],
)
def test_a_host_is_a_host(host: str) -> None:
    """Names with a dot, what is below one, and a port."""
    assert host_fault(host) is None


@pytest.mark.parametrize("path", ["/", "/public/", "/faq", "/a/b.html", "/~x/y-z_1"])
def test_a_path_is_a_path(path: str) -> None:
    """Plain paths, with and without what is below them."""
    assert path_fault(path) is None


@given(text=st.text(max_size=30) | st.from_regex(r"(\*\.)?[a-z0-9.-]{1,20}(:[0-9]{1,5})?", fullmatch=True))
def test_no_text_hides_a_host(text: str) -> None:
    """Whatever is taken for a host is lower-case ASCII of letters, digits, dots and dashes, and one port."""
    if host_fault(text) is None:
        # What decides reads it as a host too: a rule that no call can match is no rule.
        read_host(text.removeprefix("*."))
        assert text.isascii()
        assert text == text.lower()
        assert not set(text) - set("abcdefghijklmnopqrstuvwxyz0123456789.-:*")
