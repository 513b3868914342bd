"""The break-glass drill's own blocks, copied into a shell in order: what a stranger types works."""

import json
import re
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest

from contracts.digest import digest
from embedded.ports import Ports
from tests.acceptance.doc_shell import DOCS, blocks, typed

Json: TypeAlias = dict[str, Any]

pytestmark = pytest.mark.timeout(400)
SECONDS: Final = 360
"""For some thirty commands, each a process of its own, beside other stacks."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the stranger stands, with the shipped policies."""
    found = tmp_path_factory.mktemp("drill")
    (found / "policies").symlink_to(DOCS.parent / "policies")
    return found


@pytest.fixture(scope="module")
def report(said: str, folder: Path) -> Json:  # noqa: ARG001  it is written by what was typed
    """As the drill leaves it behind."""
    found: Json = json.loads((folder / "drill-report.json").read_text())
    return found


@pytest.fixture(scope="module")
def said(folder: Path) -> str:
    """What the shell said, on ports that are free here; we are installed already."""
    script = "".join(block.text for block in blocks("break-glass.md") if block.language == "sh")
    installed = script.replace("make install\n", "").replace('export PATH="$PWD/.venv/bin:$PATH"\n', "")
    assert installed != script
    there = f"interlock dev --port-base {Ports.free().gateway}"
    return typed(installed.replace("interlock dev", there), folder, seconds=SECONDS)


def test_the_drill_does_what_it_says(report: Json) -> None:
    """Two acts succeed once each, past the stop that was named, and somebody else closes the session."""
    assert [(one["tool"], one["outcome"]) for one in report["acts"]] == [
        ("ticket.close", "succeeded"),
        ("ticket.reopen", "succeeded"),
    ]
    assert (report["opener"], report["consenter"]) == ("principal:ada", "principal:margaret")
    assert (report["ended_by"], report["told"]) == ("principal:grace", ["principal:grace"])
    assert (report["overrides"], report["refused"]) == (["tool:ticket.close"], 2)


def test_what_has_to_be_refused_in_the_drill_is(said: str) -> None:
    """The opener's own consent, an act before any, and one after the end: a sentence each."""
    refused = re.findall(r"^interlock: (.+)$", said, re.MULTILINE)
    assert len(refused) == 3, refused


def test_everybody_hears_of_the_drill(said: str) -> None:
    """The alerts of asking, opening, each act and the end stand in the channel; the audit verifies."""
    for words in ("asks for break-glass on acme", "is open on acme", "ticket.close on T-18421", "Report"):
        assert words in said
    assert re.search(r"acme +\d+ +yes", said)


def test_the_audit_has_the_digest_of_the_report(said: str, report: Json) -> None:
    """Who holds the report can tell that it is the one that was kept."""
    assert digest(report)[: len("sha256:") + 12] in said


def test_the_report_in_the_docs_is_of_that_drill(report: Json) -> None:
    """The page shows what a stranger gets: the same fields, acts and changes."""
    (shown,) = [json.loads(block.text) for block in blocks("break-glass.md") if block.language == "json"]
    assert list(shown) == list(report)
    assert [_steady(one) for one in shown["acts"]] == [_steady(one) for one in report["acts"]]


def _steady(act: Json) -> Json:
    """What is the same in each drill."""
    return {name: act[name] for name in ("ordinal", "tool", "target", "outcome", "text", "changes", "undo")}
