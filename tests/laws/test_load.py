"""A policy directory is taken whole or not at all, and every mistake has its file and line."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from contracts.tool import Catalogue, Effect, Retry, ToolSpec
from policies.load import PolicySet, load
from policies.problem import PolicyRefused, Problem
from policies.source import LIMIT

NOW = 1_780_000_000_000
"""In May 2026."""

ROUTE = """\
description: Close tickets.
model: {name: rules}
allow_tools:
  - kb.search
  - tickets.get
  - ticket.close
budgets: {steps: 25, seconds: 60, usd: "1.00", denials: 3}
approval: {group: leads}
"""
PEOPLE = """\
people:
  principal:ada:
    slack: {team: T1, user: U1}
    subjects: ["user:u-1"]
    groups: [leads]
    tenants: [acme]
  grace:
    slack: {team: T1, user: U2}
    subjects: ["user:u-2"]
    groups: [others]
    tenants: [acme]
"""
ROUTE_FILE = "routes/support/close.yaml"
END = 9
"""The line after the route's last."""


def tool(name: str, effect: Effect, **properties: Any) -> ToolSpec:
    return ToolSpec(
        name=name,
        version="1",
        address="helpdesk",
        effect=effect,
        description="",
        schema={
            "type": "object",
            "additionalProperties": False,
            "required": [next(iter(properties))],
            "properties": properties,
        },
        credential="ticketing",
        target=f"/{next(iter(properties))}" if effect.writes else None,
    )


TEXT = {"type": "string"}
TOOLS = {
    spec.name: spec
    for spec in (
        tool("kb.search", Effect.READ, query=TEXT, limit={"type": "integer"}),
        tool("tickets.get", Effect.READ, ticket_id=TEXT),
        tool("ticket.close", Effect.WRITE, ticket_id=TEXT, reason=TEXT, resolution_article=TEXT),
        tool("ticket.erase", Effect.DESTRUCTIVE, ticket_id=TEXT),
        tool("refund.create", Effect.WRITE, cents={"type": "integer", "minimum": 0}),
        tool("refund.loose", Effect.WRITE, cents={"type": "integer"}, note=TEXT),
        replace(tool("bad.target", Effect.WRITE, ticket_id=TEXT), target=None),
        replace(tool("bad.retry", Effect.WRITE, ticket_id=TEXT), retry=Retry(kind="sometimes")),
        replace(tool("bad.native", Effect.WRITE, ticket_id=TEXT), retry=Retry(kind="native")),
    )
}
CATALOGUE = Catalogue(tools=TOOLS)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], None]:
    """Writes a file of a sound policy directory anew."""

    def put(file: str, text: str) -> None:
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    put(ROUTE_FILE, ROUTE)
    put("people.yaml", PEOPLE)
    return put


Put = Callable[[str, str], None]


def problems(directory: Path, env: str = "dev") -> tuple[Problem, ...]:
    with pytest.raises(PolicyRefused) as refused:
        load(directory, CATALOGUE, env=env, now_ms=NOW)
    assert all(
        f"{problem.file}:{problem.line}: " in refused.value.sentence for problem in refused.value.problems
    )
    return refused.value.problems


def sound(directory: Path, env: str = "dev") -> PolicySet:
    return load(directory, CATALOGUE, env=env, now_ms=NOW)


def test_a_sound_directory_loads(tmp_path: Path, write: Put) -> None:
    """Routes are named by their path, principals carry their prefix, rules know their line."""
    write("cases/support/close.yaml", "- {tool: kb.search, args: {query: x}, expect: allow}\n")
    policies = sound(tmp_path)
    assert list(policies.routes) == ["support/close"]
    assert [person.principal for person in policies.people.people] == ["principal:ada", "principal:grace"]
    assert policies.rule_place("support/close", "allow_tools[2]") == (ROUTE_FILE, 6)
    assert policies.rule_place("support/close", "default") == (ROUTE_FILE, 3)
    assert policies.rule_place("support/other", "default") is None
    assert [result.passed for result in policies.run_cases(CATALOGUE, now_ms=NOW)] == [True]
    assert policies.warnings == ()


