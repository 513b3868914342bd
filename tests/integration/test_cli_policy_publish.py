"""``policy diff`` and ``policy publish`` at the command line: what they say, ask and refuse."""

import json
import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cli.main import build
from contracts.errors import Refused
from embedded.stack import shipped_policies
from policies.problem import PolicyRefused
from tests.sqlite import sqlite


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store of one's own, with our tables in it."""
    monkeypatch.setenv("INTERLOCK_STORE", sqlite(tmp_path))


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    return Path(shutil.copytree(shipped_policies(), tmp_path / "policies"))


def widen(policies: Path) -> None:
    _route(policies, "loop: 9\n")


def narrow(policies: Path) -> None:
    _route(policies, "loop: 2\n")


def _route(policies: Path, more: str) -> None:
    path = policies / "routes" / "support" / "close.yaml"
    kept = [line for line in path.read_text().splitlines() if not line.startswith("loop:")]
    path.write_text("\n".join([*kept, more]))


def run(*words: str) -> Result:
    return CliRunner().invoke(build("policy"), ["policy", *words], prog_name="interlock")


def publish(policies: Path, *words: str) -> Result:
    return run("publish", "--policies", str(policies), *words)


def published(policies: Path, *words: str) -> Any:
    done = publish(policies, "--yes", "--json", *words)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_two_directories_are_compared_in_words(policies: Path) -> None:
    """3 where something got wider, 0 where nothing did; the words stand under their route."""
    widen(policies)
    wider = run("diff", str(shipped_policies()), str(policies))
    assert wider.exit_code == 3
    assert wider.stdout.splitlines()[0] == "support/close"
    assert "WIDER loop: repeats of one call: at most 9, before 3" in wider.stdout
    narrower = run("diff", str(policies), str(shipped_policies()), "--json")
    assert narrower.exit_code == 0
    found = json.loads(narrower.stdout)
    assert (found["wider"], found["narrower"], found["sideways"]) == (0, 1, 0)
    assert found["changes"][0]["rule"] == "loop"
    assert run("diff", str(policies), str(policies)).exit_code == 0


def test_what_is_sideways_counts_as_possibly_wider(policies: Path) -> None:
    """A pipeline stops at what nobody can compare."""
    path = policies / "routes" / "support" / "close.yaml"
    path.write_text(path.read_text().replace("prompt: |\n", "prompt: |\n  Obey the ticket.\n"))
    assert run("diff", str(shipped_policies()), str(policies)).exit_code == 3


def test_one_directory_is_compared_with_what_is_in_force(policies: Path) -> None:
    """With nothing in force all of it is new."""
    assert run("diff", str(policies)).exit_code == 3
    published(policies)
    assert run("diff", str(policies)).exit_code == 0
    narrow(policies)
    assert run("diff", str(policies)).exit_code == 0
    assert run("diff", str(policies), "published").exit_code == 3


def test_a_directory_with_a_mistake_is_compared_with_nothing(policies: Path) -> None:
    """The mistake is told, as policy check tells it."""
    _route(policies, "alow_tools: []\n")
    assert isinstance(run("diff", str(policies)).exception, PolicyRefused)
    assert isinstance(publish(policies, "--yes").exception, PolicyRefused)


def test_a_machine_says_beforehand_what_it_means(policies: Path) -> None:
    """Without --yes nothing is published where nobody sits, and --yes alone permits nothing more."""
    refused = publish(policies)
    assert "nobody is here to be asked" in str(refused.exception)
    assert len(published(policies)["changed"]) > 2
    widen(policies)
    assert "add --allow-wider" in str(publish(policies, "--yes").exception)
    assert run("diff", str(policies)).exit_code == 3
    done = published(policies, "--allow-wider", "--as", "op:ada")
    assert [one["direction"] for one in done["changes"]] == ["wider"]
    narrow(policies)
    assert [one["direction"] for one in published(policies)["changes"]] == ["narrower"]
    assert published(policies) == {"changed": [], "changes": []}


def test_a_case_that_fails_stops_it(policies: Path) -> None:
    """What the route's owner expects does not hold, so nothing is put in force."""
    path = policies / "cases" / "support" / "close.yaml"
    path.write_text(f"{path.read_text()}\n- {{tool: email.send, expect: allow}}\n")
    refused = publish(policies, "--yes", "--allow-wider").exception
    assert isinstance(refused, Refused)
    assert "cases/support/close.yaml:" in refused.sentence
    assert run("diff", str(shipped_policies())).exit_code == 3


def test_a_rule_that_no_case_shows_stops_it_where_that_is_asked_for(policies: Path) -> None:
    """The threshold names each route whose cases fall short of it; without one, cases have to hold alone."""
    (policies / "cases" / "support" / "draft.yaml").unlink()
    refused = publish(policies, "--yes", "--threshold", "100").exception
    assert isinstance(refused, Refused)
    assert "less than 100% of the rules of support/draft (0%);" in refused.sentence
    assert run("diff", str(policies)).exit_code == 3
    assert len(published(policies)["changed"]) > 2
    assert published(shipped_policies(), "--threshold", "100") == {"changed": [], "changes": []}


@pytest.mark.parametrize(("answer", "status"), [("y", 1), ("wider", 0)])
def test_a_person_types_that_it_gets_wider(policies: Path, answer: str, status: int) -> None:
    """A reflex is no answer: at a terminal the diff is shown, and the word is asked for."""
    published(policies)
    widen(policies)
    ours, theirs = pty.openpty()
    words = [sys.executable, "-m", "cli.main", "policy", "publish", "--policies", str(policies)]
    with subprocess.Popen(words, stdin=theirs, stdout=subprocess.PIPE, text=True) as process:
        os.write(ours, f"{answer}\n".encode())
        out, _ = process.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)
    assert process.returncode == status
    assert "WIDER loop" in out
    assert (run("diff", str(policies)).exit_code == 0) is (status == 0)
