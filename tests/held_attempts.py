"""Attempts in memory."""

from dataclasses import dataclass, field

from contracts.attempts import Attempt


@dataclass
class HeldAttempts:
    """Implements ``contracts.attempts.Attempts``."""

    held: list[Attempt] = field(default_factory=list)

    async def record(self, attempt: Attempt) -> None:
        self.held.append(attempt)