ADDED = [
    ("allow_tool: [kb.search]", "`allow_tool` is no key of a route", "did you mean `allow_tools`?"),
    ("name: other", "`name` is no key of a route", "its path is its name"),
    ("deny_tools: [kb.search]", "`kb.search` is both allowed and denied", ""),
    ("deny_tools: [email.send]", "unknown tool `email.send`", "the catalogue has no such tool"),
    ("require_approval: [tickets.gett]", "unknown tool `tickets.gett`", "did you mean `tickets.get`?"),
    ("require_approval: [ticket.erase]", "requires an approval but is not allowed", "add it to"),
    ("require_approval: [kb.search, kb.search]", "`kb.search` stands twice", ""),
    ("when: {ticket.closed: {}}", "unknown tool `ticket.closed`", "did you mean `ticket.close`?"),
    ("when: {ticket.close: {propertys: {}}}", "`propertys` is no keyword", "did you mean `properties`?"),
    ("when: {ticket.close: {properties: {reasn: {}}}}", "has no argument `reasn`", "did you mean `reason`?"),
    ("when: {ticket.close: {properties: {reason: {pattern: '(?=a)'}}}}", "cannot be enforced", ""),
    ("when: {ticket.close: {properties: {reason: {maximum: 0.5}}}}", "is a float", ""),
    ("when: {ticket.close: {$ref: 'http://x.example/'}}", "cannot be enforced", ""),
    ("input: {type: objekt}", "cannot be enforced", ""),
    ("input: {requird: [a]}", "`requird` is no keyword", "did you mean `required`?"),
    ("limits: [{tool: nope, per: run, window: 1h, calls: 1}]", "unknown tool `nope`", ""),
    ("limits: [{tool: ticket.close, per: run, window: 1h}]", "either `calls` or `sum`", ""),
    ("limits: [{tool: ticket.close, per: day, window: 1h, calls: 1}]", "`limits[0].per` takes 'run'", ""),
    ("limits: [{tool: ticket.close, per: run, window: 1 hour, calls: 1}]", "is no duration", ""),
    (
        "limits: [{tool: ticket.close, per: run, window: 1h, sum: {argument: ticket_id, max: 5}}]",
        "`ticket_id` of `ticket.close` cannot be summed",
        "it must be an integer",
    ),
    (
        "limits: [{tool: ticket.close, per: run, window: 1h, sum: {argument: cents, max: 5}}]",
        "cannot be summed",
        "required argument",
    ),
    (
        "limits: [{tool: refund.loose, per: run, window: 1h, sum: {argument: cents, max: 5}}]",
        "cannot be summed",
        "`minimum` of 0",
    ),
    (
        "exceptions: [{tool: nope, waive: approval, reason: r, owner: principal:ada, expires: 2027-01-31}]",
        "unknown tool `nope`",
        "",
    ),
    (
        "exceptions: [{tool: ticket.close, waive: approval, owner: principal:ada, expires: 2027-01-31}]",
        "`exceptions[0].reason` is missing",
        "",
    ),
    ("mask: [email]", "`mask` is not enforced by this version; remove it", ""),
    ("on_exhausted: ask", "`on_exhausted` is not enforced by this version", ""),
    (
        "breaker: {window: 10m, min_runs: 20, failure_ratio: 0.5, open_for: 5m}",
        "`breaker` is not enforced",
        "",
    ),
    ("on_denied: ignore", "`on_denied` takes 'tell_model' or 'stop'", ""),
    ("on_denied: no", "`no` is a boolean in YAML", "write true or false"),
    ("loop: 010", "`010` is no plain number", ""),
    ("loop: 1_000", "`1_000` is no plain number", ""),
    ("loop: '3'", "`loop` should be a valid integer", ""),
    ("prompt: 12", "`prompt` is a number where text belongs", "put it in quotes"),
    ("prompt: !!python/name:os.system x", "is not read here", ""),
    ("prompt: &a x", "anchors and aliases are not read", ""),
    ("model: {name: other}", "the key `model` stands twice", "first in line 2"),
    ("audit: {enabled: nope}", "`audit.enabled` should be a valid boolean", ""),
    ("? [a]\n: b", "is no text", "put it in quotes"),
    ("loop: [", "", ""),
    ("\ttab: x", "", ""),
]


