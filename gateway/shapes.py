"""What every body and answer of the HTTP interface is made of. Times are ISO 8601 in UTC."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from policies.times import EPOCH

_RFC_3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def _written_out(given: Any) -> Any:
    if not isinstance(given, str) or not _RFC_3339.fullmatch(given):
        raise PydanticCustomError("datetime_type", "a time as RFC 3339 writes it")
    return given


def _in_utc(given: datetime) -> datetime:
    """The first and the last day that there are may be none in UTC."""
    try:
        return given.astimezone(UTC)
    except OverflowError as error:
        raise PydanticCustomError("datetime_type", "a time of the years 1 to 9999 in UTC") from error


Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
RouteName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*(/[a-z0-9][a-z0-9_-]*)*$", max_length=200)]
ToolName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:/-]*$", max_length=200)]
TenantName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Subject = Annotated[str, Field(pattern=r"^[a-z]+:[!-~]{1,180}$", examples=["user:u-1042"])]
Cursor = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,200}$")]
Moment = Annotated[AwareDatetime, BeforeValidator(_written_out), AfterValidator(_in_utc), Field(strict=False)]
"""A time as RFC 3339 writes it; a bare number could be seconds or milliseconds."""
ActionKey = Annotated[str, Field(pattern=r"^[ -~]{1,600}$")]
Sentence = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]+$", max_length=500)]


def milliseconds_of(at: datetime) -> int:
    """Unix milliseconds of an aware time."""
    return (at - EPOCH) // timedelta(milliseconds=1)


class Asked(BaseModel):
    """Of a request: nothing is guessed, and an unknown key is a mistake."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Filter(BaseModel):
    """Of a query string, where everything arrives as text; an unknown name is a mistake."""

    model_config = ConfigDict(extra="forbid")


class Answered(BaseModel):
    """Of an answer."""

    model_config = ConfigDict(extra="forbid", frozen=True)
