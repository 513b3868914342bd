"""An approval's card: a projection of its row, as Block Kit.

Everything is ``plain_text``, which Slack shows as it is: no mention, link or markup of an outsider takes
effect. Characters that do not show are spelled out, and lines of outside text carry a bar, so that none can
pass for ours. Buttons stand only under an action that is shown whole.
"""

import json
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import accumulate
from typing import Any, Final

from contracts.action import Change, Frozen
from contracts.approval import Answer, ApprovalRecord, ApprovalState
from contracts.run import Outcome
from policies.people import short_name

Block = dict[str, Any]

APPROVE: Final = "interlock.approve"
DENY: Final = "interlock.deny"

SECTION: Final = 3_000
HEADER: Final = 150
BLOCKS: Final = 50
TOTAL: Final = 13_000
"""Characters of a whole card; Slack answers ``msg_blocks_too_long`` near 13,200 (slackapi/bolt-js#2509)."""

_ACTION: Final = 8_000
"""What the action itself may take of that; status, people and words are bounded beside it."""
_SHORT: Final = 300
_WORDS: Final = 1_000
_NAME: Final = 200
_FEW: Final = 10
_OWN_BLOCKS: Final = 12
"""Blocks of a card beside its changes."""


@dataclass(frozen=True, kw_only=True)
class Card:
    """One message."""

    #: For notifications and screen readers; escaped, so that it mentions nobody.
    text: str
    blocks: list[Block]


def render(approval: ApprovalRecord, *, people: Mapping[str, str], now_ms: int, page_url: str | None) -> Card:
    """The card of this row. ``people`` names principals; ``page_url`` shows the whole approval.

    Raises Malformed when the row holds no frozen action.
    """
    frozen = Frozen.read(approval.action)
    heading, status = _status(approval, _namer(people))
    shown, whole = _shown(frozen)
    blocks = [_header(f"{heading}: {one_line(frozen.tool)}")]
    blocks += [_section(_cut(status, SECTION))] if status else []
    blocks += shown + _asked(approval, frozen, _namer(people))
    if approval.state is ApprovalState.WAITING:
        blocks += _ways(approval, frozen, whole, now_ms, page_url)
    summary = f"{heading}: {one_line(frozen.tool)} for {_scope(frozen)}, {one_line(frozen.preview.target)}"
    return Card(text=escaped(_cut(summary, _SHORT)), blocks=blocks)


# Outside text


def visible(text: str) -> str:
    """The text with every character that does not show, or that piles up, spelled out as ``⟨U+202E⟩``."""
    seen, stacked = [], 0
    for char in text.replace("\r\n", "\n").replace("\t", "⇥"):
        hidden, mark = _kind(char)
        stacked = stacked + 1 if mark else 0
        seen.append(f"⟨U+{ord(char):04X}⟩" if stacked > _MARKS or hidden else char)
    return _GAP.sub(lambda gap: f"⟨{len(gap.group())} spaces⟩", "".join(seen))


def one_line(text: str) -> str:
    """Visible, and on one line."""
    return visible(text).replace("\n", " ↵ ")


def quoted(text: str) -> str:
    """Visible, each line behind a bar that no outside text can do without."""
    return "\n".join(f"│ {line}" for line in visible(text).split("\n"))


def escaped(text: str) -> str:
    """Slack's own escaping of the three characters that open its markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


_MARKS: Final = 3
_GAP: Final = re.compile(r"[^\S\n]{5,}")
#: Invisible, though Unicode counts them as letters, marks or symbols (Default_Ignorable_Code_Point, blanks).
_BLANKS: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0") | {
    chr(code) for span in (range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0)) for code in span
}
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


@lru_cache(maxsize=4096)
def _kind(char: str) -> tuple[bool, bool]:
    """Whether the character does not show, and whether it is drawn over the one before."""
    category = unicodedata.category(char)
    return char != "\n" and (char in _BLANKS or category in _UNSEEN), category.startswith("M")


def _size(text: str) -> int:
    """Characters as the strictest reader counts them: UTF-16, markup's characters escaped."""
    return len(escaped(text).encode("utf-16-le", "surrogatepass")) // 2


