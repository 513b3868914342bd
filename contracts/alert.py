"""Alerts: what operators are told at once, in a channel of their own."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How loud it is said."""

    #: Something got narrower, was lifted or went back to normal.
    INFO = "info"
    #: Something was stopped, or changed sideways.
    NOTICE = "notice"
    #: Something got wider, an exception was made, or enforcement was switched off.
    LOUD = "loud"


@dataclass(frozen=True, kw_only=True)
class Alert:
    """One alert."""

    alert_id: str
    env: str
    severity: Severity
    #: One line, such as ``The policy of support/close got wider``.
    title: str
    #: A sentence each. Nothing in them is a secret; nor a tenant's content, but where ``tenant`` names it.
    lines: tuple[str, ...]
    #: Who did it, such as ``op:local``, ``principal:ada`` or ``breaker``.
    actor: str
    #: Unix milliseconds.
    at_ms: int
    #: Whose content is in title and lines: they are kept sealed under its key. None: nobody's.
    tenant: str | None = None
    #: Slack user id of the one person whom it is for; None: the alert channel.
    whom: str | None = None
