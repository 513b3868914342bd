"""A policy directory that can be asked: ``policy("support/draft").denies("email.send")``."""

import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Self

from contracts.decision import Call, Decision, Ruling
from contracts.errors import Malformed
from contracts.tool import Catalogue
from interlock.answer import Answer
from policies.cases import CaseResult, beginning_ms
from policies.decide import decide_tool
from policies.foreseen import NOTHING, Used, foreseen, hinted, no_route
from policies.load import PolicySet
from policies.places import Places
from policies.trial import RouteTrial, tried
from tools.loaded import Loaded


@dataclass(frozen=True, kw_only=True)
class Policies:
    """A policy directory and the tools that it is about."""

    directory: Path
    _policies: PolicySet = field(repr=False)
    _catalogue: Catalogue = field(repr=False)
    _places: Places = field(repr=False)

    @classmethod
    def read(cls, policies: Path | None = None, tools: Path | None = None, *, env: str = "dev") -> Self:
        """The files of ``--policies`` and ``--tools``; those that ship with Interlock where none are named.

        Raises:
            InterlockError: with everything that is wrong, each with its file and line.
        """
        found = Loaded.read(policies, tools, env)
        return cls(
            directory=found.directory,
            _policies=found.policies,
            _catalogue=found.tools.catalogue,
            _places=found.places,
        )

    def __call__(
        self, route: str, *, used: Mapping[str, Any] | None = None, at: date | None = None
    ) -> "RoutePolicy":
        """The policy of one route.

        Args:
            route: of one that is not there everything is denied, with a warning.
            used: what the limits on the tool have counted before the call, as in a case file:
                ``{"calls": 20, "sum": "150000"}``.
            at: the day, in UTC, on which it is decided; None: now.
        """
        now_ms = _now_ms() if at is None else beginning_ms(at)
        return RoutePolicy(policies=self, route=route, used=Used.model_validate(used or {}), now_ms=now_ms)

    @property
    def routes(self) -> tuple[str, ...]:
        return tuple(sorted(self._policies.routes))

    def trials(self) -> tuple[RouteTrial, ...]:
        """Of each route what came of its cases, and how much of its rules they cover."""
        return tried(self._policies, self._catalogue, now_ms=_now_ms())

    def results(self) -> tuple[CaseResult, ...]:
        """Every case of every route, run."""
        return tuple(result for trial in self.trials() for result in trial.results)

    def decision(
        self, route: str, tool: str, args: Any = None, *, used: Used = NOTHING, now_ms: int
    ) -> Decision:
        """What is decided of a call; where ``args`` is None, of the tool before any argument and limit.

        Raises:
            Malformed: limits have counted, and there is no call that they could be held against.
        """
        if args is None and used != NOTHING:
            raise Malformed(f"`used` is about a call: give the arguments of `{tool}` as well")
        rules = self._policies.routes.get(route)
        if rules is None:
            return no_route(route, self._policies.routes)
        if args is None:
            return hinted(decide_tool(rules, self._catalogue, tool, now_ms=now_ms), tool, self._catalogue)
        call = Call(tool=tool, arguments=args)
        return foreseen(rules, self._catalogue, call, now_ms=now_ms, used=used)

    def place(self, route: str, tool: str, rule: str) -> tuple[str, int]:
        """File and line of a rule that a decision names."""
        return self._places.of(route, tool, rule)


@dataclass(frozen=True, kw_only=True)
class RoutePolicy:
    """What one route says of a tool, or of one call of it where the call's arguments are given."""

    policies: Policies
    route: str
    used: Used
    #: Unix milliseconds at which it is decided.
    now_ms: int

    def __repr__(self) -> str:
        return f"policy({self.route!r})"

    def allows(self, tool: str, args: Any = None) -> Answer:
        """Whether it may be called without asking anybody."""
        decision = self._decision(tool, args)
        return self._answer(decision.ruling is Ruling.ALLOW, tool, decision)

    def denies(self, tool: str, args: Any = None) -> Answer:
        """Whether it is denied, whoever would approve it."""
        decision = self._decision(tool, args)
        return self._answer(decision.ruling is Ruling.DENY, tool, decision)

    def requires_approval(self, tool: str, args: Any = None, *, people: int | None = None) -> Answer:
        """Whether people have to approve it, and where a number is given, exactly so many."""
        decision = self._decision(tool, args)
        asked = decision.ruling is Ruling.NEEDS_APPROVAL
        return self._answer(asked and people in (None, decision.approvals), tool, decision)

    def _decision(self, tool: str, args: Any) -> Decision:
        decision = self.policies.decision(self.route, tool, args, used=self.used, now_ms=self.now_ms)
        if decision.reasons[0].rule in ("route", "catalogue"):
            # Three frames up: the line that asks.
            warnings.warn(decision.reasons[0].text, NoSuchName, stacklevel=3)
        return decision

    def _answer(self, holds: bool, tool: str, decision: Decision) -> Answer:
        places = tuple(self.policies.place(self.route, tool, reason.rule) for reason in decision.reasons)
        return Answer(holds=holds, decision=decision, places=places)


class NoSuchName(UserWarning):
    """A question about a route or tool that is not there: its denial shows nothing of the policy."""


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