def _cut(text: str, limit: int) -> str:
    if _size(text) <= limit:
        return text
    mark = f" … [cut: {len(text)} characters in all]"
    sizes = list(accumulate(map(_size, text[:limit])))
    return text[: bisect_right(sizes, limit - len(mark))] + mark


# The action


def _shown(frozen: Frozen) -> tuple[list[Block], bool]:
    """The action's blocks, and whether that is all of it."""
    texts, rest = _facts(frozen), [*_consequences(frozen), _call(frozen)]
    sizes = [*map(_size, texts), *map(_size, rest)]
    packed = _packed(texts)
    placed = all(_size(one_line(value)) <= _NAME for _, value in _places(frozen))
    whole = max(sizes) <= SECTION and sum(sizes) <= _ACTION and len(packed) + _OWN_BLOCKS <= BLOCKS and placed
    if not whole:
        packed = [_cut(text, _SHORT) for text in texts[: _FEW + 1]]
        packed += [f"… and {len(texts) - len(packed)} more changes"] if len(texts) > len(packed) else []
        rest = [_cut(text, _SHORT) for text in rest]
    *consequences, call = rest
    return [*map(_section, packed), _place(frozen), *map(_section, consequences), _small(call)], whole


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


def _places(frozen: Frozen) -> tuple[tuple[str, str], ...]:
    return ("Environment", frozen.env), ("Tenant", frozen.tenant), ("System", frozen.address)


def _place(frozen: Frozen) -> Block:
    fields = [_plain(f"{name}\n{_cut(one_line(value), _NAME)}") for name, value in _places(frozen)]
    return {"type": "section", "fields": fields}


def _consequences(frozen: Frozen) -> tuple[str, str]:
    stakes = one_line(frozen.preview.stakes) or "The tool does not say."
    undo = one_line(frozen.preview.undo) or "No. It cannot be undone."
    return f"If it is wrong: {stakes}", f"Can it be undone? {undo}"


# The people


def _asked(approval: ApprovalRecord, frozen: Frozen, name: Callable[[str], str]) -> list[Block]:
    behalf = f" for {name(frozen.on_behalf_of)}" if frozen.on_behalf_of else ""
    when = _time(approval.requested_ms)
    asked = f"Asked by {name(frozen.caller)}{behalf} on {when}, route {_cut(one_line(frozen.route), _NAME)}."
    deadline = approval.deadline_ms
    expiry = "It does not expire." if deadline is None else f"It expires on {_time(deadline)}."
    blocks = [_section(asked)]
    if frozen.words:
        words = _cut(quoted(frozen.words), _WORDS)
        blocks.append(_section(f"Why, in the agent's own words (nobody has checked them):\n{words}"))
    return [*blocks, _small(f"{expiry} Run {one_line(approval.run_id)}, approval {approval.approval_id}.")]


def _ways(
    approval: ApprovalRecord, frozen: Frozen, whole: bool, now_ms: int, page_url: str | None
) -> list[Block]:
    """Two buttons, or a sentence on why there are none."""
    if frozen.digest() != approval.action_digest:
        return [
            _section("The stored record is not the one that was frozen. Decide nothing; tell an operator.")
        ]
    if approval.deadline_ms is not None and now_ms > approval.deadline_ms:
        return [_section("Its time has run out; a decision would come too late.")]
    if not whole:
        page = f" or on {_cut(one_line(page_url), _WORDS)}" if page_url else ""
        return [
            _section(
                "This action does not fit on a card, so it cannot be decided here. Read all of it with"
                f" `interlock approvals show {approval.approval_id}`{page}, and decide there."
            )
        ]
    return [_buttons(approval, frozen)]


