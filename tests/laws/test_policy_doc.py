"""``docs/policy.md`` names every key of the language, and its examples are the language."""

import re
from pathlib import Path
from typing import Final

import pytest
import yaml

from policies.inheritance import LONGEST, NARROWS
from policies.route import Route
from policies.route_file import PARTS
from policies.source import DEPTH, LIMIT
from tests.laws.policy_desk import ROUTE, Put, sound

DOC: Final = (Path(__file__).parents[2] / "docs" / "policy.md").read_text(encoding="utf-8")
ROWS: Final = [line.split("|")[1:4] for line in DOC.splitlines() if re.match(r"\| `[a-z_]+`", line)]


def test_every_key_of_a_route_is_explained() -> None:
    """The table has each key of a route once, and what each part of it has."""
    keys = [key for row in ROWS for key in re.findall(r"`(\w+)`", row[0])]
    assert sorted(keys) == sorted([NARROWS, *(key for key in Route.model_fields if key != "name")])
    said = {key: row[1] for row in ROWS for key in re.findall(r"`(\w+)`", row[0])}
    for path, part in PARTS.items():
        missing = [key for key in part.model_fields if f"`{key}`" not in said[path[0]]]
        nested = len(path) > 1 or path[0] == "limits"
        assert nested or missing == [], path


def test_the_bounds_are_the_codes() -> None:
    """What the page says of sizes holds."""
    assert f"at most {LIMIT // 1024} KiB and {DEPTH} levels" in DOC
    assert LONGEST == 5
    assert "A chain has at most five routes" in DOC


def test_the_example_narrows(tmp_path: Path, write: Put) -> None:
    """The page's own example loads over a route that it could be written for."""
    example = re.search(r"```yaml\n(narrows: .*?)```", DOC, re.DOTALL)
    assert example is not None
    text = example[1].replace("email.send", "tickets.get")
    write("routes/support/base.yaml", ROUTE)
    write("routes/support/own.yaml", text)
    route = sound(tmp_path).routes["support/own"]
    assert route.budgets.steps == yaml.safe_load(text)["budgets"]["steps"]
    assert "tickets.get" not in route.allow_tools


@pytest.mark.parametrize("name", ["route", "people", "cases", "tools"])
def test_the_schemas_are_where_the_page_says(name: str) -> None:
    """The page leads to them."""
    assert "[schemas](schemas)" in DOC
    assert (Path(__file__).parents[2] / "docs" / "schemas" / f"{name}.json").is_file()
