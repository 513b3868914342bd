"""A policy directory as routes, people and cases, or all that is wrong with it."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from contracts.tool import Catalogue
from policies.case_file import read_cases
from policies.cases import Case
from policies.checks import RouteCheck
from policies.inheritance import NARROWS, resolve
from policies.narrowing import wider
from policies.people import People
from policies.people_file import read_people
from policies.problem import PolicyRefused, Problem, did_you_mean
from policies.reserved import reserved
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


def load(directory: Path, catalogue: Catalogue, *, env: str, now_ms: int | None = None) -> PolicySet:
    """Read ``routes/**/*.yaml``, ``people.yaml`` and ``cases/**/*.yaml``.

    ``now_ms`` (Unix milliseconds; None: the clock's) only tells which exceptions to warn of.

    Raises:
        PolicyRefused: with every mistake found, each with its file and line.
    """
    loading = _Loading(directory, catalogue, env)
    policies = loading.policies(int(time.time() * 1_000) if now_ms is None else now_ms)
    if loading.problems:
        raise PolicyRefused(loading.problems, loading.warnings)
    return policies


class _Loading:
    """One pass over a directory."""

    def __init__(self, directory: Path, catalogue: Catalogue, env: str) -> None:
        self.directory = directory
        self.catalogue = catalogue
        self.env = env
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []

    def policies(self, now_ms: int) -> PolicySet:
        people = self._people()
        read = self._sources("routes")
        sources, bases, problems = resolve(read)
        self.problems += problems
        routes = self._routes(sources, bases, people, now_ms)
        if not read and not self.problems:
            self._note("routes", "there is no route", "write one to routes/NAME.yaml")
        return PolicySet(
            routes=routes,
            people=people,
            cases=self._cases(read),
            places={name: _places(sources[name]) for name in routes},
            warnings=tuple(self.warnings),
        )

    def _routes(
        self, sources: Mapping[str, Source], bases: Mapping[str, str], people: People, now_ms: int
    ) -> dict[str, Route]:
        routes: dict[str, Route] = {}
        wrong: list[tuple[Source, Problem]] = []
        idle: list[tuple[Source, Problem]] = []
        for name, source in sources.items():
            route, problems = read_route(source, name)
            problems += reserved(source, (), "route", name)
            wrong += [(source, problem) for problem in problems]
            if route is not None:
                check = RouteCheck(
                    source=source, route=route, catalogue=self.catalogue, people=people, env=self.env
                )
                wrong += [(source, problem) for problem in check.problems()]
                idle += [(source, problem) for problem in check.warnings(now_ms)]
                routes[name] = route
        for name, base in bases.items():
            if name in routes and base in routes:
                source, findings = sources[name], wider(routes[base], routes[name])
                wrong += [
                    (source, source.problem(place, f"`narrows: {base}`: {text}")) for place, text in findings
                ]
        self.problems += _told(wrong)
        self.warnings += _told(idle)
        return routes

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

    def _cases(self, routes: Mapping[str, Source]) -> dict[str, tuple[Case, ...]]:
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


def _told(found: Sequence[tuple[Source, Problem]]) -> Iterator[Problem]:
    """Problems of routes, each in its route's own file.

    What a route took over is wrong there only beside what it says itself; else it is told of its base alone.
    """
    own = dict.fromkeys(problem for source, problem in found if problem.file == source.file)
    yield from own
    for source, problem in found:
        if problem not in own:
            text = f"with what this route takes over from {problem.file}:{problem.line}: {problem.text}"
            yield source.problem((NARROWS,), text, problem.hint)


def _places(source: Source) -> dict[str, tuple[str, int]]:
    return {rule_path(place): source.where(place) for place in source.lines}
