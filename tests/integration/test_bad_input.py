"""Law of bad input: each kind gets its exact answer, one sentence, and nothing happens."""

import logging
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
import yaml
from sqlalchemy import func, select

from adapters import schema
from contracts.wire import Ending
from tests.integration import bad_input
from tests.integration.bad_input import CASES, Setting
from tests.integration.served_world import served
from tests.integration.test_gateway_world import World, problem

ANSWERS: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("bad_input.yaml").read_text())
_NOTHING = (schema.runs, schema.decisions, schema.switches, schema.claims)
"""Tables in which bad input leaves nothing."""


@pytest.fixture(scope="module")
def log() -> Iterator[list[MutableMapping[str, Any]]]:
    """Everything that the gateway logs."""
    with structlog.testing.capture_logs() as lines:
        yield lines


@pytest.fixture(scope="module")
def setting(
    tmp_path_factory: pytest.TempPathFactory, log: list[MutableMapping[str, Any]]
) -> Iterator[Setting]:
    """A gateway over a real socket, with a run that waits, one that has ended, and another tenant's."""
    with served(tmp_path_factory.mktemp("bad")) as found:
        approval = found.do(found.world.asked())
        ended = found.do(_ended(found.world))
        foreign = found.do(found.world.start(found.world.caller("globex"), "k-3")).json()["run_id"]
        log.clear()
        with httpx.Client(base_url=found.url, trust_env=False, timeout=10) as http:
            yield Setting(
                served=found,
                http=http,
                tokens=bad_input.tokens(found),
                approval=approval,
                ended=ended,
                foreign=foreign,
            )


async def _ended(world: World) -> str:
    run_id = str((await world.start(key="k-2")).json()["run_id"])
    await world.runs.end(await world.warranted(run_id), Ending(state="completed"))
    return run_id


async def _rows(world: World) -> list[int]:
    async with world.store.read() as connection:
        counts = [await connection.scalar(select(func.count()).select_from(table)) for table in _NOTHING]
    return [count or 0 for count in counts]


@pytest.mark.parametrize("name", CASES)
def test_bad_input_gets_its_exact_answer(
    setting: Setting,
    log: list[MutableMapping[str, Any]],
    caplog: pytest.LogCaptureFixture,
    name: str,
) -> None:
    """Status, type, field and sentence to the letter; no failure in the log, no row, no execution."""
    world = setting.served.world
    before = setting.served.do(_rows(world)), len(world.temporal.executions)
    log.clear()
    status, kind, field, detail = ANSWERS[name]
    answer = CASES[name](setting)
    assert problem(answer) == (status, kind)
    document = answer.json()
    assert document["detail"] == detail.replace("ENDED", setting.ended)
    assert document.get("field") == field
    assert before == (setting.served.do(_rows(world)), len(world.temporal.executions))
    assert not [line for line in log if line["log_level"] == "error" or line.get("status", 0) >= 500]
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_the_cases_are_many_and_each_is_named_once() -> None:
    """At least sixty kinds; no request without its answer, no answer without its request."""
    assert list(ANSWERS) == list(CASES)
    assert len(CASES) >= 60


def test_a_broken_gateway_would_be_seen(
    setting: Setting, log: list[MutableMapping[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log that the cases look at names the place of a failure."""

    async def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(setting.served.world.runs, "get", broken)
    log.clear()
    assert setting.get(f"/v1/runs/{setting.ended}").status_code == 500
    assert [line["error"] for line in log if line["log_level"] == "error"] == ["ZeroDivisionError"]
