"""The card of a proposed action: a projection of its approval's row, as Block Kit.

Outside text is ``plain_text``, which Slack shows as it is: no mention, link or markup of an outsider takes
effect. Characters that do not show are spelled out, and lines of outside text carry a mark of ours, so that
none can pass for ours. Buttons stand only under an action that is shown whole.
"""

from collections.abc import Mapping
from typing import Final

from adapters.blocks import Block, Card, Heading, header, section
from adapters.blocks import heading as heading_of
from adapters.card_action import SHORT, shown, title
from adapters.card_buttons import ways
from adapters.card_people import asked_by, deciders, ids, namer
from adapters.card_status import heading, late, repeating, status, undoing, what
from adapters.plain_text import cut, escaped, named
from contracts.action import Frozen
from contracts.approval import ApprovalRecord, ApprovalState

TOTAL: Final = 13_000
"""Characters of a whole card; Slack answers ``msg_blocks_too_long`` near 13,200 (slackapi/bolt-js#2509)."""


def render(approval: ApprovalRecord, *, people: Mapping[str, str], now_ms: int, page_url: str | None) -> Card:
    """The card of this row. ``people`` names principals; ``page_url`` shows the whole approval.

    Raises Malformed when the row holds no frozen action.
    """
    frozen, name = Frozen.read(approval.action), namer(people)
    first, stands = title(heading(approval, now_ms), frozen), status(approval, name, now_ms)
    action, whole = shown(frozen, what(approval))
    waiting = approval.state is ApprovalState.WAITING and not late(approval, now_ms)
    blocks: list[Block] = [header(first)]
    blocks += [section(stands)] if stands else []
    blocks += [section(undoing(frozen.undoes))] if frozen.undoes else []
    blocks += action + asked_by(approval, frozen, name)
    if waiting:
        blocks += [heading_of(Heading.DECIDES), section(deciders(approval, name, now_ms))]
        blocks += [header(repeating(frozen.repeats))] if frozen.repeats else []
    blocks += ways(approval, frozen, whole=whole, now_ms=now_ms, page_url=page_url)
    blocks.append(ids(approval))
    return Card(text=summary(first, frozen), blocks=blocks)


def summary(first: str, frozen: Frozen) -> str:
    """The card in a notification, which is cut there."""
    return escaped(cut(f"{first}: {named(frozen.preview.target)}", SHORT))
