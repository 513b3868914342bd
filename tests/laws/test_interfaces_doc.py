"""``docs/interfaces.md`` says what the code does: its tables and the code name the same things."""

import json
import re
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from activities.open import LIFE_SECONDS
from adapters import approvals, slack_signature
from adapters.models.answers import BYTES_LIMIT, CALLS_LIMIT
from contracts import denial, names
from contracts.approval import Refusal
from contracts.audit import AuditRecord
from contracts.tokens import Purpose
from contracts.transcript import RESULT_LIMIT
from embedded.endpoints import Endpoints
from gateway import auth, operations, runs
from gateway.interactions import ANSWERS
from gateway.problems import BODY_LIMIT, KINDS
from policies import source, undo
from policies.arguments import DEPTH
from tests.laws.test_frozen_words import variables

ROOT = Path(__file__).parents[2]
DOC = (ROOT / "docs" / "interfaces.md").read_text()
GOLDEN: dict[str, Any] = {
    path.stem: json.loads(path.read_text()) for path in (ROOT / "tests" / "golden").glob("*.json")
}


def table(*head: str) -> list[list[str]]:
    """The rows of the table with this head."""
    lines = DOC.splitlines()
    start = lines.index(f"| {' | '.join(head)} |") + 2
    rows = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
    return rows


def code(*cells: str) -> list[str]:
    """What stands in backticks."""
    return [found for cell in cells for found in re.findall(r"`([^`]+)`", cell)]


def test_every_problem_type_is_listed_with_its_meaning() -> None:
    """Type, status and title as they are answered, and when."""
    rows = table("type", "status", "title", "when")
    assert {row[0].strip("`"): (int(row[1]), row[2]) for row in rows} == {
        kind.value: meaning for kind, meaning in KINDS.items()
    }
    assert all(row[3] for row in rows)


def test_every_refusal_is_listed() -> None:
    """Why a decision did not count, in a word each."""
    (line,) = [line for line in DOC.splitlines() if line.startswith("`refusal` is one of")]
    assert code(line)[1:] == list(Refusal)


def test_every_call_is_listed() -> None:
    """Every method and path of the OpenAPI document stands in the table, and no other."""
    rows = table("call", "token")
    listed = set()
    for cell, _ in rows:
        method = ""
        for text in code(cell):
            verb, _, path = text.rpartition(" ")
            method = verb or method
            if path.startswith("/") and method:
                listed.add((method, path))
    served = {
        (method.upper(), re.sub(r"\{(run|approval|outbox)_id\}", "{id}", path))
        for path, calls in GOLDEN["openapi"]["paths"].items()
        for method in calls
    }
    assert listed == served | {("GET", "/openapi.json")}


def test_every_call_and_field_of_break_glass_is_listed() -> None:
    """Every method and path of its own document, and every field of its bodies and answers."""
    document = GOLDEN["break_glass_openapi"]
    rows = table("break-glass call", "body", "answer")
    listed = {tuple(call.split(" ")) for row in rows for call in code(row[0]) if " /" in call}
    served = {
        (method.upper(), re.sub(r"\{(session|act)_id\}", lambda found: _SHORT[found[1]], path))
        for path, calls in document["paths"].items()
        for method in calls
    }
    assert listed == served | {("GET", "/openapi.json")}
    section = DOC[DOC.index("### Break-glass") : DOC.index("### Problems")]
    schemas = document["components"]["schemas"]
    for name in ("OpenBody", "ConsentBody", "CloseBody", "ActBody", "ConfirmBody", "OutcomeBody"):
        assert set(schemas[name]["properties"]) <= set(re.findall(r'"(\w+)"', section))
    for name in ("SessionShape", "ActShape", "PreviewShape", "ReportShape", "ReportAct", "ReportUndo"):
        assert set(schemas[name]["properties"]) <= set(code(section))


_SHORT = {"session": "{id}", "act": "{act}"}


