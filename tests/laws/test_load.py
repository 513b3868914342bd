"""A policy directory is taken whole or not at all, and every mistake has its file and line."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from contracts.tool import Catalogue
from policies.load import load
from policies.problem import PolicyRefused
from tests.laws.mistakes import ADDED, CHANGED
from tests.laws.policy_desk import END, NOW, PEOPLE, ROUTE, ROUTE_FILE, TOOLS, Put, problems, sound


def test_a_sound_directory_loads(tmp_path: Path, write: Put) -> None:
    """Routes are named by their path, principals carry their prefix, rules know their line."""
    write("cases/support/close.yaml", "- {tool: kb.search, args: {query: x}, expect: allow}\n")
    policies = sound(tmp_path)
    assert list(policies.routes) == ["support/close"]
    assert [person.principal for person in policies.people.people] == ["principal:ada", "principal:grace"]
    assert policies.rule_place("support/close", "allow_tools[2]") == (ROUTE_FILE, 6)
    assert policies.rule_place("support/close", "default") == (ROUTE_FILE, 3)
    assert policies.rule_place("support/other", "default") is None
    assert [len(cases) for cases in policies.cases.values()] == [1]
    assert policies.warnings == ()


@pytest.mark.parametrize(("line", "text", "hint"), ADDED, ids=[line[:50] for line, _, _ in ADDED])
def test_a_mistake_has_its_line(tmp_path: Path, write: Put, line: str, text: str, hint: str) -> None:
    """Each mistake in a route names its file, its line, what is wrong and what to do."""
    write(ROUTE_FILE, f"{ROUTE}{line}\n")
    found = problems(tmp_path)
    fitting = [problem for problem in found if text in problem.text and hint in problem.hint]
    assert fitting, found
    assert {problem.file for problem in found} == {ROUTE_FILE}
    assert fitting[0].line in ((END,) if text else (END, END + 1))


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


RESERVED = ["break-glass", "break_glass", "breakglass/close", "support/break-glass"]


@pytest.mark.parametrize("name", RESERVED)
def test_no_route_is_called_like_break_glass(tmp_path: Path, write: Put, name: str) -> None:
    """A switch, a limit or a token that names a route never means break-glass instead."""
    write(f"routes/{name}.yaml", ROUTE)
    assert [(one.file, one.line, one.text) for one in problems(tmp_path)] == [
        (f"routes/{name}.yaml", 1, f"a route cannot be called `{name}`: the name is kept for break-glass")
    ]


@pytest.mark.parametrize(
    ("old", "new", "line", "kind"),
    [
        ("  principal:ada:", "  principal:break-glass:", 2, "principal"),
        ("user:u-2", "svc:break-glass", 9, "subject"),
        ("tenants: [acme]", "tenants: [break-glass]", 6, "tenant"),
    ],
)
def test_nobody_is_called_like_break_glass(
    tmp_path: Path, write: Put, old: str, new: str, line: int, kind: str
) -> None:
    """Nor a person, a subject or a tenant; the group of that name is the one that may use it."""
    assert old in PEOPLE
    write(ROUTE_FILE, ROUTE)
    write("people.yaml", PEOPLE.replace(old, new, 1))
    (found,) = [one for one in problems(tmp_path) if "kept for break-glass" in one.text]
    assert (found.file, found.line) == ("people.yaml", line)
    assert found.text.startswith(f"a {kind} cannot be called")
    write("people.yaml", PEOPLE.replace("support-leads", "break-glass, support-leads", 1))
    sound(tmp_path)


def test_all_mistakes_are_told_at_once(tmp_path: Path, write: Put) -> None:
    """Mistakes of shape, of names and of people are told together, in the order of the files."""
    write(ROUTE_FILE, f"{ROUTE}loop: x\nstall: x\ndeny_tools: [nope]\nfoo: 1\n")
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
