"""The order of a turn's calls: reads side by side, writes one after the other."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from contracts.wire import Proposal
from workflows.order import reads, side_by_side


def _call(place: int, effect: str, ruling: str) -> Proposal:
    return Proposal(
        action_id=f"run_1.1.{place}", tool="t", effect=effect, ruling=ruling, rules=(), arguments_digest=""
    )


_KINDS = st.tuples(
    st.sampled_from(["read", "write", "destructive"]), st.sampled_from(["allow", "needs_approval", "deny"])
)
TURNS = st.lists(_KINDS, max_size=12).map(
    lambda kinds: [_call(place, *kind) for place, kind in enumerate(kinds)]
)


@given(turn=TURNS)
def test_every_call_that_is_not_denied_is_carried_out_once_in_its_order(turn: list[Proposal]) -> None:
    """Grouping loses, repeats and reorders nothing but what policy denied."""
    carried = [call for group in side_by_side(turn) for call in group]
    assert carried == [call for call in turn if call.ruling != "deny"]


@given(turn=TURNS)
def test_nothing_runs_beside_a_call_that_writes_or_asks(turn: list[Proposal]) -> None:
    """Only reads that ask nobody share a group."""
    assert all(all(map(reads, group)) for group in side_by_side(turn) if len(group) > 1)


@given(turn=TURNS)
def test_neighbouring_reads_are_side_by_side(turn: list[Proposal]) -> None:
    """Two groups of reads never follow each other: they would be one."""
    pairs = pairwise(side_by_side(turn))
    assert not any(reads(before[-1]) and reads(after[0]) for before, after in pairs)
