"""Laws of egress: what no rule permits is refused, whatever is called and however its address is written."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.decision import Call, Decision, Ruling
from contracts.tool import Catalogue, Effect, ToolSpec
from policies.decide import decide
from policies.egress import Passage, passage
from policies.route import Egress, Route
from policies.web_address import WebAddress, read_address

NOW = 1_780_000_000_000
HOSTS = ["docs.example.com", "a.docs.example.com", "example.com", "docs.example.org", "docs.example.com:8443"]


def rule(**keys: Any) -> Egress:
    return Egress.model_validate({"host": "docs.example.com", **keys})


def judged(text: str, *rules: Egress, method: str = "GET") -> Passage | str:
    return passage(rules, method, read_address(text))


rules = st.lists(
    st.builds(
        Egress,
        host=st.sampled_from([*HOSTS, "*.example.com", "*.com", "localhost"]),
        schemes=st.sampled_from([("https",), ("http", "https"), ("none",)]),
        methods=st.sampled_from([("GET",), ("GET", "POST"), ("HEAD",)]),
        paths=st.sampled_from([("/",), ("/public/",), ("/faq", "/public/")]),
        query=st.sampled_from([(), ("q",), ("q", "page")]),
        max_bytes=st.sampled_from([1, 1000, 5_000_000]),
    ),
    max_size=5,
)
addresses = st.builds(
    lambda scheme, host, path, query: read_address(f"{scheme}{host}{path}{query}"),
    st.sampled_from(["https://", "http://", ""]),
    st.sampled_from(HOSTS),
    st.sampled_from(["", "/", "/faq", "/public/", "/public/a", "/private"]),
    st.sampled_from(["", "?q=1", "?q=1&page=2", "?x=1"]),
)
methods = st.sampled_from(["GET", "HEAD", "POST"])


@given(rules=rules, address=addresses, method=methods)
def test_what_passes_is_what_its_rule_says(rules: list[Egress], address: WebAddress, method: str) -> None:
    """Whatever passes has the host, scheme, method, path and query names of the rule that is named."""
    found = passage(rules, method, address)
    if isinstance(found, str):
        assert found
        return
    named = rules[found.at]
    host = named.host.partition(":")[0]
    below = host.startswith("*.")
    assert address.host.endswith(host[1:]) if below else address.host == host
    assert address.scheme in named.schemes
    assert method in named.methods
    assert set(address.names) <= set(named.query)
    assert any(
        address.path == path or (path[-1] == "/" and address.path.startswith(path)) for path in named.paths
    )
    assert found.max_bytes == named.max_bytes


@given(rules=rules, more=rules, address=addresses, method=methods)
def test_a_rule_more_never_refuses_more(
    rules: list[Egress], more: list[Egress], address: WebAddress, method: str
) -> None:
    """Adding rules refuses nothing that passed, nor a byte of it; so removing them permits nothing."""
    before = passage(rules, method, address)
    for after in (passage([*rules, *more], method, address), passage([*more, *rules], method, address)):
        if isinstance(before, Passage):
            assert isinstance(after, Passage)
            assert after.max_bytes >= before.max_bytes


def test_below_a_host_is_not_the_host_itself() -> None:
    """`*.example.com` is every name below it, and neither it nor a name that merely ends like it."""
    below = rule(host="*.example.com")
    assert isinstance(judged("https://a.example.com/", below), Passage)
    assert isinstance(judged("https://a.b.example.com/", below), Passage)
    for other in ("example.com", "badexample.com", "example.com.evil.test"):
        assert isinstance(judged(f"https://{other}/", below), str)


@pytest.mark.parametrize(
    ("text", "keys", "word"),
    [
        ("https://evil.test/", {}, "host evil.test"),
        ("http://docs.example.com/", {}, "scheme http"),
        ("http://docs.example.com:443/", {}, "host docs.example.com:443"),
        ("https://docs.example.com:8443/", {}, "docs.example.com:8443"),
        ("https://docs.example.com/private", {"paths": ["/public/"]}, "this path"),
        ("https://docs.example.com/public", {"paths": ["/public/"]}, "this path"),
        ("https://docs.example.com/faq/more", {"paths": ["/faq"]}, "this path"),
        ("https://docs.example.com/?leak=1", {}, "this query"),
        ("docs.example.com", {}, "docs.example.com"),
        ("docs.example.com", {"schemes": ["none"], "methods": ["POST"]}, "method GET"),
    ],
)
def test_each_part_of_a_rule_refuses(text: str, keys: dict[str, Any], word: str) -> None:
    """What the rule does not name is refused, in a sentence that names the part."""
    found = judged(text, rule(**keys))
    assert isinstance(found, str)
    assert word in found


SCHEMA = {"type": "object", "properties": {"url": {}}, "additionalProperties": False}


def decided(
    value: Any, *egress: dict[str, Any], effect: Effect = Effect.READ, credential: str = "web"
) -> Decision:
    spec = ToolSpec(
        name="page.get",
        version="1",
        address="web",
        effect=effect,
        description="",
        schema=SCHEMA,
        credential=credential,
        target="/url" if effect.writes else None,
        reaches="/url",
    )
    rules = Route.read(
        {
            "name": "research",
            "model": {"name": "rules"},
            "allow_tools": ["page.get"],
            "budgets": {"steps": 25, "seconds": 60, "usd": "1.00", "denials": 3},
            "egress": list(egress),
        }
    )
    arguments = {} if value is None else {"url": value}
    call = Call(tool="page.get", arguments=arguments)
    return decide(rules, Catalogue(tools={"page.get": spec}), call, now_ms=NOW)


DOCS = {"host": "docs.example.com"}
BARE = {"host": "www.example.com", "schemes": ["none"]}


def test_a_tool_that_reaches_out_needs_a_rule() -> None:
    """An allowed tool that reaches out is denied where no egress rule permits, and names one that does."""
    denied = decided("https://docs.example.com/")
    assert (denied.ruling, [reason.rule for reason in denied.reasons]) == (Ruling.DENY, ["egress"])
    allowed = decided("https://docs.example.com/", {"host": "other.example.com"}, DOCS)
    assert allowed.ruling is Ruling.ALLOW
    assert [reason.rule for reason in allowed.reasons] == ["allow_tools[0]", "egress[1]"]


@pytest.mark.parametrize("value", [None, "", 3, {}, [], ["https://docs.example.com/", 3]])
def test_a_call_without_an_address_is_denied(value: Any) -> None:
    """Where the argument holds no address, nobody can judge it."""
    assert decided(value, DOCS).reasons[0].rule == "egress"


def test_every_address_of_a_list_must_pass() -> None:
    """One address that no rule permits denies the whole call."""
    good = "https://docs.example.com/"
    assert decided([good, f"{good}b"], DOCS).ruling is Ruling.ALLOW
    assert decided([good, "https://evil.test/"], DOCS).ruling is Ruling.DENY


def test_a_write_that_reaches_out_posts() -> None:
    """A write is judged by POST and keeps asking its person; a rule for GET does not permit it."""
    assert decided("https://docs.example.com/", DOCS, effect=Effect.WRITE).reasons[0].rule == "egress"
    posts = decided("https://docs.example.com/", DOCS | {"methods": ["POST"]}, effect=Effect.WRITE)
    assert (posts.ruling, posts.approvals) == (Ruling.NEEDS_APPROVAL, 1)


def test_only_a_service_may_be_left_the_scheme() -> None:
    """A tool whose service fetches may leave the scheme out where the rule says so; our own session never."""
    assert decided("www.example.com/x", BARE).ruling is Ruling.ALLOW
    assert decided("www.example.com/x", DOCS).ruling is Ruling.DENY
    assert decided("www.example.com/x", BARE, credential="").ruling is Ruling.DENY
