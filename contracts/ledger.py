"""The ledger, as the activities use it: what is asked of it before a write, and what it says."""

from dataclasses import dataclass
from typing import Protocol

from contracts.action import Frozen
from contracts.digest import Json
from contracts.run import ActionRecord, Outcome, StopReason, WarrantedRun
from contracts.tool import ToolSpec


@dataclass(frozen=True, kw_only=True)
class Conclusion:
    """How an action ended."""

    outcome: Outcome
    #: For the model: JSON or plain text, bounded and scrubbed.
    content: str
    #: For people: one sentence.
    text: str
    duration_ms: int
    #: Executions so far, this one included.
    attempts: int = 0
    credential_scope: str | None = None
    stop: StopReason | None = None
    #: Of a read that made one: ``{"kind", "content"}``.
    artifact: Json | None = None
    #: Of one that was denied: the rules that say so, such as ``limits[0]`` or ``switch:tool:ticket.close``.
    #: Of one that was answered: what is noted of the answer.
    rules: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ClaimRequest:
    """A verified action that is about to be sent."""

    run: WarrantedRun
    frozen: Frozen
    action_digest: str
    spec: ToolSpec
    #: This attempt's own name, unique to it: the activity's, and which attempt of it, as ``run:5:2``.
    holder: str
    #: This very attempt claimed before and knows that no byte of the request left.
    unsent: bool = False


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What the ledger says to one who wants to write."""

    #: ``send``, ``lookup``, ``find`` (look, and send nothing), ``wait`` (its holder is at it), ``stored``,
    #: ``unknown``, ``refused``, ``halted``, ``changed`` (the action was frozen anew since) or ``voided`` (its
    #: approval is older than a kill switch's last stop, and needs to be given anew).
    say: str
    fence: int = 0
    #: Monotonic milliseconds at which its transaction began to look; the request leaves within 500 ms.
    committed: float = 0.0
    #: Of ``stored``: how it ended.
    stored: Conclusion | None = None
    #: Of ``refused``, ``halted`` and ``voided``: why, in a sentence. ``outcome`` is what a refusal counts as.
    sentence: str = ""
    outcome: Outcome = Outcome.FAILED
    #: Of ``refused`` and ``halted``: the rules that say so.
    rules: tuple[str, ...] = ()
    #: True where an earlier claim of this key, by this action, may have sent it.
    again: bool = False


class Ledger(Protocol):
    """Claim before you act; unknown stays unknown."""

    async def admit(self, run: WarrantedRun, action: ActionRecord, spec: ToolSpec) -> tuple[Json, ...]:
        """Check what may have changed and audit the attempt of a read, at once.

        The egress rules of the pinned policy and of the one in force; none of a read that reaches nothing.

        Raises:
            Halted: a kill switch says not now.
            PermissionRefused: the run is closed, or the policy in force no longer allows it.
        """
        ...

    async def known(self, key_hash: str) -> bool:
        """Whether this key may have had its effect, or may have it yet."""
        ...

    async def claim(self, request: ClaimRequest) -> Claim:
        """Check what may have changed, consume the grants, claim the key, audit the attempt: at once.

        Raises Unavailable where a later attempt of the same activity has the claim.
        """
        ...

    async def renew(self, request: ClaimRequest, fence: int) -> None:
        """Say that the claim's holder is still at it; a stale fence renews nothing."""
        ...

    async def confirm(self, request: ClaimRequest, fence: int) -> bool:
        """Whether what was claimed may be sent right now: checked once more, and its lease renewed."""
        ...

    async def release(self, request: ClaimRequest, fence: int, sentence: str) -> bool:
        """The target had changed and nothing was done: free the key for this action, once approved anew.

        False where the fence is stale.
        """
        ...

    async def settle(self, request: ClaimRequest, fence: int, conclusion: Conclusion) -> Conclusion:
        """Settle the claim; a stale fence settles nothing and gets what stands.

        Raises Unavailable where nothing stands yet: another attempt has it in hand.
        """
        ...
