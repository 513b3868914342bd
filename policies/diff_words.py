"""A diff as people read it: in a terminal, in the audit, and in the channel of alerts."""

from collections.abc import Iterable, Sequence
from typing import Final

from contracts.alert import Severity
from policies.change import Change, Direction
from policies.diff import by_subject, loudest_first

_WORST: Final = (Direction.WIDER, Direction.SIDEWAYS, Direction.NARROWER)
_NAMED: Final = 3
"""Parts of a policy that a title names."""

_NOTE: Final = 2_000
"""Characters of an audit record's sentence."""


def line(change: Change) -> str:
    """``WIDER limits: the limit of … is gone``; a loud one is marked."""
    mark = "!! " if change.loud else ""
    where = f"{change.rule}: " if change.rule else ""
    return f"{mark}{change.direction.upper()} {where}{change.text}"


def grouped(changes: Sequence[Change]) -> list[tuple[str, list[str]]]:
    """Each subject with its lines, loudest first."""
    return [
        (subject, [line(change) for change in loudest_first(own)])
        for subject, own in by_subject(changes).items()
    ]


def sentences(changes: Sequence[Change]) -> tuple[str, ...]:
    """A line each, with its subject, the loudest first."""
    return tuple(f"{change.subject}: {line(change)}" for change in loudest_first(changes))


def tally(changes: Sequence[Change]) -> str:
    """``2 wider, 1 narrower, 0 sideways``."""
    counts = {direction: sum(one.direction is direction for one in changes) for direction in Direction}
    return ", ".join(f"{count} {direction}" for direction, count in counts.items())


def title(changes: Sequence[Change]) -> str:
    """``The policy of support/close got wider``: what is worst, and of which parts."""
    worst = next(one for one in _WORST if any(change.direction is one for change in changes))
    told = loudest_first(one for one in changes if one.loud or one.direction is worst)
    subjects = list(dict.fromkeys(one.subject for one in told))
    what = "changed" if worst is Direction.SIDEWAYS else f"got {worst}"
    whose = ", ".join(subjects) if len(subjects) <= _NAMED else f"{len(subjects)} parts"
    return f"The policy of {whose} {what}"


def severity(changes: Iterable[Change]) -> Severity:
    """How loud all of them are said."""
    found = list(changes)
    if any(one.loud or one.direction is Direction.WIDER for one in found):
        return Severity.LOUD
    return Severity.NOTICE if any(one.may_widen for one in found) else Severity.INFO


def audit_rules(changes: Iterable[Change]) -> tuple[str, ...]:
    """``policy.wider`` and the like; of what is loud ``policy.loud`` too."""
    found = list(changes)
    directions = [f"policy.{one}" for one in Direction if any(change.direction is one for change in found)]
    return (*directions, *(["policy.loud"] if any(one.loud for one in found) else []))


def audit_text(changes: Sequence[Change]) -> str:
    """The lines as one sentence, cut where it is longer than a record's."""
    text = "; ".join(line(change) for change in loudest_first(changes))
    return text if len(text) <= _NOTE else f"{text[:_NOTE]} … ({len(changes)} changes in all)"