@pytest.mark.parametrize(("line", "text", "hint"), ADDED, ids=[line[:50] for line, _, _ in ADDED])
def test_a_mistake_has_its_line(tmp_path: Path, write: Put, line: str, text: str, hint: str) -> None:
    """Each mistake in a route names its file, its line, what is wrong and what to do."""
    write(ROUTE_FILE, f"{ROUTE}{line}\n")
    found = problems(tmp_path)
    fitting = [problem for problem in found if text in problem.text and hint in problem.hint]
    assert fitting, found
    assert {problem.file for problem in found} == {ROUTE_FILE}
    assert fitting[0].line in ((END,) if text else (END, END + 1))


CHANGED = [
    ("  - kb.search", "  - kb.serch", 4, "unknown tool `kb.serch`"),
    ("  - kb.search", "  - bad.target", 4, "names its `target`"),
    ("  - kb.search", "  - bad.retry", 4, "how a retry is safe"),
    ("  - kb.search", "  - bad.native", 4, "`native` needs the time"),
    ("  - kb.search", "  - tickets.get", 5, "`tickets.get` stands twice"),
    ("  - kb.search", "  - 7", 4, "`allow_tools[0]` is a number where text belongs"),
    ("  - kb.search", "  - ticket.erase", 8, "has 1 of the 2 people"),
    ('usd: "1.00"', "usd: 1.00", 7, "`budgets.usd` is a number where text belongs"),
    ('usd: "1.00"', 'usd: "a dollar"', 7, "is no amount of dollars"),
    ("steps: 25", "stepps: 25", 7, "`budgets.stepps` is no key"),
    ("steps: 25, ", "", 7, "`budgets.steps` is missing"),
    ("model: {name: rules}\n", "", 1, "`model` is missing"),
    ("model: {name: rules}", "model: {nam: rules}", 2, "`model.nam` is no key"),
    ("{group: leads}", "{group: lead}", 8, "the group `lead` has 0 of the 1 people"),
    ("{group: leads}", "{group: leads, deadline: 4}", 8, "`approval.deadline` is a number"),
    ("{group: leads}", "{group: leads, remind: 4h}", 8, "the reminder comes after 4h, and the deadline"),
    ("{group: leads}", "{group: leads, escalate: {after: 5h, group: others}}", 8, "comes after 5h, and the"),
    ("{group: leads}", "{group: leads, escalate: {after: 1h, group: leads}}", 8, "is asked from the start"),
    ("{group: leads}", "{group: leads, escalate: {after: 1h, group: other}}", 8, "`other` has nobody"),
    ("{group: leads}", "{group: leads, deadline: 5s, min_review_seconds: 5}", 8, "leaves no time"),
    ("approval: {group: leads}\n", "", 3, "`approval.group` is missing"),
    (ROUTE, "- a\n", 1, "a route is a mapping"),
    (ROUTE, "", 1, "the file is empty"),
    (ROUTE, "[" * 5_000, 1, "nested too deeply"),
    (ROUTE, "a: 1\n---\nb: 2\n", 2, "but found another document"),
    (ROUTE, "#" * (LIMIT + 1), 1, f"longer than {LIMIT} bytes"),
]


@pytest.mark.parametrize(("old", "new", "line", "text"), CHANGED, ids=[text for *_, text in CHANGED])
def test_a_changed_line_is_named(
    tmp_path: Path, write: Put, old: str, new: str, line: int, text: str
) -> None:
    """A mistake in what stood there already is found at its own line."""
    assert old in ROUTE
    write(ROUTE_FILE, ROUTE.replace(old, new, 1))
    found = problems(tmp_path)
    assert (ROUTE_FILE, line) in {
        (problem.file, problem.line) for problem in found if text in problem.text
    }, found


