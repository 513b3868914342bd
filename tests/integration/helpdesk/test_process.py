"""How the process starts, listens and stops."""

import socket
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from tests.integration.helpdesk.served import Served, _keys, command


def _refused(port: int, home: Path) -> str:
    ended = subprocess.run(command(port, home), capture_output=True, text=True, timeout=20, check=False)
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1, ended.stderr
    return ended.stderr


def test_a_taken_port_is_one_sentence(desk: Served) -> None:
    """A second helpdesk on the port names it and the option to change, and exits with 2."""
    port = httpx.URL(desk.address).port
    assert port
    sentence = _refused(port, desk.home)
    assert str(port) in sentence
    assert "--port" in sentence


def test_an_unreadable_keys_file_is_one_sentence(tmp_path: Path) -> None:
    """No keys file, or one that is none, ends with 2 and names the file."""
    assert "keys.json" in _refused(0, tmp_path)
    (tmp_path / "keys.json").write_text(
        '{"keys": [{"tenant": "acme", "scope": "read", "sha256": "tok-raw"}]}'
    )
    sentence = _refused(0, tmp_path)
    assert "keys.json" in sentence
    assert "tok-raw" not in sentence


def test_a_file_that_is_no_database_is_one_sentence(tmp_path: Path) -> None:
    """A database that cannot be used ends with 2 and names the file; it is left as it was."""
    _keys(tmp_path)
    (tmp_path / "helpdesk.db").write_text("no database " * 100)
    assert "helpdesk.db" in _refused(0, tmp_path)
    assert (tmp_path / "helpdesk.db").read_text().startswith("no database")


def test_it_listens_on_one_loopback_address_only(desk: Served) -> None:
    """Its port is free on every other address, which it were not if the helpdesk listened on all of them."""
    port = httpx.URL(desk.address).port
    assert port
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.2", port))


def test_it_stops_within_seconds_whatever_is_in_flight(own: Served) -> None:
    """SIGTERM during a slow request ends the process with 0 and does not wait for it."""
    own.control("PUT", "faults", json={"operation": "close", "mode": "slow", "seconds": 60})
    with pytest.raises(httpx.ReadTimeout):
        own.close("T-18421", timeout=0.3)
    with own.as_("acme-read") as client:
        assert client.get("/tickets/T-18421").json()["status"] == "open"
    started = time.monotonic()
    assert own.stop() == 0
    assert time.monotonic() - started < 5
