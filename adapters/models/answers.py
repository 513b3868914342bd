"""A provider's answer as a turn: bounded, and whatever it proposes left for policy to judge."""

import json
from typing import TYPE_CHECKING, Any, Final

from adapters.models.rendering import clean
from adapters.models.wire_names import WireNames
from contracts.budget import Usage
from contracts.decision import Call
from contracts.digest import Json, canonical
from contracts.errors import Malformed
from contracts.transcript import ModelTurn

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelResponse, ToolCallPart
    from pydantic_ai.usage import RequestUsage

CALLS_LIMIT: Final = 16
BYTES_LIMIT: Final = 65_536
_NAME_LIMIT: Final = 200
_SHOWN_LIMIT: Final = 200

TOO_MANY: Final = "too-many-calls"
"""Stands last in a turn for the calls beyond the limit. No catalogue has it, so policy denies it, visibly."""
MALFORMED: Final = "_malformed"
"""The only argument of a call whose own were no JSON object, or none that can be signed: how they began."""


def turn(response: "ModelResponse", names: WireNames, *, step: int) -> ModelTurn:
    """The turn that a response amounts to; ``step`` counts the turns before it and keeps our ids apart."""
    from pydantic_ai.messages import TextPart, ToolCallPart

    text = "\n".join(part.content for part in response.parts if isinstance(part, TextPart))
    proposed = [part for part in response.parts if isinstance(part, ToolCallPart)]
    refused = response.finish_reason == "content_filter"
    return ModelTurn(
        text=_cut(clean(text)),
        calls=() if refused else _calls(proposed, names, step),
        usage=usage(response.usage),
        refused=refused,
    )


def usage(reported: "RequestUsage") -> Usage | None:
    """The reported tokens, cached ones within the input; None where the provider reported none."""
    if reported.unmeasured_requests or not (reported.input_tokens or reported.output_tokens):
        return None
    return Usage(
        input_tokens=reported.input_tokens,
        output_tokens=reported.output_tokens,
        cache_read_tokens=reported.cache_read_tokens,
        cache_write_tokens=reported.cache_write_tokens,
    )


def _calls(proposed: "list[ToolCallPart]", names: WireNames, step: int) -> tuple[Call, ...]:
    kept = proposed if len(proposed) <= CALLS_LIMIT else proposed[: CALLS_LIMIT - 1]
    calls: list[Call] = []
    for place, part in enumerate(kept):
        call_id = clean(part.tool_call_id)[:_NAME_LIMIT]
        if not call_id or any(call_id == call.call_id for call in calls):
            call_id = f"call-{step}-{place}"
        tool = clean(names.name(part.tool_name))[:_NAME_LIMIT]
        calls.append(Call(tool=tool, arguments=arguments(part.args), call_id=call_id))
    if len(proposed) > len(kept):
        dropped = {"limit": CALLS_LIMIT, "dropped": len(proposed) - len(kept)}
        calls.append(Call(tool=TOO_MANY, arguments=dropped, call_id=f"call-{step}-too-many"))
    return tuple(calls)


def arguments(given: str | dict[str, Any] | None) -> Json:
    """The arguments as parsed, or ``{"_malformed": …}`` where they are no object of one canonical form."""
    try:
        parsed = _parsed(given)
        if isinstance(parsed, dict) and len(canonical(parsed)) <= BYTES_LIMIT:
            return parsed
    except (ValueError, RecursionError, Malformed):
        pass  # what is wrong with it is for nobody to act on: it is shown, and denied
    shown = given if isinstance(given, str) else repr(given)[: 4 * _SHOWN_LIMIT]
    return {MALFORMED: clean(shown[:_SHOWN_LIMIT])}


def _parsed(given: str | dict[str, Any] | None) -> Json:
    if not isinstance(given, str):
        return {} if given is None else given
    if len(given) > 2 * BYTES_LIMIT:
        raise ValueError("too long to look at")
    return json.loads(given, object_pairs_hook=_once, parse_constant=_no_constant) if given.strip() else {}


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuses a name that stands twice: two parsers may take different values."""
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError("a name stands twice")
    return dict(pairs)


def _no_constant(name: str) -> Json:
    raise ValueError(f"{name} is no JSON")


def _cut(text: str) -> str:
    data = text.encode("utf-8")
    return text if len(data) <= BYTES_LIMIT else data[:BYTES_LIMIT].decode("utf-8", "ignore")
