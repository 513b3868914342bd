"""Egress rules as they are written: hosts that mean one host, paths that mean one path."""

import re
from collections.abc import Iterator
from typing import Final

from contracts.digest import Json
from contracts.tool import Catalogue, Effect
from policies.arguments import clean
from policies.route import Egress, Route
from policies.when_checks import Finding

_HOST: Final = re.compile(r"(\*\.)?([^:*/]+)(:([^:]*))?")
_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_PORT: Final = re.compile(r"[1-9][0-9]{0,4}")
_PATH: Final = re.compile(r"/[A-Za-z0-9._~!$&'()+,;=:@/-]*")
_QUERY: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_ADDRESSES: Final = frozenset({"url", "uri", "urls", "link", "href", "webpage", "host", "domain"})
_HINT: Final = "write it like docs.example.com, *.example.com or docs.example.com:8443"


def egress_problems(rule: Egress) -> Iterator[Finding]:
    """What is wrong with one rule, with places inside of it."""
    wrong = host_fault(rule.host)
    if wrong is not None:
        yield ("host",), f"`{clean(rule.host, 80)}` is no host: {wrong}", _HINT
    for key in ("schemes", "methods", "paths"):
        if not getattr(rule, key):
            yield (
                (key,),
                f"the rule can never match: its `{key}` are empty",
                f"leave `{key}` out, or name some",
            )
    for at, path in enumerate(rule.paths):
        fault = path_fault(path)
        if fault is not None:
            yield ("paths", at), f"`{clean(path, 80)}` is no path: {fault}", "write it like /public/ or /faq"
    for at, name in enumerate(rule.query):
        if _QUERY.fullmatch(name) is None:
            text = f"`{clean(name, 80)}` is no plain name of a query"
            yield ("query", at), text, "write names of letters, digits, `_`, `.` and `-`"


def egress_twins(route: Route) -> Iterator[Finding]:
    """Rules that stand twice, with places inside of ``egress``."""
    for at, rule in enumerate(route.egress):
        if rule in route.egress[:at]:
            yield (at,), f"the rule for `{clean(rule.host, 80)}` stands twice", "remove one"


def unreachable(route: Route, catalogue: Catalogue) -> Iterator[Finding]:
    """Allowed tools that reach out where the route lets nothing be reached, with places in the route."""
    for at, name in enumerate(route.allow_tools):
        if not route.egress and _reaches(catalogue, name):
            text = f"`{name}` reaches out, and without a rule under `egress` it could never be called"
            yield ("allow_tools", at), text, "say what it may reach, or remove it"


def idle_egress(route: Route, catalogue: Catalogue) -> Iterator[Finding]:
    """Rules for nobody: no allowed tool reaches out."""
    if route.egress and not any(_reaches(catalogue, name) for name in route.allow_tools):
        yield ("egress",), "the rules can never match: no allowed tool reaches out", "remove them"


def unjudged(route: Route, catalogue: Catalogue) -> Iterator[Finding]:
    """Reads that take an address which no rule looks at: what an attacker's page is fetched by."""
    for at, name in enumerate(route.allow_tools):
        tool = catalogue.tools.get(name)
        if tool is None or tool.effect is not Effect.READ or tool.reaches is not None:
            continue
        # A schema that is none is told elsewhere.
        said = route.when.get(name, {}).get("properties")
        ruled = said if isinstance(said, dict) else {}
        for argument, schema in tool.schema.get("properties", {}).items():
            if ruled.get(argument) in (None, True, {}) and _takes_address(argument, schema):
                text = f"`{name}` takes an address in `{argument}`, and no rule says which"
                hint = f"say `reaches: {argument}` in the tool file, so that `egress` judges it"
                yield ("allow_tools", at), text, hint


def _takes_address(argument: str, schema: Json) -> bool:
    said = schema.get("format") if isinstance(schema, dict) else None
    return said in ("uri", "iri", "hostname") or argument.lower() in _ADDRESSES


def _reaches(catalogue: Catalogue, name: str) -> bool:
    tool = catalogue.tools.get(name)
    return tool is not None and tool.reaches is not None


def host_fault(host: str) -> str | None:
    """Why a text is no host of a rule; None: it is one."""
    written = _shape_fault(host)
    if written is not None:
        return written
    found = _HOST.fullmatch(host)
    if found is None:
        return "`*` stands once, in front, and a port once, behind"
    name, port = found[2], found[4]
    if port is not None and (_PORT.fullmatch(port) is None or int(port) > 65_535):
        return "a port is a number from 1 to 65535"
    return _name_fault(name, wild=found[1] is not None)


def _shape_fault(host: str) -> str | None:
    """What makes it more than a host, or less."""
    if not host.isascii():
        return "a name in other letters is written in punycode (xn--…)"
    if host != host.lower():
        return "it is written in lower case"
    if "://" in host:
        return "it has a scheme; that stands under `schemes`"
    if "/" in host or "?" in host or "#" in host or "\\" in host:
        return "it has a path; that stands under `paths`"
    if "@" in host:
        return "it has a user in front"
    if "[" in host or host.count(":") > 1:
        return "it is an address, and rules name hosts"
    return None


def _name_fault(name: str, *, wild: bool) -> str | None:
    labels = name.split(".")
    if any(_LABEL.fullmatch(label) is None for label in labels) or len(name) > 253:
        return "its parts are letters, digits and `-`, with one dot between them"
    if not labels[-1][0].isalpha():
        return "it is an address, and rules name hosts: the last part of a name begins with a letter"
    if len(labels) < 2:
        return "below `*.` stands more than an ending" if wild else "it has no dot"
    return None


def path_fault(path: str) -> str | None:
    """Why a text is no path of a rule; None: it is one."""
    if not path.startswith("/"):
        return "it begins with `/`"
    if "%" in path:
        return "it is written plainly, without `%`"
    if "*" in path:
        return "a path that ends with `/` is everything below it; `*` means nothing"
    if "?" in path or "#" in path:
        return "it has a query or a fragment"
    if any(part in (".", "..") for part in path.split("/")):
        return "it climbs"
    if "//" in path:
        return "it has an empty part"
    if _PATH.fullmatch(path) is None:
        return "it has a character that paths are not written with"
    return None
