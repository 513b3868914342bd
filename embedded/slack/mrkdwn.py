"""Slack's mrkdwn as HTML. Everything that is not one of its few marks is escaped."""

import html
import re
from collections.abc import Mapping

from markupsafe import Markup

_CODE = re.compile(r"```(.+?)```|`([^`\n]+)`|<([^<>\n]+)>", re.DOTALL)
_MARKS = (
    (re.compile(r"(?<![\w*])\*(?=\S)([^*\n]+?)(?<=\S)\*(?![\w*])"), r"<b>\1</b>"),
    (re.compile(r"(?<![\w_])_(?=\S)([^_\n]+?)(?<=\S)_(?![\w_])"), r"<i>\1</i>"),
    (re.compile(r"(?<![\w~])~(?=\S)([^~\n]+?)(?<=\S)~(?![\w~])"), r"<s>\1</s>"),
)
_QUOTE = re.compile(r"(?:^&gt; ?.*(?:\n|\Z))+", re.MULTILINE)
_EMOJI = re.compile(r":([a-z0-9_+-]+):")
_EMOJIS = {
    "white_check_mark": "✅",
    "heavy_check_mark": "✔️",
    "x": "❌",
    "warning": "⚠️",
    "lock": "🔒",
    "unlock": "🔓",
    "key": "🔑",
    "hourglass": "⌛",
    "hourglass_flowing_sand": "⏳",
    "alarm_clock": "⏰",
    "no_entry": "⛔",
    "no_entry_sign": "🚫",
    "octagonal_sign": "🛑",
    "rotating_light": "🚨",
    "eyes": "👀",
    "robot_face": "🤖",
    "bust_in_silhouette": "👤",
    "question": "❓",
    "exclamation": "❗",
    "information_source": "ℹ️",  # noqa: RUF001  the emoji itself
    "page_facing_up": "📄",
    "ticket": "🎫",
    "moneybag": "💰",
    "recycle": "♻️",
    "arrow_right": "➡️",
    "thumbsup": "👍",
    "thumbsdown": "👎",
    "+1": "👍",
    "-1": "👎",
}
#: Private-use characters that stand for a finished piece while the marks around it are read.
_OPEN, _SHUT = "\ue000", "\ue001"
_PIECE = re.compile(f"{_OPEN}(\\d+){_SHUT}")


def emoji(escaped: str) -> str:
    """Shortcodes as the characters they stand for; unknown ones stay as they are."""
    return _EMOJI.sub(lambda found: _EMOJIS.get(found[1], found[0]), escaped)


def plain(text: str, *, shortcodes: bool = True) -> Markup:
    """A plain_text object: nothing in it is a mark."""
    escaped = html.escape(text)
    return Markup(emoji(escaped) if shortcodes else escaped)  # noqa: S704  escaped in the line above


def mrkdwn(text: str, names: Mapping[str, str]) -> Markup:
    """A mrkdwn object; `names` gives people and channels by id."""
    pieces: list[str] = []

    def keep(found: re.Match[str]) -> str:
        block, code, special = found.groups()
        if block is not None:
            pieces.append(f"<pre>{_escaped(block.strip(chr(10)))}</pre>")
        elif code is not None:
            pieces.append(f"<code>{_escaped(code)}</code>")
        else:
            pieces.append(_special(special, names))
        return f"{_OPEN}{len(pieces) - 1}{_SHUT}"

    bare = text.replace(_OPEN, "").replace(_SHUT, "")
    marked = emoji(_escaped(_CODE.sub(keep, bare)))
    for mark, replacement in _MARKS:
        marked = mark.sub(replacement, marked)
    marked = _QUOTE.sub(_quoted, marked)
    return Markup(_PIECE.sub(lambda found: pieces[int(found[1])], marked))  # noqa: S704  every piece was escaped


def _escaped(text: str) -> str:
    """Slack's three entities are undone first, so that they are not escaped twice."""
    return html.escape(text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))


def _quoted(found: re.Match[str]) -> str:
    lines = [line.removeprefix("&gt;").removeprefix(" ") for line in found[0].rstrip("\n").split("\n")]
    return f"<blockquote>{chr(10).join(lines)}</blockquote>"


def _special(inside: str, names: Mapping[str, str]) -> str:
    target, _, label = inside.partition("|")
    if target.startswith("@"):
        return f'<span class="mention">@{html.escape(names.get(target[1:], label or target[1:]))}</span>'
    if target.startswith("#"):
        return f'<span class="mention">#{html.escape(names.get(target[1:], label or target[1:]))}</span>'
    if target.startswith("!"):
        word = label or target[1:].partition("^")[0]
        return f'<span class="mention">{html.escape(word if label else "@" + word)}</span>'
    if target.startswith(("http://", "https://")):
        address = _escaped(target)
        return (
            f'<a href="{address}" title="{address}" target="_blank" rel="noopener noreferrer">'
            f"{_escaped(label) or address}</a>"
        )
    return _escaped(f"<{inside}>")
