"""Laws of `narrows`: a route that takes over another one never lets more through."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.decision import Call, Ruling
from contracts.digest import Json
from policies.decide import decide
from policies.inheritance import resolve
from policies.narrowing import covers, wider
from policies.route import Egress, Route
from policies.source import Source
from tests.laws.mistakes import WAIVER
from tests.laws.policy_desk import Put, problems, sound
from tests.laws.test_decide_laws import CATALOGUE, EFFECTS, NOW, STRICTNESS, waiver

BASE = """\
model: {name: rules, max_output_tokens: 500}
prompt: Do it.
allow_tools: [kb.search, tickets.get, ticket.close]
deny_tools: [ticket.erase]
require_approval: [tickets.get]
when:
  ticket.close: {properties: {reason: {maxLength: 40}}, required: [reason]}
limits:
  - {tool: ticket.close, per: tenant, window: 1h, calls: 5}
  - {tool: kb.search, per: run, window: 1h, calls: 9}
budgets: {steps: 25, seconds: 60, usd: "1.00", denials: 3}
approval: {group: leads, deadline: 4h, min_review_seconds: 5, escalate: {after: 2h, group: others}}
on_denied: stop
input: {type: object, required: [ticket_id]}
"""
BASE_FILE, OWN_FILE = "routes/base.yaml", "routes/own.yaml"
OWN = "narrows: base\n"


@pytest.fixture
def own(tmp_path: Path, write: Put) -> Callable[[str], Path]:
    """Writes what a route says that narrows `base`; the directory."""
    (tmp_path / "routes/support/close.yaml").unlink()
    write(BASE_FILE, BASE)

    def put(text: str) -> Path:
        write(OWN_FILE, OWN + text)
        return tmp_path

    return put


def test_what_is_left_out_is_the_bases(own: Callable[[str], Path]) -> None:
    """A route that says nothing decides as its base does, and its document knows of no inheritance."""
    routes = sound(own("")).routes
    assert routes["own"] == routes["base"].model_copy(update={"name": "own"})
    assert "narrows" not in routes["own"].document()


def test_what_is_written_adds(own: Callable[[str], Path]) -> None:
    """Denials, approvals, limits and rules are the base's and its own; nested keys come one by one."""
    said = """\
deny_tools: [tickets.get]
require_approval: [kb.search]
when: {ticket.close: {properties: {ticket_id: {maxLength: 9}}}}
limits: [{tool: ticket.close, per: run, window: 1h, calls: 1}]
budgets: {steps: 5}
approval: {deadline: 3h}
"""
    policies = sound(own(said))
    route = policies.routes["own"]
    assert route.allow_tools == ("kb.search", "ticket.close")
    assert route.deny_tools == ("ticket.erase", "tickets.get")
    assert route.require_approval == ("kb.search",)
    base = policies.routes["base"]
    assert route.when["ticket.close"]["allOf"][0] == base.when["ticket.close"]
    assert [(limit.per, limit.calls) for limit in route.limits] == [("tenant", 5), ("run", 9), ("run", 1)]
    assert (route.budgets.steps, route.budgets.usd) == (5, "1.00")
    assert (route.approval.deadline, route.approval.group) == ("3h", "leads")


def test_each_rule_knows_where_it_stands(own: Callable[[str], Path]) -> None:
    """A rule that was taken over is found in the base's file, at its line; the others in their own."""
    policies = sound(
        own("deny_tools: [tickets.get]\nlimits: [{tool: ticket.close, per: run, window: 1h, calls: 1}]\n")
    )
    places = {
        "allow_tools[1]": (BASE_FILE, 3),
        "deny_tools[0]": (BASE_FILE, 4),
        "deny_tools[1]": (OWN_FILE, 2),
        "when.ticket.close": (BASE_FILE, 7),
        "limits[1]": (BASE_FILE, 10),
        "limits[2]": (OWN_FILE, 3),
    }
    assert {rule: policies.rule_place("own", rule) for rule in places} == places


WIDER = [
    ("allow_tools: [kb.search, ticket.erase]", "`ticket.erase` would be allowed"),
    ("budgets: {steps: 26}", "`budgets.steps` would rise from 25 to 26"),
    ('budgets: {usd: "1.01"}', "`budgets.usd` would rise"),
    ("budgets: {denials: 4}", "`budgets.denials` would rise"),
    ("loop: 4", "`loop` would rise"),
    ("stall: 7", "`stall` would rise"),
    ("model: {max_output_tokens: 501}", "`model.max_output_tokens` would rise"),
    ("model: {price: {input_usd_per_mtok: 0, output_usd_per_mtok: 0}}", "let the budget of dollars buy more"),
    ("approval: {group: others}", "`others` would approve instead of `leads`"),
    ("approval: {deadline: 5h}", "until 5h, not 4h"),
    ("approval: {deadline: never}", "until never, not 4h"),
    ("approval: {min_review_seconds: 4}", "after 4 seconds, not 5"),
    ("approval: {escalate: {after: 1h, group: others}}", "or does not yet ask"),
    ("on_denied: tell_model", "would go on where `base` stops it"),
    ("on_expired: tell_model", "would go on where `base` stops it"),
    ("audit: {enabled: false}", "would not be audited"),
    ("input: null", "the schema of a run's input would not hold any more"),
    (
        f"exceptions: [{WAIVER}, expires: 2027-01-31}}]",
        "an exception that the base has not",
    ),
]


