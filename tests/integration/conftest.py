"""What integration tests share: one Slack stand-in for the tests of a file."""

from collections.abc import Iterator

import pytest

from tests.integration.running_slack import Slack, begin


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slack]:
    slack = begin(tmp_path_factory.mktemp("slack"))
    yield slack
    slack.stop()


@pytest.fixture
def slack(running: Slack) -> Slack:
    """A stand-in that the tests share, emptied."""
    running.control("POST", "reset")
    return running
