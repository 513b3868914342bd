"""A route against the catalogue, the people and the environment: what its own shape cannot show."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from contracts.approval import Person
from contracts.digest import Json
from contracts.errors import Malformed
from contracts.tool import Catalogue, Effect, ToolSpec
from policies.amounts import milliseconds
from policies.arguments import check_schema
from policies.egress_checks import egress_problems, egress_twins, idle_egress, unjudged, unreachable
from policies.limit_checks import idle_limits, limit_problems, twins
from policies.people import People
from policies.problem import Problem, did_you_mean
from policies.route import Limit, Route, unenforced
from policies.schema_words import FORMATS, KEYWORDS, strange, toothless
from policies.source import Place, Source
from policies.when_checks import Finding, open_arguments, rule_problems

_RETRIES: Final = ("native", "lookup", "none")
_LONGEST_MS: Final = 86_400_000
_WIDEST_MS: Final = 30 * 86_400_000


@dataclass(frozen=True, kw_only=True)
class RouteCheck:
    """One route beside all that it names."""

    source: Source
    route: Route
    catalogue: Catalogue
    people: People
    env: str

    def problems(self) -> Iterator[Problem]:
        yield from self._tools()
        yield from self._lists()
        yield from self._schemas()
        for at, limit in enumerate(self.route.limits):
            yield from self._limit(at, limit)
        yield from self._found(("limits",), twins(self.route))
        yield from self._egress()
        yield from self._breaker()
        for key in unenforced(self.route):
            place = tuple(key.split("."))
            yield self.source.problem(place, f"`{key}` is not enforced by this version; remove it")
        yield from self._group()
        yield from self._times()
        yield from self._production()

    def warnings(self, now_ms: int) -> Iterator[Problem]:
        """What is no mistake, yet does nothing."""
        for at, exception in enumerate(self.route.exceptions):
            place: Place = ("exceptions", at)
            if not exception.holds(now_ms):
                yield self.source.problem(
                    place, f"the exception expired after {exception.expires}", "remove it"
                )
            if exception.tool not in self.route.allow_tools:
                yield self.source.problem(
                    place, f"the exception is for `{exception.tool}`, which is not allowed"
                )
            if self.people.by_principal(exception.owner) is None:
                yield self.source.problem(place, f"`{exception.owner}` is nobody of people.yaml")
        for name, schema in self.route.when.items():
            tool = self.catalogue.tools.get(name)
            if name not in self.route.allow_tools:
                yield self.source.problem(("when", name), f"the rule is for `{name}`, which is not allowed")
            elif tool is not None:
                yield from self._found(("when", name), open_arguments(schema, tool))
        yield from self._found(("limits",), idle_limits(self.route))
        yield from self._found((), idle_egress(self.route, self.catalogue))
        yield from self._found((), unjudged(self.route, self.catalogue))
        yield from self._unasked()
        yield from self._unnamed()
        yield from self._circles()
        yield from self._unsigned()

    def _found(self, place: Place, findings: Iterable[Finding]) -> Iterator[Problem]:
        """What others found below a place of the route."""
        for inner, text, hint in findings:
            yield self.source.problem((*place, *inner), text, hint)

    def _unasked(self) -> Iterator[Problem]:
        """Reads are never asked about: one that would have to be is denied."""
        for at, name in enumerate(self.route.require_approval):
            tool = self.catalogue.tools.get(name)
            if tool is not None and tool.effect is Effect.READ and name in self.route.allow_tools:
                text = (
                    f"`{name}` is a read, and people are asked about writes alone: each call of it is denied"
                )
                hint = "rule its arguments under `when` or `egress` instead"
                yield self.source.problem(("require_approval", at), text, hint)

    def _unnamed(self) -> Iterator[Problem]:
        """Names are masked where a tool says where they stand."""
        tools = [self.catalogue.tools.get(name) for name in self.route.allow_tools]
        if "name" in self.route.mask and not any(tool.names for tool in tools if tool is not None):
            text = "`name` masks nothing: no allowed tool says where its `names` stand"
            yield self.source.problem(("mask", self.route.mask.index("name")), text)

    def _circles(self) -> Iterator[Problem]:
        """Ends of a circle that come at once, or never: told where they are written."""
        route = self.route
        if route.loop == 1:
            yield self.source.problem(("loop",), "`loop: 1` stops a run at its first read", "write 2 or more")
        for key, number in (("loop", route.loop), ("stall", route.stall)):
            if (key,) in self.source.lines and number > route.budgets.steps:
                text = f"`{key}: {number}` is never reached within {route.budgets.steps} steps"
                yield self.source.problem((key,), text)

    def _unsigned(self) -> Iterator[Problem]:
        """Destructive tools that nobody has the passkey for."""
        group, second = self.route.approval.group or "", self.route.approval.escalate
        asked = (*self._members(group), *(self._members(second.group) if second else ()))
        if any(person.passkeys for person in asked):
            return
        for at, name in enumerate(self.route.allow_tools):
            if self._needed(name) > 1:
                text = f"`{name}` is destructive, and nobody of `{group}` has a passkey for it"
                yield self.source.problem(("allow_tools", at), text, "add one under /passkeys of the pages")

    def _tools(self) -> Iterator[Problem]:
        """Unknown names anywhere, and allowed tools that nobody could approve or retry."""
        for place, name in self._named():
            if name not in self.catalogue.tools:
                hint = did_you_mean(name, self.catalogue.tools) or "the catalogue has no such tool"
                yield self.source.problem(place, f"unknown tool `{name}`", hint)
        for at, name in enumerate(self.route.allow_tools):
            if name in self.catalogue.tools:
                for text in unfit(self.catalogue.tools[name]):
                    yield self.source.problem(("allow_tools", at), f"`{name}` cannot be allowed: {text}")

    def _named(self) -> Iterator[tuple[Place, str]]:
        for key in ("allow_tools", "deny_tools", "require_approval"):
            for at, name in enumerate(getattr(self.route, key)):
                yield (key, at), name
        for name in self.route.when:
            yield ("when", name), name
        for at, limit in enumerate(self.route.limits):
            yield ("limits", at, "tool"), limit.tool
        for at, exception in enumerate(self.route.exceptions):
            yield ("exceptions", at, "tool"), exception.tool

    def _lists(self) -> Iterator[Problem]:
        route = self.route
        for key in ("allow_tools", "deny_tools", "require_approval", "mask"):
            seen = set()
            for at, name in enumerate(getattr(route, key)):
                if name in seen:
                    yield self.source.problem((key, at), f"`{name}` stands twice in `{key}`", "remove one")
                seen.add(name)
        waived = set()
        for at, exception in enumerate(route.exceptions):
            if exception.tool in waived:
                text = f"`{exception.tool}` has two exceptions"
                yield self.source.problem(("exceptions", at), text, "remove one")
            waived.add(exception.tool)
        for at, name in enumerate(route.deny_tools):
            if name in route.allow_tools:
                yield self.source.problem(("deny_tools", at), f"`{name}` is both allowed and denied")
        for at, name in enumerate(route.require_approval):
            if name not in route.allow_tools:
                text = f"`{name}` requires an approval but is not allowed"
                yield self.source.problem(("require_approval", at), text, "add it to `allow_tools`")

    def _schemas(self) -> Iterator[Problem]:
        if self.route.input is not None:
            yield from self._schema(("input",), self.route.input)
        for name, schema in self.route.when.items():
            yield from self._schema(("when", name), schema)
            tool = self.catalogue.tools.get(name)
            if tool is not None:
                yield from self._found(("when", name), rule_problems(schema, tool))

    def _schema(self, place: Place, schema: Json) -> Iterator[Problem]:
        for inner, text in strange(schema):
            yield self.source.problem((*place, *inner), text, did_you_mean(str(inner[-1]), KEYWORDS))
        for inner, text in toothless(schema):
            hint = f"those that are: {', '.join(sorted(FORMATS))}" if inner[-1] == "format" else ""
            yield self.source.problem((*place, *inner), text, hint)
        try:
            check_schema(schema)
        except Malformed as error:
            yield self.source.problem(place, error.sentence)

    def _limit(self, at: int, limit: Limit) -> Iterator[Problem]:
        if (limit.calls is None) == (limit.sum is None):
            yield self.source.problem(("limits", at), "a limit has either `calls` or `sum`")
        tool = self.catalogue.tools.get(limit.tool)
        if tool is not None:
            rule = self.route.when.get(limit.tool, {})
            yield from self._found(("limits", at), limit_problems(limit, tool, rule))

    def _egress(self) -> Iterator[Problem]:
        for at, rule in enumerate(self.route.egress):
            yield from self._found(("egress", at), egress_problems(rule))
        yield from self._found(("egress",), egress_twins(self.route))
        yield from self._found((), unreachable(self.route, self.catalogue))

    def _breaker(self) -> Iterator[Problem]:
        """A breaker opens for something, and shuts again."""
        breaker = self.route.breaker
        if breaker is None:
            return
        if milliseconds(breaker.open_for) > _LONGEST_MS:
            text = (
                f"`open_for` is {breaker.open_for}: a route that is stopped for so long is stopped by people"
            )
            yield self.source.problem(("breaker", "open_for"), text, "write 24h at most")
        if milliseconds(breaker.window) > _WIDEST_MS:
            yield self.source.problem(("breaker", "window"), "`window` is at most 30d")
        if breaker.usd is not None and Decimal(breaker.usd) == 0:
            yield self.source.problem(
                ("breaker", "usd"), "with `usd: 0` it would open at the first model call"
            )

    def _group(self) -> Iterator[Problem]:
        """Exceptions end by themselves, so the group is large enough without them."""
        needed = max((self._needed(name) for name in self.route.allow_tools), default=0)
        group = self.route.approval.group
        if not needed:
            return
        if group is None:
            yield self.source.problem(
                ("allow_tools",), "`approval.group` is missing: these tools need approvals"
            )
            return
        members = len(self._members(group))
        if members < needed:
            groups = {known for person in self.people.people for known in person.groups}
            text = f"the group `{group}` has {members} of the {needed} people that the route's tools need"
            yield self.source.problem(("approval", "group"), text, did_you_mean(group, groups - {group}))

    def _members(self, group: str) -> tuple[Person, ...]:
        """People of a group who may approve on this route."""
        return tuple(
            person
            for person in self.people.in_group(group)
            if person.routes is None or self.route.name in person.routes
        )

    def _times(self) -> Iterator[Problem]:
        """What is to happen before the deadline happens before it."""
        approval, second = self.route.approval, self.route.approval.escalate
        end = approval.deadline_ms
        for key, after in (("remind", approval.remind), ("escalate", second.after if second else None)):
            if after is not None and end is not None and milliseconds(after) >= end:
                what = "reminder" if key == "remind" else "escalation"
                text = f"the {what} comes after {after}, and the deadline after {approval.deadline}"
                yield self.source.problem(("approval", key), text)
        if end is not None and approval.min_review_seconds * 1_000 >= end:
            text = f"`min_review_seconds` leaves no time to approve before {approval.deadline}"
            yield self.source.problem(("approval", "min_review_seconds"), text)
        if second is not None and second.group == approval.group:
            text = f"the group `{second.group}` is asked from the start"
            yield self.source.problem(("approval", "escalate"), text, "name another group")
        elif second is not None and not self._members(second.group):
            groups = {known for person in self.people.people for known in person.groups}
            text = f"the group `{second.group}` has nobody who may approve on this route"
            yield self.source.problem(("approval", "escalate"), text, did_you_mean(second.group, groups))

    def _needed(self, name: str) -> int:
        tool = self.catalogue.tools.get(name)
        if tool is None:
            return 0
        if tool.effect is Effect.DESTRUCTIVE:
            return 2
        return int(tool.effect is Effect.WRITE or name in self.route.require_approval)

    def _production(self) -> Iterator[Problem]:
        if self.env.lower() != "prod":
            return
        if not self.route.audit_enabled:
            yield self.source.problem(
                ("audit", "enabled"), "`audit.enabled` is false where the environment is prod"
            )
        if self.route.model.name == "scripted":
            yield self.source.problem(
                ("model", "name"), "the scripted model is refused where the environment is prod"
            )


def unfit(tool: ToolSpec) -> Iterator[str]:
    """Why no route can allow a tool."""
    if not isinstance(tool.effect, Effect):
        yield "the catalogue does not classify it as read, write or destructive"
        return
    if tool.effect.writes and not tool.target:
        yield f"a {tool.effect.value} tool names its `target`"
    if tool.effect.writes and tool.retry.kind not in _RETRIES:
        yield f"a {tool.effect.value} tool says how a retry is safe: {', '.join(_RETRIES)}"
    if tool.retry.kind == "native" and tool.retry.retention_seconds < 1:
        yield "`native` needs the time for which the target keeps keys"
