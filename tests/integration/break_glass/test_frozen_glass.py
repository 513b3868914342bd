"""What others build on: the process's OpenAPI document, its answers, and what its log lines leave out."""

import json
from pathlib import Path

import pytest
import structlog

from contracts.run import Outcome
from contracts.toolbox import Answer
from tests.golden.held import hold
from tests.integration.break_glass.glass_world import REASON, GlassWorld
from tests.integration.test_frozen_answers import asked_more, normalised

GOLDEN = Path(__file__).parents[2] / "golden" / "break_glass_openapi.json"


async def test_the_document_of_the_api_keeps_its_promises(life: GlassWorld) -> None:
    """Paths, parameters, fields, types, limits and enum values."""
    document = normalised((await life.http.get("/openapi.json")).json())
    hold("break_glass_openapi", document)
    assert not asked_more(json.loads(GOLDEN.read_text()), document)


async def test_log_lines_hold_no_content(life: GlassWorld, capfd: pytest.CaptureFixture[str]) -> None:
    """Neither reasons, arguments, what a target said, nor any token."""
    with structlog.testing.capture_logs() as lines:
        session = await life.opened()
        life.target.answers = [Answer(outcome=Outcome.REFUSED, content="x", text="the target's own words")]
        act = (await life.propose(session, note="an argument of mine")).json()
        await life.confirm(session, act)
        await life.propose(session, tool="ticket.purge", key="a-2")
        await life.close(session, reason="a reason of mine")
    said = json.dumps(lines, default=str) + capfd.readouterr().err
    assert "session opened" in said
    for secret in (REASON, "an argument of mine", "a reason of mine", "own words", "eyJ"):
        assert secret not in said
