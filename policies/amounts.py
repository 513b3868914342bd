"""The texts of a route that stand for amounts: durations, dollars and ratios, as a person writes them."""

import re
from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field

_UNITS: Final = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION: Final = re.compile(r"([1-9][0-9]{0,5})([smhd])")
_SHARE: Final = re.compile(r"[01](\.[0-9]{1,9})?")
_DOLLARS: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")


def milliseconds(duration: str) -> int:
    """Milliseconds of a duration such as ``90s``, ``30m``, ``4h`` or ``7d``.

    Raises:
        ValueError: it is none.
    """
    found = _DURATION.fullmatch(duration)
    if found is None:
        raise ValueError(f"`{duration[:40]}` is no duration; write one like 90s, 30m, 4h or 7d")
    return int(found[1]) * _UNITS[found[2]]


def _duration(text: str) -> str:
    milliseconds(text)
    return text


def _deadline(text: str) -> str:
    return text if text == "never" else _duration(text)


def dollars(text: str) -> str:
    """The text itself: dollars as decimal text, such as ``"1.00"``.

    Raises:
        ValueError: it is none.
    """
    if _DOLLARS.fullmatch(text) is None:
        raise ValueError(f'`{text[:40]}` is no amount of dollars; write decimal text such as "1.00"')
    return text


def _ratio(text: Any) -> Any:
    """A ratio is kept as decimal text: documents hold no floats."""
    return f"{Decimal(str(text)):f}" if type(text) in (float, int) else text


def _share(text: str) -> str:
    if _SHARE.fullmatch(text) is None or not 0 < Decimal(text) <= 1:
        raise ValueError(f"`{text[:40]}` is no share; write a number above 0 and up to 1, such as 0.5")
    return text


def _written(pattern: re.Pattern[str]) -> Any:
    """How a text is written, for editors; the loader says it in a sentence."""
    return Field(json_schema_extra={"pattern": f"^({pattern.pattern})$"})


Duration = Annotated[str, AfterValidator(_duration), _written(_DURATION)]
Dollars = Annotated[str, AfterValidator(dollars), _written(_DOLLARS)]
Deadline = Annotated[str, AfterValidator(_deadline), _written(re.compile(f"never|{_DURATION.pattern}"))]
Ratio = Annotated[
    str,
    BeforeValidator(
        _ratio,
        json_schema_input_type=Annotated[str, _written(_SHARE)] | Annotated[float, Field(gt=0, le=1)],
    ),
    AfterValidator(_share),
]