def test_every_purpose_is_listed_with_its_claims() -> None:
    """``typ``, ``aud`` and every claim that is signed."""
    rows = {row[1].strip("`"): row for row in table("purpose", "`typ`", "`aud`", "signed by", "claims")}
    assert set(rows) == {purpose.typ for purpose in Purpose}
    for purpose in Purpose:
        row = rows[purpose.typ]
        assert row[2].strip("`") == purpose.audience
        claims = set(GOLDEN["tokens"][purpose.value]["claims"]) - {"aud", "iat"}
        if purpose is Purpose.CALLERS:
            assert claims == {one for row in table("claim", "value") for one in code(row[0])}
        else:
            assert claims <= set(code(row[4]))


def test_every_kind_and_field_of_the_audit_is_listed() -> None:
    """As records hold them."""
    kinds = table("kind", "when", "`actor`", "`outcome`", "filled beside the run and the action")
    assert {row[0].strip("`") for row in kinds} == set(GOLDEN["audit"])
    listed = [name for row in table("field", "content") for name in code(row[0])]
    assert set(listed) == {field.name for field in fields(AuditRecord)}


def test_the_example_of_the_audit_is_a_record() -> None:
    """It has every field and no other."""
    (example,) = re.findall(r"A record of an attempt:\n\n```json\n(.*?)```", DOC, re.DOTALL)
    assert set(json.loads(example)) == {field.name for field in fields(AuditRecord)}


def test_every_variable_is_listed_and_read() -> None:
    """Each name that the sources hold is in the table, and each name of the table in the sources."""
    listed = set(code(*(row[0] for row in table("variable", "who", "content"))))
    own = {f"INTERLOCK_ADDRESS_{name}" for name in ("", "HELPDESK")}
    assert listed == (variables() - own) | {"INTERLOCK_ADDRESS_<SOURCE>"}


def test_temporal_s_names_are_listed() -> None:
    """Workflow, queues, activities, messages, header and search attributes."""
    listed = set(code(*(row[1] for row in table("thing", "name"))))
    assert listed == {value for name, value in vars(names).items() if name.isupper()}


def test_slack_s_buttons_are_listed() -> None:
    """Each ``action_id`` that is read."""
    (line,) = [line for line in DOC.splitlines() if line.startswith("`action_id` is")]
    assert set(ANSWERS) <= set(code(line))


def test_the_endpoints_are_listed() -> None:
    """Every key of ``endpoints.json``."""
    (row,) = [row for row in table("file", "content") if row[0] == "`endpoints.json`"]
    endpoints = Endpoints(
        gateway="", temporal="", temporal_ui=None, slack="", aws="", helpdesk="", state="", pids={}
    )
    assert re.findall(r'"(\w+)"', row[1]) == list(endpoints.document())


def test_the_limits_are_those_of_the_code() -> None:
    """Bytes, counts, lengths and times, in the order of the table."""
    schemas = GOLDEN["openapi"]["components"]["schemas"]
    paths = GOLDEN["openapi"]["paths"]
    expected: Sequence[int] = (
        BODY_LIMIT,
        DEPTH,
        _repeats(_parameter(paths["/v1/runs"]["post"], "Idempotency-Key")["pattern"]),
        schemas["CancelBody"]["properties"]["reason"]["maxLength"],
        denial.LONGEST,
        schemas["StartBody"]["properties"]["route"]["maxLength"],
        _repeats(schemas["StartBody"]["properties"]["on_behalf_of"]["anyOf"][0]["pattern"]),
        auth._LONGEST,
        _parameter(paths["/v1/runs/{run_id}"]["get"], "wait")["maximum"],
        runs._PAGE,
        operations._PAGE,
        approvals.ApprovalQuery(env="dev").limit,
        slack_signature.SECONDS,
        approvals.GRACE_MS,
        LIFE_SECONDS,
        CALLS_LIMIT,
        BYTES_LIMIT,
        RESULT_LIMIT,
        source.LIMIT,
        undo.LIMIT,
    )
    assert [int(row[1]) for row in table("what", "at most")] == list(expected)


def _parameter(call: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one["schema"] for one in call["parameters"] if one["name"] == name)
    return found


def _repeats(pattern: str) -> int:
    """The upper bound of a pattern's last repetition."""
    return int(re.findall(r",(\d+)\}\$$", pattern)[0])
