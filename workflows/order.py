"""In which order the calls of one turn are carried out."""

from collections.abc import Sequence

from contracts.wire import Proposal


def side_by_side(calls: Sequence[Proposal]) -> list[list[Proposal]]:
    """The calls that are not denied, in order: neighbouring reads in one group, anything else alone."""
    groups: list[list[Proposal]] = []
    for call in calls:
        if call.ruling == "deny":
            continue
        if groups and reads(call) and reads(groups[-1][-1]):
            groups[-1].append(call)
        else:
            groups.append([call])
    return groups


def reads(call: Proposal) -> bool:
    """Whether nobody is asked before the call."""
    return call.effect == "read" and call.ruling == "allow"
