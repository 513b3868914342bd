"""Personal data in text: e-mail addresses, phone numbers, payment cards and IBANs, each found in linear time.

Cards and IBANs count where their check digits hold. What is like a phone number and is a date, an amount, an
address of a machine or somebody's id is none. In doubt it is personal: a mask can be taken back.
"""

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

_BREAK: Final = " \u00a0\u2007\u2009\u202f\u2010\u2011-"
"""What stands between the groups of a number."""

_EMAIL: Final = re.compile(r"(?<![\w.+%'-])[.+%'-]*+(\w[\w.+%'-]*+[@\uff20][\w-]++(?:\.[\w-]++)++)")
_AT: Final = re.compile("[@\uff20]")
_IBAN: Final = re.compile(r"(?<![^\W_])([A-Za-z]{2})\d\d", re.ASCII)
_BBAN: Final = re.compile(rf"(?:[{_BREAK}]?[A-Za-z0-9])+")
_IBAN_LENGTHS: Final = {
    entry[:2]: int(entry[2:])
    for entry in """
        AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18
        DO28 EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23
        IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27
        MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19
        SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30
    """.split()  # noqa: SIM905  # a table is read as one
}
"""By country (SWIFT's IBAN registry)."""
_GROUPS: Final = re.compile(rf"(?<![^\W_])\d++(?:[{_BREAK}]{{1,2}}+\d++)*+")
_PHONE: Final = re.compile(
    rf"(?:(?<!\d)(?P<plus>\+\(?|\(\+)|(?<![\w.,#/-])\(?)\d++(?:[./(){_BREAK}]{{1,3}}+\d++)*+"
)
_DIGITS: Final = re.compile(r"\d+")
_DATE: Final = re.compile(
    rf"(?:(?:19|20)\d\d[-./](?:0?[1-9]|1[0-2])[-./](?:[0-2]?\d|3[01])"
    rf"|(?:[0-2]?\d|3[01])[-./](?:[0-2]?\d|3[01])[-./](?:19|20)?\d\d)(?!\d)[./(){_BREAK}]*"
)
_UUID: Final = (8, 4, 4, 4, 12)
_YEAR: Final = re.compile(r"(?:19|20)\d\d")
_MONEY_BEFORE: Final = re.compile(r"(?:\b(?:EUR|USD|GBP|CHF|JPY|AUD|CAD)|[€$£¥])\s?$", re.IGNORECASE)
_GOES_ON: Final = re.compile(r"\s?(?:(?:EUR|USD|GBP|CHF|JPY|AUD|CAD)\b|[€$£¥%])|,\d|[^\W\dx]", re.IGNORECASE)
"""After a number that is an amount, or a piece of something longer; an ``x`` may name an extension."""
_ID_BEFORE: Final = re.compile(
    r"\b(?:order|ticket|invoice|case|ref|reference|id|article|sku|version|build|serial|tracking|parcel)s?"
    r"(?: (?:no|nr|number))?[\s.:#]{0,3}$",
    re.IGNORECASE,
)
_CALL_BEFORE: Final = re.compile(
    r"\b(?:tel|telephone|phone|mobile|cell|fax|call|ring|dial|sms|whatsapp|reach|telefon|handy|mobil)\b"
    r"[^\d\n]{0,20}$",
    re.IGNORECASE,
)
_CARD_GROUP: Final = 4
"""Digits of a card that stand together, at least; fewer at its end."""
_NEAR: Final = 40
"""Characters before a number that say what it is."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """One piece of personal data in a text."""

    kind: str
    start: int
    end: int
    #: Equal for two spellings of one thing.
    key: str


def personal(text: str, kinds: Collection[str]) -> list[Found]:
    """What of these kinds is in the text, in its order, without overlaps.

    Every kind is looked for, so that the digits of a card that nobody asked for are no phone number.
    """
    found: list[Found] = []
    left = _unescaped(text)
    for look in _DETECTORS:
        here = list(look(left))
        found += here
        left = without(left, [(one.start, one.end) for one in here])
    return sorted((one for one in found if one.kind in kinds), key=lambda one: one.start)


def card(number: str) -> bool:
    """Whether these are a card's digits: 13 to 19 of them that pass Luhn. No scheme begins with 0 or 1."""
    if not 13 <= len(number) <= 19 or number[0] in "01":
        return False
    digits = [int(digit) for digit in reversed(number)]
    return sum(digits[0::2] + [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]) % 10 == 0


def _unescaped(text: str) -> str:
    """JSON within a text, with line breaks in place of its escapes, each character where it was."""
    return _ESCAPE.sub(lambda found: "\n" * len(found[0]), text) if "\\" in text else text


_ESCAPE: Final = re.compile(r'\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})')


