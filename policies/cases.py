"""Cases: what a route's owner expects of it, run against the very rules that decide."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from contracts.decision import Call, Decision
from contracts.tool import Catalogue
from policies.foreseen import NOTHING, Used, foreseen
from policies.problem import did_you_mean
from policies.route import Route


def _day(value: Any) -> date:
    try:
        return datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except (TypeError, ValueError) as error:
        raise ValueError("this is no day; write one like 2027-01-31") from error


def beginning_ms(day: date) -> int:
    """Unix milliseconds at which a day begins, in UTC."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1_000


class Expected(BaseModel):
    """One entry of a case file."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    tool: str
    args: dict[str, Any] = Field(default_factory=dict)
    expect: Literal["allow", "needs_approval", "deny"]
    #: People who must approve, where the case says so.
    approvals: Annotated[int, Field(ge=0)] | None = None
    #: A rule that must be among the reasons.
    rule: str | None = None
    #: What the limits on the tool have counted before this call.
    used: Used = NOTHING
    #: The day, in UTC, on which it is decided; None: today.
    at: Annotated[date | None, BeforeValidator(_day)] = None
    #: For readers.
    why: str = ""

    def moment(self, now_ms: int) -> int:
        """Unix milliseconds at which the case is decided: the beginning of its day, or now."""
        return now_ms if self.at is None else beginning_ms(self.at)


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

    def __str__(self) -> str:
        return f"{self.case.file}:{self.case.line}: {self.wrong or 'as expected'}"


def run_cases(
    route: Route, catalogue: Catalogue, cases: tuple[Case, ...], *, now_ms: int
) -> tuple[CaseResult, ...]:
    """Each case with what comes of its call: the route's decision, or the limit that would refuse it."""
    return tuple(_run(route, catalogue, case, now_ms) for case in cases)


def _run(route: Route, catalogue: Catalogue, case: Case, now_ms: int) -> CaseResult:
    expected = case.expected
    call = Call(tool=expected.tool, arguments=expected.args)
    decision = foreseen(route, catalogue, call, now_ms=expected.moment(now_ms), used=expected.used)
    wrong = _wrong(expected, decision) or _mistyped(expected, decision, catalogue)
    return CaseResult(case=case, decision=decision, wrong=wrong)


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


def _mistyped(expected: Expected, decision: Decision, catalogue: Catalogue) -> str | None:
    """A denial that shows nothing of the route: a tool that is not there, by a name much like one that is."""
    if decision.reasons[0].rule != "catalogue" or expected.rule == "catalogue":
        return None
    hint = did_you_mean(expected.tool, catalogue.tools)
    text = f"there is no tool `{expected.tool}`; {hint} If it is meant, say `rule: catalogue`"
    return text if hint else None
