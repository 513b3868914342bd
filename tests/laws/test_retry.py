"""Laws of trying again."""

import math

import pytest

from contracts.tool import Retry
from policies.retry import reclaim


@pytest.mark.parametrize("same_process", [True, False])
@pytest.mark.parametrize("age", [0.0, -1.0, 5.0, 80.0, 95.0, 1e9, -1e9, math.nan, math.inf])
@pytest.mark.parametrize("kind", ["native", "lookup", "none", "other"])
def test_a_write_is_repeated_only_where_the_target_guards_it(
    kind: str, age: float, same_process: bool
) -> None:
    """A claimed write is sent again only while the target deduplicates on our key."""
    retry = Retry(kind=kind, retention_seconds=100)
    assert reclaim(retry, "settled", age, same_process) == "stored"
    guarded = kind == "native" and -60 <= age <= 90
    otherwise = "lookup" if kind == "lookup" else "unknown"
    assert reclaim(retry, "claimed", age, same_process) == ("send" if guarded else otherwise)


def test_what_never_left_may_leave_from_the_same_process() -> None:
    """Only the process that knows that nothing left may send what the target does not guard."""
    assert reclaim(Retry(kind="none"), "unsent", 0.0, same_process=True) == "send"
    assert reclaim(Retry(kind="none"), "unsent", 0.0, same_process=False) == "unknown"
