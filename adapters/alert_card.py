"""An alert as a message: our title and sentences as plain text, which mentions nobody."""

from collections.abc import Sequence
from typing import Final

from adapters.blocks import HEADER, SECTION, Block, Card, header, packed, section, small
from adapters.plain_text import cut, escaped, one_line
from contracts.alert import Alert, Severity
from policies.times import moment

SHOWN: Final = 60
"""Sentences that are shown; the audit has them all."""

_SENTENCE: Final = 600
_SHORT: Final = 300
_NAME: Final = 100
_MARKS: Final = {Severity.INFO: "", Severity.NOTICE: "Notice: ", Severity.LOUD: "⚠ "}


def alert_card(alert: Alert) -> Card:
    """Title, sentences, and who did it, where and when."""
    title = one_line(_MARKS[alert.severity] + alert.title)
    texts = packed([f"• {cut(one_line(line), _SENTENCE)}" for line in _shown(alert.lines)])
    blocks: list[Block] = [header(cut(title, HEADER)), *(section(cut(text, SECTION)) for text in texts)]
    return Card(text=escaped(cut(f"{title} ({one_line(alert.env)})", _SHORT)), blocks=[*blocks, _by(alert)])


def _shown(lines: Sequence[str]) -> Sequence[str]:
    more = len(lines) - SHOWN
    return lines if more <= 0 else (*lines[:SHOWN], f"{more} more, which the audit has (`policy` records).")


def _by(alert: Alert) -> Block:
    actor, env = (cut(one_line(text), _NAME) for text in (alert.actor, alert.env))
    return small(f"{env} · by {actor} · {moment(alert.at_ms)} · {alert.severity} · {alert.alert_id}")