@pytest.mark.parametrize(("line", "text"), WIDER, ids=[line[:40] for line, _ in WIDER])
def test_what_would_widen_is_refused(own: Callable[[str], Path], line: str, text: str) -> None:
    """Each key that is wider than the base's is refused at its own line, which says what would get wider."""
    found = [one for one in problems(own(f"{line}\n")) if "`narrows: base`: " in one.text]
    assert [(one.file, one.line, text in one.text) for one in found] == [(OWN_FILE, 2, True)]


@pytest.mark.parametrize(
    "line",
    [
        "approval: {escalate: {after: 3h, group: others}}",
        "approval: {escalate: null}",
        "approval: {deadline: 3h, min_review_seconds: 60}",
        "model: {name: other, max_output_tokens: 100}",
        "on_denied: stop",
        "allow_tools: [kb.search]",
        "input: {type: object}",
        "prompt: Do it otherwise.",
    ],
)
def test_what_is_no_wider_is_taken(own: Callable[[str], Path], line: str) -> None:
    """What says less, or the same, or permits nothing, is sound."""
    assert "own" in sound(own(f"{line}\n")).routes


BROKEN = [
    ("narrows: bas\n", "there is no route `bas`", "did you mean `base`?"),
    ("narrows: own\n", "in a circle", "stand alone"),
    ("narrows: 7\n", "is the name of one route", "support/base"),
    ("narrows: [base]\n", "is the name of one route", "support/base"),
    ("narrows: base\napproval: {deadline: 1h}\n", "the escalation comes after 2h", ""),
    (
        "narrows: base\nwhen: {ticket.close: {$ref: '#/$defs/a', $defs: {a: {}}}}\n",
        "one has a `$ref`",
        "write",
    ),
]


@pytest.mark.parametrize(("whole", "text", "hint"), BROKEN)
def test_a_base_that_cannot_be_narrowed_is_told(
    tmp_path: Path, write: Put, own: Callable[[str], Path], whole: str, text: str, hint: str
) -> None:
    """A base that is not there, a circle, and what fits the base but not this route, have their line."""
    own("")
    write(OWN_FILE, whole)
    found = [one for one in problems(tmp_path) if text in one.text and hint in one.hint]
    assert found
    assert {one.file for one in found} == {OWN_FILE}


def test_a_chain_has_an_end(tmp_path: Path, write: Put, own: Callable[[str], Path]) -> None:
    """Five routes may narrow each other; the sixth is refused, and a circle of two on both sides."""
    own("")
    for at, base in enumerate(("own", "r0", "r1"), 0):
        write(f"routes/r{at}.yaml", f"narrows: {base}\nloop: 2\n")
    assert sound(tmp_path).routes["r2"].loop == 2
    write("routes/r3.yaml", "narrows: r2\n")
    assert [(one.file, one.line) for one in problems(tmp_path)] == [("routes/r3.yaml", 1)]
    write(BASE_FILE, "narrows: own\n")
    assert {one.file for one in problems(tmp_path) if "circle" in one.text} >= {BASE_FILE, OWN_FILE}


def test_the_bases_mistakes_are_told_once(tmp_path: Path, write: Put, own: Callable[[str], Path]) -> None:
    """What is wrong with a base is told in its file alone."""
    own("")
    write(BASE_FILE, BASE.replace("tickets.get]", "tickets.gett]"))
    assert {one.file for one in problems(tmp_path)} == {BASE_FILE}


names = st.sampled_from(sorted(EFFECTS))
tools = st.lists(names, unique=True)
rules = st.fixed_dictionaries(
    {},
    optional={
        "maxProperties": st.integers(0, 2),
        "required": st.just(["reason"]),
        "properties": st.fixed_dictionaries(
            {"ticket_id": st.builds(lambda size: {"maxLength": size}, st.integers(0, 4))}
        ),
    },
)
limits = st.builds(
    lambda tool, calls: {"tool": tool, "per": "run", "window": "1h", "calls": calls}, names, st.integers(0, 3)
)
said = st.fixed_dictionaries(
    {},
    optional={
        "allow_tools": tools,
        "deny_tools": tools,
        "require_approval": tools,
        "when": st.dictionaries(names, rules, max_size=3),
        "limits": st.lists(limits, max_size=3),
        "exceptions": st.lists(st.builds(waiver, names), max_size=2),
        "loop": st.integers(1, 5),
    },
)
WHOLE = {
    "model": {"name": "rules"},
    "allow_tools": [],
    "budgets": {"steps": 25, "seconds": 60, "usd": "1.00", "denials": 3},
}


