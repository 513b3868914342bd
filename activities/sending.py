"""Sending: claim, then send; and what an answer is worth when an earlier send may still arrive."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from activities.gate import WriteGate
from contracts.errors import InterlockError, Unavailable
from contracts.ledger import Claim, ClaimRequest, Ledger
from contracts.run import Outcome
from contracts.tool import Retry
from contracts.toolbox import Answer, Armed

PAUSES: Final = (0.2, 1.0, 3.0)
"""Seconds between sends of one write under one key."""
_RENEW_SECONDS: Final = 2.0
"""A third of a claim's lease."""
_LOOK_SECONDS: Final = 0.25
_REACHING: Final = frozenset({"send", "lookup", "find"})


@dataclass(frozen=True, kw_only=True)
class Sent:
    """What came of it: the last claim, and the target's answer where the target was reached."""

    claim: Claim
    answer: Answer | None


@dataclass(frozen=True, kw_only=True)
class Sending:
    """Sends one write as often as that is safe. Every send has a claim of its own, just made."""

    ledger: Ledger
    pauses: Sequence[float] = PAUSES

    async def send(self, request: ClaimRequest, armed: Armed) -> Sent:
        """Until the target's answer settles it, or no try is left."""
        doubted = False
        for pause in (*self.pauses, None):
            claim = await self._free(request)
            if claim.say not in _REACHING:
                break
            doubted = doubted or claim.again
            answer = await self._ask(claim, request, armed)
            if answer.held:
                return Sent(claim=claim, answer=_UNKNOWN if doubted else answer)
            if pause is None or not _once_more(answer, request):
                settled = await _worth(answer, armed, request.spec.retry, doubted=doubted)
                return Sent(claim=claim, answer=settled)
            doubted = doubted or answer.outcome is Outcome.UNKNOWN
            request = replace(request, unsent=not doubted)
            await asyncio.sleep(pause)
        nobody_knows = claim.say == "unknown" and claim.stored is None
        return Sent(claim=claim, answer=_UNKNOWN if nobody_knows else None)

    async def _free(self, request: ClaimRequest) -> Claim:
        """The ledger's word, once no other execution's lease holds."""
        while True:
            claim = await self.ledger.claim(request)
            if claim.say != "wait":
                return claim
            await asyncio.sleep(_LOOK_SECONDS)

    async def _ask(self, claim: Claim, request: ClaimRequest, armed: Armed) -> Answer:
        """What the target says, while the claim's lease is renewed."""
        renewing = asyncio.create_task(self._renew(request, claim.fence))
        try:
            return await self._reach(claim, request, armed)
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)

    async def _reach(self, claim: Claim, request: ClaimRequest, armed: Armed) -> Answer:
        match claim.say:
            case "send":
                return await armed.send(WriteGate(self.ledger, request, claim))
            case "lookup":
                return await self._look_up(claim, request, armed)
            case _:
                return await _found(armed, _UNKNOWN, _UNKNOWN)

    async def _look_up(self, claim: Claim, request: ClaimRequest, armed: Armed) -> Answer:
        """Find our key at the target; where it is not there, resend only on the version that was approved."""
        try:
            found = await armed.find()
        except InterlockError:
            return _UNKNOWN
        if found is not None:
            return found
        shown = request.frozen.target_version
        if shown == "" or armed.version != shown:
            return _UNKNOWN
        return await armed.send(WriteGate(self.ledger, request, claim))

    async def _renew(self, request: ClaimRequest, fence: int) -> None:
        while True:
            await asyncio.sleep(_RENEW_SECONDS)
            with suppress(Unavailable):
                await asyncio.shield(self.ledger.renew(request, fence))


_UNKNOWN: Final = Answer(
    outcome=Outcome.UNKNOWN,
    content="nobody knows whether this write happened; it will not be repeated",
    text="nobody knows whether this write happened; a person has to look",
)


def _once_more(answer: Answer, request: ClaimRequest) -> bool:
    """What surely had no effect may be sent again, and what the target itself guards by our key."""
    lost = answer.outcome is Outcome.UNKNOWN and request.spec.retry.kind == "native"
    return answer.transient or lost


async def _worth(answer: Answer, armed: Armed, retry: Retry, *, doubted: bool) -> Answer:
    """What an answer settles. ``doubted``: an earlier send of these bytes may have happened, or may yet."""
    if answer.outcome is Outcome.UNKNOWN:
        return await _found(armed, answer, answer) if retry.kind == "lookup" else answer
    if not doubted or answer.outcome is Outcome.SUCCEEDED:
        return answer
    text = f"{answer.text}; but an earlier send of it was not answered, and may have happened"
    doubt = replace(_UNKNOWN, content=text, text=text)
    # Where the earlier send did not make the version that is there now, it can have no effect any more.
    return await _found(armed, answer, doubt) if answer.changed else doubt


async def _found(armed: Armed, nothing: Answer, unasked: Answer) -> Answer:
    """What the target did under our key; else what holds where it did nothing, or cannot be asked."""
    try:
        return await armed.find() or nothing
    except InterlockError:
        return unasked
