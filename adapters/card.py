"""The card of a proposed action: a projection of its approval's row, as Block Kit.

Everything is ``plain_text``, which Slack shows as it is: no mention, link or markup of an outsider takes
effect. Characters that do not show are spelled out, and lines of outside text carry a bar, so that none can
pass for ours. Buttons stand only under an action that is shown whole.
"""

import json
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from adapters.blocks import (
    BLOCKS,
    SECTION,
    Block,
    Card,
    button,
    confirmation,
    header,
    packed,
    plain,
    section,
    small,
)
from adapters.plain_text import cut, escaped, one_line, quoted, size, visible
from adapters.times import decided, moment
from contracts.action import Change, Frozen, Original
from contracts.approval import Answer, ApprovalRecord, ApprovalState
from contracts.run import Outcome
from policies.people import short_name

APPROVE: Final = "interlock.approve"
DENY: Final = "interlock.deny"

TOTAL: Final = 13_000
"""Characters of a whole card; Slack answers ``msg_blocks_too_long`` near 13,200 (slackapi/bolt-js#2509)."""

SHORT: Final = 300
WORDS: Final = 1_000
NAME: Final = 200
_ACTION: Final = 8_000
"""What the action itself may take of that; status, people and words are bounded beside it."""
_FEW: Final = 10
_OWN_BLOCKS: Final = 12
"""Blocks of a card beside its changes."""


def render(approval: ApprovalRecord, *, people: Mapping[str, str], now_ms: int, page_url: str | None) -> Card:
    """The card of this row. ``people`` names principals; ``page_url`` shows the whole approval.

    Raises Malformed when the row holds no frozen action.
    """
    frozen = Frozen.read(approval.action)
    heading, status = _status(approval, namer(people))
    action, whole = shown(frozen)
    blocks = [header(f"{heading}: {one_line(frozen.tool)}")]
    blocks += [section(cut(status, SECTION))] if status else []
    blocks += [section(_undoing(frozen.undoes))] if frozen.undoes else []
    blocks += [section(_repeating(frozen.repeats))] if frozen.repeats else []
    blocks += action + asked_by(approval, frozen, namer(people))
    if approval.state is ApprovalState.WAITING:
        blocks += _ways(approval, frozen, whole, now_ms, page_url)
    summary = f"{heading}: {one_line(frozen.tool)} for {scope(frozen)}, {one_line(frozen.preview.target)}"
    return Card(text=escaped(cut(summary, SHORT)), blocks=blocks)


# The action


def shown(frozen: Frozen) -> tuple[list[Block], bool]:
    """The action's blocks, and whether that is all of it."""
    texts, rest = _facts(frozen), [*_consequences(frozen), _call(frozen)]
    sizes = [*map(size, texts), *map(size, rest)]
    changes = packed(texts)
    placed = all(size(one_line(value)) <= NAME for _, value in _places(frozen))
    whole = (
        max(sizes) <= SECTION and sum(sizes) <= _ACTION and len(changes) + _OWN_BLOCKS <= BLOCKS and placed
    )
    if not whole:
        changes = [cut(text, SHORT) for text in texts[: _FEW + 1]]
        changes += [f"… and {len(texts) - len(changes)} more changes"] if len(texts) > len(changes) else []
        rest = [cut(text, SHORT) for text in rest]
    *consequences, call = rest
    return [*map(section, changes), _place(frozen), *map(section, consequences), small(call)], whole


def _facts(frozen: Frozen) -> list[str]:
    preview = frozen.preview
    return [f"What will change: {one_line(preview.target)}", *map(_change, preview.changes)]


def _change(change: Change) -> str:
    field, before, after = (one_line(text) for text in (change.field, change.before, change.after))
    if _brief(before) and _brief(after):
        return f"{field}: {before or '(empty)'} → {after or '(empty)'}"
    now, then = (quoted(text) if text else "(empty)" for text in (change.before, change.after))
    return f"{field}, now:\n{now}\n{field}, then:\n{then}"


