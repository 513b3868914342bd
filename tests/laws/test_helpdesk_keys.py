"""The helpdesk's keys: hashes in a file, each of one meaning, gone when they are gone from the file."""

import json
import os
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from embedded.helpdesk.keys import Caller, KeyFile, KeysUnreadable
from embedded.helpdesk.problems import Problem


def _hash(token: str) -> str:
    return sha256(token.encode()).hexdigest()


def _write(path: Path, *keys: dict[str, Any], control: str = "control-token") -> Path:
    path.write_text(json.dumps({"keys": keys, "control_sha256": _hash(control)}))
    return path


def _key(token: str, tenant: str = "acme", scope: str = "read") -> dict[str, Any]:
    return {"tenant": tenant, "scope": scope, "sha256": _hash(token)}


def test_a_key_proves_its_tenant_and_scope(tmp_path: Path) -> None:
    """A token means what the entry with its hash says."""
    keys = KeyFile(_write(tmp_path / "keys", _key("a"), _key("b", "globex", "write")))
    assert keys.caller(["Bearer a"]) == Caller(tenant="acme", scope="read")
    assert keys.caller(["bearer b"]) == Caller(tenant="globex", scope="write")
    assert keys.caller(["Bearer control-token"]) == Caller(tenant="", scope="control")


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [""],
        ["Bearer"],
        ["Bearer "],
        ["Basic a"],
        ["a"],
        ["Bearer b"],
        ["Bearer a", "Bearer a"],
        ["Bearer " + _hash("a")],
    ],
)
def test_anything_but_one_known_bearer_token_is_refused(tmp_path: Path, headers: list[str]) -> None:
    """No header, two headers, another scheme, an unknown token, or the hash itself prove nothing."""
    keys = KeyFile(_write(tmp_path / "keys", _key("a")))
    with pytest.raises(Problem) as refusal:
        keys.caller(headers)
    assert refusal.value.status == 401


def test_a_revoked_key_stops_at_once(tmp_path: Path) -> None:
    """When the file changes, the keys in force change with it."""
    path = _write(tmp_path / "keys", _key("a"))
    keys = KeyFile(path)
    _write(path, _key("b"))
    os.utime(path, ns=(1, 1))
    assert keys.caller(["Bearer b"]).tenant == "acme"
    with pytest.raises(Problem):
        keys.caller(["Bearer a"])


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_text("{")])
def test_an_unreadable_file_lets_nobody_in(tmp_path: Path, damage: Any) -> None:
    """While the keys cannot be read, no key is good: a 503, and the old keys do not live on."""
    path = _write(tmp_path / "keys", _key("a"))
    keys = KeyFile(path)
    damage(path)
    for _ in range(2):
        with pytest.raises(Problem) as refusal:
            keys.caller(["Bearer a"])
        assert refusal.value.status == 503
    _write(path, _key("a"))
    assert keys.caller(["Bearer a"]).tenant == "acme"


@pytest.mark.parametrize(
    "keys",
    [
        [_key("a"), _key("a", "globex")],
        [_key("a"), _key("a", scope="write")],
        [_key("control-token")],
        [{**_key("a"), "scope": "admin"}],
        [{**_key("a"), "sha256": "a-raw-token"}],
        [{**_key("a"), "tenant": ""}],
        [{**_key("a"), "token": "a-raw-token"}],
    ],
)
def test_a_file_of_doubtful_meaning_is_refused_without_showing_its_values(
    tmp_path: Path, keys: list[dict[str, Any]]
) -> None:
    """A hash with two meanings, an unknown scope or a token in the clear is an error that shows no value."""
    with pytest.raises(KeysUnreadable) as refusal:
        KeyFile(_write(tmp_path / "keys", *keys))
    assert "a-raw-token" not in str(refusal.value)
    assert _hash("a") not in str(refusal.value)
