"""What an answer is worth when an earlier send of the same bytes may still arrive."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from activities.sending import Sending, Sent
from contracts.action import Frozen, Preview
from contracts.digest import Json
from contracts.errors import PermissionRefused, Refused
from contracts.ledger import Claim, ClaimRequest, Conclusion
from contracts.run import Outcome
from contracts.tool import Effect, Retry, ToolSpec
from contracts.toolbox import Answer, Gate

DONE = Answer(outcome=Outcome.SUCCEEDED, content="{}", text="done")
LOST = Answer(outcome=Outcome.UNKNOWN, content="", text="no answer")
UNSENT = Answer(outcome=Outcome.FAILED, content="", text="could not be reached", transient=True)
HELD = Answer(outcome=Outcome.FAILED, content="", text="", held=True)
KEY_REFUSED = Answer(outcome=Outcome.FAILED, content="", text="refused our credential")
REFUSED = Answer(outcome=Outcome.REFUSED, content="", text="said no")
CHANGED = replace(REFUSED, changed=True)
NATIVE, LOOKUP, NONE = Retry(kind="native", retention_seconds=86_400), Retry(kind="lookup"), Retry()


@dataclass
class Books:
    """A ledger that says what it is told to, and then ``send`` for as long as it is asked."""

    says: list[Claim] = field(default_factory=list)
    asked: list[bool] = field(default_factory=list)
    #: Seconds that its looks lie back when it has answered.
    old: float = 0.0
    #: What it says when it is asked whether a write may still be sent; then yes.
    confirms: list[bool] = field(default_factory=list)
    #: Seconds that it takes to say so, the first time.
    slow: float = 0.0
    confirmed: int = 0

    async def claim(self, request: ClaimRequest) -> Claim:
        self.asked.append(request.unsent)
        first = self.says.pop(0) if self.says else Claim(say="send", fence=len(self.asked))
        return replace(first, committed=(time.monotonic() - self.old) * 1000)

    async def admit(self, *_: Any) -> tuple[Json, ...]:
        raise NotImplementedError

    async def known(self, key_hash: str) -> bool:
        raise NotImplementedError

    async def renew(self, request: ClaimRequest, fence: int) -> None:
        raise NotImplementedError

    async def confirm(self, *_: Any) -> bool:
        self.confirmed += 1
        slow, self.slow = self.slow, 0.0
        await asyncio.sleep(slow)
        return self.confirms.pop(0) if self.confirms else True

    async def release(self, request: ClaimRequest, fence: int, sentence: str) -> bool:
        raise NotImplementedError

    async def settle(self, request: ClaimRequest, fence: int, conclusion: Conclusion) -> Conclusion:
        raise NotImplementedError


@dataclass
class Target:
    """A target that answers in turn, and knows a key or does not, or cannot be asked."""

    answers: list[Answer]
    knows: Answer | Refused | None = None
    version: str = "1"
    sends: int = 0
    #: Seconds that its connections take.
    connects: float = 0.0

    async def send(self, gate: Gate) -> Answer:
        await asyncio.sleep(self.connects)
        try:
            await gate()
        except PermissionRefused as no:
            return replace(HELD, text=no.sentence)
        self.sends += 1
        return self.answers.pop(0)

    async def find(self) -> Answer | None:
        if isinstance(self.knows, Refused):
            raise self.knows
        return self.knows


def _request(retry: Retry) -> ClaimRequest:
    spec = ToolSpec(
        name="t", version="1", address="a", effect=Effect.WRITE, description="", schema={}, credential="c"
    )
    texts = dict.fromkeys(Frozen.__dataclass_fields__, "x") | {"target_version": "1", "ordinal": 1}
    preview = Preview(target="x", changes=(), stakes="x")
    frozen = Frozen(**cast("Any", texts | {"preview": preview, "arguments": {}, "format": 1}))
    return ClaimRequest(
        run=cast("Any", None),
        frozen=frozen,
        action_digest="d",
        spec=replace(spec, retry=retry),
        holder="run:1:1",
    )


async def _sent(
    retry: Retry,
    target: Target,
    *says: Claim,
    books: Books | None = None,
    pauses: Sequence[float] = (0, 0, 0),
) -> Sent:
    ledger = books or Books(says=list(says))
    return await Sending(ledger=ledger, pauses=pauses).send(_request(retry), target)


def _outcome(sent: Sent) -> Outcome:
    assert sent.answer is not None
    return sent.answer.outcome


async def test_a_lost_answer_and_then_no_connection_is_unknown() -> None:
    """The first send may have happened: that the others never left does not make it a failure."""
    target = Target([LOST, UNSENT, UNSENT, UNSENT])
    assert _outcome(await _sent(NATIVE, target)) is Outcome.UNKNOWN
    assert target.sends == 4


async def test_what_never_left_failed() -> None:
    """Four times no connection: nothing happened, and nothing is unknown."""
    assert _outcome(await _sent(NONE, Target([UNSENT] * 4))) is Outcome.FAILED


@pytest.mark.parametrize("answer", [UNSENT, KEY_REFUSED, REFUSED])
@pytest.mark.parametrize(("retry", "say"), [(NATIVE, "send"), (LOOKUP, "lookup")])
async def test_a_no_to_a_second_attempt_says_nothing_of_the_first(
    retry: Retry, say: str, answer: Answer
) -> None:
    """The worker before us may have sent it, or may do so yet: only the target's yes settles that."""
    claims = [Claim(say=say, fence=number, again=True) for number in range(2, 7)]
    sent = await _sent(retry, Target([answer] * 5), *claims)
    assert _outcome(sent) is Outcome.UNKNOWN


