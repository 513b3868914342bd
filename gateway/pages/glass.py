"""What every page says while somebody acts around the agents."""

from collections.abc import Iterable
from dataclasses import dataclass

from contracts.break_glass import SessionRecord, SessionState
from policies.people import short_name
from policies.times import moment


@dataclass(frozen=True, kw_only=True)
class Broken:
    """An open session of break-glass. Its reason is somebody's own words."""

    tenant: str
    opener: str
    consenter: str
    until: str
    reason: str


def broken(unended: Iterable[SessionRecord], now_ms: int) -> tuple[Broken, ...]:
    """Those that are open now."""
    return tuple(_banner(one) for one in unended if _open(one, now_ms))


def _open(record: SessionRecord, now_ms: int) -> bool:
    return record.state is SessionState.OPEN and now_ms < (record.until_ms or 0)


def _banner(record: SessionRecord) -> Broken:
    return Broken(
        tenant=record.opening.tenant,
        opener=short_name(record.opening.opener),
        consenter=short_name(record.consenter or ""),
        until=moment(record.until_ms or 0),
        reason=record.opening.reason,
    )
