"""Laws of how care is counted."""

from hypothesis import given
from hypothesis import strategies as st

from contracts.approval import Answer
from policies.care import Care, Decided, care

MINUTE = 60_000
HOUR = 60 * MINUTE


def answer(name: str, answer: Answer, at_ms: int, *, after_ms: int = MINUTE, fast: bool = False) -> Decided:
    return Decided(
        principal=f"principal:{name}", answer=answer, at_ms=at_ms, readable_ms=at_ms - after_ms, fast=fast
    )


def test_each_person_is_counted_alone() -> None:
    """Counts, share, median, fastest, busiest hour and what nobody read; who decided most is first."""
    found = care(
        [
            answer("ada", Answer.DENY, 0, after_ms=9_000),
            answer("grace", Answer.APPROVE, 5 * MINUTE, after_ms=1_000, fast=True),
            answer("grace", Answer.APPROVE, 10 * MINUTE, after_ms=5_000),
            answer("grace", Answer.WITHDRAW, 11 * MINUTE, after_ms=65_000),
            answer("grace", Answer.DENY, 3 * HOUR, after_ms=120_000),
        ]
    )
    assert found == (
        Care(
            principal="principal:grace",
            approved=2,
            denied=1,
            withdrawn=1,
            share_approved=2 / 3,
            median_ms=5_000,
            fastest_ms=1_000,
            busiest_hour=2,
            fast=1,
        ),
        Care(
            principal="principal:ada",
            approved=0,
            denied=1,
            withdrawn=0,
            share_approved=0.0,
            median_ms=9_000,
            fastest_ms=9_000,
            busiest_hour=1,
            fast=0,
        ),
    )


def test_who_only_took_back_has_no_share() -> None:
    """Nothing is divided by nothing."""
    (found,) = care([answer("ada", Answer.WITHDRAW, 0)])
    assert (found.share_approved, found.median_ms, found.fastest_ms, found.busiest_hour) == (
        None,
        None,
        None,
        0,
    )


def test_an_hour_is_any_sixty_minutes() -> None:
    """A burst over the full hour is one burst, and the sixtieth minute is out of it."""
    burst = [answer("ada", Answer.APPROVE, HOUR + at) for at in (-MINUTE, 0, MINUTE, 59 * MINUTE)]
    (found,) = care(burst)
    assert found.busiest_hour == 3


_ANSWERS = st.lists(
    st.builds(
        answer,
        st.sampled_from(["ada", "grace", "linus"]),
        st.sampled_from([Answer.APPROVE, Answer.DENY, Answer.WITHDRAW]),
        st.integers(0, 5 * HOUR),
        after_ms=st.integers(-MINUTE, HOUR),
    ),
    max_size=30,
)


@given(answers=_ANSWERS)
def test_every_answer_is_counted_once(answers: list[Decided]) -> None:
    """In whatever order they come, none is lost, none counts twice, and no figure is out of its bounds."""
    found = care(answers)
    assert sum(one.approved + one.denied + one.withdrawn for one in found) == len(answers)
    assert found == care(reversed(answers))
    for one in found:
        decided = one.approved + one.denied
        assert min(decided, 1) <= one.busiest_hour <= decided
        assert one.share_approved is None or 0 <= one.share_approved <= 1
        assert (one.fastest_ms or 0) <= (one.median_ms or 0)
        assert (one.fastest_ms or 0) >= 0
