"""``interlock policy test``: the routes' cases, and the rules that no case shows at work."""

import time
from typing import Annotated, Any, Final

import typer

from cli import output
from cli.options import JsonOption
from cli.policy_files import EnvOption, PoliciesOption, ToolsOption
from contracts.errors import Malformed
from policies.cases import CaseResult
from policies.coverage import total
from policies.problem import did_you_mean
from policies.trial import RouteTrial, tried
from tools.loaded import Loaded

THRESHOLD: Final = 80
"""Percent of each route's rules that its cases cover at least, where nothing else is asked for."""


def try_cases(
    policies: PoliciesOption = None,
    tools: ToolsOption = None,
    env: EnvOption = "dev",
    threshold: Annotated[
        int, typer.Option(min=0, max=100, help="Percent of each route's rules that cases have to cover.")
    ] = THRESHOLD,
    route: Annotated[str | None, typer.Option(help="Only this route; all of them if not given.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Run every case, and name the rules that none of them shows at work.

    Status 1 where a case fails, or the cases of a route cover less of its rules than the threshold.

    Example: interlock policy test --policies ./my-policies --tools ./my-tools.yaml --threshold 100
    """
    loaded = Loaded.read(policies, tools, env)
    now_ms = time.time_ns() // 1_000_000
    trials = tried(loaded.policies, loaded.tools.catalogue, now_ms=now_ms, routes=_named(loaded, route))
    passed = all(trial.passes(threshold) for trial in trials)
    if as_json:
        output.document(_document(loaded, trials, threshold=threshold, passed=passed))
    else:
        _say(loaded, trials, threshold)
    if not passed:
        raise typer.Exit(1)


def _named(loaded: Loaded, route: str | None) -> list[str] | None:
    if route is None or route in loaded.policies.routes:
        return None if route is None else [route]
    hint = did_you_mean(route, loaded.policies.routes)
    raise Malformed(f"there is no route {route!r}" + (f"; {hint}" if hint else ""))


def _say(loaded: Loaded, trials: tuple[RouteTrial, ...], threshold: int) -> None:
    for warning in loaded.policies.warnings:
        output.say(f"warning: {warning}")
    failed = [(f"{one.case.file}:{one.case.line}", one.wrong) for trial in trials for one in trial.failed]
    if failed:
        output.table("Cases that fail", ("where", "what differs"), failed)
    gaps = [_gap(loaded, trial.route, gap.rule, gap.text) for trial in trials for gap in trial.coverage.gaps]
    if gaps:
        rows = [(f"{gap['file']}:{gap['line']}", gap["rule"], gap["text"]) for gap in gaps]
        output.table("Rules that no case shows", ("where", "rule", "what is missing"), rows)
    columns = ("route", "cases", "failed", "rules", "covered", "")
    output.table("Routes", columns, [_row(trial, threshold) for trial in trials])
    cases, wrong = sum(len(trial.results) for trial in trials), len(failed)
    output.say(f"{cases} cases, {wrong} of them fail; {_share(trials)}% of all rules are covered.")


def _row(trial: RouteTrial, threshold: int) -> tuple[Any, ...]:
    share = trial.coverage
    note = "" if share.percent >= threshold else f"below {threshold}%"
    if not trial.results:
        note = "no cases"
    return trial.route, len(trial.results), len(trial.failed), share.rules, f"{share.percent}%", note


def _share(trials: tuple[RouteTrial, ...]) -> int:
    return total([trial.coverage for trial in trials])


def _document(
    loaded: Loaded, trials: tuple[RouteTrial, ...], *, threshold: int, passed: bool
) -> dict[str, Any]:
    return {
        "passed": passed,
        "threshold": threshold,
        "coverage": _share(trials),
        "routes": [
            {
                "route": trial.route,
                "cases": len(trial.results),
                "rules": trial.coverage.rules,
                "covered": trial.coverage.covered,
                "coverage": trial.coverage.percent,
                "failed": [_failure(result) for result in trial.failed],
                "uncovered": [_gap(loaded, trial.route, gap.rule, gap.text) for gap in trial.coverage.gaps],
            }
            for trial in trials
        ],
        "warnings": [str(warning) for warning in loaded.policies.warnings],
    }


def _failure(result: CaseResult) -> dict[str, Any]:
    return {
        "file": result.case.file,
        "line": result.case.line,
        "tool": result.case.expected.tool,
        "expect": result.case.expected.expect,
        "decision": result.decision.ruling.value,
        "approvals": result.decision.approvals,
        "rules": [reason.rule for reason in result.decision.reasons],
        "text": result.wrong,
    }


def _gap(loaded: Loaded, route: str, rule: str, text: str) -> dict[str, Any]:
    file, line = loaded.places.of(route, "", rule)
    return {"rule": rule, "file": file, "line": line, "text": text}
