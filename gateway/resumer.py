"""Has halted runs told that a switch or breaker holds no more: by hand, by its end, or while we were away."""

from typing import Final

from contracts.ports import Clock
from gateway.background import Rounds
from gateway.ports import BreakerRows, Drain, OutboxRows, RunRows, SwitchRows

WINDOW_MS: Final = 30_000
"""How long after a lift runs that only now show as halted are told too: they were stopped just before it."""


class Resumer:
    """Compares what holds with what held, switches and breakers: what is gone may have held somebody."""

    def __init__(
        self,
        runs: RunRows,
        switches: SwitchRows,
        breakers: BreakerRows,
        outbox: OutboxRows,
        drain: Drain,
        clock: Clock,
        env: str,
    ) -> None:
        self._runs = runs
        self._switches = switches
        self._breakers = breakers
        self._outbox = outbox
        self._drain = drain
        self._clock = clock
        self._env = env
        self._held: frozenset[str] = frozenset()
        #: Something was lifted since the last look began, or nobody has looked yet.
        self._lifted = True
        self._until_ms = 0
        self._told: set[str] = set()
        self._rounds = Rounds("resumer", self.look)

    def poke(self) -> None:
        """A switch was lifted, or a breaker reset, just now."""
        # Stopped and lifted within one round, it would not be missed in the comparison.
        self._lifted = True
        self._rounds.poke()

    async def run(self) -> None:
        await self._rounds.run()

    async def look(self) -> None:
        """One round. The first one tells every halted run: what held it may be gone without us."""
        now = self._clock.now_ms()
        lifted, self._lifted = self._lifted, False
        stopped = {switch.scope for switch in await self._switches.list(self._env) if switch.holds(now)}
        holding = frozenset(stopped | {f"breaker:{route}" for route in await self._breakers.holding()})
        lifted = lifted or bool(self._held - holding)
        self._held = holding
        if lifted:
            self._until_ms = now + WINDOW_MS
            self._told.clear()
        if now < self._until_ms:
            untold = [run_id for run_id in await self._runs.halted(self._env) if run_id not in self._told]
            await self._outbox.resume(untold)
            self._told.update(untold)
            self._drain.poke()
