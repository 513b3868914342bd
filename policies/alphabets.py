"""Letters of one alphabet that pass for letters of another: marked, because nobody sees them.

Unicode's names of letters begin with their alphabet, as in ``CYRILLIC SMALL LETTER A``.
"""

import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

MARK: Final = " (mixed alphabets)"


def marked(text: str, shown: str) -> str:
    """``shown``, with a mark where letters of the text may pass for others."""
    return shown + MARK if mixed(text) else shown


def mixed(text: str) -> bool:
    """A word has letters of two alphabets, or another alphabet shows nothing but letters that look Latin."""
    if text.isascii():
        return False
    if any(len(set(map(_alphabet, _letters(word)))) > 1 for word in text.split()):
        return True
    foreign = [char for char in _letters(text) if _alphabet(char) != "LATIN"]
    telling = {_alphabet(char) for char in foreign if char not in _LIKE_LATIN}
    return any(_alphabet(char) not in telling & _WITH_OTHERS for char in foreign)


def _letters(text: str) -> Iterator[str]:
    return (char for char in text if char.isalpha() and _alphabet(char) not in _UNLIKE)


@lru_cache(maxsize=4096)
def _alphabet(char: str) -> str:
    return unicodedata.name(char, "?").split(" ")[0].split("-")[0]


#: Scripts that have no letters to take for those of another, and signs that stand in Latin words.
_UNLIKE: Final = frozenset(
    {
        *("ARABIC", "BENGALI", "BOPOMOFO", "CJK", "DEVANAGARI", "ETHIOPIC", "FEMININE", "GEORGIAN"),
        *("GUJARATI", "GURMUKHI", "HANGUL", "HEBREW", "HIRAGANA", "IDEOGRAPHIC", "KANNADA", "KATAKANA"),
        *("KHMER", "LAO", "MALAYALAM", "MASCULINE", "MICRO", "MONGOLIAN", "MYANMAR", "SINHALA", "TAMIL"),
        *("TELUGU", "THAI", "TIBETAN"),
    }
)
#: Alphabets of which only some letters look Latin (``_LIKE_LATIN``). Of any other, all may.
_WITH_OTHERS: Final = frozenset({"CYRILLIC", "GREEK"})
#: Cyrillic, then Greek.
_LIKE_LATIN: Final = frozenset("АВЕЅІЈКМНОРСТУХҮԌԚԜаеѕіјорсухүһԁԛԝΑΒΕΖΗΙΚΜΝΟΡΤΥΧαγικνορτυχϲϳ")
