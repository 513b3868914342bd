"""How long a person takes to read what they decide, at the very least."""

from typing import Any, Final

from contracts.approval import Answer, ApprovalRecord, Click

FAST: Final = "approval.fast"
"""Marks a decision in the audit that came sooner than it can be read."""

_PER_SECOND: Final = 60
"""Characters that somebody skims in a second: three times the reading speed of adults (Brysbaert 2019)."""
_LEAST_MS: Final = 1_000


def reading_ms(action: Any) -> int:
    """Milliseconds that skimming a frozen record's preview takes."""
    preview = action.get("preview") or {}
    changes = [str(part) for change in preview.get("changes", ()) for part in change.values()]
    texts = [str(preview.get(name, "")) for name in ("target", "stakes", "undo")]
    return max(_LEAST_MS, sum(map(len, texts + changes)) * 1_000 // _PER_SECOND)


def hasty(approval: ApprovalRecord, click: Click) -> bool:
    """Whether somebody approved what they cannot have read. Denying takes no reading."""
    return click.answer is Answer.APPROVE and click.at_ms - approval.readable_ms(click.at_ms) < reading_ms(
        approval.action
    )
