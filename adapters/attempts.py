"""Attempts in the audit log: bounded by the minute, so that nobody fills it by trying."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Final

from adapters.audit_log import StoreAuditLog
from adapters.store import Store
from contracts.attempts import UNPROVEN, Attempt
from contracts.audit import SYSTEM_TENANT, AuditRecord
from contracts.ports import Clock

_MINUTE_MS: Final = 60_000


@dataclass(kw_only=True)
class _Minute:
    """What was written down of one sort since its minute began."""

    since_ms: int = 0
    written: int = 0
    left_out: int = 0


class StoreAttempts:
    """Implements ``contracts.attempts.Attempts`` for one process.

    Each rule has a bound of its own, and so has who is proven: no flood of names by anybody hides a token, or
    what a caller of ours tried.
    """

    def __init__(self, store: Store, clock: Clock, env: str, *, a_minute: int = 30) -> None:
        self._log = StoreAuditLog(store)
        self._clock = clock
        self._env = env
        self._a_minute = a_minute
        #: By rule, and whether it is proven who it was.
        self._minutes: defaultdict[tuple[str, bool], _Minute] = defaultdict(_Minute)

    async def record(self, attempt: Attempt) -> None:
        now_ms = self._clock.now_ms()
        minute = self._minutes[attempt.rule, attempt.actor != UNPROVEN]
        if not 0 <= now_ms - minute.since_ms < _MINUTE_MS:
            minute.since_ms, minute.written = now_ms, 0
        if minute.written >= self._a_minute:
            minute.left_out += 1
            return
        # Counted before it is written: others come meanwhile.
        minute.written += 1
        left_out, minute.left_out = minute.left_out, 0
        more = f"; {left_out} more before it were left out" if left_out else ""
        if minute.written == self._a_minute:
            more += "; what more comes within this minute is only counted"
        await self._log.append(self._entry(attempt, now_ms, more))

    def _entry(self, attempt: Attempt, now_ms: int, more: str) -> AuditRecord:
        return AuditRecord(
            kind="break_glass",
            at_ms=now_ms,
            tenant=SYSTEM_TENANT,
            env=self._env,
            actor=attempt.actor,
            outcome="refused",
            rules=(attempt.rule,),
            reason=f"{attempt.reason}{more}",
        )
