"""A passkey in a file: it signs as a device does, for its own pages alone, and its owner alone reads it."""

import stat
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from adapters.passkeys import WebAuthnVerifier
from cli.main import status
from contracts.approval import Person
from contracts.errors import InterlockError
from contracts.passkey import Passkey
from embedded.lock import held
from embedded.soft_passkey import SoftPasskey, place_of
from policies.enrolment import enrolled, lines

ORIGIN = "http://localhost:8106"
DIGEST = f"sha256:{'a1' * 32}"
SHIPPED = Path(__file__).parents[2] / "policies" / "shipped" / "people.yaml"


def person(*passkeys: Passkey) -> Person:
    return Person(
        principal="principal:grace",
        slack_team=None,
        slack_user=None,
        subjects=(),
        groups=(),
        tenants=(),
        passkeys=passkeys,
    )


def test_what_was_kept_signs_as_it_did(tmp_path: Path) -> None:
    """Read back from its file it is the same credential, whose signature a verifier of those pages takes."""
    path = tmp_path / "passkeys" / "grace.json"
    made = SoftPasskey.create("drill grace")
    made.save(path)
    found = SoftPasskey.load(path)
    assert found.passkey == made.passkey
    assert WebAuthnVerifier(ORIGIN).verified(found.sign(DIGEST, ORIGIN), person(made.passkey), DIGEST)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "origin", ["http://127.0.0.1:8106", "https://evil.example", "http://localhost.evil:1"]
)
def test_it_signs_for_its_own_pages_alone(origin: str) -> None:
    """No device answers a page of another host, and neither does this one."""
    with pytest.raises(InterlockError, match="pages at localhost"):
        SoftPasskey.create().sign(DIGEST, origin)


@pytest.mark.parametrize("digest", ["", "a1" * 32, f"sha256:{'a1' * 31}", "sha256:" + "zz" * 32])
def test_it_signs_digests_alone(digest: str) -> None:
    """What is no digest is signed for nobody."""
    with pytest.raises(InterlockError):
        SoftPasskey.create().sign(digest, ORIGIN)


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"key": 1, "name": "x", "host": "y"}', '{"key": "secret", "name": "x", "host": "y"}'],
)
def test_a_file_that_holds_none_is_refused_without_its_content(tmp_path: Path, content: str) -> None:
    """The sentence names the file, never what stands in it."""
    path = tmp_path / "x.json"
    path.write_text(content)
    with pytest.raises(InterlockError) as refused:
        SoftPasskey.load(path)
    assert "secret" not in refused.value.sentence


def test_there_is_no_writing_over_one(tmp_path: Path) -> None:
    """A people file may name the one that is there: whoever makes another removes it first."""
    path = tmp_path / "x.json"
    SoftPasskey.create().save(path)
    with pytest.raises(InterlockError, match="already"):
        SoftPasskey.create().save(path)


@pytest.mark.parametrize("name", ["", "../grace", "a/b", "Grace", ".", "x" * 61])
def test_its_file_stays_in_the_state_directory(tmp_path: Path, name: str) -> None:
    """A name is a name and no path."""
    with pytest.raises(InterlockError):
        place_of(tmp_path, name)


PASSKEY = SoftPasskey.create("drill grace").passkey


def test_its_lines_are_the_people_file_s() -> None:
    """Put under their person they say the same as read by themselves, and no other line changes."""
    before = SHIPPED.read_text()
    after = enrolled(before, "principal:grace", PASSKEY)
    people = yaml.safe_load(after)["people"]
    assert people["principal:grace"].pop("passkeys") == _entries()
    assert people == yaml.safe_load(before)["people"]
    assert [line for line in after.split("\n") if line in before.split("\n")] == before.split("\n")


def _entries() -> Any:
    return yaml.safe_load(lines("principal:grace", PASSKEY))["people"]["principal:grace"]["passkeys"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (enrolled(SHIPPED.read_text(), "principal:grace", PASSKEY), "has passkeys"),
        ("people: {principal:grace: {groups: []}}\n", "no line"),
        ("people:\n  principal:ada:\n    groups: []\n", "no line"),
    ],
)
def test_what_cannot_be_added_to_is_left_to_a_person(text: str, sentence: str) -> None:
    """A second key of the same name, or somebody who is not there, would be another file than it says."""
    with pytest.raises(InterlockError, match=sentence):
        enrolled(text, "principal:grace", PASSKEY)


@given(st.text(min_size=1, max_size=60))
def test_no_name_of_a_device_adds_a_line(name: str) -> None:
    """Whatever a device is called, its lines are one entry with that name."""
    drawn = lines("principal:grace", Passkey(credential_id="a" * 20, public_key="b" * 20, name=name))
    assert len(drawn.split("\n")) == 6


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["interlock", "passkey", "make", *arguments])
    return status()


def test_made_before_the_first_start_it_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A stack takes the directory in which a passkey was made for its own, and leaves the passkey there."""
    state, people = tmp_path / "state", tmp_path / "people.yaml"
    people.write_text(SHIPPED.read_text())
    options = ("--state", str(state), "--people", str(people))
    assert call(monkeypatch, "grace", *options) == 0
    said = capsys.readouterr().out
    assert "for drills" in said
    with held(state):
        made = SoftPasskey.load(state / "passkeys" / "grace.json")
    assert made.passkey.credential_id in said
    named = yaml.safe_load(people.read_text())["people"]["principal:grace"]["passkeys"]
    assert [one["id"] for one in named] == [made.passkey.credential_id]


def test_none_is_made_for_prod(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In production people sign with their devices."""
    assert call(monkeypatch, "grace", "--env", "prod", "--state", str(tmp_path / "state")) == 1
    assert "devices" in capsys.readouterr().err
    assert not (tmp_path / "state").exists()
