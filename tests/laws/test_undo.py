"""Laws of undo: what is frozen with a write, what its seal covers, and which actions are undone."""

from dataclasses import asdict, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.action import Frozen, Original, Undo
from contracts.budget import Budget, Spend
from contracts.errors import Conflict, Malformed, Undone
from contracts.run import ActionRecord, Outcome, RunRecord, RunState, UndoRecord
from contracts.tokens import Undoes, Warrant
from contracts.tool import Catalogue, Effect, ToolSpec
from policies.deeds import deeds
from policies.undo import LIMIT, chosen, offered, standing
from tests.laws.cards import FROZEN

BACK = Undo(tool="ticket.reopen", arguments={"ticket_id": "T-1", "reason": "Undone."})
REOPEN = ToolSpec(
    name="ticket.reopen",
    version="1",
    address="helpdesk",
    effect=Effect.WRITE,
    description="",
    schema={
        "type": "object",
        "required": ["ticket_id", "reason"],
        "additionalProperties": False,
        "properties": {
            "ticket_id": {"type": "string"},
            "reason": {"type": "string"},
            "n": {"type": "number"},
        },
    },
    credential="c",
    target="/ticket_id",
)
CATALOGUE = Catalogue(tools={REOPEN.name: REOPEN})
RUN = RunRecord(
    run_id="run_1",
    request_id="req_1",
    tenant="acme",
    env="dev",
    route="support/close",
    caller="svc:demo",
    on_behalf_of=None,
    policy_digest="",
    catalogue_digest="",
    warrant="",
    input={},
    state=RunState.CANCELLED,
    stop_reason=None,
    first_execution=None,
    cancel_reason=None,
    budget={},
    spend=Spend(),
    created_ms=0,
    started_ms=None,
    ended_ms=None,
    result=None,
    version=1,
)


def action(place: int, outcome: Outcome | None = Outcome.SUCCEEDED, undo: Undo | None = BACK) -> ActionRecord:
    frozen = replace(FROZEN, target=f"T-{place}", undo=undo)
    return ActionRecord(
        action_id=f"run_1.1.{place}",
        run_id="run_1",
        step=1,
        place=place,
        tool="ticket.close",
        effect="write",
        decision="needs_approval",
        reasons=[],
        approvals=1,
        arguments={},
        arguments_digest="",
        words="",
        call_id="",
        frozen=frozen.document(),
        seal=None,
        action_digest="d",
        idempotency_key=f"k-{place}",
        key_hash=None,
        approval_id=None,
        reconciliation_id=None,
        attempts=1,
        outcome=outcome,
        outcome_text="",
        duration_ms=0,
        created_ms=0,
    )


def undo_of(place: int, outcome: Outcome | None, state: RunState = RunState.COMPLETED) -> UndoRecord:
    return UndoRecord(action_id=f"run_1.1.{place}", run_id="run_2", state=state, outcome=outcome)


# The frozen record


def test_an_undo_is_part_of_what_is_approved() -> None:
    """Another undo, or another original, is another digest; both are read back as they were sealed."""
    original = Original(run_id="run_0", action_id="run_0.1.0", tool="ticket.close", target="T-1")
    records = [FROZEN, replace(FROZEN, undo=BACK), replace(FROZEN, undoes=original)]
    records.append(replace(FROZEN, undo=replace(BACK, arguments={"ticket_id": "T-2", "reason": "Undone."})))
    assert len({record.digest() for record in records}) == len(records)
    assert [Frozen.read(record.document()) for record in records] == records


def test_a_record_of_the_first_format_keeps_its_bytes() -> None:
    """It has neither field, reads without them, and its digest is what it was approved by."""
    old = replace(FROZEN, format=1)
    assert {"undo", "undoes"}.isdisjoint(old.document())
    assert Frozen.read(old.document()) == old
    assert old.digest() != FROZEN.digest()


@pytest.mark.parametrize(
    "change",
    [
        {"format": 1, "undo": asdict(BACK)},
        {"format": 1, "undoes": {"run_id": "r", "action_id": "a", "tool": "t", "target": "x"}},
        {"format": 4},
        {"format": 0},
        {"undo": {"tool": "t"}},
        {"undo": "ticket.reopen"},
        {"undo": []},
        {"undoes": {}},
    ],
)
def test_what_no_seal_covers_is_no_frozen_record(change: dict[str, Any]) -> None:
    """An undo in an old record, which its digest would not show, is refused; so is an unknown format."""
    with pytest.raises(Malformed):
        Frozen.read(FROZEN.document() | change)


def test_a_warrant_without_an_undo_is_as_it_was() -> None:
    """Workers of an earlier version read it; an undo's they refuse, as they would ask a model."""
    budget = Budget(steps=1, seconds=1, usd="1", denials=0)
    plain = Warrant(
        run_id="run_2",
        request_id="req_2",
        caller="svc:demo",
        tenant="acme",
        env="dev",
        route="support/close",
        on_behalf_of=None,
        input_digest="",
        policy_digest="",
        catalogue_digest="",
        budget=budget,
    )
    assert "undoes" not in plain.claims()
    undo = replace(plain, undoes=Undoes(run_id="run_1", actions=("run_1.1.0",), reason="Wrong."))
    for warrant in (plain, undo):
        assert Warrant.read(warrant.claims()) == warrant