def without(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """The text with line breaks in these places, in their order, each other character where it was."""
    parts, at = [], 0
    for start, end in spans:
        parts += [text[at:start], "\n" * (end - start)]
        at = end
    return "".join([*parts, text[at:]])


def _emails(text: str) -> Iterator[Found]:
    for match in _EMAIL.finditer(text):
        if address := _address(match[1]):
            key = unicodedata.normalize("NFKC", address).casefold()
            yield Found(kind="email", start=match.start(1), end=match.start(1) + len(address), key=key)


def _address(found: str) -> str:
    """Without last labels in which no domain ends, such as a number behind a full stop; empty: it is none."""
    domain = _AT.split(found)[1]
    labels = domain.split(".")
    while len(labels) > 1 and (len(labels[-1]) < 2 or labels[-1].isdigit()):
        labels.pop()
    left = ".".join(labels)
    return found.removesuffix(domain) + left if len(labels) > 1 else ""


def _ibans(text: str) -> Iterator[Found]:
    for match in _IBAN.finditer(text):
        end = match.end()
        rest = _BBAN.match(text, end, end + 2 * _IBAN_LENGTHS.get(match[1].upper(), 0))
        number = _alnum(match[0] + rest[0]) if rest else ""
        length = _IBAN_LENGTHS.get(number[:2], 0)
        if rest and len(number) >= length > 0 and _mod97(number[:length]):
            end = _place(text, match.start(), length)
            if not text[end : end + 1].isalnum():
                yield Found(kind="iban", start=match.start(), end=end, key=number[:length])


def _place(text: str, start: int, letters: int) -> int:
    """Where so many letters and digits from there end."""
    for place in range(start, len(text)):
        letters -= text[place].isalnum()
        if letters == 0:
            return place + 1
    return len(text)


def _alnum(text: str) -> str:
    return "".join(filter(str.isalnum, text)).upper()


def _mod97(iban: str) -> bool:
    return int("".join(str(int(char, 36)) for char in iban[4:] + iban[:4])) % 97 == 1


def _cards(text: str) -> Iterator[Found]:
    for match in _GROUPS.finditer(text):
        groups = list(_DIGITS.finditer(text, match.start(), match.end()))
        if text[match.end() : match.end() + 1].isalpha():
            groups.pop()
        place = 0
        while place < len(groups):
            length, number = _card_at(groups, place)
            if length:
                start, end = groups[place].start(), groups[place + length - 1].end()
                yield Found(kind="card", start=start, end=end, key=number)
            place += length or 1


def _card_at(groups: list[re.Match[str]], place: int) -> tuple[int, str]:
    """How many groups from this one make a card, the most that do, and its number; 0: they make none."""
    number, found = "", (0, "")
    for length, group in enumerate(groups[place : place + 5], start=1):
        number += group[0]
        if card(number):
            found = length, number
        if len(number) > 19 or len(group[0]) < _CARD_GROUP:
            break
    return found


def _phones(text: str) -> Iterator[Found]:
    for match in _PHONE.finditer(text):
        date = None if match["plus"] else _DATE.match(text, match.start(), match.end())
        start = date.end() if date else match.start()
        shown = text[start : match.end()]
        start += shown.startswith("(") and shown.count("(") > shown.count(")")
        if start < match.end() and _phone(text, start, match.end(), abroad=match["plus"] is not None):
            digits = "".join(filter(str.isdigit, text[start : match.end()].replace("(0)", "")))
            key = f"+{digits}" if match["plus"] else re.sub("^00", "+", digits)
            yield Found(kind="phone", start=start, end=match.end(), key=key)


def _phone(text: str, start: int, end: int, *, abroad: bool) -> bool:
    """Whether these groups of digits are a phone number."""
    groups = _DIGITS.findall(text, start, end)
    count = sum(map(len, groups))
    if count < 7 or (count > 15 and len(groups) < 3):
        return False
    before = text[max(0, start - _NEAR) : start]
    if abroad or _CALL_BEFORE.search(before):
        return True
    if len(groups) == 1 and not (count >= 9 and re.match("00[1-9]", groups[0])):
        return False
    other = _MONEY_BEFORE.search(before) or _ID_BEFORE.search(before) or _GOES_ON.match(text, end)
    return not other and not _only_numbers(groups, text[start:end])


def _only_numbers(groups: list[str], shown: str) -> bool:
    """Years, a UUID, an address of a machine, a decimal, thousands between dots, small numbers in a row."""
    if all(map(_YEAR.fullmatch, groups)) or tuple(map(len, groups)) == _UUID:
        return True
    dotted = not any(char not in ".0123456789" for char in shown)
    if dotted and (len(groups) == 4 and all(int(group) < 256 for group in groups)):
        return True
    if dotted and (len(groups) == 2 or all(len(group) == 3 for group in groups[1:])):
        return True
    return max(map(len, groups)) < 3 and not groups[0].startswith("0")


_DETECTORS: Final[tuple[Callable[[str], Iterator[Found]], ...]] = (_emails, _ibans, _cards, _phones)
