"""Budgets are ceilings: what a run may spend, and what it has spent."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Budget:
    """Ceilings of one run."""

    steps: int
    #: Active seconds; waiting for a person does not count.
    seconds: int
    #: Decimal dollars as text, never a float.
    usd: str
    denials: int


@dataclass(frozen=True, kw_only=True)
class Spend:
    """What a run has used of its budget."""

    steps: int = 0
    seconds: float = 0.0
    usd: str = "0"
    denials: int = 0


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What one model attempt reported; token counts."""

    input_tokens: int
    output_tokens: int
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
