"""``narrows``: a route that takes over another one and may only say less.

What is left out is the base's. Prohibitions, approvals, limits and masks add to the base's, rules on
arguments hold beside them, and exceptions are not taken over. Whether what is written is no wider, is
``narrowing``'s to say.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from contracts.digest import Json
from policies.problem import Problem, did_you_mean
from policies.schema_parts import listed, mapping
from policies.source import Place, Source

LONGEST: Final = 5
"""Routes of one chain."""

NARROWS: Final = "narrows"
_ADDED: Final = ("deny_tools", "require_approval", "limits", "mask")
_MERGED: Final = ("budgets", "approval", "breaker", "model")
_OWN: Final = ("exceptions", "name")


def resolve(sources: Mapping[str, Source]) -> tuple[dict[str, Source], dict[str, str], list[Problem]]:
    """Each route with all that it says and takes over, by name; the base of each that has one; mistakes.

    Routes whose base cannot be found are left out.
    """
    found, bases = {}, {}
    problems: list[Problem] = []
    for name, source in sources.items():
        if NARROWS not in mapping(source.value):
            found[name] = source
            continue
        chain = list(_chain(sources, name))
        text, hint = _broken(sources, chain)
        if text:
            problems.append(source.problem((NARROWS,), text, hint))
            continue
        whole = sources[chain[-1]]
        for link in reversed(chain[:-1]):
            merging = _Merging(sources[link], whole)
            whole = merging.merged()
            if link == name:
                problems += merging.problems
        found[name], bases[name] = whole, chain[1]
    return found, bases, problems


def _chain(sources: Mapping[str, Source], name: str) -> Iterator[str]:
    """A route, its base, the base's own and so on, as far as they can be found; one more than may be."""
    for _ in range(LONGEST + 1):
        yield name
        base = mapping(sources[name].value).get(NARROWS)
        if not isinstance(base, str) or base not in sources:
            return
        name = base


def _broken(sources: Mapping[str, Source], chain: list[str]) -> tuple[str, str]:
    """Why a chain leads to no route that stands alone, and a hint; empty: it does."""
    last = mapping(sources[chain[-1]].value)
    if len(set(chain)) < len(chain):
        return f"`narrows` leads from `{chain[0]}` in a circle", "let one of them stand alone"
    if len(chain) > LONGEST:
        return f"`narrows` leads over more than {LONGEST} routes", "write it flatter"
    if NARROWS not in last:
        return "", ""
    base = last[NARROWS]
    if not isinstance(base, str):
        return "`narrows` is the name of one route", "write it like support/base"
    where = "" if len(chain) == 1 else f" that `{chain[-1]}` could narrow"
    return f"there is no route `{base}`{where}", did_you_mean(base, sources)


