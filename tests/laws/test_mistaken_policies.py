"""A hundred mistaken policies and more: each refused with file, line and a sentence, and none a crash."""

import os
import random
import time
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from embedded.stack import shipped_policies, shipped_tools
from policies.load import PolicySet, load
from policies.problem import TOLD, PolicyRefused, Problem
from policies.source import SAID
from tests.laws.mistakes import ADDED, CHANGED
from tests.laws.policy_desk import CATALOGUE, NOW, PEOPLE, ROUTE, ROUTE_FILE, put
from tools.load import LoadedTools, ToolsRefused, load_tools

ROUTES: Final = {
    path.relative_to(shipped_policies()).as_posix(): path.read_text(encoding="utf-8")
    for path in sorted((shipped_policies() / "routes").rglob("*.yaml"))
}
PEOPLE_FILE: Final = (shipped_policies() / "people.yaml").read_text(encoding="utf-8")
TOOL_FILE: Final = shipped_tools().read_text(encoding="utf-8")
SHIPPED: Final = load_tools(shipped_tools()).catalogue

FILES: Final = ROUTES | {
    ROUTE_FILE: ROUTE,
    "people.yaml": PEOPLE_FILE,
    "few.yaml": PEOPLE,
    "tools.yaml": TOOL_FILE,
}

OPEN: Final = {"input", "when", "people", "tools", "sources"}
"""Keys below which names are the author's own."""

Value = dict[str, Any]

FUZZED: Final = settings.get_current_profile_name() == "fuzz"
RENAMED: Final = "renamed"
WRONG: Final = (RENAMED, [[1]], {"x": 1}, -1.5)


def judged(directory: Path, *, catalogue: Any = CATALOGUE) -> PolicySet | tuple[Problem, ...]:
    """The sound policies, or the problems, each of which can be told."""
    try:
        return load(directory, catalogue, env="dev", now_ms=NOW)
    except PolicyRefused as refused:
        return _told(refused.problems, refused.sentence)


def tooled(file: Path) -> LoadedTools | tuple[Problem, ...]:
    try:
        return load_tools(file, {})
    except ToolsRefused as refused:
        return _told(refused.problems, refused.sentence)


def _told(problems: tuple[Problem, ...], sentence: str) -> tuple[Problem, ...]:
    assert problems
    assert len(sentence) < (TOLD + 2) * (2 * SAID + 200)
    for problem in problems:
        assert problem.file
        assert problem.line >= 1
        assert problem.text
        assert str(problem).isprintable(), problem
    return problems


def test_there_are_a_hundred_kinds() -> None:
    """The corpus has more than a hundred mistakes by hand, no two the same."""
    assert len({line for line, *_ in ADDED} | {(old, new) for old, new, *_ in CHANGED}) > 150


# Generated


