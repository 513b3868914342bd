"""A route against the catalogue, the people and the environment: what its own shape cannot show."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from contracts.approval import Person
from contracts.digest import Json
from contracts.errors import Malformed
from contracts.tool import Catalogue, Effect, ToolSpec
from policies.arguments import check_schema
from policies.people import People
from policies.problem import Problem, did_you_mean
from policies.route import Limit, Route, milliseconds, unenforced
from policies.schema_words import KEYWORDS, strange
from policies.source import Place, Source

_RETRIES: Final = ("native", "lookup", "none")


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
        for tool in self.route.when:
            if tool not in self.route.allow_tools:
                yield self.source.problem(("when", tool), f"the rule is for `{tool}`, which is not allowed")
        yield from self._unsigned()

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
        for key in ("allow_tools", "deny_tools", "require_approval"):
            names = getattr(route, key)
            for at, name in enumerate(names):
                if name in names[:at]:
                    yield self.source.problem((key, at), f"`{name}` stands twice in `{key}`")
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
                yield from self._arguments(("when", name, "properties"), schema, tool)

    def _schema(self, place: Place, schema: Json) -> Iterator[Problem]:
        for inner, text in strange(schema):
            yield self.source.problem((*place, *inner), text, did_you_mean(str(inner[-1]), KEYWORDS))
        try:
            check_schema(schema)
        except Malformed as error:
            yield self.source.problem(place, error.sentence)

    def _arguments(self, place: Place, schema: Json, tool: ToolSpec) -> Iterator[Problem]:
        """A rule about an argument that the tool does not have rules nothing."""
        known, named = tool.schema.get("properties", {}), schema.get("properties")
        for name in named if isinstance(named, dict) else ():
            if name not in known:
                yield self.source.problem(
                    (*place, name), f"`{tool.name}` has no argument `{name}`", did_you_mean(name, known)
                )

    def _limit(self, at: int, limit: Limit) -> Iterator[Problem]:
        if (limit.calls is None) == (limit.sum is None):
            yield self.source.problem(("limits", at), "a limit has either `calls` or `sum`")
        tool = self.catalogue.tools.get(limit.tool)
        if limit.sum is None or tool is None:
            return
        place: Place = ("limits", at, "sum", "argument")
        name = limit.sum.argument.removeprefix("/")
        text = f"`{name}` of `{tool.name}` cannot be summed"
        if name not in tool.schema.get("required", ()):
            yield self.source.problem(place, text, "it must be a required argument of the tool")
        elif not self._countable(tool, name):
            hint = "it must be an integer with a `minimum` of 0 or more, in the tool's schema or under `when`"
            yield self.source.problem(place, text, hint)

    def _countable(self, tool: ToolSpec, argument: str) -> bool:
        """A negative amount would give back what a limit has counted."""
        own, rule = (
            schema.get("properties", {}).get(argument, {})
            for schema in (tool.schema, self.route.when.get(tool.name, {}))
        )
        floors = [part.get("minimum", part.get("exclusiveMinimum")) for part in (own, rule)]
        return own.get("type") == "integer" and any(floor is not None and floor >= 0 for floor in floors)

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
