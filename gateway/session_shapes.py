"""A session of break-glass as it is told: by the gateway, and by its own process with its acts."""

from typing import Any

from contracts.break_glass import SessionRecord, SessionState
from gateway.shapes import Answered, Time
from policies.break_glass import lapses_ms
from policies.times import maybe_time, time_of


class SessionFields(Answered):
    session_id: str
    state: SessionState
    tenant: str
    env: str
    tools: tuple[str, ...]
    overrides: tuple[str, ...]
    minutes: int
    reason: str
    opener: str
    consenter: str | None
    #: What the second person's passkey signs.
    opening_digest: str
    asked_at: Time
    #: Until then somebody may consent.
    consent_until: Time
    opened_at: Time | None
    until: Time | None
    ended_at: Time | None
    #: ``principal:…``, or ``break-glass`` of what ended by itself.
    ended_by: str | None
    ended_why: str
    #: Approvers who are skipped, and were told so.
    told: tuple[str, ...]
    report_digest: str | None


class ReportedSession(SessionFields):
    """Its acts are in its report, and while it is open in the audit."""

    #: Null: it has not ended, was never open, or its tenant was forgotten.
    report: dict[str, Any] | None


class ReportedSessions(Answered):
    #: Newest first.
    sessions: tuple[ReportedSession, ...]


def session_fields(record: SessionRecord) -> dict[str, Any]:
    """Those of ``SessionFields``."""
    opening = record.opening
    return {
        "session_id": opening.session_id,
        "state": record.state,
        "tenant": opening.tenant,
        "env": opening.env,
        "tools": opening.tools,
        "overrides": tuple(one.scope for one in opening.overrides),
        "minutes": opening.minutes,
        "reason": opening.reason,
        "opener": opening.opener,
        "consenter": record.consenter,
        "opening_digest": opening.digest(),
        "asked_at": time_of(opening.asked_ms),
        "consent_until": time_of(lapses_ms(opening)),
        "opened_at": maybe_time(record.opened_ms),
        "until": maybe_time(record.until_ms),
        "ended_at": maybe_time(record.ended_ms),
        "ended_by": record.ended_by,
        "ended_why": record.ended_why,
        "told": record.told,
        "report_digest": record.report_digest,
    }


def reported(record: SessionRecord) -> ReportedSession:
    return ReportedSession(**session_fields(record), report=record.report)
