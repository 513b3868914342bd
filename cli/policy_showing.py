"""Changes of policy as people read them in a terminal, and as machines do."""

from collections.abc import Sequence
from typing import Any

from cli import output
from policies.change import Change
from policies.diff import loudest_first
from policies.diff_words import grouped, tally


def shown(changes: Sequence[Change]) -> list[dict[str, Any]]:
    """One object each, the loudest first."""
    return [
        {
            "direction": change.direction.value,
            "loud": change.loud,
            "subject": change.subject,
            "rule": change.rule,
            "text": change.text,
        }
        for change in loudest_first(changes)
    ]


def show(changes: Sequence[Change], *, aside: bool = False) -> None:
    """By route, the loudest first, and how many of each kind; ``aside``: on standard error."""
    say = output.progress if aside else output.say
    for subject, lines in grouped(changes):
        say(subject)
        for line in lines:
            say(f"  {line}")
    say(f"{tally(changes)}." if changes else "Nothing changes in what is permitted.")
