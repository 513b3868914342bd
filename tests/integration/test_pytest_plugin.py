"""The pytest plugin in a team's own suite: found by its entry point, explaining itself, no cost to others."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import tools
from embedded.stack import shipped_policies

INI = """\
[pytest]
interlock_policies = rules
interlock_tools = {tools}
filterwarnings = error
"""
SUITE = """\
import pytest

pytestmark = pytest.mark.filterwarnings("default::interlock.policy.NoSuchName")


def test_what_holds(policy):
    assert policy("support/draft").denies("email.send")
    assert policy("support/send").requires_approval("email.send", people=1)
    assert policy("support/draft").allows("kb.search", {"query": "login"})
    refund = {"order_id": "O-1", "amount_cents": 1, "currency": "EUR", "reason": "x"}
    assert "limits[0]" in policy("billing/refund", used={"calls": 20}).denies("refund.create", refund).rules


def test_that_sending_is_denied(policy):
    assert policy("support/send").denies("email.send")


def test_that_one_person_is_enough(policy):
    assert policy("billing/refund").requires_approval("refund.create", people=1)


def test_a_mistyped_route(policy):
    assert not policy("suport/draft").denies("email.send")


def test_every_case(policy):
    assert [str(result) for result in policy.results() if not result.passed] == []
    assert all(trial.coverage.percent == 100 for trial in policy.trials())
"""


def played(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """A team's suite, run as the team runs it; of our own plugins only what an entry point brings."""
    unneeded = ("xdist", "schemathesis", "hypothesispytest", "asyncio", "anyio", "timeout")
    without = [part for name in unneeded for part in ("-p", f"no:{name}")]
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *without, *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


def _documented() -> str:
    """The suite that docs/policy-tests.md shows."""
    doc = (Path(__file__).parents[2] / "docs" / "policy-tests.md").read_text(encoding="utf-8")
    shown = re.search(r"```python\n(.*?)```", doc, re.DOTALL)
    assert shown
    return shown[1]


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """A team's folder: its rules are those that ship, by a path of its own ini file."""
    (tmp_path / "rules").symlink_to(shipped_policies(), target_is_directory=True)
    helpdesk = Path(tools.__file__).with_name("helpdesk.yaml")
    (tmp_path / "pytest.ini").write_text(INI.format(tools=helpdesk), encoding="utf-8")
    (tmp_path / "test_team.py").write_text(SUITE, encoding="utf-8")
    (tmp_path / "test_documented.py").write_text(_documented(), encoding="utf-8")
    return tmp_path


def test_a_teams_suite_asks_its_policies(suite: Path) -> None:
    """What holds passes; what does not fails with the decision and the line that says so."""
    ran = played(suite)
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert "3 failed, 5 passed" in ran.stdout
    assert "assert <no, needs_approval of 1 person by allow_tools[2] (routes/support/send.yaml:" in ran.stdout
    assert "assert <no, needs_approval of 2 people by " in ran.stdout
    assert "not <yes, deny by route (routes/suport/draft.yaml:1): there is no route" in ran.stdout
    assert "did you mean `support/draft`?" in ran.stdout
    assert "test_team.py:23: NoSuchName" in ran.stdout


def test_a_mistaken_directory_is_named_without_a_traceback(suite: Path) -> None:
    """The command line goes before the ini file, and what is wrong there has its file and line."""
    routes = suite / "broken" / "routes"
    routes.mkdir(parents=True)
    (routes / "r.yaml").write_text("model: {name: rules}\nallow_tool: []\n", encoding="utf-8")
    ran = played(suite, "--policies", "broken", "-k", "what_holds")
    assert ran.returncode == 1
    assert "routes/r.yaml:2: `allow_tool` is no key of a route; did you mean `allow_tools`?" in ran.stdout
    assert "Traceback" not in ran.stdout + ran.stderr
    assert "pytest_plugin.py" not in ran.stdout


def test_other_suites_load_nothing_of_it() -> None:
    """The plugin alone imports neither rules, tools nor contracts, nor any library but pytest."""
    rooms = "{'policies', 'tools', 'contracts', 'pydantic', 'yaml', 'httpx', 'jsonschema_rs'}"
    program = f"import interlock.pytest_plugin, sys; sys.exit(str({rooms} & set(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ran.stderr == "set()\n"
