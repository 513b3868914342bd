"""Laws of a route as a document."""

from typing import Any

import pytest

from contracts.errors import Malformed
from policies.amounts import milliseconds
from policies.route import Route

DOCUMENT: dict[str, Any] = {
    "name": "support/close",
    "description": "Close tickets.",
    "model": {"name": "local", "price": {"input_usd_per_mtok": 0, "output_usd_per_mtok": "0.5"}},
    "prompt": "Close it.",
    "input": {"type": "object", "required": ["ticket_id"]},
    "allow_tools": ["kb.search", "ticket.close"],
    "deny_tools": ["email.send"],
    "require_approval": ["kb.search"],
    "when": {"ticket.close": {"maxProperties": 5}},
    "limits": [
        {"tool": "ticket.close", "per": "tenant", "window": "1h", "calls": 50},
        {"tool": "refund.create", "per": "run", "window": "1d", "sum": {"argument": "cents", "max": 50_000}},
    ],
    "budgets": {"steps": 25, "seconds": 60, "usd": "1.00", "denials": 3},
    "approval": {"group": "support-leads", "deadline": "30m"},
    "exceptions": [
        {
            "tool": "ticket.close",
            "waive": "approval",
            "reason": "r",
            "owner": "principal:ada",
            "expires": "2027-01-31",
        }
    ],
}


def test_a_route_survives_its_document() -> None:
    """Read of document gives the same route with the same digest."""
    route = Route.read(DOCUMENT)
    again = Route.read(route.document())
    assert again == route
    assert again.digest() == route.digest()


def test_what_is_not_said_has_its_default() -> None:
    """Defaults are the strict ones, and stand in the document."""
    keys = ("name", "model", "allow_tools", "budgets")
    route = Route.read({key: DOCUMENT[key] for key in keys})
    assert (route.loop, route.on_denied, route.on_expired, route.on_exhausted) == (
        3,
        "tell_model",
        "stop",
        "stop",
    )
    assert (route.approval.group, route.approval.deadline_ms) == (None, 4 * 3_600_000)
    assert route.model.max_output_tokens == 800
    assert route.audit_enabled
    assert route.document()["approval"]["deadline"] == "4h"


def test_any_change_changes_the_digest() -> None:
    """Two routes that differ in anything have different digests."""
    digests = {Route.read({**DOCUMENT, key: value}).digest() for key, value in CHANGES.items()}
    assert len({*digests, Route.read(DOCUMENT).digest()}) == len(CHANGES) + 1


CHANGES: dict[str, Any] = {
    "name": "support/other",
    "prompt": "Other.",
    "input": None,
    "allow_tools": ["ticket.close", "kb.search"],
    "deny_tools": [],
    "when": {},
    "limits": [],
    "loop": 4,
    "approval": {"group": "support-leads", "deadline": "never"},
    "on_denied": "stop",
    "exceptions": [],
}


@pytest.mark.parametrize(
    ("text", "expected"), [("90s", 90_000), ("30m", 1_800_000), ("4h", 14_400_000), ("7d", 604_800_000)]
)
def test_durations(text: str, expected: int) -> None:
    """Durations are a whole number and a unit."""
    assert milliseconds(text) == expected


@pytest.mark.parametrize("text", ["0h", "4", "4 h", "-4h", "1.5h", "4H", "", "4h\n", "٤h"])
def test_what_is_no_duration(text: str) -> None:
    """Anything else is refused, zero included."""
    with pytest.raises(ValueError, match="no duration"):
        milliseconds(text)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("budgets", {"steps": 25, "seconds": 60, "usd": 1.0, "denials": 3}),
        ("budgets", {"steps": 25, "seconds": 60, "usd": "1e3", "denials": 3}),
        ("budgets", {"steps": 25, "seconds": 60, "usd": "-1", "denials": 3}),
        ("budgets", {"steps": True, "seconds": 60, "usd": "1", "denials": 3}),
        ("budgets", {"steps": 0, "seconds": 60, "usd": "1", "denials": 3}),
        ("budgets", {"steps": 1, "seconds": 60, "usd": "1", "denials": 3, "tokens": 1}),
        ("budgets", {"steps": 1, "seconds": 60, "usd": "1"}),
        ("model", {"name": "m", "price": {"input_usd_per_mtok": 0.5, "output_usd_per_mtok": 1}}),
        ("model", {"name": "m", "price": {"input_usd_per_mtok": -1, "output_usd_per_mtok": 1}}),
        ("model", {"name": "m", "price": {"input_usd_per_mtok": 1}}),
        ("loop", 0),
        ("loop", "3"),
        ("when", {"ticket.close": {"maximum": 0.5}}),
        ("name", "../etc"),
        ("allow_tools", "kb.search"),
        ("on_denied", "ignore"),
        ("allow_tool", ["kb.search"]),
        ("exceptions", [{**DOCUMENT["exceptions"][0], "owner": "ada"}]),
        ("exceptions", [{**DOCUMENT["exceptions"][0], "waive": "deny"}]),
        ("exceptions", [{**DOCUMENT["exceptions"][0], "reason": ""}]),
        ("exceptions", [{**DOCUMENT["exceptions"][0], "expires": 20270131}]),
    ],
)
def test_what_is_no_route_is_refused(key: str, value: Any) -> None:
    """No float, no coercion, no unknown key: what is not exactly a route is none."""
    with pytest.raises(Malformed):
        Route.read({**DOCUMENT, key: value}).document()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("on_exhausted", "ask"),
    ],
)
def test_what_this_version_does_not_enforce_is_refused(key: str, value: Any) -> None:
    """A pinned document that asks for more than is enforced is refused, not half kept."""
    with pytest.raises(Malformed, match="is not enforced by this version; remove it"):
        Route.read({**DOCUMENT, key: value})


@pytest.mark.parametrize("value", [None, [], "x", 3, {}, {"name": "a"}])
def test_a_document_that_is_none_gets_a_sentence(value: Any) -> None:
    """Anything that is no route raises Malformed and nothing else."""
    with pytest.raises(Malformed, match="this is no route"):
        Route.read(value)