# What is offered


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: st.dictionaries(st.sampled_from(["ticket_id", "reason", "n", "x"]), inner, max_size=4),
        max_leaves=6,
    )
)
def test_only_a_call_that_the_undo_tool_takes_is_offered(arguments: Any) -> None:
    """Whatever a tool's code says, what is frozen can be called; anything else is no undo at all."""
    found = offered(CATALOGUE, "ticket.reopen", arguments)
    fits = (
        isinstance(arguments, dict)
        and {"ticket_id", "reason"} <= set(arguments) <= {"ticket_id", "reason", "n"}
        and isinstance(arguments["reason"], str)
        and isinstance(arguments["ticket_id"], str)
        and arguments["ticket_id"] != ""
        and ("n" not in arguments or type(arguments["n"]) is int)
    )
    if not fits:
        assert found is None
    elif found is not None:
        assert found == Undo(tool="ticket.reopen", arguments=arguments)


def test_an_undo_needs_a_tool_that_writes_and_exact_arguments() -> None:
    """None without a tool, of a read, of a tool that is gone, and with a float."""
    assert offered(CATALOGUE, "ticket.reopen", BACK.arguments) == BACK
    read = Catalogue(tools={REOPEN.name: replace(REOPEN, effect=Effect.READ)})
    assert offered(CATALOGUE, None, BACK.arguments) is None
    assert offered(CATALOGUE, "ticket.gone", BACK.arguments) is None
    assert offered(read, "ticket.reopen", BACK.arguments) is None
    assert offered(CATALOGUE, "ticket.reopen", {**BACK.arguments, "n": 1.5}) is None


# What is undone


@given(st.permutations(range(5)))
def test_the_last_write_is_undone_first(order: list[int]) -> None:
    """Whatever order the keys are named in, and however often."""
    actions = [action(place) for place in range(5)]
    keys = [f"k-{place}" for place in order]
    for found in (chosen(RUN, actions, (), keys + keys[:2]), chosen(RUN, actions, (), None)):
        assert [one.place for one in found] == [4, 3, 2, 1, 0]


def test_all_is_what_was_done_has_an_undo_and_is_not_undone() -> None:
    """Denied, failed and skipped calls are nothing to undo, nor is what has no undo or has been undone."""
    actions = [
        action(0),
        action(1, undo=None),
        action(2),
        action(3, Outcome.FAILED),
        action(4, Outcome.REJECTED),
        action(5, Outcome.SKIPPED),
        action(6, None),
    ]
    found = chosen(RUN, actions, [undo_of(2, Outcome.SUCCEEDED)], None)
    assert [one.place for one in found] == [0]


@pytest.mark.parametrize("state", [state for state in RunState if not state.ended])
def test_an_open_run_is_not_undone(state: RunState) -> None:
    """It may write yet."""
    with pytest.raises(Conflict, match="has not ended"):
        chosen(replace(RUN, state=state), [action(0)], (), None)


@pytest.mark.parametrize("state", RunState)
@pytest.mark.parametrize("outcome", [None, *Outcome])
def test_an_undo_stands_while_it_may_have_an_effect(state: RunState, outcome: Outcome | None) -> None:
    """Open, done or unknown it bars another; ended without an effect it bars none."""
    begun = [undo_of(0, outcome, state)]
    bars = not state.ended or outcome in (Outcome.SUCCEEDED, Outcome.UNKNOWN)
    assert (set(standing(begun)) == {"run_1.1.0"}) is bars
    for keys in (None, ["k-0"]):
        if bars:
            with pytest.raises(Undone, match="run_2"):
                chosen(RUN, [action(0)], begun, keys)
        else:
            assert chosen(RUN, [action(0)], begun, keys)


def test_more_than_one_turn_s_calls_are_too_many() -> None:
    """They are named in parts, the last first."""
    actions = [action(place) for place in range(LIMIT + 1)]
    with pytest.raises(Conflict, match=f"at most {LIMIT}"):
        chosen(RUN, actions, (), None)
    assert len(chosen(RUN, actions, (), [f"k-{place}" for place in range(LIMIT)])) == LIMIT


def test_what_a_run_had_done_is_said_with_what_undoes_it() -> None:
    """Its writes, which of them have an undo, and those of which nobody knows."""
    actions = [action(0), action(1, undo=None), action(2, Outcome.UNKNOWN), action(3, Outcome.FAILED)]
    assert deeds(actions) == (
        "It had done: ticket.close T-0 (ticket.reopen undoes it); ticket.close T-1 (nothing undoes it)."
        " Nobody knows yet whether this happened: ticket.close T-2."
    )
    assert deeds([action(3, Outcome.REJECTED)]) == "It had written nothing."
