"""Slash commands: signed forms as Slack sends them, and answers that one person sees."""

import pytest

from tests.integration.slack_standin.app import App
from tests.integration.slack_standin.workspace import ROOM, Slack, Start


@pytest.fixture
def commanding(start: Start, app: App) -> Slack:
    return start(commands_url=app.url.replace("interactions", "commands"))


def _typed(slack: Slack, text: str = "/interlock help", **more: object) -> dict[str, object]:
    return slack.control("POST", "command", {"channel": ROOM, "user": "U0ADA", "text": text} | more)


def test_a_command_is_signed_and_answered_in_private(commanding: Slack, app: App) -> None:
    """The app gets a signed form with who, where and what; its answer is shown to that person alone."""
    app.answer = '{"response_type": "ephemeral", "text": "Nothing is stopped."}'
    assert _typed(commanding, "/interlock  switches ")["acknowledged"]
    (received,) = app.received
    form = received["payload"]
    assert (received["verified"], received["path"]) == (True, "/slack/commands")
    assert (form["command"], form["text"], form["user_id"]) == ("/interlock", "switches", "U0ADA")
    assert (form["team_id"], form["channel_id"], form["api_app_id"]) == ("T0INTERLOCK", ROOM, "A0INTERLOCK")
    told = commanding.control("GET", "ephemerals")["ephemerals"]
    assert [(one["user_shown_to"], one["text"]) for one in told] == [("U0ADA", "Nothing is stopped.")]
    assert commanding.control("GET", "messages")["messages"] == []


def test_a_command_says_whose_workspace_a_guest_is_of(commanding: Slack, app: App) -> None:
    """An id of another workspace is another person."""
    _typed(commanding, user="U0MALLORY")
    assert app.received[0]["payload"]["team_id"] == "T0ELSEWHERE"


def test_an_answer_may_follow(commanding: Slack, app: App) -> None:
    """What takes longer is told by the command's response_url."""
    _typed(commanding)
    url = app.received[0]["payload"]["response_url"].removeprefix(commanding.url)
    assert commanding.http("POST", url, {"text": "later"}).status_code == 200
    assert [one["text"] for one in commanding.control("GET", "ephemerals")["ephemerals"]] == ["later"]


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"user": "U0NOBODY"}, "user_not_found"),
        ({"channel": "C0NONE"}, "channel_not_found"),
        ({"text": "hello"}, "command_not_found"),
    ],
)
def test_what_nobody_can_type_is_not_sent(
    commanding: Slack, app: App, more: dict[str, str], error: str
) -> None:
    """An unknown person or channel, or a line that is no command."""
    body = {"channel": ROOM, "user": "U0ADA", "text": "/interlock help"} | more
    answer = commanding.ask("POST", "command", body)
    assert (answer.status_code, answer.json()["detail"], app.received) == (404, error, [])


def test_an_app_without_commands_has_none(slack: Slack) -> None:
    """Where no address is configured, nothing is sent."""
    answer = slack.ask("POST", "command", {"channel": ROOM, "user": "U0ADA", "text": "/interlock help"})
    assert (answer.status_code, answer.json()["detail"]) == (404, "command_not_found")
