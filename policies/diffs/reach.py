"""Egress rules against egress rules: a place outside is permitted by one rule, whole."""

from collections.abc import Iterator

from contracts.digest import Json
from policies.change import Change, Spot
from policies.diffs.keys import listed, said, same

_SETS = ("schemes", "methods", "query")
_KNOWN = {"host", "paths", "max_bytes", *_SETS}


def egress(spot: Spot, old: Json, new: Json) -> Iterator[Change]:
    """What one rule of before permits whole is no news."""
    before, after = old or [], new or []
    for rule in after:
        if not any(_covers(other, rule) for other in before):
            yield spot.wider(f"tools may reach {_place(rule)}")
    for rule in before:
        if not any(_covers(other, rule) for other in after):
            yield spot.narrower(f"no rule lets tools reach all of {_place(rule)} any more")


def _covers(wide: Json, rule: Json) -> bool:
    if same(wide, rule):
        return True
    if (wide.keys() | rule.keys()) - _KNOWN:
        return False
    return (
        wide["host"] == rule["host"]
        and all(set(rule[key]) <= set(wide[key]) for key in _SETS)
        and all(_below(path, wide["paths"]) for path in rule["paths"])
        and rule["max_bytes"] <= wide["max_bytes"]
    )


def _below(path: str, paths: list[str]) -> bool:
    """A path that ends in ``/`` is everything below it, where nothing in the other one leads back up."""
    plain = not any(odd in path for odd in ("..", "//", "%", "\\"))
    return path in paths or (plain and any(one.endswith("/") and path.startswith(one) for one in paths))


def _place(rule: Json) -> str:
    asked = f" with {listed(rule['query'])} in the query" if rule["query"] else ""
    return (
        f"{listed(rule['paths'])} of {said(rule['host'])} by {', '.join(rule['methods'])}"
        f" over {', '.join(rule['schemes'])}{asked}, up to {rule['max_bytes']} bytes"
    )
