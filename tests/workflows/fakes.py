"""The activities of a run as a stage: they do what a play says, and count who was called."""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from temporalio import activity

from contracts import names
from contracts.run import Outcome
from contracts.wire import (
    Acted,
    ActionRef,
    ApprovalRef,
    Asked,
    Ending,
    Frost,
    Lease,
    Overheard,
    Proposal,
    RunStart,
    Step,
    Turn,
    Verdict,
)

LONG_AHEAD = 4_000_000_000


def read(step: int, place: int = 0) -> Proposal:
    return _proposal(step, place, "read", "allow")


def write(step: int, place: int = 0) -> Proposal:
    return _proposal(step, place, "write", "needs_approval")


def _proposal(step: int, place: int, effect: str, ruling: str) -> Proposal:
    return Proposal(
        action_id=f"run.{step}.{place}", tool="t", effect=effect, ruling=ruling, rules=(), arguments_digest=""
    )


@dataclass
class Stage:
    """Implements every activity of ``contracts.names`` over memory."""

    #: Calls of each turn; after the last one the model is done.
    turns: Sequence[Sequence[Proposal]]
    #: How many calls of each activity there were, by its name.
    calls: Counter[str] = field(default_factory=Counter)
    #: Actions that have an outcome.
    done: dict[str, str] = field(default_factory=dict)
    #: How a write ends, by how often it was tried.
    written: Callable[[str, int], Acted] = lambda action_id, _: Acted(
        action_id=action_id, outcome=Outcome.SUCCEEDED
    )
    #: Approvals by id, as ``collect`` finds them.
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    deadline_ms: int | None = None
    #: Held by a kill switch: the model is not asked.
    held: bool = False
    #: Held by a kill switch: no write is prepared.
    unprepared: bool = False
    ending: Ending | None = None
    overheards: list[Overheard] = field(default_factory=list)
    #: Why the store says that the run is being cancelled.
    cancelling: str | None = None
    #: Awaited in every activity, by its name, once it was counted.
    gate: Callable[[str], Awaitable[None]] | None = None

    @activity.defn(name=names.OPEN)
    async def open_run(self, start: RunStart) -> Lease:  # noqa: ARG002 - the activity's own argument
        await self._called(names.OPEN)
        if self.cancelling is not None:
            return Lease(token="", expires=0, cancelled=self.cancelling)
        return Lease(token="lease", expires=LONG_AHEAD)

    @activity.defn(name=names.THINK)
    async def think(self, step: Step) -> Turn:
        await self._called(names.THINK)
        if self.held:
            return Turn(step=step.step, halted="the kill switch holds")
        if step.step > len(self.turns):
            return Turn(step=step.step, final=True)
        return Turn(step=step.step, calls=tuple(self.turns[step.step - 1]))

    @activity.defn(name=names.READ)
    async def read(self, ref: ActionRef) -> Acted:
        await self._called(names.READ)
        return self._ended(Acted(action_id=ref.action_id, outcome=Outcome.SUCCEEDED))

    @activity.defn(name=names.PREPARE)
    async def prepare(self, ref: ActionRef) -> Frost:
        await self._called(names.PREPARE)
        if self.unprepared:
            return Frost(action_id=ref.action_id, action_digest=None, halted="the kill switch holds")
        open_still = self.done.get(ref.action_id) in (None, Outcome.UNKNOWN)
        return Frost(
            action_id=ref.action_id,
            action_digest="sha256:1" if open_still else None,
            approvals=1,
            label="t T-1",
        )

    @activity.defn(name=names.ASK)
    async def ask(self, ref: ActionRef) -> Asked:
        await self._called(names.ASK)
        return Asked(approval_id=f"apr:{ref.action_id}", deadline_ms=self.deadline_ms)

    @activity.defn(name=names.ASK_OUTCOME)
    async def ask_outcome(self, ref: ActionRef) -> Asked:
        await self._called(names.ASK_OUTCOME)
        return Asked(approval_id=f"did:{ref.action_id}", deadline_ms=None)

    @activity.defn(name=names.COLLECT)
    async def collect(self, ref: ApprovalRef) -> Verdict:
        await self._called(names.COLLECT)
        return self.verdicts.get(ref.approval_id, Verdict(state="waiting"))

    @activity.defn(name=names.WRITE)
    async def write(self, ref: ActionRef) -> Acted:
        await self._called(names.WRITE)
        return self._ended(self.written(ref.action_id, self.calls[names.WRITE]))

    @activity.defn(name=names.FINISH)
    async def finish(self, ending: Ending) -> None:
        await self._called(names.FINISH)
        self.ending = ending

    @activity.defn(name=names.OVERHEARD)
    async def overheard(self, heard: Overheard) -> None:
        await self._called(names.OVERHEARD)
        self.overheards.append(heard)

    def on(self, queue: str) -> list[Callable[..., Any]]:
        """The activities of one queue."""
        queues: dict[str, list[Callable[..., Any]]] = {
            names.AGENT_QUEUE: [self.think],
            names.BROKER_QUEUE: [
                self.open_run,
                self.ask,
                self.ask_outcome,
                self.collect,
                self.finish,
                self.overheard,
            ],
            names.TOOLS_QUEUE: [self.read, self.prepare, self.write],
        }
        return queues[queue]

    def approve(self, action_id: str) -> str:
        """Have people approve it; the approval's id."""
        self.verdicts[f"apr:{action_id}"] = Verdict(state="approved", token="write")
        return f"apr:{action_id}"

    async def _called(self, activity_name: str) -> None:
        self.calls[activity_name] += 1
        if self.gate is not None:
            await self.gate(activity_name)

    def _ended(self, acted: Acted) -> Acted:
        if acted.halted is None and not acted.changed:
            self.done[acted.action_id] = acted.outcome
        return acted
