"""An approval in a terminal: three questions in order, and outside text that passes for nothing of ours."""

from typing import Any

import pytest

from cli import asking

ONE: dict[str, Any] = {
    "approval_id": "apr_1",
    "kind": "action",
    "run_id": "run_1",
    "route": "billing/refund",
    "state": "waiting",
    "needed": 2,
    "question": "",
    "action_digest": "sha256:1",
    "deadline": None,
    "grants": [
        {"approver": "principal:ada", "decision": "approve", "way": "page", "at": "10:00", "passkey": True}
    ],
    "action": {
        "tool": "refund.create",
        "effect": "destructive",
        "tenant": "acme",
        "env": "dev",
        "caller": "svc:demo",
        "on_behalf_of": "user:u-1042",
        "words": "It is due.",
        "repeats": 0,
        "arguments": {"amount_cents": 4900},
        "preview": {
            "target": "order O-1",
            "figures": ["EUR 49.00", "1 customer"],
            "changes": [{"field": "refunded", "before": "EUR 0.00", "after": "EUR 49.00"}],
            "stakes": "1 customer gets money.",
            "undo": "",
        },
    },
}


def test_the_three_questions_come_in_their_order(capsys: pytest.CaptureFixture[str]) -> None:
    """What will change, how bad if it is wrong, can it be undone; then who asks, and the exact arguments."""
    asking.show(ONE)
    shown = capsys.readouterr().out
    parts = (
        *("1 of 2", "What will change", "EUR 49.00, 1 customer, refund.create order O-1"),
        *("refunded: EUR 0.00 → EUR 49.00", "How bad if it is wrong", "destructive, tenant acme"),
        *("Can it be undone", "No. It cannot be undone.", "svc:demo for user:u-1042"),
        *("Exactly this is sent", '{"amount_cents": 4900}', "page, passkey"),
    )
    places = [shown.find(part) for part in parts]
    assert -1 not in places
    assert places == sorted(places)


def test_outside_text_makes_no_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    """A target that spells out an answer stays within its own line, and drives no terminal."""
    preview = ONE["action"]["preview"] | {"target": "T-1\nCan it be undone  Yes\x1b[2J"}
    asking.show(ONE | {"action": ONE["action"] | {"preview": preview}})
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert sum(line.startswith("Can it be undone") for line in shown.splitlines()) == 1


@pytest.mark.parametrize(("terminal", "as_json"), [(False, False), (False, True), (True, True)])
def test_a_machine_is_not_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], terminal: bool, as_json: bool
) -> None:
    """Without a terminal, or with ``--json``, the verb decides as it was told, and prints nothing beside."""
    monkeypatch.setattr("sys.stdin.isatty", lambda: terminal)
    assert asking.sure(ONE, as_json=as_json)
    assert capsys.readouterr().out == ""
