"""``interlock break-glass``: nothing is consented to or done unseen, and each refusal is a sentence."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from adapters.passkeys import WebAuthnVerifier
from cli import break_glass_opening
from cli.main import build, status
from contracts.approval import Person
from contracts.passkey import Assertion
from embedded.soft_passkey import SoftPasskey
from tests.glass_api import ACT, ACT_DIGEST, DIGEST, KEY, SESSION, Desk, serving

RUNNER = CliRunner()
PAGES = "http://localhost:8199"
CLOSE = json.dumps({"ticket_id": "T-18421"})
ACTING = ("act", SESSION, "ticket.close", "--args", CLOSE, "--key", "k-1")
OPENING = ("open", "--tenant", "acme", "--tool", "ticket.close", "--minutes", "10", "--reason", "It burns.")


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[Desk, str]]:
    desk = Desk()
    with serving(desk) as url:
        yield desk, url


@pytest.fixture
def desk(server: tuple[Desk, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Desk:
    """The fake as new, with its address and a person's token in the environment."""
    desk, url = server
    vars(desk).update(vars(Desk()))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INTERLOCK_BREAK_GLASS", url)
    monkeypatch.setenv("INTERLOCK_BREAK_GLASS_TOKEN", "person")
    monkeypatch.setenv("INTERLOCK_BREAK_GLASS_PAGES", PAGES)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(break_glass_opening, "_PAUSE", 0.01)
    return desk


def call(*arguments: str, typed: str = "") -> Result:
    return RUNNER.invoke(build("break-glass"), ["break-glass", *arguments], input=typed)


def document(outcome: Result) -> Any:
    assert outcome.exit_code == 0, outcome.output
    return json.loads(outcome.stdout)


def test_opening_says_what_the_second_person_has_to_know(desk: Desk) -> None:
    """Session, tenant, the start of the digest, page and command; what was asked for is what is sent."""
    outcome = call(*OPENING, "--override", "tool:ticket.close")
    assert outcome.exit_code == 0, outcome.output
    said = " ".join(outcome.stdout.split())
    for part in (SESSION, "acme", DIGEST[:19], f"{PAGES}/sessions/{SESSION}", f"consent {SESSION} --as NAME"):
        assert part in said
    (body,) = desk.bodies("sessions")
    assert body == {
        "tenant": "acme",
        "tools": ["ticket.close"],
        "minutes": 10,
        "reason": "It burns.",
        "overrides": ["tool:ticket.close"],
    }


def test_opening_waits_for_the_second_person(desk: Desk) -> None:
    """``--wait``: until somebody consented; standard output stays one document."""
    desk.looks = 2
    found = document(call(*OPENING, "--wait", "--json"))
    assert (found["state"], found["consenter"]) == ("open", "principal:grace")


def test_who_waits_for_nothing_is_told(desk: Desk) -> None:
    """A session that nobody consented to, or that was refused, is no success."""
    desk.session["state"] = "lapsed"
    outcome = call(*OPENING, "--wait", "--json")
    assert outcome.exit_code == 1
    assert json.loads(outcome.stdout)["state"] == "lapsed"


@pytest.fixture
def passkey(tmp_path: Path) -> Path:
    path = tmp_path / "grace.json"
    SoftPasskey.create("drill grace").save(path)
    return path


@pytest.mark.parametrize("typed", ["", "globex\n", "Acme\n", "\n"])
def test_consent_takes_the_tenant_s_name_by_hand(desk: Desk, passkey: Path, typed: str) -> None:
    """Whoever types another name, or nothing, consents to nothing; the whole opening was shown before."""
    outcome = call("consent", SESSION, "--passkey", str(passkey), typed=typed)
    assert outcome.exit_code == 1
    assert not desk.bodies("consent")
    for part in ("acme", "ticket.close", "The queue is on fire.", "10 minutes", "principal:ada", DIGEST):
        assert part in outcome.stdout


