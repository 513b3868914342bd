"""Tells halted runs that a kill switch holds no more: lifted by hand, by its end, or while we were away."""

from typing import Final

from contracts.errors import Unknown
from contracts.ports import Clock, RunStarter
from gateway.background import Errands, Rounds
from gateway.ports import RunRows, SwitchRows

WINDOW_MS: Final = 30_000
"""How long after a lift runs that only now show as halted are told too: they were stopped just before it."""


class Resumer:
    """Compares the switches that hold with those that held: what is gone may have held somebody."""

    def __init__(
        self, runs: RunRows, switches: SwitchRows, starter: RunStarter, clock: Clock, env: str
    ) -> None:
        self._runs = runs
        self._switches = switches
        self._starter = starter
        self._clock = clock
        self._env = env
        self._held: frozenset[str] | None = None
        self._until_ms = 0
        self._told: set[str] = set()
        self._resumes = Errands("resume")
        self._rounds = Rounds("resumer", self.look)

    def poke(self) -> None:
        """A switch was lifted just now."""
        # Stopped and lifted within one round, it would not be missed in the comparison.
        self._held = None
        self._rounds.poke()

    async def run(self) -> None:
        try:
            await self._rounds.run()
        finally:
            await self._resumes.close()

    async def look(self) -> None:
        """One round. The first one tells every halted run: switches may have been lifted without us."""
        now = self._clock.now_ms()
        before = self._held
        holding = frozenset(
            switch.scope for switch in await self._switches.list(self._env) if switch.holds(now)
        )
        self._held = holding
        if before is None or before - holding:
            self._until_ms = now + WINDOW_MS
            self._told.clear()
        if now < self._until_ms:
            for run_id in await self._runs.halted(self._env):
                if run_id not in self._told:
                    self._resumes.offer(run_id, lambda run_id=run_id: self._resume(run_id))  # type: ignore[misc] # a default binds the loop's value

    async def _resume(self, run_id: str) -> None:
        try:
            await self._starter.resume(run_id)
        except Unknown:
            # It ended meanwhile: nobody is left to tell.
            self._told.add(run_id)
            return
        self._told.add(run_id)