def _buttons(approval: ApprovalRecord, frozen: Frozen) -> Block:
    value = f"{approval.approval_id}|{approval.action_digest}"
    what = f"{one_line(frozen.tool)} for {_scope(frozen)}: {one_line(frozen.preview.target)}"
    confirm = {
        "title": _plain("Approve this action?"),
        "text": _plain(_cut(what, _SHORT)),
        "confirm": _plain("Approve"),
        "deny": _plain("Go back"),
        "style": "primary",
    }
    approve = {"action_id": APPROVE, "style": "primary", "text": _plain("Approve"), "confirm": confirm}
    deny = {"action_id": DENY, "style": "danger", "text": _plain("Deny")}
    elements = [{"type": "button", "value": value, **button} for button in (approve, deny)]
    return {"type": "actions", "block_id": approval.approval_id, "elements": elements}


def _status(approval: ApprovalRecord, name: Callable[[str], str]) -> tuple[str, str]:
    """A heading, and where the approval stands."""
    when = "" if approval.decided_ms is None else _decided(approval.requested_ms, approval.decided_ms)
    match approval.state:
        case ApprovalState.WAITING:
            return "Approval needed", _progress(approval, name)
        case ApprovalState.APPROVED:
            by = _names(approval, Answer.APPROVE, name)
            return "Approved", f"Approved{by}{when}.\n{_outcome(approval)}"
        case ApprovalState.DENIED:
            reason = f"\nReason given:\n{_cut(quoted(approval.denial), _WORDS)}" if approval.denial else ""
            by = _names(approval, Answer.DENY, name)
            return "Denied", f"Denied{by}{when}; nothing is written.{reason}"
        case ApprovalState.EXPIRED:
            return "Expired", f"It was not approved in time{when}; nothing is written."
        case ApprovalState.CANCELLED:
            return "Cancelled", f"The run ended before this was decided{when}; nothing is written."


def _progress(approval: ApprovalRecord, name: Callable[[str], str]) -> str:
    standing, withdrawn = _said(approval, Answer.APPROVE), _said(approval, Answer.WITHDRAW)
    lines = [f"{_list(map(name, withdrawn))} withdrew the approval."] if withdrawn else []
    if approval.needed > 1:
        so_far = f": {_list(map(name, standing))}" if standing else ""
        group = _cut(one_line(approval.group), _NAME)
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
    return f" by {_list(map(name, who))}" if who else ""


def _outcome(approval: ApprovalRecord) -> str:
    if approval.outcome is None:
        return "It is being carried out." if approval.claimed else "It is about to be carried out."
    text = _cut(one_line(approval.outcome_text), _WORDS)
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


def _namer(people: Mapping[str, str]) -> Callable[[str], str]:
    def name(principal: str) -> str:
        own = short_name(principal) if principal.startswith("principal:") else principal
        return _cut(one_line(people.get(principal) or own), _NAME)

    return name


def _scope(frozen: Frozen) -> str:
    return f"{_cut(one_line(frozen.tenant), _NAME)} ({_cut(one_line(frozen.env), _NAME)})"


def _list(names: Iterable[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


# Times


def _time(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1_000, tz=UTC):%d %b %Y at %H:%M UTC}"


def _decided(requested_ms: int, decided_ms: int) -> str:
    return f" on {_time(decided_ms)}, {_span(decided_ms - requested_ms)} after it was asked"


def _span(span_ms: int) -> str:
    seconds = max(0, span_ms // 1_000)
    units = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
    parts = [
        (seconds // unit % wrap, word) for (unit, word), wrap in zip(units, (10**9, 24, 60, 60), strict=True)
    ]
    told = [f"{count} {word}" for count, word in parts if count]
    return " ".join(told[:2]) or "0 s"


# Blocks


def _plain(text: str) -> Block:
    return {"type": "plain_text", "text": text, "emoji": False}


def _header(text: str) -> Block:
    return {"type": "header", "text": _plain(_cut(text, HEADER))}


def _section(text: str) -> Block:
    return {"type": "section", "text": _plain(text)}


def _small(text: str) -> Block:
    return {"type": "context", "elements": [_plain(text)]}


def _packed(texts: list[str]) -> list[str]:
    """Texts joined line by line into as few sections as hold them."""
    packed: list[str] = []
    for text in texts:
        joined = f"{packed[-1]}\n{text}" if packed else text
        if packed and _size(joined) <= SECTION:
            packed[-1] = joined
        else:
            packed.append(text)
    return packed