class _Merging:
    """One route over the one that it narrows."""

    def __init__(self, own: Source, base: Source) -> None:
        self._own, self._base = own, base
        self._value: dict[str, Json] = {}
        self._lines: dict[Place, int] = {(): own.line(())}
        self._files: dict[Place, str] = {}
        self.problems: list[Problem] = []

    def merged(self) -> Source:
        own, base = mapping(self._own.value), mapping(self._base.value)
        self._lines[(NARROWS,)] = self._own.line((NARROWS,))
        for key in dict.fromkeys((*base, *own)):
            if key == NARROWS or (key in _OWN and key not in own):
                continue
            self._value[key] = self._key(key, own, base)
        self._drop_denied(own)
        return Source(file=self._own.file, value=self._value, lines=self._lines, files=self._files)

    def _key(self, key: str, own: dict[str, Json], base: dict[str, Json]) -> Json:
        mine, theirs = own.get(key), base.get(key)
        if key not in own or key not in base or key in _OWN:
            return self._taken((key,), self._own if key in own else self._base)
        if key in _ADDED and isinstance(mine, list) and isinstance(theirs, list):
            return self._added(key, mine, theirs)
        if key in _MERGED and isinstance(mine, dict) and isinstance(theirs, dict):
            return self._merged(key, mine, theirs)
        if key == "when" and isinstance(mine, dict) and isinstance(theirs, dict):
            return self._rules(mine, theirs)
        if key == "input" and isinstance(mine, dict) and isinstance(theirs, dict):
            return self._both((key,), mine, theirs)
        return self._taken((key,), self._own)

    def _taken(self, place: Place, source: Source, to: Place | None = None) -> Json:
        """A value of one of the two, with the places of all that is in it."""
        to = place if to is None else to
        value = source.value
        for part in place:
            value = value[part]
        for inner in _places(value):
            known = (*place, *inner)
            if known in source.lines:
                self._lines[(*to, *inner)] = source.lines[known]
                if (file := source.where(known)[0]) != self._own.file:
                    self._files[(*to, *inner)] = file
        return value

    def _added(self, key: str, mine: list[Json], theirs: list[Json]) -> list[Json]:
        self._lines[(key,)] = self._own.line((key,))
        found = [self._taken((key, at), self._base) for at in range(len(theirs))]
        for at, entry in enumerate(mine):
            if entry not in theirs:
                found.append(self._taken((key, at), self._own, (key, len(found))))
        return found

    def _merged(self, key: str, mine: dict[str, Json], theirs: dict[str, Json]) -> dict[str, Json]:
        self._lines[(key,)] = self._own.line((key,))
        other = key == "model" and mine.get("name", theirs.get("name")) != theirs.get("name")
        return {
            part: self._taken((key, part), self._own if part in mine else self._base)
            for part in dict.fromkeys((*theirs, *mine))
            # Another model has another price.
            if not (other and part == "price" and part not in mine)
        }

    def _rules(self, mine: dict[str, Json], theirs: dict[str, Json]) -> dict[str, Json]:
        self._lines[("when",)] = self._own.line(("when",))
        return {
            tool: self._both(("when", tool), mine[tool], theirs[tool])
            if tool in mine and tool in theirs
            else self._taken(("when", tool), self._own if tool in mine else self._base)
            for tool in dict.fromkeys((*theirs, *mine))
        }

    def _both(self, place: Place, mine: Json, theirs: Json) -> Json:
        """Both schemas hold."""
        self._lines[place] = self._own.line(place)
        if _refers(mine) or _refers(theirs):
            text = f"`{'.'.join(map(str, place))}` and its base's cannot both hold: one has a `$ref`"
            self.problems.append(self._own.problem(place, text, "write the reference out"))
        sides = (
            self._taken(place, self._base, (*place, "allOf", 0)),
            self._taken(place, self._own, (*place, "allOf", 1)),
        )
        return {"allOf": list(sides)}

    def _drop_denied(self, own: dict[str, Json]) -> None:
        """What was taken over for a tool that the route does not allow itself rules nothing here."""
        allowed = self._value.get("allow_tools")
        if not isinstance(allowed, list):
            return
        if "allow_tools" not in own:
            denied = listed(own.get("deny_tools"))
            self._keep("allow_tools", [at for at, tool in enumerate(allowed) if tool not in denied])
            allowed = self._value["allow_tools"]
        for key in ("require_approval", "limits"):
            entries = listed(self._value.get(key))
            # The base's stand first.
            taken = len(listed(mapping(self._base.value).get(key)))
            kept = [at for at, entry in enumerate(entries) if _tool(entry) in allowed or at >= taken]
            if len(kept) < len(entries):
                self._keep(key, kept)
        rules, written = self._value.get("when"), mapping(own.get("when"))
        if isinstance(rules, dict):
            self._value["when"] = {
                tool: rule for tool, rule in rules.items() if tool in allowed or tool in written
            }

    def _keep(self, key: str, kept: list[int]) -> None:
        """Some entries of a list, and their places, closed up."""
        value = self._value[key]
        lines, files = self._lines, self._files
        self._lines = {place: line for place, line in lines.items() if place[:1] != (key,) or len(place) == 1}
        self._files = {place: file for place, file in files.items() if place[:1] != (key,) or len(place) == 1}
        moved = {at: to for to, at in enumerate(kept)}
        for place, line in lines.items():
            if place[:1] == (key,) and len(place) > 1 and place[1] in moved:
                to = (key, moved[place[1]], *place[2:])
                self._lines[to] = line
                if place in files:
                    self._files[to] = files[place]
        self._value[key] = [value[at] for at in kept]


def _tool(entry: Json) -> Json:
    return entry.get("tool") if isinstance(entry, dict) else entry


def _places(value: Json, place: Place = ()) -> Iterator[Place]:
    """A value's own place and that of each value in it."""
    yield place
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield from _places(item, (*place, key))


def _refers(schema: Json) -> bool:
    inner = schema.values() if isinstance(schema, dict) else listed(schema)
    return (isinstance(schema, dict) and "$ref" in schema) or any(_refers(value) for value in inner)
