"""Records that cross the wire between the workflow and its activities: one in, one out, small.

Transcripts, arguments and results stay in the store; these carry references. Ids are of this run.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class RunStart:
    """The only argument of a run: what it may do is what its warrant says."""

    warrant: str
    #: The step to go on from, when the run goes on in a new history.
    step: int = 1


@dataclass(frozen=True, kw_only=True)
class Lease:
    """A capability for the run's reads, and the moment to renew it. Unix seconds."""

    token: str = field(repr=False)
    expires: int
    #: Why the run is being cancelled, where it is: a new history was not told. Then there is no capability.
    cancelled: str | None = None


@dataclass(frozen=True, kw_only=True)
class Step:
    """Ask the model for its turn number ``step``, from 1."""

    step: int


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """One call of a turn, already decided, in the activity that asked the model."""

    action_id: str
    tool: str
    effect: str
    #: ``allow``, ``needs_approval`` or ``deny``.
    ruling: str
    rules: tuple[str, ...]
    arguments_digest: str


@dataclass(frozen=True, kw_only=True)
class Turn:
    """What one step of the model came to."""

    step: int
    calls: tuple[Proposal, ...] = ()
    #: The model is done; its text is in the transcript.
    final: bool = False
    #: A ``StopReason``: the run ends before the model is done.
    stop: str | None = None
    #: A kill switch's sentence: nothing was asked; try again when it is lifted.
    halted: str | None = None
    #: Of a stop that a rule asks for: one sentence for people, and the rule.
    text: str = ""
    rules: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ActionRef:
    """One action of this run."""

    action_id: str


@dataclass(frozen=True, kw_only=True)
class Frost:
    """A write was prepared: frozen, or ended before anybody was asked."""

    action_id: str
    #: None: it ended here, and its result is in the transcript.
    action_digest: str | None
    #: People who must approve; 0 where an exception waives it.
    approvals: int = 0
    #: What the UI shows while the run waits: ``ticket.close T-18421``. Holds no argument but the target.
    label: str = ""
    #: A kill switch's sentence: the target was not read; prepare it again when it is lifted.
    halted: str | None = None


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A card is on its way; the run waits until the deadline. Unix milliseconds; None: for ever."""

    approval_id: str
    deadline_ms: int | None
    #: Where an exception waives the approval: the write's capability, and nobody is asked.
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class ApprovalRef:
    """One approval of this run."""

    approval_id: str


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Where an approval stands, from verified grants alone."""

    #: ``waiting``, ``approved``, ``denied``, ``expired``; of a question ``settled`` or ``stopped``.
    state: str
    #: Of an approved one: a capability bound to the action's digest and key.
    token: str | None = field(default=None, repr=False)
    #: A ``StopReason`` where the route stops on this verdict.
    stop: str | None = None


@dataclass(frozen=True, kw_only=True)
class Acted:
    """How an action ended; its result is in the transcript."""

    action_id: str
    #: An ``Outcome``.
    outcome: str
    halted: str | None = None
    #: The target changed since it was shown: prepare the action anew, and ask again.
    changed: bool = False
    #: Of an unknown outcome: acting again asks the target, and repeats nothing that it does not guard.
    again: bool = False


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How the run ends. ``state`` is an ended ``RunState``, ``reason`` a ``StopReason``."""

    state: str
    reason: str | None = None
    #: One sentence for people, on a failure.
    text: str = ""


@dataclass(frozen=True, kw_only=True)
class Nudge:
    """Something was decided: look at the verified grants. It proves nothing by itself."""

    approval_id: str
    grant_id: str


@dataclass(frozen=True, kw_only=True)
class Overheard:
    """What a run was told, and nobody of ours says. Nothing of it travels but these words."""

    #: A ``contracts.attempts.Found``, or ``unknown``.
    what: str
    #: ``signal``, ``update`` or ``start``.
    way: str
