"""What people see of a write to a service that is only described: what was read, beside what will be sent.

Nothing here knows what the service's words mean, and the texts say so.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Final

from contracts.action import Change, Preview
from contracts.digest import Json
from contracts.tool import Effect, ToolSpec, pointed
from tools.openapi.binding import Endpoint
from tools.reply import one_line

_TEXT: Final = 1_000
"""Characters of one value."""

_ROWS: Final = 40
"""Changes, at most; the card shows the whole call beside them, or has no buttons."""

_FACTS: Final = 5
_FACT: Final = 60

NOT_READ: Final = "(not read)"


def seen(spec: ToolSpec, endpoint: Endpoint, arguments: Mapping[str, Json], document: Json) -> Preview:
    """From what the preview's read answered: fields of that name are the ones before."""
    resource = _resource(document)
    before = {name: _text(value) for name, value in resource.items()}
    facts = ", ".join(_facts(spec, resource, arguments))
    return _preview(spec, endpoint, arguments, before, facts and f" ({facts})", absent="")


def unseen(spec: ToolSpec, endpoint: Endpoint, arguments: Mapping[str, Json]) -> Preview:
    """Of a tool whose file names no preview: the arguments, and that nothing was read."""
    return _preview(
        spec, endpoint, arguments, {}, "; the target was not read: the tool file names no preview", NOT_READ
    )


def _preview(
    spec: ToolSpec,
    endpoint: Endpoint,
    arguments: Mapping[str, Json],
    before: Mapping[str, str],
    said: str,
    absent: str,
) -> Preview:
    return Preview(
        target=one_line(f"{_named(spec, arguments)}{said}", 600),
        changes=tuple(_changes(spec, endpoint, arguments, before, absent)),
        stakes=_stakes(spec, endpoint),
        undo=_undo(spec),
    )


def _named(spec: ToolSpec, arguments: Mapping[str, Json]) -> str:
    """``recipient GB29…``; of a tool with one target alone that one's name."""
    where, target = spec.target or "", one_line(pointed(arguments, spec.target or ""), 200)
    if where.startswith("="):
        return target
    last = [part for part in where.split("/") if not part.isdecimal()][-1]
    return f"{last} {target}"


def _changes(
    spec: ToolSpec,
    endpoint: Endpoint,
    arguments: Mapping[str, Json],
    before: Mapping[str, str],
    absent: str,
) -> Iterator[Change]:
    """The arguments but those that only say where."""
    where = {*endpoint.places, (spec.target or "").removeprefix("/")}
    rows = [(name, value) for name, value in sorted(arguments.items()) if name not in where]
    for name, value in rows[:_ROWS]:
        yield Change(field=name, before=before.get(name, absent), after=_text(value))
    if len(rows) > _ROWS:
        yield Change(field="…", before="", after=f"and {len(rows) - _ROWS} more arguments")


def _resource(document: Json) -> Mapping[str, Json]:
    """The object that was read, out of the one wrapper that services put around it."""
    if not isinstance(document, dict):
        return {}
    inner = list(document.values())
    return inner[0] if len(inner) == 1 and isinstance(inner[0], dict) else document


def _facts(spec: ToolSpec, resource: Mapping[str, Json], arguments: Mapping[str, Json]) -> Iterator[str]:
    """A few plain fields that say what the target is, beside those that stand among the changes."""
    target = pointed(arguments, spec.target or "")
    plain = [
        (name, value)
        for name, value in resource.items()
        if isinstance(value, str | int) and value not in ("", target) and name not in arguments
    ]
    for name, value in plain[:_FACTS]:
        yield f"{one_line(name, _FACT)} {one_line(_text(value), _FACT)}"


def _stakes(spec: ToolSpec, endpoint: Endpoint) -> str:
    kind = "destructive" if spec.effect is Effect.DESTRUCTIVE else "a write"
    return (
        f"The tool file calls it {kind}: {endpoint.method} {endpoint.path} at {spec.address}."
        " Who is affected if it is wrong is not known here."
    )


def _undo(spec: ToolSpec) -> str:
    if spec.undo:
        return f"By {spec.undo}, which has an approval of its own."
    return "Not known: the tool file names no tool that undoes it."


def _text(value: Json) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= _TEXT else f"{text[:_TEXT]} … [cut: {len(text)} characters in all]"
