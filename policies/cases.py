"""Cases: what a route's owner expects of it, run against the very rules that decide."""

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from contracts.decision import Call, Decision
from contracts.tool import Catalogue
from policies.decide import decide
from policies.problem import Problem
from policies.route import Route
from policies.source import Source


class Expected(BaseModel):
    """One entry of a case file."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    tool: str
    args: dict[str, Any] = Field(default_factory=dict)
    expect: Literal["allow", "needs_approval", "deny"]
    #: People who must approve, where the case says so.
    approvals: int | None = None
    #: A rule that must be among the reasons.
    rule: str | None = None


@dataclass(frozen=True, kw_only=True)
class Case:
    """An expectation and where it stands."""

    file: str
    line: int
    expected: Expected


@dataclass(frozen=True, kw_only=True)
class CaseResult:
    """What came of a case."""

    case: Case
    decision: Decision
    #: What differs, in one sentence; None: nothing does.
    wrong: str | None

    @property
    def passed(self) -> bool:
        return self.wrong is None


_EXPECTED: TypeAdapter[Expected] = TypeAdapter(Expected)


def read_cases(source: Source) -> tuple[tuple[Case, ...], list[Problem]]:
    """The cases of a file, and what is wrong with the others."""
    if not isinstance(source.value, list):
        return (), [source.problem((), "a case file is a list of cases")]
    cases, problems = [], []
    for at, entry in enumerate(source.value):
        try:
            expected = _EXPECTED.validate_python(entry)
        except ValidationError as error:
            for fault in error.errors(include_url=False):
                path = ".".join(map(str, fault["loc"])) or "case"
                problems.append(source.problem((at, *fault["loc"]), f"`{path}`: {fault['msg']}"))
        else:
            cases.append(Case(file=source.file, line=source.line((at,)), expected=expected))
    return tuple(cases), problems


def run_cases(
    route: Route, catalogue: Catalogue, cases: tuple[Case, ...], *, now_ms: int
) -> tuple[CaseResult, ...]:
    """Each case with the decision that the route takes on it."""
    return tuple(_run(route, catalogue, case, now_ms) for case in cases)


def _run(route: Route, catalogue: Catalogue, case: Case, now_ms: int) -> CaseResult:
    call = Call(tool=case.expected.tool, arguments=case.expected.args)
    decision = decide(route, catalogue, call, now_ms=now_ms)
    return CaseResult(case=case, decision=decision, wrong=_wrong(case.expected, decision))


def _wrong(expected: Expected, decision: Decision) -> str | None:
    rules = [reason.rule for reason in decision.reasons]
    if decision.ruling != expected.expect:
        why = decision.reasons[-1].text
        return f"`{expected.tool}` is {decision.ruling.value}, not {expected.expect}: {why}"
    if expected.approvals is not None and decision.approvals != expected.approvals:
        return f"`{expected.tool}` needs {decision.approvals} approvals, not {expected.approvals}"
    if expected.rule is not None and expected.rule not in rules:
        return f"`{expected.tool}` was decided by {', '.join(rules)}, not by {expected.rule}"
    return None
