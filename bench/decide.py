"""What a decision costs over a hundred rules: ``python -m bench.decide``.

Medians in microseconds of one process, beside a loop that looks a hundred names up. Where ``cedarpy`` can be
imported, the same hundred rules are asked of it too.
"""

import importlib
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from contracts.decision import Call
from contracts.digest import Json
from contracts.tool import Catalogue, Effect, ToolSpec
from policies.arguments import fault
from policies.decide import decide
from policies.route import Route

ROUNDS: Final = 20_000
TOOLS: Final = 100
ARGUMENTS: Final = {"ticket_id": "T-18421", "reason": "The article resolves it.", "tags": ["login", "urgent"]}
SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["ticket_id"],
    "properties": {
        "ticket_id": {"type": "string", "pattern": "^T-[0-9]{1,9}$"},
        "reason": {"type": "string", "maxLength": 500},
        "tags": {"type": "array", "maxItems": 9, "items": {"type": "string", "maxLength": 40}},
    },
}
RULE: Final = {"properties": {"reason": {"minLength": 3}, "tags": {"maxItems": 3}}, "required": ["reason"]}
HOSTILE: Final = {"properties": {"reason": {"pattern": "^(a+)+$"}}}


def catalogue() -> Catalogue:
    """A hundred tools, every other one a write, each with arguments of its own."""
    return Catalogue(tools={name: _tool(name, at) for at, name in enumerate(names())})


def names() -> list[str]:
    return [f"tool.number_{at}" for at in range(TOOLS)]


def _tool(name: str, at: int) -> ToolSpec:
    return ToolSpec(
        name=name,
        version="1",
        address="bench",
        effect=Effect.WRITE if at % 2 else Effect.READ,
        description="",
        schema={**SCHEMA},
        credential="bench",
        target="/ticket_id" if at % 2 else None,
    )


def route(**keys: Json) -> Route:
    """A hundred rules: 40 tools allowed, 30 of them asked for, 30 others denied."""
    known = names()
    return Route.read(
        {
            "name": "bench",
            "model": {"name": "rules"},
            "allow_tools": known[:40],
            "require_approval": known[10:40],
            "deny_tools": known[60:90],
            "budgets": {"steps": 1, "seconds": 1, "usd": "1", "denials": 1},
            **keys,
        }
    )


def median_us(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """The median of many calls, in microseconds."""
    times = []
    for _ in range(rounds):
        begun = time.perf_counter_ns()
        work()
        times.append(time.perf_counter_ns() - begun)
    return statistics.median(times) / 1_000


def baseline_us(rounds: int = ROUNDS) -> float:
    """A loop over a hundred names that looks each up: what this machine is good for just now."""
    table = dict.fromkeys(names(), 0)
    known = names()
    return median_us(lambda: sum(table[name] for name in known), rounds)


def main() -> None:
    tools, rules = catalogue(), route()
    loop = baseline_us()
    _row("a loop over 100 names", loop, loop)
    asked = {
        "read, first rule": "tool.number_0",
        "read, last rule": "tool.number_38",
        "write, last rule": "tool.number_39",
        "denied by the last rule": "tool.number_89",
        "allowed by none": "tool.number_99",
    }
    for shown, name in asked.items():
        call = Call(tool=name, arguments=ARGUMENTS)
        _row(f"decide: {shown}", median_us(partial(decide, rules, tools, call, now_ms=0)), loop)
    _row("fault: the tool's schema", median_us(lambda: fault(SCHEMA, ARGUMENTS)), loop)
    _row("fault: a route's rule", median_us(lambda: fault(RULE, ARGUMENTS)), loop)
    _row("fault: a rule that is broken", median_us(lambda: fault(RULE, {"reason": ""})), loop)
    for length in (1_000, 10_000, 100_000):
        value = {"reason": "a" * length + "!"}
        _row(f"fault: ^(a+)+$ on {length:,}", median_us(partial(fault, HOSTILE, value), 200), loop)
    _cedar(loop)


def _cedar(loop: float) -> None:
    """The same rules as Cedar policies, parsed before and from text. It answers yes or no alone."""
    try:
        cedarpy: Any = importlib.import_module("cedarpy")
    except ImportError:
        print("cedarpy is not installed: nothing to compare with")
        return
    rules = route()
    text = "\n".join(
        [f'permit(principal, action == Action::"{name}", resource);' for name in rules.allow_tools]
        + [f'forbid(principal, action == Action::"{name}", resource);' for name in rules.deny_tools]
        + [f'permit(principal, action == Action::"ask {name}", resource);' for name in rules.require_approval]
    )
    parsed, nobody = cedarpy.PolicySet.from_str(text), cedarpy.Entities.from_json_str("[]")
    request = {
        "principal": 'Run::"bench"',
        "action": 'Action::"tool.number_38"',
        "resource": 'Target::"T-18421"',
        "context": {},
    }
    for shown, policies in (("parsed before", parsed), ("from text", text)):
        if not cedarpy.is_authorized(request, policies, nobody).allowed:
            raise SystemExit("cedarpy denies what these rules allow: nothing to compare")
        asking = partial(cedarpy.is_authorized, request, policies, nobody)
        _row(f"cedarpy, {shown}", median_us(asking, 2_000), loop)


def _row(shown: str, cost: float, loop: float) -> None:
    print(f"{shown:32} {cost:9.2f} µs {cost / loop:8.2f} loops")


if __name__ == "__main__":
    main()
