"""Laws of going in circles, and of trying again."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.tool import Retry
from policies.loop import looping
from policies.retry import reclaim

BAD = ["refused", "failed", "denied", "rejected", "expired", "unknown", "skipped"]
WRITES = frozenset({"ticket.close"})


@pytest.mark.parametrize("outcome", [*BAD, "succeeded", "", None])
def test_the_same_read_loops(outcome: str | None) -> None:
    """The same read counts whatever came of it, in a row or not."""
    same = ("tickets.get", "sha256:a", outcome)
    other = ("kb.search", "sha256:b", "succeeded")
    assert not looping([same, other, same], 3, writes=WRITES)
    assert looping([same, other, same, same], 3, writes=WRITES)


@pytest.mark.parametrize("outcome", BAD)
def test_the_same_write_that_came_to_nothing_loops(outcome: str) -> None:
    """A denied, refused or failed write counts like a read."""
    assert looping([("ticket.close", "sha256:a", outcome)] * 3, 3, writes=WRITES)


def test_writes_that_succeeded_never_loop() -> None:
    """A write that succeeded had its own approval; one that is still open has come to nothing bad yet."""
    done = [
        ("ticket.close", "sha256:a", outcome) for outcome in ("succeeded", "succeeded", "succeeded", "", None)
    ]
    assert not looping(done, 3, writes=WRITES)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.text(max_size=3), st.just("failed")), unique=True))
def test_different_calls_never_loop(history: list[tuple[str, str, str | None]]) -> None:
    """Calls that differ in tool or arguments are different calls."""
    assert not looping(history, 2)


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
