"""Dollars of a model attempt: reserved at its worst before, settled from its report after.

Decimals only, and exact: nothing is rounded, so that no sum of small errors crosses a ceiling.
"""

import decimal
import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from contracts.budget import Usage
from contracts.digest import Json
from contracts.errors import Malformed
from contracts.transcript import ModelRequest, Price

#: Tokens that a provider may add unseen (its own preamble for tool use, some 800) and our fixed paragraph.
FRAME: Final = 4_096
#: Around each message or call: role, ids, and the marks around a tool's result.
MESSAGE_FRAME: Final = 512
#: Around each tool: what its schema is wrapped in.
TOOL_FRAME: Final = 512

_EXACT: Final = decimal.Context(
    prec=200, traps=[decimal.Inexact, decimal.InvalidOperation, decimal.Overflow, decimal.FloatOperation]
)
_DIGITS: Final = 30


@dataclass(frozen=True, kw_only=True)
class SteppedPrice(Price):
    """A price that changes for the whole request once its input passes a size, as several providers bill."""

    #: Input tokens up to which the plain price holds.
    step_tokens: int
    above: Price


def worst_case(request_bytes: int, max_output_tokens: int, price: Price) -> Decimal:
    """Dollars that an attempt can cost at most: no text has more tokens than UTF-8 bytes.

    Raises:
        Malformed: the price is no decimal amount.
    """
    rate = _rate(price, request_bytes)
    return _EXACT.add(
        _dollars(request_bytes, rate.input_usd_per_mtok),
        _dollars(max_output_tokens, rate.output_usd_per_mtok),
    )


def cost(usage: Usage | None, price: Price, worst: Decimal) -> Decimal:
    """Dollars to settle: the reported tokens, or ``worst`` where there is no usable report.

    ``input_tokens`` counts cached tokens too. They are charged at the full input price, which is never below
    what they cost: of a model that bills for cache writes unasked, it is the price of a write.

    Raises:
        Malformed: the price is no decimal amount.
    """
    if (
        usage is None
        or min(usage.input_tokens, usage.output_tokens, usage.cache_read_tokens, usage.cache_write_tokens) < 0
    ):
        return worst
    tokens = max(usage.input_tokens, usage.cache_read_tokens + usage.cache_write_tokens)
    rate = _rate(price, tokens)
    return _EXACT.add(
        _dollars(tokens, rate.input_usd_per_mtok), _dollars(usage.output_tokens, rate.output_usd_per_mtok)
    )


def fits(budget_usd: str, spent: Decimal, reserved: Decimal, worst: Decimal) -> bool:
    """Whether an attempt may start: what is spent, held for others and at stake stays within the ceiling.

    Raises:
        Malformed: the budget is no decimal amount.
    """
    return _EXACT.add(_EXACT.add(spent, reserved), worst) <= amount(budget_usd)


def amount(text: str) -> Decimal:
    """Dollars from text.

    Raises:
        Malformed: it is no finite amount from zero up, or has more digits than money has.
    """
    try:
        value = Decimal(text)
    except (decimal.InvalidOperation, TypeError, ValueError) as error:
        raise Malformed(
            f"{str(text)[:40]!r} is no amount of dollars; write it as a decimal, such as 0.25"
        ) from error
    exponent = value.as_tuple().exponent
    if not value.is_finite() or value < 0 or not isinstance(exponent, int):
        raise Malformed(f"{str(text)[:40]!r} is no amount of dollars; write it as a decimal, such as 0.25")
    if abs(exponent) > _DIGITS or len(value.as_tuple().digits) > _DIGITS:
        raise Malformed(f"{str(text)[:40]!r} has more digits than an amount of dollars has")
    return value


def request_bytes(request: ModelRequest) -> int:
    """UTF-8 bytes of all that a model is shown for this request and of its frame; never too few."""
    size = FRAME + _utf8(request.prompt)
    for message in request.messages:
        calls = message.body.get("calls") if isinstance(message.body, dict) else None
        frames = 1 + (len(calls) if isinstance(calls, list) else 0)
        size += MESSAGE_FRAME * frames + shown_bytes(message.body)
    for tool in request.tools:
        size += TOOL_FRAME + _utf8(tool.name) + _utf8(tool.description) + shown_bytes(tool.schema)
    return size


def shown_bytes(value: Json) -> int:
    """UTF-8 bytes of a JSON value as text in which ``</`` is escaped: the longest form it is shown in."""
    text = json.dumps(value, ensure_ascii=False)
    return _utf8(text) + text.count("</")


def _rate(price: Price, input_tokens: int) -> Price:
    return price.above if isinstance(price, SteppedPrice) and input_tokens > price.step_tokens else price


def _dollars(tokens: int, usd_per_mtok: str) -> Decimal:
    return _EXACT.scaleb(_EXACT.multiply(Decimal(tokens), amount(usd_per_mtok)), -6)


def _utf8(text: str) -> int:
    # A lone surrogate has no UTF-8 form; it is sent as one replacement character of at most as many bytes.
    return len(text.encode("utf-8", "surrogatepass"))