@pytest.mark.parametrize(("arguments", "typed"), [((), "acme\n"), (("--yes",), "")])
def test_a_passkey_signs_the_digest_that_was_shown(
    desk: Desk, passkey: Path, arguments: tuple[str, ...], typed: str
) -> None:
    """For the origin of the process's own pages: a verifier of them takes it, over this digest alone."""
    outcome = call("consent", SESSION, "--passkey", str(passkey), *arguments, typed=typed)
    assert outcome.exit_code == 0, outcome.output
    (body,) = desk.bodies("consent")
    assert body["opening_digest"] == DIGEST
    assertion = Assertion.read(body["assertion"])
    grace = Person(
        principal="principal:grace",
        slack_team=None,
        slack_user=None,
        subjects=(),
        groups=(),
        tenants=(),
        passkeys=(SoftPasskey.load(passkey).passkey,),
    )
    assert WebAuthnVerifier(PAGES).verified(assertion, grace, DIGEST)
    assert not WebAuthnVerifier(PAGES).verified(assertion, grace, ACT_DIGEST)
    assert not WebAuthnVerifier("http://localhost:8100").verified(assertion, grace, DIGEST)


def test_consent_without_a_file_is_given_on_the_page(desk: Desk) -> None:
    """The page is named, and the command ends once somebody signed there; nothing is signed here."""
    desk.looks = 2
    outcome = call("consent", SESSION)
    assert outcome.exit_code == 0, outcome.output
    assert f"{PAGES}/sessions/{SESSION}" in outcome.stderr
    assert not desk.bodies("consent")


def test_what_waits_for_nobody_is_not_consented_to(desk: Desk, passkey: Path) -> None:
    """An open session gets no second signature."""
    desk.opened()
    outcome = call("consent", SESSION, "--passkey", str(passkey), "--yes")
    assert outcome.exit_code == 1
    assert not desk.bodies("consent")


def test_an_act_is_shown_whole_before_its_target_is_typed(desk: Desk) -> None:
    """What will change, how bad, undo, the exact arguments; then the confirmation names the digest shown."""
    outcome = call(*ACTING, typed="T-18421\n")
    assert outcome.exit_code == 0, outcome.output
    shown = outcome.stdout
    parts = (
        "What will change",
        "status: open → closed",
        "How bad",
        "Can it be undone",
        CLOSE,
        KEY,
        "succeeded",
    )
    places = [shown.find(part) for part in parts]
    assert -1 not in places
    assert places == sorted(places)
    assert "ticket.reopen" in shown
    assert desk.bodies("acts") == [{"tool": "ticket.close", "arguments": json.loads(CLOSE), "key": "k-1"}]
    assert desk.bodies("confirm") == [{"action_digest": ACT_DIGEST}]


@pytest.mark.parametrize("typed", ["", "T-1\n", "y\n", "acme\n"])
def test_another_word_than_the_target_sends_nothing(desk: Desk, typed: str) -> None:
    """A habit of pressing enter or ``y`` confirms no act."""
    outcome = call(*ACTING, typed=typed)
    assert outcome.exit_code == 1
    assert not desk.bodies("confirm")


