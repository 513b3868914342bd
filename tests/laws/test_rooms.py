"""Our rooms are top-level packages with plain names: nothing else that is installed may bring one of them."""

import tomllib
from collections.abc import Iterable, Mapping
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Final

OURS: Final = "interlock-app"
ROOMS: Final = (
    "activities",
    "adapters",
    "breakglass",
    "cli",
    "contracts",
    "embedded",
    "gateway",
    "interlock",
    "policies",
    "tools",
    "worker",
    "workflows",
)


def intruders(providers: Mapping[str, Iterable[str]]) -> list[str]:
    """A sentence for each distribution that brings a package of our rooms' names."""
    return [
        f"{distribution} installs a top-level package `{room}`, a room of {OURS}: one hides the other"
        for room in ROOMS
        for distribution in sorted(set(providers.get(room, ())) - {OURS})
    ]


def test_no_other_distribution_brings_one_of_our_rooms() -> None:
    """No installed distribution but our own provides a package that is called as one of our rooms."""
    assert intruders(packages_distributions()) == []


def test_an_intruder_is_named() -> None:
    """A distribution that brings a room is found and named, ours beside it is not."""
    found = intruders({"tools": [OURS, "some-toolkit"], "gateway": ["other-gateway"], "httpx": ["httpx"]})
    assert [sentence.split(" ", 1)[0] for sentence in found] == ["other-gateway", "some-toolkit"]


def test_every_shipped_package_is_a_room() -> None:
    """The rooms that are checked are those that the wheel ships."""
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    assert tuple(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) == ROOMS
