"""An alert as a message: our title and sentences as plain text, which mentions nobody."""

from itertools import accumulate
from typing import Final

from adapters.blocks import HEADER, SECTION, Block, Card, header, packed, section, small
from adapters.plain_text import cut, escaped, one_line, size
from contracts.alert import Alert, Severity
from policies.times import moment

SHOWN: Final = 8_000
"""``size`` of the sentences that are shown, under what Slack takes in one message; the audit has them all."""

_SENTENCE: Final = 600
_SHORT: Final = 300
_NAME: Final = 100
_MARKS: Final = {Severity.INFO: "", Severity.NOTICE: "Notice: ", Severity.LOUD: "⚠ "}


def alert_card(alert: Alert) -> Card:
    """Title, sentences, and who did it, where and when."""
    title = one_line(_MARKS[alert.severity] + alert.title)
    texts = packed(_shown([f"• {cut(one_line(line), _SENTENCE)}" for line in alert.lines]))
    blocks: list[Block] = [header(cut(title, HEADER)), *(section(cut(text, SECTION)) for text in texts)]
    return Card(text=escaped(cut(f"{title} ({one_line(alert.env)})", _SHORT)), blocks=[*blocks, _by(alert)])


def _shown(lines: list[str]) -> list[str]:
    sizes = accumulate(size(line) for line in lines)
    fit = sum(so_far <= SHOWN for so_far in sizes)
    left = len(lines) - fit
    return lines[:fit] + ([f"{left} more, which the audit has."] if left else [])


def _by(alert: Alert) -> Block:
    actor, env = (cut(one_line(text), _NAME) for text in (alert.actor, alert.env))
    return small(f"{env} · by {actor} · {moment(alert.at_ms)} · {alert.severity} · {alert.alert_id}")
