"""Laws of the gateway's pure parts: whom it may call, what it may be told, what a refusal is."""

from datetime import UTC, datetime

import pytest

from contracts.approval import Refusal
from contracts.errors import Malformed
from gateway.asides import answerable
from gateway.codec import without_signatures
from gateway.problems import KINDS, ProblemType, of_refusal
from gateway.settings import Settings
from gateway.shapes import milliseconds_of
from policies.times import time_of

_STAND_IN = "http://127.0.0.1:9300"


@pytest.mark.parametrize(
    ("url", "slack", "allowed"),
    [
        ("https://hooks.slack.com/actions/T/1/x", "", True),
        (f"{_STAND_IN}/response/x", _STAND_IN, True),
        ("https://hooks.slack.com/actions/T/1/x", _STAND_IN, False),
        (f"{_STAND_IN}/response/x", "", False),
        ("http://hooks.slack.com/actions", "", False),
        ("https://hooks.slack.com:8443/actions", "", False),
        ("https://hooks.slack.com.evil.example/", "", False),
        ("https://hooks.slack.com@evil.example/", "", False),
        ("https://user@hooks.slack.com/", "", False),
        ("https://evil.example/?https://hooks.slack.com", "", False),
        ("https://evil.example\\@hooks.slack.com/", "", False),
        ("http://127.0.0.1:9301/response/x", _STAND_IN, False),
        ("http://localhost:9300/response/x", _STAND_IN, False),
        ("file:///etc/passwd", "", False),
        ("https://hooks.slack.com:x/", "", False),
        ("https://[", "", False),
        ("//hooks.slack.com/", "", False),
        ("", "", False),
    ],
)
def test_only_the_configured_slack_is_answered(url: str, slack: str, allowed: bool) -> None:
    """A response_url must have exactly Slack's scheme, host and port."""
    assert answerable(url, slack) is allowed


@pytest.mark.parametrize(
    ("refusal", "status"),
    [
        (Refusal.LATE, 410),
        (Refusal.DECIDED, 409),
        (Refusal.REPEATED, 409),
        (Refusal.CLAIMED, 409),
        (Refusal.OTHER_CARD, 409),
        (Refusal.OTHER_ACTION, 422),
        (Refusal.STRANGER, 403),
        (Refusal.NOT_IN_GROUP, 403),
        (Refusal.OTHER_TENANT, 403),
        (Refusal.REQUESTER, 403),
        (Refusal.NOT_FOUND, 404),
    ],
)
def test_each_refusal_has_its_status(refusal: Refusal, status: int) -> None:
    """The sentence and the word of the refusal travel with it."""
    problem = of_refusal(refusal, "No; nothing changed.")
    assert (problem.status, problem.refusal, str(problem)) == (status, refusal, "No; nothing changed.")


def test_every_type_has_a_status_and_a_title() -> None:
    """The list of problem types is complete."""
    assert set(KINDS) == set(ProblemType)


def test_times_are_utc_with_milliseconds() -> None:
    """ISO 8601 with Z, exact in both directions."""
    assert time_of(1_764_000_000_007) == "2025-11-24T16:00:00.007Z"
    assert milliseconds_of(datetime(2025, 11, 24, 16, 0, 0, 7_000, tzinfo=UTC)) == 1_764_000_000_007
    assert milliseconds_of(datetime.min.replace(tzinfo=UTC)) < 0


def test_signatures_are_blanked_and_claims_stay() -> None:
    """Only the third part of a token changes, and not the length."""
    data = b'{"a":"eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl-_x","b":"v1.2.3"}'
    blanked = without_signatures(data)
    assert blanked == b'{"a":"eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ4In0.xxxxxxxxxxxxxxx","b":"v1.2.3"}'


def test_missing_settings_are_named_all_at_once() -> None:
    """Nobody should have to start it seven times."""
    with pytest.raises(Malformed, match=r"INTERLOCK_STORE.*INTERLOCK_SLACK_CHANNEL"):
        Settings.read({})