def resolved(**values: Json) -> dict[str, Route]:
    sources = {name: Source(file=f"{name}.yaml", value=value, lines={}) for name, value in values.items()}
    found, _, wrong = resolve(sources)
    assert not wrong
    return {name: Route.read({**source.value, "name": name}) for name, source in found.items()}


@given(
    base=said,
    own=said,
    name=names,
    arguments=st.fixed_dictionaries(
        {"ticket_id": st.text(max_size=5)}, optional={"reason": st.text(max_size=2)}
    ),
)
def test_a_narrowed_route_never_decides_more_mildly(
    base: dict[str, Any], own: dict[str, Any], name: str, arguments: Json
) -> None:
    """Whatever two routes say: where the check finds nothing wider, no call is judged more mildly."""
    routes = resolved(base=WHOLE | base, own={"narrows": "base"} | own)
    if any(wider(routes["base"], routes["own"])):
        return
    call = Call(tool=name, arguments=arguments)
    before, after = (decide(routes[key], CATALOGUE, call, now_ms=NOW) for key in ("base", "own"))
    assert STRICTNESS[after.ruling] >= STRICTNESS[before.ruling]
    assert after.ruling is Ruling.DENY or after.approvals >= before.approvals
    if after.ruling is not Ruling.DENY:
        kept = {limit for limit in routes["base"].limits if limit.tool == name}
        assert kept <= set(routes["own"].limits)


hosts = st.sampled_from(["a.example", "b.a.example", "*.a.example", "*.example.org", "a.example:8443"])
paths = st.sampled_from(["/", "/a/", "/a", "/a/b", "/ab/"])
egress = st.builds(
    Egress,
    host=hosts,
    schemes=st.lists(st.sampled_from(["https", "http"]), unique=True).map(tuple),
    methods=st.lists(st.sampled_from(["GET", "HEAD"]), unique=True).map(tuple),
    paths=st.lists(paths, unique=True, max_size=2).map(tuple),
    query=st.lists(st.sampled_from(["q", "p"]), unique=True).map(tuple),
    max_bytes=st.sampled_from([10, 20]),
)


def reaches(rule: Egress, host: str, path: str, method: str, query: str) -> bool:
    """What a rule means, said once more in the plainest way."""
    named = host == rule.host or (rule.host.startswith("*.") and host.endswith(rule.host[1:]))
    placed = any(path == known or (known.endswith("/") and path.startswith(known)) for known in rule.paths)
    return named and placed and method in rule.methods and query in ("", *rule.query)


@given(
    wide=egress,
    rule=egress,
    host=st.sampled_from(
        ["a.example", "b.a.example", "c.b.a.example", "x.example.org", "a.example:8443", "xa.example"]
    ),
    path=st.sampled_from(["/", "/a", "/a/", "/a/b", "/a/c", "/ab/c", "/x"]),
    method=st.sampled_from(["GET", "HEAD"]),
    query=st.sampled_from(["", "q", "p"]),
)
def test_a_covered_rule_reaches_no_further(
    wide: Egress, rule: Egress, host: str, path: str, method: str, query: str
) -> None:
    """What one rule covers of another, it reaches itself."""
    if covers(wide, rule) and reaches(rule, host, path, method, query):
        assert reaches(wide, host, path, method, query)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"window": "5m"},
        {"open_for": "1m"},
        {"min_runs": 21},
        {"failure_ratio": "0.6"},
        {"denials": None},
        {"unknowns": 3},
        {"usd": None},
    ],
)
def test_a_breaker_opens_no_later(change: dict[str, Any]) -> None:
    """A breaker that opens later, shuts sooner or counts otherwise is wider; one unchanged is not."""
    breaker = {
        "window": "10m",
        "min_runs": 20,
        "failure_ratio": "0.5",
        "open_for": "5m",
        "denials": 5,
        "unknowns": 2,
        "usd": "3",
    }
    base = Route.parse({**WHOLE, "name": "base", "breaker": breaker})
    own = Route.parse({**WHOLE, "name": "own", "breaker": breaker | change})
    assert [place[0] for place, _ in wider(base, own)] == (["breaker"] if change else [])
    without = Route.parse({**WHOLE, "name": "own"})
    assert [place for place, _ in wider(base, without)] == [("breaker",)]
    assert list(wider(without, base)) == []
