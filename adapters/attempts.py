"""Attempts in the audit log: bounded by the minute, so that nobody fills it by trying."""

from typing import Final

from adapters.audit_log import StoreAuditLog
from adapters.store import Store
from contracts.attempts import Attempt
from contracts.audit import SYSTEM_TENANT, AuditRecord
from contracts.ports import Clock

_MINUTE_MS: Final = 60_000


class StoreAttempts:
    """Implements ``contracts.attempts.Attempts`` for one process."""

    def __init__(self, store: Store, clock: Clock, env: str, *, a_minute: int = 30) -> None:
        self._log = StoreAuditLog(store)
        self._clock = clock
        self._env = env
        self._a_minute = a_minute
        self._since_ms = 0
        self._written = 0
        self._left_out = 0

    async def record(self, attempt: Attempt) -> None:
        now_ms = self._clock.now_ms()
        if not 0 <= now_ms - self._since_ms < _MINUTE_MS:
            self._since_ms, self._written = now_ms, 0
        if self._written >= self._a_minute:
            self._left_out += 1
            return
        # Counted before it is written: others come meanwhile.
        self._written += 1
        left_out, self._left_out = self._left_out, 0
        await self._log.append(self._entry(attempt, now_ms, left_out))

    def _entry(self, attempt: Attempt, now_ms: int, left_out: int) -> AuditRecord:
        more = f"; {left_out} more before it were left out" if left_out else ""
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
