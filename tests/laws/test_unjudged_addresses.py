"""Laws of the warning for reads that take an address which no rule looks at."""

from dataclasses import replace
from typing import Any

import pytest

from contracts.tool import Catalogue, Effect
from policies.egress_checks import unjudged
from policies.route import Route
from tests.laws.policy_desk import TEXT, tool

PAGE = tool("page.read", Effect.READ, url=TEXT)


def _route(**keys: Any) -> Route:
    known = {
        "name": "research",
        "model": {"name": "rules"},
        "allow_tools": ["page.read"],
        "budgets": {"steps": 5, "seconds": 60, "usd": "1.00", "denials": 3},
    }
    return Route.read({**known, **keys})


@pytest.mark.parametrize("rule", [True, {}])
def test_a_rule_that_says_nothing_judges_nothing(rule: Any) -> None:
    """``url: true`` is no rule on the address."""
    route = _route(when={"page.read": {"properties": {"url": rule}}})
    assert len(list(unjudged(route, Catalogue(tools={"page.read": PAGE})))) == 1


@pytest.mark.parametrize(
    "properties",
    [
        {"url": TEXT},
        {"Link": TEXT},
        {"where": {"type": "string", "format": "uri"}},
        {"q": TEXT, "host": TEXT},
    ],
)
def test_an_address_that_nothing_judges_is_told(properties: dict[str, Any]) -> None:
    """A read with an argument that looks like an address is named, with what to write."""
    catalogue = Catalogue(tools={"page.read": tool("page.read", Effect.READ, **properties)})
    ((place, text, hint),) = unjudged(_route(), catalogue)
    assert place == ("allow_tools", 0)
    assert "`page.read` takes an address" in text
    assert "reaches:" in hint


def test_what_a_rule_judges_is_not_told() -> None:
    """The tool file's word, the route's own rule on the argument, and a person's approval each judge it."""
    ruled = _route(when={"page.read": {"properties": {"url": {"enum": ["https://a.example/"]}}}})
    assert list(unjudged(ruled, Catalogue(tools={"page.read": PAGE}))) == []
    for spec in (
        replace(PAGE, reaches="/url"),
        replace(PAGE, effect=Effect.WRITE),
        tool("page.read", Effect.READ, id=TEXT),
    ):
        assert list(unjudged(_route(), Catalogue(tools={"page.read": spec}))) == []


@pytest.mark.parametrize("said", [None, 3, "url", ["url"]])
def test_a_rule_that_is_no_schema_judges_nothing(said: Any) -> None:
    """It is refused elsewhere; here it neither passes for a rule on the address nor breaks the loader."""
    ruled = _route(when={"page.read": {"properties": said}})
    assert [place for place, _, _ in unjudged(ruled, Catalogue(tools={"page.read": PAGE}))] == [
        ("allow_tools", 0)
    ]
