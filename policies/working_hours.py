"""When a person is at work."""

from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from contracts.approval import Person


def at_work(person: Person, at_ms: int) -> bool:
    """Whether the clock on their wall is within their hours then; who names none is always at work.

    So is whoever lives in a zone that this machine does not know: better asked at night than never.
    """
    hours = person.hours
    if hours is None:
        return True
    try:
        there = datetime.fromtimestamp(at_ms / 1_000, tz=ZoneInfo(hours.zone))
    except (ZoneInfoNotFoundError, ValueError):
        return True
    return there.weekday() in hours.days and hours.start <= there.hour * 60 + there.minute < hours.until