def _keys(value: Value, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Places of the keys that the language knows, not of names that an author chose."""
    for key, inner in value.items():
        yield (*path, key)
        if isinstance(inner, dict) and key not in OPEN:
            yield from _keys(inner, (*path, key))


def _mutations(value: Value, *above: str) -> Iterator[tuple[str, Value]]:
    """The value with one key renamed, or given a value of another type, below these keys."""
    body = value
    for part in above:
        body = body[part]
    for at, path in enumerate(_keys(body)):
        # `make fuzz` does each of them to each key.
        for wrong in WRONG if FUZZED else (WRONG[at % len(WRONG)],):
            whole = deepcopy(value)
            inner = whole
            for part in (*above, *path[:-1]):
                inner = inner[part]
            if wrong is RENAMED:
                inner[path[-1] + "x"] = inner.pop(path[-1])
            else:
                inner[path[-1]] = wrong
            yield f"{'.'.join(path)}: {wrong}", whole


@pytest.mark.parametrize("file", ROUTES)
def test_a_shipped_route_is_mistaken_in_each_key(tmp_path: Path, file: str) -> None:
    """Each key of each shipped route, renamed or given a value of another type, is refused in its file."""
    put(tmp_path, "people.yaml", PEOPLE_FILE)
    passed = []
    for name, whole in _mutations(yaml.safe_load(ROUTES[file])):
        put(tmp_path, file, yaml.safe_dump(whole, sort_keys=False))
        found = judged(tmp_path, catalogue=SHIPPED)
        if isinstance(found, PolicySet) or {problem.file for problem in found} != {file}:
            passed.append((name, found))
    assert passed == []


@pytest.mark.parametrize("file", ROUTES)
def test_a_key_that_stands_twice_is_refused(tmp_path: Path, file: str) -> None:
    """A second value for a key would hide the first: both lines are named."""
    put(tmp_path, "people.yaml", PEOPLE_FILE)
    lines = ROUTES[file].rstrip().split("\n")
    for key in yaml.safe_load(ROUTES[file]):
        put(tmp_path, file, "\n".join([*lines, f"{key}: x", ""]))
        found = judged(tmp_path, catalogue=SHIPPED)
        assert isinstance(found, tuple)
        twice = [one for one in found if one.text == f"the key `{key}` stands twice"]
        assert [(one.line, lines[int(one.hint.split()[-1]) - 1].split(":")[0]) for one in twice] == [
            (len(lines) + 1, key)
        ]


@pytest.mark.parametrize("name", sorted(SHIPPED.tools))
def test_a_tool_is_mistaken_in_each_key(tmp_path: Path, name: str) -> None:
    """Each key of each shipped tool, renamed or given another type, is refused in the tool file."""
    passed = []
    for mutation, whole in _mutations(yaml.safe_load(TOOL_FILE), "tools", name):
        put(tmp_path, "tools.yaml", yaml.safe_dump(whole, sort_keys=False))
        if isinstance(tooled(tmp_path / "tools.yaml"), LoadedTools):
            passed.append(mutation)
    assert passed == []


@pytest.mark.parametrize("name", sorted(yaml.safe_load(PEOPLE_FILE)["people"]))
def test_a_person_is_mistaken_in_each_key(tmp_path: Path, name: str) -> None:
    """Each key of each shipped person, renamed or given another type, is refused in the people file."""
    put(tmp_path, ROUTE_FILE, ROUTES["routes/ops/triage.yaml"])
    for mutation, whole in _mutations(yaml.safe_load(PEOPLE_FILE), "people", name):
        put(tmp_path, "people.yaml", yaml.safe_dump(whole, sort_keys=False))
        found = judged(tmp_path, catalogue=SHIPPED)
        assert isinstance(found, tuple), mutation
        assert "people.yaml" in {problem.file for problem in found}, mutation


# Fuzzed

WORDS: Final = [
    *("narrows", "model", "name", "prompt", "input", "allow_tools", "deny_tools", "require_approval", "when"),
    *(
        "limits",
        "tool",
        "per",
        "window",
        "calls",
        "sum",
        "argument",
        "max",
        "egress",
        "host",
        "paths",
        "budgets",
    ),
    *("steps", "seconds", "usd", "denials", "loop", "approval", "group", "deadline", "escalate", "after"),
    *("breaker", "mask", "audit", "exceptions", "allOf", "enum", "const", "type", "properties", "required"),
    *("$ref", "pattern", "minimum", "maximum", "items", "people", "slack", "passkeys", "hours", "zone"),
    *(
        "sources",
        "tools",
        "python",
        "operation",
        "effect",
        "credential",
        "retry",
        "target",
        "undo",
        "reaches",
    ),
    *("support/close", "kb.search", "ticket.close", "principal:ada", "leads", "run", "1h", "4h", "never"),
]
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats()
    | st.text(max_size=12)
    | st.dates()
    | st.binary(max_size=4)
    | st.sampled_from(WORDS)
)
documents = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS) | scalars, inner, max_size=4)
    ),
    max_leaves=20,
)
LINES: Final = [
    "*a",
    "&a x",
    "!!binary x",
    "? [a]",
    "- - - -",
    "<<: {a: b}",
    "---",
    "\t",
    "'",
    "{[",
    "%YAML 9.9",
    "|",
    "\0",
]


@st.composite
def mutated(draw: Any, files: tuple[str, ...]) -> str:
    """A shipped file with a few lines swapped, doubled, dropped, indented or broken."""
    lines = FILES[draw(st.sampled_from(files))].split("\n")
    chance = random.Random(draw(st.integers(0, 1 << 32)))
    for _ in range(chance.randrange(1, 5)):
        at, other = chance.randrange(len(lines)), chance.randrange(len(lines))
        match chance.randrange(7):
            case 0:
                lines[at], lines[other] = lines[other], lines[at]
            case 1:
                lines.insert(at, lines[other])
            case 2 if len(lines) > 1:
                del lines[at]
            case 3:
                lines[at] = "  " * chance.randrange(3) + lines[at].strip()
            case 4:
                lines.insert(at, chance.choice(LINES))
            case 5:
                cut = chance.randrange(len(lines[at]) + 1)
                lines[at] = (
                    lines[at][:cut] + chance.choice("[]{}:,'\"#&*!|>%@`\\0\n\u202e\x85 ") + lines[at][cut:]
                )
            case _:
                lines[at] = lines[at].replace(chance.choice("aeiot:[{"), chance.choice(WORDS), 1)
    return "\n".join(lines)


def _dumped(value: Any) -> bytes:
    return yaml.safe_dump(value, allow_unicode=True).encode("utf-8", "surrogatepass")


def _texts(*files: str) -> st.SearchStrategy[bytes]:
    return (
        st.binary(max_size=200)
        | documents.map(_dumped)
        | mutated(files).map(lambda text: text.encode("utf-8", "surrogatepass"))
    )


# About a minute of `make fuzz`.
_MANY: Final = 2_000 * int(os.environ.get("ROUNDS", "1")) if FUZZED else 40
_fuzzed = settings(
    max_examples=_MANY, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@_fuzzed
@given(route=_texts(*ROUTES, ROUTE_FILE), people=_texts("people.yaml", "few.yaml"), base=st.booleans())
def test_no_bytes_crash_the_loader(tmp_path: Path, route: bytes, people: bytes, base: bool) -> None:
    """Whatever stands in a directory: it is refused with its places, or what it says is a route."""
    for file, data in ((ROUTE_FILE, route), ("people.yaml", people), ("cases/support/close.yaml", route)):
        put(tmp_path, file, "")
        (tmp_path / file).write_bytes(data)
    put(tmp_path, "routes/own.yaml", "narrows: support/close\n" if base else ROUTE)
    started = time.thread_time()
    found = judged(tmp_path)
    assert time.thread_time() - started < 5
    if isinstance(found, PolicySet):
        assert all(route.digest() for route in found.routes.values())


@_fuzzed
@given(data=_texts("tools.yaml"))
def test_no_bytes_crash_the_tools(tmp_path: Path, data: bytes) -> None:
    """Whatever stands in a tool file: it is refused with its places, or its catalogue has a digest."""
    (tmp_path / "tools.yaml").write_bytes(data)
    found = tooled(tmp_path / "tools.yaml")
    if isinstance(found, LoadedTools):
        assert found.catalogue.digest()


# Hostile on purpose

K: Final = 250_000 if FUZZED else 40_000
HOSTILE: Final = {
    "nested lists": "[" * K,
    "nested keys": "{a: " * (K // 4),
    "nested entries": "- " * (K // 2),
    "nested rules": "when: {ticket.close: " + "{allOf: [" * 300 + "{}" + "]}" * 300 + "}",
    "a long word": "a" * K,
    "a long key": "? " + "a" * (K - 10) + "\n: 1\n",
    "a huge number": "loop: " + "9" * (K - 300),
    "many numbers": "deny_tools: [" + "1," * (K // 2 - 300) + "1]",
    "many unknown keys": "".join(f"allow_tool{at}: 1\n" for at in range(K // 20)),
    "many limits": "limits: [" + "{tool: kb.search, per: run, window: 1h, calls: 1}," * (K // 52) + "]",
    "many choices": "when: {pay.send: {properties: {currency: {enum: [" + "EUX," * (K // 4 - 300) + "]}}}}",
    "many hosts": "egress: [" + "{host: a.example}," * (K // 19) + "]",
    "a wide pattern": "when: {ticket.close: {properties: {reason: {pattern: '" + "(a+)+" * (K // 6) + "'}}}}",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_is_bounded(tmp_path: Path, text: str) -> None:
    """As much spite as one file may hold costs seconds, and its refusal is a few screens at most."""
    whole = text if text[0] in "[{-a?" and not text.startswith("allow") else ROUTE + text
    put(tmp_path, "people.yaml", PEOPLE)
    put(tmp_path, ROUTE_FILE, whole)
    started = time.thread_time()
    assert isinstance(judged(tmp_path), tuple)
    assert time.thread_time() - started < 20