def _brief(text: str) -> bool:
    """Fit to stand beside an arrow, which right-to-left letters would turn round for the eye."""
    turned = any(unicodedata.bidirectional(char) in _RIGHT_TO_LEFT for char in text)
    return len(text) <= 80 and not turned and "→" not in text and "↵" not in text


_RIGHT_TO_LEFT: Final = frozenset({"R", "AL", "AN"})


def _call(frozen: Frozen) -> str:
    """A preview may leave an argument out; what is approved must not."""
    arguments = json.dumps(frozen.arguments, ensure_ascii=False, sort_keys=True)
    return f"Exactly this is sent: {one_line(frozen.tool)} {visible(arguments)}"


def _repeating(times: int) -> str:
    return f"This repeats: the run did exactly this {'once' if times == 1 else f'{times} times'} before."


def _undoing(original: Original) -> str:
    tool, target, run = (
        cut(one_line(text), NAME) for text in (original.tool, original.target, original.run_id)
    )
    return f"This undoes {tool} {target}, which run {run} did."


def _places(frozen: Frozen) -> tuple[tuple[str, str], ...]:
    return ("Environment", frozen.env), ("Tenant", frozen.tenant), ("System", frozen.address)


def _place(frozen: Frozen) -> Block:
    fields = [plain(f"{name}\n{cut(one_line(value), NAME)}") for name, value in _places(frozen)]
    return {"type": "section", "fields": fields}


def _consequences(frozen: Frozen) -> tuple[str, str]:
    stakes = one_line(frozen.preview.stakes) or "The tool does not say."
    undo = one_line(frozen.preview.undo) or "No. It cannot be undone."
    return f"If it is wrong: {stakes}", f"Can it be undone? {undo}"


# The people


def asked_by(approval: ApprovalRecord, frozen: Frozen, name: Callable[[str], str]) -> list[Block]:
    behalf = f" for {name(frozen.on_behalf_of)}" if frozen.on_behalf_of else ""
    when = moment(approval.requested_ms)
    asked = f"Asked by {name(frozen.caller)}{behalf} on {when}, route {cut(one_line(frozen.route), NAME)}."
    deadline = approval.deadline_ms
    expiry = "It does not expire." if deadline is None else f"It expires on {moment(deadline)}."
    blocks = [section(asked)]
    if frozen.words:
        words = cut(quoted(frozen.words), WORDS)
        whose = "the words of who asked for the undo" if frozen.undoes else "the agent's own words"
        blocks.append(section(f"Why, in {whose} (nobody has checked them):\n{words}"))
    return [*blocks, small(f"{expiry} Run {one_line(approval.run_id)}, approval {approval.approval_id}.")]


def _ways(
    approval: ApprovalRecord, frozen: Frozen, whole: bool, now_ms: int, page_url: str | None
) -> list[Block]:
    """Two buttons, or a sentence on why there are none."""
    if frozen.digest() != approval.action_digest:
        return [
            section("The stored record is not the one that was frozen. Decide nothing; tell an operator.")
        ]
    if approval.deadline_ms is not None and now_ms > approval.deadline_ms:
        return [section("Its time has run out; a decision would come too late.")]
    if not whole:
        page = f" or on {cut(one_line(page_url), WORDS)}" if page_url else ""
        return [
            section(
                "This action does not fit on a card, so it cannot be decided here. Read all of it with"
                f" `interlock approvals show {approval.approval_id}`{page}, and decide there."
            )
        ]
    return [_buttons(approval, frozen)]


def _buttons(approval: ApprovalRecord, frozen: Frozen) -> Block:
    value = f"{approval.approval_id}|{approval.action_digest}"
    what = f"{one_line(frozen.tool)} for {scope(frozen)}: {one_line(frozen.preview.target)}"
    sure = confirmation("Approve this action?", cut(what, SHORT), "Approve")
    elements = [
        button(APPROVE, "Approve", value, style="primary", confirm=sure),
        button(DENY, "Deny", value, style="danger"),
    ]
    return {"type": "actions", "block_id": approval.approval_id, "elements": elements}