async def test_a_yes_settles_every_send_before_it() -> None:
    """A target that knows our key answers for all of them."""
    claim = Claim(say="send", fence=2, again=True)
    assert _outcome(await _sent(NATIVE, Target([LOST, UNSENT, DONE]), claim)) is Outcome.SUCCEEDED


@pytest.mark.parametrize(
    ("knows", "outcome", "changed"),
    [
        (DONE, Outcome.SUCCEEDED, False),
        (None, Outcome.REFUSED, True),
        (Refused("the log is away"), Outcome.UNKNOWN, False),
    ],
)
async def test_a_changed_target_is_asked_whether_it_was_us(
    knows: Answer | Refused | None, outcome: Outcome, changed: bool
) -> None:
    """Refused for its version after an earlier send: that send may have made it; where it is not known
    that it did not, nobody takes the approval back."""
    claims = [Claim(say="send", fence=2, again=True)]
    sent = await _sent(NATIVE, Target([CHANGED], knows=knows), *claims)
    assert sent.answer is not None
    assert (sent.answer.outcome, sent.answer.changed) == (outcome, changed)


async def test_a_lookup_that_cannot_be_made_sends_nothing() -> None:
    """Without knowing whether our key is there, nothing is sent again."""
    target = Target([], knows=Refused("the log is away"))
    sent = await _sent(LOOKUP, target, Claim(say="lookup", fence=2, again=True))
    assert (_outcome(sent), target.sends) == (Outcome.UNKNOWN, 0)


async def test_a_resend_is_for_the_approved_version_only() -> None:
    """Somebody changed the target, or made it so by an earlier send of ours: not sent again."""
    target = Target([], version="2")
    sent = await _sent(LOOKUP, target, Claim(say="lookup", fence=2, again=True))
    assert (_outcome(sent), target.sends) == (Outcome.UNKNOWN, 0)


@pytest.mark.parametrize("say", ["send", "lookup"])
async def test_a_write_leaves_within_half_a_second_of_a_check(say: str) -> None:
    """Looking the key up, or connecting, may take its time: what held at the claim may hold no more."""
    quick = Books(says=[Claim(say=say, fence=2, again=True)])
    await _sent(LOOKUP, Target([DONE]), books=quick)
    assert quick.confirmed == 0
    slow = Books(says=[Claim(say=say, fence=2, again=True)], slow=0.6)
    assert _outcome(await _sent(LOOKUP, Target([DONE], connects=0.51), books=slow)) is Outcome.SUCCEEDED
    assert slow.confirmed == 2, "a check that took longer than that itself is made once more"


async def test_a_write_that_waited_for_its_claim_is_checked_once_more() -> None:
    """A store that takes its time to answer has looked before that."""
    books = Books(old=0.6)
    assert _outcome(await _sent(NONE, Target([DONE]), books=books)) is Outcome.SUCCEEDED
    assert books.confirmed == 1


async def test_a_write_that_is_held_back_was_not_sent() -> None:
    """Its claim was the first of its key: whoever held it back may give the key free."""
    target = Target([DONE], connects=0.51)
    sent = await _sent(NATIVE, target, books=Books(confirms=[False]))
    assert sent.answer is not None
    assert (sent.answer.held, target.sends) == (True, 0)


@pytest.mark.parametrize(("retry", "say"), [(NATIVE, "send"), (LOOKUP, "lookup")])
async def test_a_resend_that_is_held_back_leaves_its_first_send_in_doubt(retry: Retry, say: str) -> None:
    """That nothing left now says nothing of what left before."""
    target = Target([DONE], connects=0.51)
    books = Books(says=[Claim(say=say, fence=2, again=True)], confirms=[False])
    assert _outcome(await _sent(retry, target, books=books)) is Outcome.UNKNOWN
    assert target.sends == 0


async def test_every_send_has_a_fresh_claim() -> None:
    """Claimed anew before each resend."""
    books = Books()
    await _sent(NONE, Target([UNSENT, UNSENT, DONE]), books=books)
    assert books.asked == [False, True, True]


async def test_nobody_says_that_a_key_in_doubt_was_not_sent() -> None:
    """After a lost answer, or another's claim, the ledger is never told that nothing left."""
    books = Books(says=[Claim(say="send", fence=2, again=True)])
    await _sent(NATIVE, Target([LOST, DONE]), books=books)
    assert books.asked == [False, False]


async def test_a_write_that_no_retry_makes_safe_is_sent_once() -> None:
    """``none``: a lost answer is the end of it, even where the target could be asked."""
    target = Target([LOST], knows=DONE)
    assert _outcome(await _sent(NONE, target)) is Outcome.UNKNOWN
    assert target.sends == 1