def test_all_mistakes_are_told_at_once(tmp_path: Path, write: Put) -> None:
    """Mistakes of shape, of names and of people are told together, in the order of the files."""
    write(ROUTE_FILE, f"{ROUTE}loop: x\nmask: [email]\ndeny_tools: [nope]\nfoo: 1\n")
    write("people.yaml", PEOPLE.replace("user:u-2", "user:u-1"))
    found = problems(tmp_path)
    assert [(problem.file, problem.line) for problem in found] == [
        ("people.yaml", 9),
        *[(ROUTE_FILE, line) for line in (9, 10, 11, 12)],
    ]


_WORK = "    hours: {{days: [{}], from: '{}', to: '{}', zone: {}}}"


@pytest.mark.parametrize(
    ("hours", "text"),
    [
        (("someday", "09:00", "17:00", "UTC"), "no day"),
        (("mon", "09:00", "17:00", "Mars"), "no time zone"),
        (("mon", "17:00", "09:00", "UTC"), "before they begin"),
        (("mon", "9", "17:00", "UTC"), "hours.from"),
    ],
)
def test_hours_are_hours(tmp_path: Path, write: Put, hours: tuple[str, ...], text: str) -> None:
    """Days, times and a zone that nobody could tell the time by are told with their line."""
    write("people.yaml", PEOPLE.replace("    groups: [others]", _WORK.format(*hours), 1))
    assert [(found.line, text in found.text) for found in problems(tmp_path)][:1] == [(10, True)]


def test_a_passkey_is_one_persons(tmp_path: Path, write: Put) -> None:
    """The same credential under two people is told with the second one's line."""
    key = f"\n    passkeys: [{{id: {'k' * 20}, public_key: {'p' * 20}}}]"
    write("people.yaml", PEOPLE.replace("[leads]", f"[leads]{key}").replace("[others]", f"[others]{key}"))
    text = f"`passkey {'k' * 20}` belongs to `principal:ada` already; one identity names one person"
    assert (12, text) in [(found.line, found.text) for found in problems(tmp_path)]


@pytest.mark.parametrize(
    ("old", "new", "line", "text"),
    [
        ('["user:u-2"]', '["user:u-2", "user:u-1"]', 9, "`user:u-1` belongs to `principal:ada` already"),
        ('["user:u-2"]', '["principal:ada"]', 9, "`principal:ada` belongs to `principal:ada` already"),
        ("user: U2", "user: U1", 8, "`T1/U1` belongs to `principal:ada` already"),
        ("  grace:", "  ada:", 7, "`principal:ada` belongs to `principal:ada` already"),
        ("  grace:", "  principal:ada:", 7, "the key `principal:ada` stands twice"),
        ("  grace:", "  'gra ce':", 7, "is no principal"),
        ("user: U2", "user: '@grace'", 8, "people.grace.slack.user"),
        ("    groups: [others]", "    group: [others]", 10, "is no key of a person"),
        ("    groups: [others]", "    passkeys: [x]", 10, "people.grace.passkeys.0"),
        ("people:", "persons:", 1, "holds one key, `people`"),
    ],
)
def test_a_mistake_about_people_has_its_line(
    tmp_path: Path, write: Put, old: str, new: str, line: int, text: str
) -> None:
    """One identity in two people, and every other mistake of the people file, is told with its line."""
    write("people.yaml", PEOPLE.replace(old, new, 1))
    found = problems(tmp_path)
    assert ("people.yaml", line) in {
        (problem.file, problem.line) for problem in found if text in problem.text
    }, found


