"""Names that nothing of the agents may have: those of break-glass."""

from policies.attempts import found
from policies.problem import Problem
from policies.source import Place, Source


def reserved(source: Source, place: Place, kind: str, name: str) -> list[Problem]:
    """The problem of a ``kind`` that is called like something of break-glass, if it is."""
    if found(name) is None:
        return []
    text = f"a {kind} cannot be called `{name[:80]}`: the name is kept for break-glass"
    return [source.problem(place, text, "call it something else")]
