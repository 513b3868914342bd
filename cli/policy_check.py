"""``interlock policy check``: everything that is wrong with a policy directory, told at once."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import typer

from cli import output
from cli.options import JsonOption
from cli.policy_files import EnvOption, PoliciesOption, ToolsOption
from policies.problem import PolicyRefused, Problem
from tools.load import ToolsRefused
from tools.loaded import Loaded


def check(
    policies: PoliciesOption = None,
    tools: ToolsOption = None,
    env: EnvOption = "dev",
    as_json: JsonOption = False,
) -> None:
    """Check tools, routes, people and cases without running anything; status 1 where anything is wrong.

    Example: interlock policy check --policies ./policies/shipped
    """
    if as_json:
        raise typer.Exit(_document(policies, tools, env))
    loaded = Loaded.read(policies, tools, env).policies
    for warning in loaded.warnings:
        output.say(f"warning: {warning}")
    output.say(f"{len(loaded.routes)} routes and {len(loaded.people.people)} people are sound.")


def _document(policies: PoliciesOption, tools: ToolsOption, env: str) -> int:
    """One JSON document, of a refusal too; the status."""
    try:
        loaded = Loaded.read(policies, tools, env).policies
    except PolicyRefused as refused:
        output.document({"problems": _listed(refused.problems), "warnings": _listed(refused.warnings)})
        return 1
    except ToolsRefused as refused:
        output.document({"problems": _listed(refused.problems), "warnings": []})
        return 1
    sound = {"routes": sorted(loaded.routes), "people": len(loaded.people.people)}
    output.document({**sound, "problems": [], "warnings": _listed(loaded.warnings)})
    return 0


def _listed(problems: Sequence[Problem]) -> list[dict[str, Any]]:
    return [asdict(problem) for problem in problems]
