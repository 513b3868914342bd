"""A policy directory on trial: every case of every route, and how much of the routes they cover."""

from collections.abc import Iterable
from dataclasses import dataclass

from contracts.tool import Catalogue
from policies.cases import CaseResult, run_cases
from policies.coverage import Coverage, covered
from policies.load import PolicySet


@dataclass(frozen=True, kw_only=True)
class RouteTrial:
    """What came of a route's cases."""

    results: tuple[CaseResult, ...]
    coverage: Coverage

    @property
    def route(self) -> str:
        return self.coverage.route

    @property
    def failed(self) -> tuple[CaseResult, ...]:
        return tuple(result for result in self.results if not result.passed)

    def passes(self, threshold: int) -> bool:
        """Whether every case holds and they cover enough, in percent: without a case nothing is covered."""
        return not self.failed and self.coverage.percent >= threshold


def tried(
    policies: PolicySet, catalogue: Catalogue, *, now_ms: int, routes: Iterable[str] | None = None
) -> tuple[RouteTrial, ...]:
    """The trial of each route, or of those that are named. ``now_ms``: Unix milliseconds."""
    names = sorted(policies.routes if routes is None else routes)
    return tuple(_tried(policies, catalogue, name, now_ms) for name in names)


def _tried(policies: PolicySet, catalogue: Catalogue, name: str, now_ms: int) -> RouteTrial:
    route = policies.routes[name]
    results = run_cases(route, catalogue, policies.cases.get(name, ()), now_ms=now_ms)
    return RouteTrial(results=results, coverage=covered(route, results))
