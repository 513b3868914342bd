"""Which play is on, and its next turn."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from adapters.models.rules import closing, drafting, refunding, researching, sending, triaging, updating
from adapters.models.rules.seen import Plan, Seen
from adapters.models.scripted import estimate
from contracts.decision import Call
from contracts.transcript import ModelRequest, ModelTurn

_PLAYS: Final[tuple[tuple[str, Callable[[Seen, str], Plan]], ...]] = (
    (closing.CLOSE, closing.plan),
    (sending.SEND, sending.plan),
    (drafting.DRAFT, drafting.plan),
    (updating.UPDATE, updating.plan),
    (refunding.REFUND, refunding.plan),
)
"""By the tool that a play ends in; the first one that is offered is played."""


def ask(request: ModelRequest) -> ModelTurn:
    """The next turn: calls, or the final text."""
    seen = Seen(request=request)
    plan = _plan(seen)
    text = plan if isinstance(plan, str) else " ".join(call.words for call in plan)
    calls = () if isinstance(plan, str) else _named(seen, plan)
    return ModelTurn(text=text, calls=calls, usage=estimate(request, text, calls))


def _plan(seen: Seen) -> Plan:
    ticket_id = seen.ticket_id
    if ticket_id is None and seen.offers(researching.GET):
        return researching.plan(seen)
    if ticket_id is None and seen.offers(triaging.FIND):
        return triaging.plan(seen)
    if ticket_id is None:
        return 'The rules model needs an input with a "ticket_id", such as {"ticket_id": "T-18421"}.'
    play = next((play for tool, play in _PLAYS if seen.offers(tool)), closing.plan)
    return play(seen, ticket_id)


def _named(seen: Seen, plan: tuple[Call, ...]) -> tuple[Call, ...]:
    return tuple(replace(call, call_id=f"rules-{seen.turn}-{place}") for place, call in enumerate(plan))
