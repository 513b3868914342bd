"""When a run goes in circles: it repeats itself, takes back what it did, or learns nothing any more."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Final

from contracts.decision import Reason
from contracts.digest import Json, digest
from contracts.errors import Malformed
from contracts.run import Outcome
from contracts.tool import Catalogue, pointed
from contracts.transcript import Message, Role
from policies.arguments import SHOWN, clean
from policies.route import Route

_OPEN_OR_GOOD: Final = (None, Outcome.SUCCEEDED)


@dataclass(frozen=True, kw_only=True)
class Made:
    """One call of a run, with what came of it."""

    step: int
    tool: str
    arguments: Json
    #: None: it is still open.
    outcome: str | None = None
    #: What the model was told.
    content: str = ""

    @property
    def same(self) -> tuple[str, str]:
        """What two calls have in common that are the same."""
        return self.tool, digest(self.arguments)


def made(messages: Sequence[Message]) -> list[Made]:
    """The calls of a transcript, in their order, each with its result."""
    turns = [message.body.get("calls") or [] for message in messages if message.role is Role.ASSISTANT]
    results = {_place(message): message.body for message in messages if message.role is Role.TOOL}
    return [
        Made(
            step=step,
            tool=call["tool"],
            arguments=call["arguments"],
            outcome=results.get((step, place), {}).get("outcome"),
            content=str(results.get((step, place), {}).get("content", "")),
        )
        for step, calls in enumerate(turns, start=1)
        for place, call in enumerate(calls)
    ]


def circle(calls: Sequence[Made], route: Route, catalogue: Catalogue) -> Reason | None:
    """The rule by which the run goes in circles, and a sentence's worth of how; None: it does not."""
    return (
        _repeated(calls, route.loop, catalogue)
        or _taken_back(calls, route.loop, catalogue)
        or _stalled(calls, route.stall, catalogue)
    )


def _repeated(calls: Sequence[Made], loop: int, catalogue: Catalogue) -> Reason | None:
    """The same call ``loop`` times, counted over the whole run, in a row or not.

    Of writes only those that came to a bad end count: each that succeeded had its own approval.
    """
    counted = [
        call.same for call in calls if not _writes(call, catalogue) or call.outcome not in _OPEN_OR_GOOD
    ]
    seen = Counter(counted)
    tool = next((tool for (tool, arguments), times in seen.items() if times >= loop), None)
    if tool is None:
        return None
    tail = counted[1 - 2 * loop :]
    if loop > 1 and len(tail) == 2 * loop - 1 and _in_turns(tail):
        named = " and ".join(dict.fromkeys(_named(tool) for tool, _ in tail[:2]))
        return Reason(
            rule="loop.pingpong", text=f"{named} went back and forth between the same two calls {loop} times"
        )
    return Reason(rule="loop", text=f"{_named(tool)} with the same arguments was called {loop} times")


def _taken_back(calls: Sequence[Made], loop: int, catalogue: Catalogue) -> Reason | None:
    """Two tools that undo each other, on one target, ``loop`` times each with no other write in between.

    People approved each of them, and may not see that together they change nothing.
    """
    written = [call for call in calls if _writes(call, catalogue) and call.outcome in _OPEN_OR_GOOD]
    tail = [(call.tool, _target(call, catalogue)) for call in written[-2 * loop :]]
    if len(tail) < 2 * loop or not _in_turns(tail):
        return None
    (first, target), (second, other) = tail[:2]
    undoes = catalogue.tools[first].undo == second or catalogue.tools[second].undo == first
    if first == second or target is None or target != other or not undoes:
        return None
    return Reason(
        rule="loop.pingpong", text=f"{_named(first)} and {_named(second)} undid each other {loop} times"
    )


def _stalled(calls: Sequence[Made], stall: int, catalogue: Catalogue) -> Reason | None:
    """``stall`` steps in a row brought nothing new; one with a call that is still open is not judged."""
    seen: set[str] = set()
    still = 0
    for _, step in groupby(calls, key=lambda call: call.step):
        ended = list(step)
        if all(call.outcome is not None for call in ended):
            still = 0 if _news(ended, seen, catalogue) else still + 1
    if still < stall:
        return None
    return Reason(rule="stall", text=f"{still} steps in a row brought nothing new")


def _news(ended: Sequence[Made], seen: set[str], catalogue: Catalogue) -> bool:
    """Whether a write succeeded, or a read was answered with what no call of the run had returned."""
    good = [call for call in ended if call.outcome == Outcome.SUCCEEDED]
    told = {call.content for call in good}
    news = bool(told - seen) or any(_writes(call, catalogue) for call in good)
    seen |= told
    return news


def _in_turns(tail: Sequence[tuple[str, str | None]]) -> bool:
    """Whether two different ones take turns."""
    return len(set(tail)) == 2 and all(one != after for one, after in pairwise(tail))


def _writes(call: Made, catalogue: Catalogue) -> bool:
    spec = catalogue.tools.get(call.tool)
    return spec is not None and spec.effect.writes


def _target(call: Made, catalogue: Catalogue) -> str | None:
    try:
        return pointed(call.arguments, catalogue.tools[call.tool].target or "")
    except Malformed:
        return None


def _named(tool: str) -> str:
    return clean(tool, SHOWN)


def _place(message: Message) -> tuple[int, int]:
    """Step and place of the call that a result answers; an action's id ends in both."""
    _, step, place = (message.action_id or "0.0.0").rsplit(".", 2)
    return int(step), int(place)
