"""Limits over windows: how often, or for how much, a tool may be called. Exact to the last digit, and pure.

What has left counts until its window has passed, and what may have had an effect that nobody knows of counts
until somebody says so. A call whose amount cannot be read is never let through on trust.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Context, Decimal, Inexact, InvalidOperation
from functools import reduce
from typing import Final

from contracts.digest import Json
from contracts.errors import Malformed
from policies.route import Limit

_TEXT: Final = re.compile(r"(0|[1-9][0-9]{0,14})(\.[0-9]{1,9})?")
_MOST: Final = 10**18
_EXACT: Final = Context(prec=80, traps=[Inexact, InvalidOperation])
"""Room for more amounts than a store can hold: a sum that would be rounded raises."""


@dataclass(frozen=True, kw_only=True)
class Use:
    """One call that counts."""

    #: Unix milliseconds at which it leaves the window; None: it counts until somebody says what it did.
    leaves_ms: int | None
    #: None: nobody can tell, since its arguments were forgotten or hold none.
    amount: Decimal | None


def amount(limit: Limit, arguments: Json) -> Decimal:
    """What a call adds to the limit's sum; 1 where calls are counted.

    Raises:
        Malformed: there is no amount, or none that is exact.
    """
    if limit.sum is None:
        return Decimal(1)
    name = limit.sum.argument
    value = _at(arguments, name if name.startswith("/") else f"/{_escaped(name)}")
    if type(value) is int and 0 <= value <= _MOST:
        return Decimal(value)
    if type(value) is str and _TEXT.fullmatch(value):
        return Decimal(value)
    raise Malformed(
        f'{name} is limited by its sum, so it must be a whole number, 0 or more, or text such as "12.50"'
    )


def total(amounts: Iterable[Decimal]) -> Decimal:
    """Their exact sum."""
    return reduce(_EXACT.add, amounts, Decimal(0))


def reached(limit: Limit, used_calls: int, used_sum: Decimal, added: Decimal) -> str | None:
    """Why one more call of ``added`` is too much; None: it is not."""
    if limit.calls is not None and used_calls + 1 > limit.calls:
        times = f"{limit.calls} time" + ("" if limit.calls == 1 else "s")
        return (
            f"{limit.tool} may be called {times} per {limit.per} in {limit.window},"
            f" and {used_calls} are counted"
        )
    if limit.sum is not None and _EXACT.add(used_sum, added) > Decimal(limit.sum.max):
        return (
            f"{limit.sum.argument} of {limit.tool} may add up to {limit.sum.max} per {limit.per}"
            f" in {limit.window}, and {_plain(used_sum)} is used"
        )
    return None


def excess(limit: Limit, used_calls: int, used_sum: Decimal, added: Decimal) -> Decimal:
    """How much has to leave the window before one more call of ``added`` is let through."""
    if limit.sum is not None:
        return _EXACT.subtract(_EXACT.add(used_sum, added), Decimal(limit.sum.max))
    return Decimal(used_calls + 1 - (limit.calls or 0))


def comes_back(uses: Sequence[Use], missing: Decimal) -> str:
    """When there is room again, if nothing else is called: as the oldest calls leave the window."""
    freed = Decimal(0)
    for use in sorted((use for use in uses if use.leaves_ms is not None), key=lambda use: use.leaves_ms or 0):
        freed = _EXACT.add(freed, use.amount or Decimal(0))
        if freed >= missing:
            return f"there is room for it again at {moment(use.leaves_ms or 0)}"
    if total(use.amount or Decimal(0) for use in uses) >= missing:
        return "there is room for it once it is known what the writes did that have no answer yet"
    return "this call alone is more than that"


def untold(uses: Sequence[Use]) -> str | None:
    """Why the sum so far cannot be told, and until when that is so; None: it can."""
    dark = [use.leaves_ms for use in uses if use.amount is None]
    if not dark:
        return None
    leaves = [at for at in dark if at is not None]
    until = (
        f"until {moment(max(leaves))}" if len(leaves) == len(dark) else "until people have said what it did"
    )
    return f"a call that counts holds no amount any more, or never held one, so this waits {until}"


def moment(at_ms: int) -> str:
    """A time as sentences name it, never too early."""
    return f"{datetime.fromtimestamp(-(-at_ms // 1_000), tz=UTC):%Y-%m-%d %H:%M:%S} UTC"


def _at(value: Json, pointer: str) -> Json:
    """What stands at a JSON pointer (RFC 6901); None where nothing does."""
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and name in value:
            value = value[name]
        elif isinstance(value, list) and re.fullmatch(r"0|[1-9][0-9]{0,5}", name) and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _plain(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
