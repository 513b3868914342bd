"""The main job through the command line, on a stack of its own."""

import asyncio
import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from embedded.ports import Ports
from tests.acceptance.leaks import left_behind

INTERLOCK = (sys.executable, "-m", "cli.main")
ROOT = Path(__file__).parents[2]


def _interlock(*arguments: str, timeout: float = 90) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*INTERLOCK, *arguments], capture_output=True, text=True, timeout=timeout, cwd=ROOT, check=False
    )


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The state directory of a stack that runs while this file's tests do."""
    directory = tmp_path_factory.mktemp("stack") / "state"
    process = subprocess.Popen(
        [
            *INTERLOCK,
            "dev",
            "--headless",
            "--json",
            "--state",
            str(directory),
            "--port-base",
            str(Ports.free().gateway),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        assert process.stdout
        assert process.stderr
        line = process.stdout.readline()
        assert line, process.stderr.read()
        assert json.loads(line)["ready"] is True
        yield directory
        assert asyncio.run(left_behind(directory)) == []
    finally:
        process.terminate()
        process.communicate(timeout=40)


def _demo(state: Path) -> dict[str, Any]:
    done = _interlock("demo", "--approve", "--json", "--state", str(state))
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def played(state: Path) -> dict[str, Any]:
    """What the first demo said."""
    return _demo(state)


def test_demo_closes_the_ticket_exactly_once(played: dict[str, Any]) -> None:
    """The run completes, Ada approved, the target executed the write once, and the audit verifies."""
    run = played["run"]
    assert run["state"] == "completed"
    (write,) = [action for action in run["actions"] if action["effect"] == "write"]
    assert (write["outcome"], write["approvers"]) == ("succeeded", ["principal:ada"])
    assert played["executions"] == {write["idempotency_key"]: 1}
    assert played["audit"]["verified"] is True
    assert played["audit"]["records"] > 0


def test_demo_runs_again_on_the_same_state(state: Path, played: dict[str, Any]) -> None:
    """A second demo finds another open ticket: the first one stays closed."""
    assert set(played["executions"]).isdisjoint(_demo(state)["executions"])


def test_doctor_finds_every_part_well(state: Path) -> None:
    """On a running stack every check passes; break-glass, which nobody asked for, does not run."""
    done = _interlock("doctor", "--json", "--state", str(state))
    assert done.returncode == 0, done.stdout
    found = {check["part"]: check for check in json.loads(done.stdout)["checks"]}
    assert all(check["ok"] for check in found.values())
    assert found["break-glass"]["what"].startswith("not started")
    assert not (state / "break-glass.json").exists()


@pytest.mark.usefixtures("played")
def test_audit_names_the_record_that_was_altered(state: Path) -> None:
    """Who alters one stored record is found out: status 1, and the record's place."""
    database = sqlite3.connect(state / "interlock.db", timeout=20)
    key = "tenant = 'acme' AND seq = 2"
    (body,) = database.execute(f"SELECT body FROM audit WHERE {key}").fetchone()
    altered = json.dumps({**json.loads(body), "outcome": "altered"})
    try:
        _rewrite(database, key, altered)
        done = _interlock("audit", "verify", "--json", "--state", str(state))
    finally:
        _rewrite(database, key, body)
        database.close()
    broken = json.loads(done.stdout)["broken"]
    assert done.returncode == 1
    assert (broken["tenant"], broken["seq"]) == ("acme", 2)
    assert _interlock("audit", "verify", "--state", str(state)).returncode == 0


def _rewrite(database: sqlite3.Connection, key: str, body: str) -> None:
    """As an attacker with the file would, triggers or not."""
    triggers = database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _ in triggers:
        database.execute(f"DROP TRIGGER {name}")
    database.execute(f"UPDATE audit SET body = ? WHERE {key}", (body,))
    for _, sql in triggers:
        database.execute(sql)
    database.commit()


def test_wrong_use_and_failure_have_their_status(state: Path) -> None:
    """Wrong use ends with 2, a refusal with 1 and a sentence, neither with a traceback."""
    wrong = _interlock("run", "start", "--route", "support/close", "--input", "{", "--state", str(state))
    refused = _interlock("run", "show", "run_00", "--state", str(state))
    assert (wrong.returncode, refused.returncode) == (2, 1)
    assert refused.stderr.startswith("interlock: ")
    assert "Traceback" not in wrong.stderr + refused.stderr


def test_the_state_directory_holds_what_the_docs_list(state: Path) -> None:
    """Every file of a running stack stands in docs/interfaces.md, and what is listed is there."""
    table = (ROOT / "docs" / "interfaces.md").read_text().partition("## State directory")[2]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    listed = {name for row in rows for name in re.findall(r"`([^`]+)`", row)}
    patterns = {name: re.compile(re.sub("ROLE|PART", "[a-z-]+", name)) for name in listed}
    found = {path.relative_to(state).as_posix() for path in state.rglob("*") if path.is_file()}
    plain = {re.sub(r"(-wal|-shm|\.lock)$", "", name) for name in found}
    known = {name: {file for file in plain if _is(patterns[name], file)} for name in listed}
    assert not plain - {file for files in known.values() for file in files}
    assert all(known.values())


def _is(pattern: "re.Pattern[str]", file: str) -> bool:
    """Whether a listed name is that of the file; one that ends in a slash is that of all below it."""
    return bool(pattern.match(file) if pattern.pattern.endswith("/") else pattern.fullmatch(file))
