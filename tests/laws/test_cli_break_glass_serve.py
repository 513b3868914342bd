"""``interlock break-glass serve``: it becomes the process, with the settings that are its own."""

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from embedded.break_glass import keep_settings
from tests.laws.test_cli_break_glass import call


class _Became(Exception):
    """Stands for the process that this one would have become."""


@pytest.fixture
def became(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What this process would have become: command and environment."""
    found: list[Any] = []

    def execve(_: str, command: list[str], environment: dict[str, str]) -> None:
        found.extend((command[3:], environment))
        raise _Became

    monkeypatch.setattr("os.execve", execve)
    return found


def test_beside_a_local_stack_it_takes_that_stack_s_settings(
    became: list[Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its port and its environment are those that the stack wrote down, whatever else is set here."""
    monkeypatch.delenv("INTERLOCK_BREAK_GLASS_KEYRING", raising=False)
    monkeypatch.setenv("INTERLOCK_WARRANT_KEY", "somebody else's")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    keep_settings(tmp_path, port, {"INTERLOCK_ENV": "dev"})
    call("serve", "--state", str(tmp_path))
    command, environment = became
    assert command == ["breakglass", "--port", str(port)]
    assert {name for name in environment if name.startswith("INTERLOCK_")} == {"INTERLOCK_ENV"}
    assert json.loads((tmp_path / "break-glass.json").read_text())["url"].endswith(f":{port}")


def test_in_a_deployment_it_takes_the_environment(became: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """With a key ring of its own among the settings it serves where it is told to, and nowhere else."""
    monkeypatch.setenv("INTERLOCK_BREAK_GLASS_KEYRING", "/run/break-glass-keyring.json")
    assert call("serve").exit_code == 2
    call("serve", "--port", "8106")
    assert became[0] == ["breakglass", "--host", "127.0.0.1", "--port", "8106"]
    assert became[1]["INTERLOCK_BREAK_GLASS_KEYRING"] == "/run/break-glass-keyring.json"
