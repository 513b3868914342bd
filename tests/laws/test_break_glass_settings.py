"""The break-glass process's settings: what it needs is named, and nothing of the agents' is among it."""

import json
import os
import subprocess
import sys

import pytest

from breakglass.settings import Settings
from contracts.errors import Malformed

NEEDED = {
    "INTERLOCK_STORE": "sqlite+aiosqlite:///store.db",
    "INTERLOCK_AWS": "aws.json",
    "INTERLOCK_TOOLS": "tools.yaml",
    "INTERLOCK_SLACK_ALERTS": "C0ALERTS",
    "INTERLOCK_BREAK_GLASS_KEYRING": "ring.json",
    "INTERLOCK_BREAK_GLASS_PAGES": "http://localhost:7716",
}


def test_what_is_missing_is_named_all_at_once() -> None:
    """Every variable, in one sentence."""
    with pytest.raises(Malformed) as raised:
        Settings.read({"INTERLOCK_ENV": "dev"})
    assert all(name in str(raised.value) for name in NEEDED)


@pytest.mark.parametrize("name", NEEDED)
def test_each_of_them_is_needed(name: str) -> None:
    """None has a default that would be worse than not to start."""
    with pytest.raises(Malformed, match=name):
        Settings.read({key: value for key, value in NEEDED.items() if key != name})


def test_the_agents_settings_are_none_of_it() -> None:
    """Their key ring and pages in the environment change nothing."""
    theirs = {
        "INTERLOCK_KEYRING": "agents.json",
        "INTERLOCK_PAGES": "http://localhost:7710",
        "INTERLOCK_TEMPORAL": "127.0.0.1:7233",
    }
    assert Settings.read(NEEDED | theirs) == Settings.read(NEEDED)


def test_a_process_that_cannot_start_says_why() -> None:
    """In one line that names what is missing, with status 1."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("INTERLOCK_")}
    command = [sys.executable, "-m", "breakglass", "--port", "0"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    (line,) = ended.stderr.splitlines()
    assert (ended.returncode, json.loads(line)["process"]) == (1, "break-glass")
    assert "INTERLOCK_BREAK_GLASS_KEYRING" in json.loads(line)["error"]
