"""What policy says of a call, with its reasons."""

from dataclasses import dataclass
from enum import StrEnum

from contracts.digest import Json


@dataclass(frozen=True, kw_only=True)
class Call:
    """A tool call that a model proposes."""

    tool: str
    arguments: Json
    #: The model's own words on why; shown as such, never trusted.
    words: str = ""
    #: The provider's id of the call, which its result answers.
    call_id: str = ""


class Ruling(StrEnum):
    """The three outcomes of a decision."""

    ALLOW = "allow"
    NEEDS_APPROVAL = "needs_approval"
    DENY = "deny"


@dataclass(frozen=True, kw_only=True)
class Reason:
    """One rule that determined a decision."""

    #: Path of the rule in its file, such as ``deny_tools[0]``; ``default`` where no rule permits.
    rule: str
    #: One sentence for people.
    text: str


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What policy says of one call."""

    ruling: Ruling
    reasons: tuple[Reason, ...]
    #: Distinct people who must approve; 0 unless approval is needed.
    approvals: int = 0
