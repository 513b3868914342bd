"""A report in a terminal says what was done, and nothing that was not."""

import pytest

from cli import break_glass_shown
from tests.glass_api import Desk


def test_a_report_claims_no_change_that_was_not_made(capsys: pytest.CaptureFixture[str]) -> None:
    """Of a refused act it says what was to change, and offers no undo of what did not happen."""
    desk = Desk()
    desk.opened()
    found = desk.report()
    found["acts"][0]["outcome"] = "refused"
    break_glass_shown.report(found)
    said = capsys.readouterr().out
    assert "It was to change" in said
    assert "To undo it" not in said


def test_an_undo_in_words_alone_is_told_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    """A target that is mended by hand has no call."""
    desk = Desk()
    desk.opened()
    found = desk.report()
    found["acts"][0]["undo"] = {"text": "Ask the bank.", "tool": None, "arguments": None}
    break_glass_shown.report(found)
    said = capsys.readouterr().out
    assert "Ask the bank." in said
    assert "None" not in said
