"""Laws of what is tried again: one rule for everything that leaves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import (
    Conflict,
    Halted,
    Malformed,
    PermissionRefused,
    RateLimited,
    Refused,
    SetupRefused,
    TokenRefused,
    Unavailable,
    Unknown,
)
from policies.retrying import LONGEST_MS, MENDING_ATTEMPTS, wait_ms

ATTEMPTS = st.integers(1, 10_000)
CHANCES = st.floats(0, 1)


@given(st.sampled_from([Unavailable("x"), Halted("x")]), ATTEMPTS, CHANCES)
def test_who_did_not_answer_is_asked_for_ever(error: Exception, attempts: int, chance: float) -> None:
    """An outage of any length gives nothing up, and no wait exceeds a minute."""
    wait = wait_ms(error, attempts, chance)
    assert wait is not None
    assert 2_000 <= wait <= LONGEST_MS


@pytest.mark.parametrize("kind", [Refused, Malformed, Unknown, TokenRefused, PermissionRefused, Conflict])
def test_a_refusal_is_final(kind: type[Refused]) -> None:
    """Asking again changes nothing, so it is not asked again."""
    assert wait_ms(kind("no"), 1, 0.5) is None


@pytest.mark.parametrize("error", [SetupRefused("no scope"), KeyError("ours"), ZeroDivisionError()])
def test_what_somebody_has_to_mend_gets_time(error: Exception) -> None:
    """Settings and our own mistakes are tried so many times, and then given up."""
    tried = [wait_ms(error, attempt, 0.5) is not None for attempt in range(1, MENDING_ATTEMPTS + 1)]
    assert tried == [True] * (MENDING_ATTEMPTS - 1) + [False]


@given(st.floats(1, 3_600), ATTEMPTS, CHANCES)
def test_the_readers_own_word_counts(seconds: float, attempts: int, chance: float) -> None:
    """Nobody is asked again before the time that they named, nor much later."""
    wait = wait_ms(RateLimited("slow", seconds), attempts, chance)
    assert wait is not None
    assert seconds * 1_000 - 1 <= wait <= seconds * 1_000 + 250


@given(ATTEMPTS)
def test_waits_differ(attempts: int) -> None:
    """Letters that failed together do not come again together, once the waits are long enough to differ."""
    first, last = (wait_ms(Unavailable("x"), attempts + 1, chance) for chance in (0.0, 1.0))
    assert first is not None
    assert last is not None
    assert first < last
