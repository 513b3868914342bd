"""What a run that ended early had done, and which tool undoes it: in sentences for people."""

from collections.abc import Sequence

from contracts.digest import Json
from contracts.run import ActionRecord, Outcome


def deeds(actions: Sequence[ActionRecord]) -> str:
    """Its writes that succeeded, and those of which nobody knows."""
    done, unknown = _frozen(actions, Outcome.SUCCEEDED), _frozen(actions, Outcome.UNKNOWN)
    said = [f"It had done: {'; '.join(map(_deed, done))}." if done else "It had written nothing."]
    if unknown:
        said.append(f"Nobody knows yet whether this happened: {'; '.join(map(_named, unknown))}.")
    return " ".join(said)


def _frozen(actions: Sequence[ActionRecord], outcome: Outcome) -> list[Json]:
    """As they stand in the store: a run ends, whatever is wrong with one of them."""
    return [action.frozen for action in actions if action.outcome is outcome and action.frozen]


def _named(frozen: Json) -> str:
    return f"{frozen['tool']} {frozen['target']}"


def _deed(frozen: Json) -> str:
    undo = frozen.get("undo")
    return f"{_named(frozen)} ({undo['tool']} undoes it)" if undo else f"{_named(frozen)} (nothing undoes it)"
