"""Stand-ins that run, and the app that receives their clicks."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.slack_standin.app import App, listening
from tests.integration.slack_standin.workspace import Slack, Start, config, run


@pytest.fixture
def start(tmp_path: Path, app: App) -> Iterator[Start]:
    """Starts stand-ins that share one database file and stops them at the end."""
    running: list[Slack] = []

    def begin(**more: object) -> Slack:
        slack = run(tmp_path, config(app.url, **more))
        running.append(slack)
        return slack

    yield begin
    for slack in running:
        slack.stop()


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Slack, App]]:
    with listening() as app:
        slack = run(tmp_path_factory.mktemp("slack"), config(app.url))
        yield slack, app
        slack.stop()


@pytest.fixture
def app(shared: tuple[Slack, App]) -> App:
    """The receiving app, set back."""
    app = shared[1]
    app.received.clear()
    app.status, app.answer, app.delay = 200, "", 0.0
    return app


@pytest.fixture
def slack(shared: tuple[Slack, App], app: App) -> Slack:
    """A stand-in that all tests share, emptied."""
    assert not app.received
    shared[0].control("POST", "reset")
    return shared[0]