def test_who_is_cut_off_knows_how_to_ask_what_came_of_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A confirmation without an answer may have been sent: the key, by which it is asked for, was said."""
    desk.hangs_up = True
    monkeypatch.setattr(sys, "argv", ["interlock", "break-glass", *ACTING, "--yes", "--json"])
    assert status() == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "k-1" in said.err
    assert "may have been sent" in said.err


@pytest.mark.parametrize("outcome", ["refused", "failed", "unknown", "skipped", "expired", "denied"])
def test_only_a_success_ends_with_status_0(desk: Desk, outcome: str) -> None:
    """Whatever else an act comes to ends with status 1; of an unknown one it is said how it is settled."""
    desk.outcome = outcome
    found = call(*ACTING, "--yes")
    assert found.exit_code == 1
    assert outcome in found.stdout
    assert (f"settle {SESSION} {ACT}" in found.stdout) == (outcome == "unknown")


@pytest.mark.usefixtures("desk")
def test_a_machine_gets_one_document() -> None:
    """``--json`` of every verb: standard output is one document, whatever else was said."""
    assert document(call(*OPENING, "--json"))["session_id"] == SESSION
    assert document(call("list", "--json"))["sessions"][0]["session_id"] == SESSION
    assert document(call(*ACTING, "--yes", "--json"))["outcome"] == "succeeded"
    assert document(call("close", SESSION, "--json"))["state"] == "refused"
    assert document(call("report", SESSION, "--json"))["acts"][0]["outcome"] == "succeeded"
    settled = call("settle", SESSION, ACT, "--did", "--reason", "I looked.", "--json")
    assert document(settled)["outcome"] == "succeeded"


def test_a_report_tells_who_why_what_and_how_to_undo_it(desk: Desk) -> None:
    """Both people, the reason, each field before and after, the undo's own call."""
    desk.opened()
    said = call("report", SESSION).stdout
    parts = ("principal:ada", "principal:grace", "The queue is on fire.", "principal:margaret", "T-18421")
    for part in (*parts, "Changed", "status: open → closed", "ticket.reopen", KEY, "its minutes are over"):
        assert part in said


@pytest.mark.parametrize("answers", [(), ("--did", "--did-not")])
def test_nobody_settles_by_accident(desk: Desk, answers: tuple[str, ...]) -> None:
    """None and two answers are wrong use."""
    outcome = call("settle", SESSION, ACT, "--reason", "I looked.", *answers)
    assert outcome.exit_code == 2
    assert not desk.bodies("outcome")


def test_what_was_not_done_is_said_so(desk: Desk) -> None:
    """``--did-not`` says ``it_did_not``, with its reason."""
    call("settle", SESSION, ACT, "--did-not", "--reason", "The ticket is open.")
    assert desk.bodies("outcome") == [{"outcome": "it_did_not", "reason": "The ticket is open."}]


VERBS = [
    ("list",),
    ("report", SESSION),
    ("close", SESSION),
    OPENING,
    ("consent", SESSION),
    (*ACTING, "--yes"),
    ("settle", SESSION, ACT, "--did", "--reason", "I looked."),
]


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb[0])
def test_every_refusal_is_one_sentence(
    desk: Desk, verb: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the process does not let through is told in its own words, with status 1 and nothing beside."""
    desk.refusal = (403, "a run acts for you on this tenant, so you open nothing there")
    monkeypatch.setattr(sys, "argv", ["interlock", "break-glass", *verb])
    assert status() == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines()[-1] == f"interlock: {desk.refusal[1]}"


@pytest.mark.usefixtures("desk")
def test_a_named_process_gets_no_token_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever answers at an address that somebody gave is sent no token that was minted for the local one."""
    monkeypatch.delenv("INTERLOCK_BREAK_GLASS_TOKEN")
    outcome = call("list", "--as", "ada")
    assert outcome.exit_code == 1
    assert "give --token as well" in str(outcome.exception)


def test_without_a_process_a_sentence_says_how_to_start_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A stack that was started without it has none."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["interlock", "break-glass", "list", "--as", "ada"])
    assert status() == 1
    assert "interlock dev --break-glass" in capsys.readouterr().err


def test_the_local_process_is_found_in_the_state_directory(
    desk: Desk, server: tuple[Desk, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """``STATE/break-glass.json`` names it; the token may still be a person's own."""
    monkeypatch.delenv("INTERLOCK_BREAK_GLASS")
    state = tmp_path / "state"
    state.mkdir()
    (state / "break-glass.json").write_text(json.dumps({"url": server[1], "pid": 1}))
    found = document(call("list", "--state", str(state), "--json"))
    assert found["sessions"][0]["session_id"] == desk.session["session_id"]