def _status(approval: ApprovalRecord, name: Callable[[str], str]) -> tuple[str, str]:
    """A heading, and where the approval stands."""
    when = "" if approval.decided_ms is None else decided(approval.requested_ms, approval.decided_ms)
    match approval.state:
        case ApprovalState.WAITING:
            return "Approval needed", _progress(approval, name)
        case ApprovalState.APPROVED:
            by = _names(approval, Answer.APPROVE, name)
            return "Approved", f"Approved{by}{when}.\n{_outcome(approval)}"
        case ApprovalState.DENIED:
            reason = f"\nReason given:\n{cut(quoted(approval.denial), WORDS)}" if approval.denial else ""
            by = _names(approval, Answer.DENY, name)
            return "Denied", f"Denied{by}{when}; nothing is written.{reason}"
        case ApprovalState.EXPIRED:
            return "Expired", f"It was not approved in time{when}; nothing is written."
        case ApprovalState.CANCELLED:
            why = one_line(approval.denial) or "The run ended before this was decided"
            return "Cancelled", f"{cut(why, WORDS)}; nothing is written on this card."
        case _:
            raise ValueError(f"an action is never {approval.state}")


def _progress(approval: ApprovalRecord, name: Callable[[str], str]) -> str:
    standing, withdrawn = _said(approval, Answer.APPROVE), _said(approval, Answer.WITHDRAW)
    lines = [f"{listed(map(name, withdrawn))} withdrew the approval."] if withdrawn else []
    if approval.needed > 1:
        so_far = f": {listed(map(name, standing))}" if standing else ""
        group = cut(one_line(approval.group), NAME)
        lines.append(f"{len(standing)} of {approval.needed} people of {group} approved{so_far}.")
    return "\n".join(lines)


def _said(approval: ApprovalRecord, answer: Answer) -> list[str]:
    """Principals whose last word on this action was that answer, in the order of their words."""
    last: dict[str, str] = {}
    for grant in sorted(approval.grants, key=lambda grant: grant.at_ms):
        if grant.action_digest == approval.action_digest:
            last[grant.approver] = grant.decision
    return [principal for principal, decision in last.items() if decision == answer]


def _names(approval: ApprovalRecord, answer: Answer, name: Callable[[str], str]) -> str:
    who = _said(approval, answer)
    return f" by {listed(map(name, who))}" if who else ""


def _outcome(approval: ApprovalRecord) -> str:
    if approval.outcome is None:
        return "It is being carried out." if approval.claimed else "It is about to be carried out."
    text = cut(one_line(approval.outcome_text), WORDS)
    return f"{_OUTCOMES[Outcome(approval.outcome)]} {text}".rstrip()


_OUTCOMES: Final = {
    Outcome.SUCCEEDED: "Done.",
    Outcome.REFUSED: "The target refused it; nothing was changed.",
    Outcome.FAILED: "It failed; nothing was changed.",
    Outcome.DENIED: "Policy no longer allows it; nothing was sent.",
    Outcome.REJECTED: "The approval no longer counted; nothing was sent.",
    Outcome.EXPIRED: "It came too late; nothing was sent.",
    Outcome.UNKNOWN: "Nobody knows whether it happened. Nothing repeats it; look at the target.",
    Outcome.SKIPPED: "The run ended first; nothing was sent.",
}


def namer(people: Mapping[str, str]) -> Callable[[str], str]:
    def name(principal: str) -> str:
        own = short_name(principal) if principal.startswith("principal:") else principal
        return cut(one_line(people.get(principal) or own), NAME)

    return name


def scope(frozen: Frozen) -> str:
    return f"{cut(one_line(frozen.tenant), NAME)} ({cut(one_line(frozen.env), NAME)})"


def listed(names: Iterable[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last
