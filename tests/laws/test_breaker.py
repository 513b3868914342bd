"""Laws of the circuit breaker: it opens by what it counts, lets one run try, and closes for a reason."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule
from pydantic import ValidationError

from contracts.breaker import BreakerRecord, BreakerState
from policies.breaker import Counts, closed, fresh, holds, judged, lets, opened, retry_after, since, trips
from policies.route import Breaker

OPEN_MS = 300_000


def breaker(**keys: Any) -> Breaker:
    known = {"window": "10m", "min_runs": 4, "failure_ratio": 0.5, "open_for": "5m"}
    return Breaker.model_validate({**known, **keys})


BREAKER = breaker()


@given(st.integers(0, 30), st.integers(0, 30), st.sampled_from(["0.1", "0.5", "0.999999999", "1"]))
def test_it_opens_by_the_share_of_enough_runs(runs: int, failed: int, ratio: str) -> None:
    """Fewer runs than `min_runs` weigh nothing; the share is exact, and no failure never opens it."""
    failed = min(failed, runs)
    sentence = trips(breaker(failure_ratio=ratio), Counts(runs=runs, failed=failed))
    reached = failed > 0 and Decimal(failed) / Decimal(max(runs, 1)) >= Decimal(ratio)
    assert (sentence is not None) == (runs >= 4 and reached)


@pytest.mark.parametrize(
    ("key", "limit", "below", "at"),
    [
        ("denials", 3, {"denials": 2}, {"denials": 3}),
        ("unknowns", 1, {"unknowns": 0}, {"unknowns": 1}),
        ("usd", "2.50", {"usd": Decimal("2.499999999")}, {"usd": Decimal("2.50")}),
        ("usd", "0", {"usd": Decimal(0)}, {"usd": Decimal("0.000000001")}),
    ],
)
def test_it_opens_by_each_ceiling_that_it_has(key: str, limit: object, below: Any, at: Any) -> None:
    """At the ceiling and not below; without it, however much there is."""
    assert trips(breaker(**{key: limit}), Counts(**below)) is None
    assert trips(breaker(**{key: limit}), Counts(**at)) is not None
    assert trips(BREAKER, Counts(denials=10**6, unknowns=10**6, usd=Decimal(10**6))) is None


@pytest.mark.parametrize(
    "ratio", [0, 0.0, -0.5, 1.5, 2, "0", "x", "1e0", "NaN", "\u0660.\u0665", "", True, None, "0.5 "]
)
def test_a_share_is_above_nothing_and_at_most_all(ratio: object) -> None:
    """What is no share between 0 and 1 is refused where the route is read, and not when it is weighed."""
    with pytest.raises(ValidationError):
        Breaker.model_validate(
            {"window": "10m", "min_runs": 4, "open_for": "5m", "failure_ratio": ratio}, strict=True
        )


def test_a_share_may_be_written_as_a_number() -> None:
    """It is kept as decimal text, since documents hold no floats."""
    assert [breaker(failure_ratio=one).failure_ratio for one in (0.5, 1, "0.25", 1.0)] == [
        "0.5",
        "1",
        "0.25",
        "1.0",
    ]


def test_it_counts_from_its_window_or_from_when_it_closed() -> None:
    """What happened before it was closed never opens it again."""
    record = replace(fresh("dev", "r"), since_ms=5_000_000)
    assert since(BREAKER, record, 5_100_000) == 5_000_000
    assert since(BREAKER, record, 9_000_000) == 9_000_000 - 600_000


def test_a_refusal_says_why_and_when_to_ask_again() -> None:
    """Whole seconds, never 0, and the reason for which it opened."""
    record = opened(fresh("dev", "support/close"), BREAKER, "4 of 4 runs failed within 10m", 1_000)
    said = lets(record, BREAKER, "run_1", 1_000 + OPEN_MS - 1)
    assert said.refused is not None
    assert "support/close is open until" in said.refused
    assert "4 of 4 runs failed" in said.refused
    assert said.retry_after == 1
    assert retry_after(record, 1_000) == 300


def test_a_probe_that_fails_again_and_again_keeps_the_first_reason() -> None:
    """The sentence does not grow with every try."""
    record = opened(fresh("dev", "r"), BREAKER, "why", 0)
    for _ in range(3):
        record = judged(record, BREAKER, completed=False, now_ms=1)
    assert record.reason == "the run that tried did not complete; before, why"


class Machine(RuleBasedStateMachine):
    """Runs that want to start or write, probes that end, an operator, and time, in any order."""

    wanting = Bundle("wanting")

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_000_000
        self.record: BreakerRecord = fresh("dev", "r")
        #: The run that tries, and since when.
        self.probe: tuple[str, int] | None = None
        self.may_close = True
        self.numbers = 0

    @rule(target=wanting)
    def another_run(self) -> str:
        self.numbers += 1
        return f"run_{self.numbers}"

    @rule(ms=st.sampled_from([1, 1_000, OPEN_MS - 1, OPEN_MS, 3 * OPEN_MS]))
    def time_passes(self, ms: int) -> None:
        self.now += ms

    @rule()
    def too_much_goes_wrong(self) -> None:
        if self.record.state is BreakerState.CLOSED:
            self.record = opened(self.record, BREAKER, "why", self.now)
            self.probe, self.may_close = None, False

    @rule(run=wanting)
    def a_run_wants_to_go_on(self, run: str) -> None:
        before = self.record
        said = lets(before, BREAKER, run, self.now)
        self.record = said.now or before
        if before.state is BreakerState.CLOSED:
            assert said.refused is None
            return
        if said.refused is not None:
            assert said.now is None
            assert holds(before, self.now)
            return
        if self.probe is not None and self.probe[0] == run:
            assert said.now is None
            return
        # Somebody new: nobody else is trying, or has tried for longer than it may.
        assert self.record.probe_run == run
        assert self.probe is None or self.now - self.probe[1] >= OPEN_MS
        assert before.state is not BreakerState.OPEN or self.now >= (before.until_ms or 0)
        self.probe = (run, self.now)

    @rule(completed=st.booleans())
    def the_probe_ends(self, completed: bool) -> None:
        if self.probe is not None and self.record.state is BreakerState.HALF_OPEN:
            self.record = judged(self.record, BREAKER, completed=completed, now_ms=self.now)
            self.probe, self.may_close = None, completed
            assert (self.record.state is BreakerState.CLOSED) == completed

    @rule()
    def a_person_resets_it(self) -> None:
        self.record = closed(self.record, "op:x", self.now)
        self.probe, self.may_close = None, True
        assert self.record.since_ms == self.now

    @invariant()
    def it_closes_by_a_probe_or_a_person(self) -> None:
        assert (self.record.state is BreakerState.CLOSED) == self.may_close

    @invariant()
    def one_tries_at_most(self) -> None:
        trying = self.record.probe_run
        assert (self.record.state is BreakerState.HALF_OPEN) == (trying is not None)
        assert trying == (None if self.probe is None else self.probe[0])

    @invariant()
    def open_refuses_everybody_until_its_time(self) -> None:
        if self.record.state is BreakerState.OPEN:
            assert (lets(self.record, BREAKER, "run_new", self.now).refused is not None) == holds(
                self.record, self.now
            )


TestMachine = Machine.TestCase
