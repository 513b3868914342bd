"""Laws of the schemas for editors: true of each shipped file, and of what the loader says of a shape."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest
from jsonschema_rs import Draft202012Validator

from cli.policy_schema import Kind, schema_text
from embedded.stack import shipped_policies, shipped_tools
from policies.route_file import read_route
from policies.source import Source, read_source
from tests.laws.mistakes import ADDED, CHANGED
from tests.laws.policy_desk import ROUTE
from tools.load import ToolsRefused, load_tools

ROOT: Final = Path(__file__).parents[2]


@cache
def _schema(kind: Kind) -> Draft202012Validator:
    return Draft202012Validator(json.loads(schema_text(kind)), offline=True, validate_formats=True)


def _shipped() -> Iterator[tuple[Kind, Path]]:
    yield Kind.TOOLS, shipped_tools()
    yield Kind.PEOPLE, shipped_policies() / "people.yaml"
    for folder, kind in (("routes", Kind.ROUTE), ("cases", Kind.CASES)):
        for path in sorted((shipped_policies() / folder).rglob("*.yaml")):
            yield kind, path


def _read(path: Path) -> Source:
    source, problems = read_source(path, path.name)
    assert source is not None
    assert problems == []
    return source


@pytest.mark.parametrize("kind", Kind)
def test_the_published_schema_is_the_codes(kind: Kind) -> None:
    """What stands under docs is what the command prints, byte for byte; `make golden` writes it anew."""
    published = ROOT / "docs" / "schemas" / f"{kind}.json"
    assert published.read_text(encoding="utf-8") == schema_text(kind)


@pytest.mark.parametrize(("kind", "path"), [*_shipped()], ids=lambda one: getattr(one, "name", str(one)))
def test_a_shipped_file_fits_its_schema_and_names_it(kind: Kind, path: Path) -> None:
    """An editor that follows a shipped file's first line finds the schema, and nothing to complain of."""
    first = path.read_text(encoding="utf-8").split("\n", 1)[0]
    named = first.removeprefix("# yaml-language-server: $schema=")
    assert (path.parent / named).resolve() == ROOT / "docs" / "schemas" / f"{kind}.json"
    assert [str(error) for error in _schema(kind).iter_errors(_read(path).value)] == []


def _mistaken() -> Iterator[str]:
    for line, *_ in ADDED:
        yield f"{ROUTE}{line}\n"
    for old, new, *_ in CHANGED:
        yield ROUTE.replace(old, new, 1)


def test_an_editor_marks_what_the_loader_refuses(tmp_path: Path) -> None:
    """Of each mistaken route: what is wrong with its shape is wrong by the schema too."""
    file, missed, told = tmp_path / "route.yaml", [], 0
    for text in _mistaken():
        file.write_text(text, encoding="utf-8")
        source, unread = read_source(file, "route.yaml")
        if source is None or unread or "narrows" in text:
            continue
        _, problems = read_route(source, "support/close")
        if problems:
            told += 1
            if _schema(Kind.ROUTE).is_valid(source.value):
                missed.append(str(problems[0]))
    assert told > 60
    assert missed == []


@pytest.mark.parametrize(
    "key", ["loop: 2", "budgets: {steps: 3}", "breaker: {denials: 2}", "model: {name: x}"]
)
def test_a_route_that_narrows_may_leave_out_the_rest(tmp_path: Path, key: str) -> None:
    """Beside `narrows` nothing is required, in no part; without it the same is wrong."""
    path = tmp_path / "own.yaml"
    path.write_text(f"narrows: base\n{key}\n", encoding="utf-8")
    value = _read(path).value
    assert _schema(Kind.ROUTE).is_valid(value)
    del value["narrows"]
    assert not _schema(Kind.ROUTE).is_valid(value)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("effect: read", "effect: harmless"),
        ("effect: read", "efect: read"),
        ("source: helpdesk, ", ""),
        ("{native: {key_retention: 24h}}", "{native: {key_retention: forever}}"),
        ("{native: {key_retention: 24h}}", "sometimes"),
        ("{lookup: ticket.update, by: key}", "{lookup: ticket.update, by: name}"),
        ("  kb.search:", "  KB.search:"),
        ("credential: ticketing-read", "credential: ../globex"),
        ("target: /order_id", "target: ''"),
        ("{python: ", "{pyhton: "),
        ("{python: ", "{mcp: {}, python: "),
        ("sources:", "source:"),
    ],
)
def test_an_editor_marks_a_mistaken_tool_file(tmp_path: Path, old: str, new: str) -> None:
    """What the loader of tools refuses for its shape is wrong by the schema too."""
    text = shipped_tools().read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "tools.yaml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    assert not _schema(Kind.TOOLS).is_valid(_read(path).value)
    with pytest.raises(ToolsRefused):
        load_tools(path, {})
