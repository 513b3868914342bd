"""Laws of going in circles: never sooner than the route says, always by then, and it names how."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.budget import Budget
from contracts.decision import Reason
from contracts.run import Outcome
from contracts.tool import Catalogue, Effect, ToolSpec
from contracts.transcript import Message, Role
from policies.loop import Made, circle, made
from policies.route import Model, Route

BAD = [outcome for outcome in Outcome if outcome is not Outcome.SUCCEEDED]


def _tool(name: str, effect: Effect, undo: str | None = None) -> ToolSpec:
    return ToolSpec(
        name=name,
        version="1",
        address="desk",
        effect=effect,
        description="",
        schema={"type": "object"},
        credential="key",
        target="/id" if effect.writes else None,
        undo=undo,
    )


TOOLS = Catalogue(
    tools={
        "get": _tool("get", Effect.READ),
        "find": _tool("find", Effect.READ),
        "close": _tool("close", Effect.WRITE, undo="reopen"),
        "reopen": _tool("reopen", Effect.WRITE, undo="close"),
        "change": _tool("change", Effect.WRITE, undo="change"),
    }
)


def _route(loop: int = 3, stall: int = 6) -> Route:
    return Route(
        name="r",
        model=Model(name="rules"),
        allow_tools=tuple(TOOLS.tools),
        budgets=Budget(steps=9, seconds=9, usd="1", denials=9),
        loop=loop,
        stall=stall,
    )


def _run(*calls: Made) -> list[Made]:
    """Each call in a step of its own."""
    return [replace(call, step=step) for step, call in enumerate(calls, start=1)]


def _call(tool: str, asked: object = 1, outcome: str | None = "succeeded", content: str = "") -> Made:
    return Made(step=0, tool=tool, arguments={"id": asked}, outcome=outcome, content=content)


def _fresh(calls: Sequence[Made]) -> list[Made]:
    """The same calls, each with an answer of its own."""
    return [replace(call, content=f"answer {place}") for place, call in enumerate(calls)]


def _found(calls: Sequence[Made], loop: int = 3, stall: int = 6) -> Reason | None:
    return circle(calls, _route(loop, stall), TOOLS)


@given(st.lists(st.tuples(st.sampled_from(["get", "find", "gone"]), st.integers(0, 2))), st.integers(2, 5))
def test_a_repeat_stops_exactly_at_the_loop(asked: list[tuple[str, int]], loop: int) -> None:
    """Reads stop with the call that was made ``loop`` times, in a row or not, and with no call before."""
    calls = _fresh(_run(*(_call(tool, which) for tool, which in asked)))
    most = max((asked.count(call) for call in asked), default=0)
    assert (_found(calls, loop, stall=1_000) is not None) == (most >= loop)


@pytest.mark.parametrize("outcome", [*Outcome, None])
def test_the_same_read_loops_whatever_came_of_it(outcome: str | None) -> None:
    """What a read returned does not make it another one; the reason names it."""
    same, other = _call("get", outcome=outcome), _call("find")
    assert _found(_fresh(_run(same, other, same))) is None
    found = _found(_fresh(_run(same, other, other, same, same)))
    assert found == Reason(rule="loop", text="get with the same arguments was called 3 times")


@pytest.mark.parametrize("outcome", BAD)
def test_the_same_write_that_came_to_nothing_loops(outcome: str) -> None:
    """A denied, refused or failed write counts like a read."""
    found = _found(_run(*[_call("close", outcome=outcome)] * 3))
    assert found is not None
    assert found.rule == "loop"


@given(
    st.lists(st.tuples(st.sampled_from(["close", "change"]), st.integers(0, 1), st.booleans()), max_size=30),
    st.integers(1, 5),
    st.integers(1, 5),
)
def test_approved_writes_are_exempt(asked: list[tuple[str, int, bool]], loop: int, stall: int) -> None:
    """Writes that succeeded or are still open never stop a run, however often they are the same."""
    calls = _run(*(_call(tool, which, "succeeded" if good else None) for tool, which, good in asked))
    assert _found(calls, loop, stall) is None


@pytest.mark.parametrize("other", [_call("find"), _call("get", 2)])
def test_ping_pong_between_two_calls_is_named(other: Made) -> None:
    """Two calls in turn, of two tools or of one with two sets of arguments, stop as ping-pong."""
    one = _call("get")
    assert _found(_fresh(_run(one, other, one, other))) is None
    found = _found(_fresh(_run(one, other, one, other, one)))
    assert found is not None
    assert found.rule == "loop.pingpong"
    assert found.text.startswith("get and find went" if other.tool == "find" else "get went")


@pytest.mark.parametrize("last", ["succeeded", None])
def test_two_tools_that_only_undo_each_other_go_in_circles(last: str | None) -> None:
    """Close and reopen of one ticket, three times each, stop whatever reasons they give and reads between."""
    tools = ["close", "find", "reopen"] * 3
    turns = [replace(_call(tool), arguments={"id": 1, "why": place}) for place, tool in enumerate(tools)]
    calls = _fresh(_run(*turns[:-1], replace(turns[-1], outcome=last)))
    assert _found(calls[:-1]) is None
    found = _found(calls)
    assert found == Reason(rule="loop.pingpong", text="close and reopen undid each other 3 times")


@pytest.mark.parametrize("third", [_call("change"), _call("close", 2), _call("reopen", outcome="refused")])
def test_writes_that_do_more_than_undo_each_other_go_on(third: Made) -> None:
    """Another write, another target or an undo that failed breaks the chain of undoing."""
    turns = [_call("close"), _call("reopen"), _call("close"), third, _call("close"), _call("reopen")]
    assert _found(_run(*turns)) is None


@given(st.integers(1, 8), st.sampled_from(BAD))
def test_no_progress_stops_exactly_at_the_stall(stall: int, outcome: str) -> None:
    """Different calls that all come to nothing stop after ``stall`` steps, not after one fewer."""
    calls = _run(*(_call("get", which, outcome, f"no {which}") for which in range(stall)))
    assert _found(calls[:-1], loop=99, stall=stall) is None
    found = _found(calls, loop=99, stall=stall)
    assert found == Reason(rule="stall", text=f"{stall} steps in a row brought nothing new")


def test_what_was_seen_before_is_nothing_new() -> None:
    """The same answer to other calls, of another tool too, is no progress."""
    first, same = _call("get", 0, content="[]"), [_call("find", which, content="[]") for which in range(6)]
    assert _found(_run(first, *same[:5])) is None
    assert _found(_run(first, *same)) == Reason(rule="stall", text="6 steps in a row brought nothing new")


@pytest.mark.parametrize("news", [_call("get", 99, content="new"), _call("change", outcome="succeeded")])
def test_anything_new_begins_the_count_again(news: Made) -> None:
    """A new answer, or a write that was approved and done, is progress; also beside a denied call."""
    still = [_call("get", which, "denied", "no") for which in range(5)]
    beside = [replace(_call("find", 50, "denied"), step=6), replace(news, step=6)]
    later = [replace(call, step=7 + place) for place, call in enumerate(still)]
    assert _found([*_run(*still), *beside, *later], loop=99) is None


def test_a_step_that_is_still_open_is_not_judged() -> None:
    """Calls that were proposed and not made yet neither stop a run nor count as progress."""
    still = [_call("get", which, "failed") for which in range(6)]
    assert _found(_run(*still[:5], _call("get", 9, None)), loop=99) is None
    assert _found(_run(*still, _call("get", 9, None)), loop=99) is not None


def test_a_tool_name_that_the_model_made_up_is_bounded() -> None:
    """A reason shows no more of a made-up name than a sentence bears, and nothing hidden in it."""
    found = _found(_run(*[_call("x\u202e" * 900, outcome="denied")] * 3))
    assert found is not None
    assert len(found.text) < 200
    assert found.text.isprintable()


def test_a_transcript_tells_its_calls_with_their_results() -> None:
    """Calls are matched to results by step and place, in whatever order results came."""
    calls = [{"tool": "get", "arguments": {"id": which}, "call_id": ""} for which in (1, 2)]
    said = [
        Message(seq=1, role=Role.INPUT, body={}),
        Message(seq=2, role=Role.ASSISTANT, body={"text": "", "calls": calls}),
        Message(seq=3, role=Role.TOOL, action_id="run.1.1", body={"outcome": "failed", "content": "two"}),
        Message(seq=4, role=Role.ASSISTANT, body={"text": "", "calls": calls[:1]}),
    ]
    assert made(said) == [
        Made(step=1, tool="get", arguments={"id": 1}),
        Made(step=1, tool="get", arguments={"id": 2}, outcome="failed", content="two"),
        Made(step=2, tool="get", arguments={"id": 1}),
    ]