def test_an_unclassified_tool_cannot_be_allowed(tmp_path: Path, write: Put) -> None:
    """A tool whose effect the catalogue does not say is refused where it is allowed."""
    write(ROUTE_FILE, ROUTE)
    unclassified: Any = None
    tools = {**TOOLS, "kb.search": replace(TOOLS["kb.search"], effect=unclassified)}
    with pytest.raises(PolicyRefused, match=r"close\.yaml:4: `kb\.search` cannot be allowed: .*classify"):
        load(tmp_path, Catalogue(tools=tools), env="dev", now_ms=NOW)


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("audit: {enabled: false}", "`audit.enabled` is false"),
        ("# no audit key", "scripted model is refused"),
    ],
)
def test_production_is_stricter(tmp_path: Path, write: Put, line: str, text: str) -> None:
    """What is fine on a desk is refused where the environment is prod."""
    model = "scripted" if "scripted" in text else "rules"
    write(ROUTE_FILE, f"{ROUTE.replace('name: rules', f'name: {model}')}{line}\n")
    sound(tmp_path, "dev")
    assert [text in problem.text for problem in problems(tmp_path, "prod")] == [True]


def test_a_minimum_under_when_makes_an_argument_countable(tmp_path: Path, write: Put) -> None:
    """The route itself may say that an amount is never negative."""
    limits = "limits: [{tool: refund.loose, per: run, window: 1h, sum: {argument: cents, max: 5}}]\n"
    write(ROUTE_FILE, f"{ROUTE}{limits}when: {{refund.loose: {{properties: {{cents: {{minimum: 1}}}}}}}}\n")
    limit = sound(tmp_path).routes["support/close"].limits[0]
    assert (limit.window_ms, limit.sum and limit.sum.max) == (3_600_000, 5)


def test_a_negative_minimum_makes_nothing_countable(tmp_path: Path, write: Put) -> None:
    """An amount that may be negative would give back what a limit has counted."""
    limits = "limits: [{tool: refund.loose, per: run, window: 1h, sum: {argument: cents, max: 5}}]\n"
    write(ROUTE_FILE, f"{ROUTE}{limits}when: {{refund.loose: {{properties: {{cents: {{minimum: -1}}}}}}}}\n")
    assert ["cannot be summed" in problem.text for problem in problems(tmp_path)] == [True]


def test_an_expired_exception_is_a_warning(tmp_path: Path, write: Put) -> None:
    """An expired exception does nothing, so it is told and not refused."""
    exception = "{tool: ticket.close, waive: approval, reason: r, owner: principal:ada, expires: 2020-01-31}"
    write(ROUTE_FILE, f"{ROUTE}exceptions:\n  - {exception}\n")
    warnings = sound(tmp_path).warnings
    assert [(warning.line, "expired" in warning.text) for warning in warnings] == [(END + 1, True)]


@pytest.mark.parametrize("missing", ["people.yaml", ROUTE_FILE])
def test_a_missing_file_is_told(tmp_path: Path, write: Put, missing: str) -> None:
    """Without people or routes there is no policy."""
    write(missing, "")
    (tmp_path / missing).unlink()
    assert problems(tmp_path)[0].line == 1


def test_no_file_is_silently_ignored(tmp_path: Path, write: Put) -> None:
    """A rule in a file with another ending would be no rule, so it is told."""
    write("routes/support/other.yml", ROUTE)
    assert "would be ignored" in problems(tmp_path)[0].text


def test_an_alias_bomb_costs_nothing(tmp_path: Path, write: Put) -> None:
    """A small file cannot become a large one."""
    bomb = "a: &a [x, x]\n" + "".join(
        f"{chr(98 + at)}: &{chr(98 + at)} [*{chr(97 + at)}]\n" for at in range(9)
    )
    write(ROUTE_FILE, bomb)
    assert problems(tmp_path)[0].text == "anchors and aliases are not read; write it out"


def test_bytes_that_are_no_text_are_told(tmp_path: Path, write: Put) -> None:
    """A file that is no UTF-8 is a mistake, not a crash."""
    write(ROUTE_FILE, ROUTE)
    (tmp_path / ROUTE_FILE).write_bytes(b"\xff\xfe\x00")
    assert "no readable YAML" in problems(tmp_path)[0].text
