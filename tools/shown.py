r"""Text arguments that a card shows exactly as they are sent: nothing in them hides or turns the text round.

Patterns for one line and for several. In several, lines are broken by ``\n`` alone, at most one in a row is
empty, and none is pushed far to the right: what is to be read cannot be moved out of sight.
"""

from typing import Final

_HIDDEN: Final = r"\u0000-\u001F\u007F-\u009F\u00AD\u061C\u200B-\u200F\u2028-\u202E\u2060-\u206F\uFEFF"
"""Control characters, line breaks, what is invisible and what turns the direction of the text."""

_TEXT: Final = rf"[^\s{_HIDDEN}][^{_HIDDEN}]*"

LINE: Final = rf"^{_TEXT}$"
LINES: Final = rf"^{_TEXT}(?:\n{{1,2}} {{0,8}}{_TEXT})*$"
