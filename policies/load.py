"""A policy directory as routes, people and cases, or all that is wrong with it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final

from contracts.tool import Catalogue
from policies.case_file import read_cases
from policies.cases import Case, CaseResult, run_cases
from policies.checks import RouteCheck
from policies.people import People
from policies.people_file import read_people
from policies.problem import PolicyRefused, Problem, did_you_mean
from policies.route import Route
from policies.route_file import read_route, rule_path
from policies.source import Source, read_source

_PEOPLE: Final = "people.yaml"


@dataclass(frozen=True, kw_only=True)
class PolicySet:
    """Everything that a policy directory says."""

    routes: dict[str, Route]
    people: People
    #: By route.
    cases: dict[str, tuple[Case, ...]]
    #: By route: file and line of each rule, such as ``allow_tools[2]``.
    places: dict[str, dict[str, tuple[str, int]]]
    #: What is no mistake, yet does nothing: an expired exception, say.
    warnings: tuple[Problem, ...] = ()

    def rule_place(self, route: str, rule: str) -> tuple[str, int] | None:
        """File and line of a rule; of ``allow_tools`` where the file has no such rule (``default``, say).

        None: there is no such route.
        """
        places = self.places.get(route, {})
        return places.get(rule) or places.get("allow_tools") or places.get("")

    def run_cases(self, catalogue: Catalogue, *, now_ms: int) -> tuple[CaseResult, ...]:
        """Every case of every route, run. ``now_ms``: Unix milliseconds."""
        runs = (
            run_cases(self.routes[name], catalogue, cases, now_ms=now_ms)
            for name, cases in self.cases.items()
        )
        return tuple(chain.from_iterable(runs))


def load(directory: Path, catalogue: Catalogue, *, env: str, now_ms: int | None = None) -> PolicySet:
    """Read ``routes/**/*.yaml``, ``people.yaml`` and ``cases/**/*.yaml``.

    ``now_ms`` (Unix milliseconds; None: the clock's) only tells which exceptions to warn of.

    Raises:
        PolicyRefused: with every mistake found, each with its file and line.
    """
    loading = _Loading(directory, catalogue, env)
    policies = loading.policies(int(time.time() * 1_000) if now_ms is None else now_ms)
    if loading.problems:
        raise PolicyRefused(loading.problems)
    return policies


class _Loading:
    """One pass over a directory."""

    def __init__(self, directory: Path, catalogue: Catalogue, env: str) -> None:
        self.directory = directory
        self.catalogue = catalogue
        self.env = env
        self.problems: list[Problem] = []

    def policies(self, now_ms: int) -> PolicySet:
        people = self._people()
        routes, places = {}, {}
        warnings: list[Problem] = []
        for name, source in self._sources("routes").items():
            route, problems = read_route(source, name)
            self.problems += problems
            if route is None:
                continue
            check = RouteCheck(
                source=source, route=route, catalogue=self.catalogue, people=people, env=self.env
            )
            self.problems += check.problems()
            warnings += check.warnings(now_ms)
            routes[name], places[name] = route, _places(source)
        if not routes and not self.problems:
            self._note("routes", "there is no route", "write one to routes/NAME.yaml")
        cases = self._cases(routes)
        return PolicySet(routes=routes, people=people, cases=cases, places=places, warnings=tuple(warnings))

    def _people(self) -> People:
        if not (self.directory / _PEOPLE).is_file():
            self._note(_PEOPLE, "the file is missing", "without people nobody can approve a write")
            return People(people=())
        source = self._source(_PEOPLE)
        if source is None:
            return People(people=())
        people, problems = read_people(source)
        self.problems += problems
        return people

    def _cases(self, routes: Mapping[str, Route]) -> dict[str, tuple[Case, ...]]:
        found = {}
        for name, source in self._sources("cases").items():
            if name not in routes:
                hint = did_you_mean(name, routes) or "its path is the route's name"
                self.problems.append(source.problem((), f"there is no route `{name}`", hint))
            found[name], problems = read_cases(source)
            self.problems += problems
        return found

    def _sources(self, below: str) -> dict[str, Source]:
        """Readable files by their path below a folder, less the ending."""
        root = self.directory / below
        found = {}
        for path in sorted(path for path in root.rglob("*") if path.is_file()):
            file = path.relative_to(self.directory).as_posix()
            if path.suffix != ".yaml":
                self._note(file, "this file would be ignored", "name it *.yaml, or move it elsewhere")
                continue
            source = self._source(file)
            if source is not None:
                found[path.relative_to(root).with_suffix("").as_posix()] = source
        return found

    def _source(self, file: str) -> Source | None:
        source, problems = read_source(self.directory / file, file)
        self.problems += problems
        return source

    def _note(self, file: str, text: str, hint: str) -> None:
        self.problems.append(Problem(file=file, line=1, text=text, hint=hint))


def _places(source: Source) -> dict[str, tuple[str, int]]:
    return {rule_path(place): (source.file, line) for place, line in source.lines.items()}
