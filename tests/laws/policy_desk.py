"""A sound policy directory for tests that put mistakes into it, and what its loader says of them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from contracts.tool import Catalogue, Effect, Retry, ToolSpec
from policies.load import PolicySet, load
from policies.problem import PolicyRefused, Problem

NOW = 1_780_000_000_000
"""In May 2026."""

ROUTE = """\
description: Close tickets.
model: {name: rules}
allow_tools:
  - kb.search
  - tickets.get
  - ticket.close
budgets: {steps: 25, seconds: 60, usd: "1.00", denials: 3}
approval: {group: leads}
"""
PEOPLE = """\
people:
  principal:ada:
    slack: {team: T1, user: U1}
    subjects: ["user:u-1"]
    groups: [leads]
    tenants: [acme]
  grace:
    slack: {team: T1, user: U2}
    subjects: ["user:u-2"]
    groups: [others]
    tenants: [acme]
"""
ROUTE_FILE = "routes/support/close.yaml"
END = 9
"""The line after the route's last."""


def tool(name: str, effect: Effect, **properties: Any) -> ToolSpec:
    return ToolSpec(
        name=name,
        version="1",
        address="helpdesk",
        effect=effect,
        description="",
        schema={
            "type": "object",
            "additionalProperties": False,
            "required": [next(iter(properties))],
            "properties": properties,
        },
        credential="ticketing",
        target=f"/{next(iter(properties))}" if effect.writes else None,
    )


TEXT = {"type": "string"}
DECIMAL = {"type": "string", "pattern": r"^[0-9]+(\.[0-9]{1,2})?$"}
CURRENCY = {"type": "string", "enum": ["EUR", "USD"]}
META = {
    "type": "object",
    "required": ["cents"],
    "properties": {"cents": {"type": "integer", "minimum": 100, "maximum": 900}},
}
PAY = {
    "type": "object",
    "additionalProperties": False,
    "required": ["account", "amount", "meta"],
    "properties": {"account": {"type": "string", "maxLength": 9}, "amount": DECIMAL, "currency": CURRENCY}
    | {"meta": META, "note": TEXT},
}
TOOLS = {
    spec.name: spec
    for spec in (
        tool("kb.search", Effect.READ, query=TEXT, limit={"type": "integer"}),
        tool("tickets.get", Effect.READ, ticket_id=TEXT),
        tool("ticket.close", Effect.WRITE, ticket_id=TEXT, reason=TEXT, resolution_article=TEXT),
        tool("ticket.erase", Effect.DESTRUCTIVE, ticket_id=TEXT),
        tool("refund.create", Effect.WRITE, cents={"type": "integer", "minimum": 0}),
        tool("refund.loose", Effect.WRITE, cents={"type": "integer"}, note=TEXT),
        replace(tool("pay.send", Effect.WRITE, account=TEXT), schema=PAY),
        replace(tool("web.get", Effect.READ, url=TEXT), reaches="/url"),
        replace(tool("bad.target", Effect.WRITE, ticket_id=TEXT), target=None),
        replace(tool("bad.retry", Effect.WRITE, ticket_id=TEXT), retry=Retry(kind="sometimes")),
        replace(tool("bad.native", Effect.WRITE, ticket_id=TEXT), retry=Retry(kind="native")),
    )
}
CATALOGUE = Catalogue(tools=TOOLS)

Put: TypeAlias = Callable[[str, str], None]
"""Writes a file of the directory."""


def put(directory: Path, file: str, text: str) -> None:
    path = directory / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def problems(directory: Path, env: str = "dev") -> tuple[Problem, ...]:
    with pytest.raises(PolicyRefused) as refused:
        load(directory, CATALOGUE, env=env, now_ms=NOW)
    assert all(
        f"{problem.file}:{problem.line}: " in refused.value.sentence for problem in refused.value.problems
    )
    return refused.value.problems


def sound(directory: Path, env: str = "dev") -> PolicySet:
    return load(directory, CATALOGUE, env=env, now_ms=NOW)
