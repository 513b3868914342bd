"""Histories of every kind of run, recorded on a real stack: today's workflow goes on with each of them."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from temporalio.client import WorkflowHistory
from temporalio.converter import DataConverter, DefaultFailureConverterWithEncodedAttributes
from temporalio.worker import Replayer

from tests.replay import changed, record
from tests.replay.plain import TOKEN, payloads
from tests.replay.record import HISTORIES
from tests.replay.scenes import SCENES
from worker.version import code_build
from workflows.agent_run import AgentRun
from workflows.headers import CapabilityHeaders

RECORDED: Final = sorted(HISTORIES.glob("*/*.json"))
READS: Final = {"reads-side-by-side"}
#: Kinds that never come to a write.
WRITELESS: Final = READS | {"halted-and-resumed", "cancelled-while-halted"}


def _kind(path: Path) -> str:
    return path.name.split(".", 1)[0]


async def _histories() -> AsyncIterator[WorkflowHistory]:
    for path in RECORDED:
        yield WorkflowHistory.from_json(str(path.relative_to(HISTORIES)), path.read_text())


async def _failing(workflow: type) -> dict[str, str]:
    """The recordings with which this workflow cannot go on, and why."""
    converter = replace(
        DataConverter.default, failure_converter_class=DefaultFailureConverterWithEncodedAttributes
    )
    replayer = Replayer(workflows=[workflow], interceptors=[CapabilityHeaders()], data_converter=converter)
    async with replayer.workflow_replay_iterator(_histories()) as results:
        return {
            found.history.workflow_id: str(found.replay_failure)
            async for found in results
            if found.replay_failure is not None
        }


async def test_todays_run_goes_on_with_every_recorded_history() -> None:
    """Whatever was begun, waits included, can be served by this code: a deploy strands nobody."""
    assert await _failing(AgentRun) == {}


def test_every_kind_of_run_is_recorded() -> None:
    """A scene without a recording would be guarded by nothing: `make record` makes it."""
    assert {_kind(path) for path in RECORDED} == set(SCENES)


@pytest.mark.parametrize(
    ("workflow", "kinds"),
    [
        (changed.HaltsFirst, set(SCENES)),
        (changed.AsksBeforeItPrepares, set(SCENES) - WRITELESS),
        (changed.WaitsAMomentLonger, set(SCENES) - WRITELESS),
        (changed.ReadsOneAfterTheOther, READS),
    ],
)
async def test_a_change_that_histories_do_not_bear_is_found(workflow: type, kinds: set[str]) -> None:
    """A changed workflow fails on every kind of run that it would strand, open ones too, and on no other."""
    failing = await _failing(workflow)
    assert {_kind(Path(name)) for name in failing} == kinds
    assert all("Nondeterminism" in why for why in failing.values()), failing


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_a_recording_carries_no_token_and_names_no_machine(path: Path) -> None:
    """Recordings are public: tokens are a word, stack traces are left out."""
    found = payloads(WorkflowHistory.from_json("r", path.read_text()))
    assert found, "nothing was looked at"
    for payload in found:
        assert payload.metadata["encoding"] != b"binary/encrypted"
        assert not TOKEN.search(payload.data.decode())
        assert b'File \\"' not in payload.data


def test_a_recording_is_not_written_over_by_chance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is recorded of this build already is named, and nothing is started or written."""
    monkeypatch.setattr(record, "HISTORIES", tmp_path)
    kept = tmp_path / code_build() / "denied.json"
    kept.parent.mkdir()
    kept.write_text("kept")
    assert record.main(["denied", "expired"]) == 1
    assert "denied" in capsys.readouterr().err
    assert kept.read_text() == "kept"
