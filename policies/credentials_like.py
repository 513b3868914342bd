"""What looks like a credential in text from outside, and is taken out of it before anybody is told.

Known shapes wherever they stand, and values that a label such as ``password:`` names. Each pattern begins at
a fixed word or a boundary and never goes back, so that a text takes time by its length alone. Arguments are
never touched: what people approve is what is sent.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

REMOVED: Final = "[credential removed]"

_TOKENS: Final = (
    # Sources: the issuers' documentation of their token formats.
    r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])",
    r"gh[pousr]_[A-Za-z0-9]{20,}+",
    r"github_pat_\w{20,}+",
    r"gl(?:pat|dt|rt|cbt|ptt|ft|imt|oas|soat|agent|ffct)-[\w.-]{20,}+",
    r"xox[a-z]{1,2}(?:\.xox[a-z])?-[\w-]{10,}+",
    r"xapp-\d-[\w-]{10,}+",
    r"[srp]k_(?:live|test)_[A-Za-z0-9]{10,}+",
    r"whsec_[A-Za-z0-9+/=]{20,}+",
    r"sk-(?:ant|proj|svcacct|admin|or)-[\w-]{16,}+",
    r"sk-[A-Za-z0-9_-]{20,}+",
    r"AIza[\w-]{35}",
    r"ya29\.[\w-]{20,}+",
    r"GOCSPX-[\w-]{20,}+",
    r"1//0[\w-]{30,}+",
    r"npm_[A-Za-z0-9]{36,}+",
    r"pypi-[\w-]{30,}+",
    r"dckr_[op]at_[\w-]{20,}+",
    r"SG\.[\w-]{16,}+\.[\w-]{16,}+",
    r"SK[0-9a-f]{32}(?![0-9a-f])",
    r"hf_[A-Za-z0-9]{30,}+",
    r"r8_[A-Za-z0-9]{30,}+",
    r"do[opr]_v1_[0-9a-f]{40,}+",
    r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}",
    r"hv[sbr]\.[\w-]{20,}+",
    r"\d{8,10}:AA[\w-]{33}",
    r"sq0[a-z]{3}-[\w-]{20,}+",
    r"key-[0-9a-f]{32}(?![0-9a-f])",
    r"dapi[0-9a-f]{32}",
    r"PMAK-[0-9a-f]{20,}+-[0-9a-f]{30,}+",
    r"lin_api_\w{30,}+",
    r"ATATT3[\w=-]{30,}+",
    r"figd_[\w-]{20,}+",
    r"glsa_\w{30,}+",
    r"dp\.(?:pt|st|ct|sa)\.[A-Za-z0-9]{30,}+",
    r"[A-Za-z0-9]{14}\.atlasv1\.[\w-]{40,}+",
    r"AGE-SECRET-KEY-1[A-Z0-9]{50,}+",
    r"eyJ[\w-]{8,}+\.[\w-]{8,}+(?:\.[\w-]*+){0,3}",
)
_SHAPES: Final = re.compile(rf"(?<![\w-])(?:{'|'.join(_TOKENS)})")
_KEY_BLOCK: Final = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
    r"(?:[^-]|-(?!----))*+(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)?"
)
_PLACES: Final = (
    # A user's name with a password in a URL; a webhook's address is a credential as a whole.
    re.compile(r"(?<=://)([^\s/@:\"'<>\\]{0,100}+:[^\s/@\"'<>\\]{1,200}+)@"),
    re.compile(r"hooks\.slack\.com/(?:services|workflows)/([\w/]{10,}+)"),
    re.compile(r"discord(?:app)?\.com/api/webhooks/([\w/-]{20,}+)"),
)
_DRESS: Final = r"(?:[*_`]{1,3}+|</?[a-z]{1,9}+>)?+"
"""Markdown's and HTML's, around a label or a value."""
_IS: Final = rf"{_DRESS}\\{{0,7}}+[\"']?\s{{0,3}}+(?:=>|[:=]){{1,2}}{_DRESS}\s{{0,3}}+{_DRESS}"
"""Between a label and its value, in JSON within JSON too."""
_SAYS: Final = r"(?:\s{1,3}+(?:is|was|lautet)(?:\s{0,3}+:)?+)?\s{1,3}+[\"'`]?"
"""Between them in a sentence, or nothing but a space."""
_VALUE: Final = (
    r"(?:\"((?:[^\"\\\n]|\\[^\n]){1,300}+)|'([^'\n]{1,300}+)|\\{1,7}+[\"']([^\"'\\\n]{1,300}+)"
    r"|([^\s\"',;<>&(){}\[\]\\]{4,}+))"
)
_WORD_LIKE: Final = (
    r"(?:passw(?:or)?d|passphrase|passcode|passwort|kennwort|pwd|mot de passe|contrase\u00f1a"
    r"|(?<![a-z])(?<!boarding )(?:pass|pw))"
)
_PASSWORD: Final = re.compile(rf"{_WORD_LIKE}{_IS}{_VALUE}", re.IGNORECASE)
_PASSWORD_SAID: Final = re.compile(rf"{_WORD_LIKE}{_SAYS}([^\s\"',;<>`]{{5,80}}+)", re.IGNORECASE)
_KEY_LIKE: Final = (
    r"(?:api[_ -]?key|access[_ -]?key|secret[_ -]?key|account[_ -]?key|private[_ -]?key|auth[_ -]?key"
    r"|sharedaccesskey|key[_-]?secret|secret|token"
)
_KEY: Final = re.compile(
    rf"{_KEY_LIKE}|authorization|x-amz-signature|[?&](?:sig|signature|key))"
    rf"(?:[_ -]?(?:id|value))?{_IS}{_VALUE}",
    re.IGNORECASE,
)
_KEY_SAID: Final = re.compile(rf"{_KEY_LIKE}){_SAYS}([\w.~+/=-]{{16,}}+)", re.IGNORECASE)
_ELEMENT: Final = re.compile(
    r"(?:password|passwd|pwd|passphrase|secret|token|api[_-]?key)>([^\s<>]{4,200}+)</", re.IGNORECASE
)
_LOGIN: Final = re.compile(
    r"(?<!\S)(?:-u|--user)[ =]{1,3}+[\"']?[^\s:\"']{1,60}+:(?!\d++(?:\W|$))([^\s\"']{3,}+)"
)
_HEADER: Final = re.compile(
    r"\b(?:authorization[\"']?\s{0,3}+[:=]\s{0,3}+[\"']?(?:basic|bearer|token|apikey|digest)\s{1,3}+"
    r"|(?:set-)?cookie:\s{0,3}+[^\s=;]{1,60}+=)([^\s\"',;]{6,}+)",
    re.IGNORECASE,
)
_BEARER: Final = re.compile(r"\b(?:bearer|basic)\s{1,3}+([\w.~+/=-]{16,}+)", re.IGNORECASE)
_AWS_SECRET: Final = re.compile(
    r"(?:secret|aws)[^\n]{0,60}?(?<![A-Za-z0-9/+])([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])", re.IGNORECASE
)

_MIXED: Final = re.compile(r"[^\W\d_].*[\d!$%&#@^+=~]|[\d!$%&#@^+=~].*[^\W\d_]")

_ESCAPE: Final = re.compile(r"\\(?:[bfnrt/]|u[0-9a-fA-F]{4})")
_OURS: Final = re.compile(r"(?:sha256:[0-9a-f]{64}|(?:req|apr|run|act|out)_[0-9a-f]{6,40}\b.*)")
_SHORTEST: Final = 12
"""Characters that a value behind a label such as ``token:`` has at least."""
_SPREAD: Final = 3.0
"""Bits a character: words and repetitions have fewer."""
_SAID: Final = frozenset(
    """
    a an and are auth before cannot change changed changes choosing do does enter expired expires
    fails false for forgot forgotten have help hidden how i if incorrect invalid is it link locked
    manager minimum missing must my n/a needs never new no none not null old only optional or please
    policy protected redacted removed required requires reset rules see set should string strong
    text that the they this to token true two twelve unknown unset use we weak what when where which
    why will with wrong you your
    """.split()  # noqa: SIM905  # a list of words is read as words
)
"""What people write after ``password:`` that is none."""


def without_credentials(text: str) -> str:
    """The text with ``REMOVED`` in place of each value that looks like a credential."""
    seen = _ESCAPE.sub(lambda found: "\n" * len(found[0]), text) if "\\" in text else text
    spans = sorted(span for span in _spans(seen))
    parts, at = [], 0
    for start, end in spans:
        if start >= at:
            parts += [text[at:start], REMOVED]
        at = max(at, end)
    return "".join([*parts, text[at:]]) if spans else text


def _spans(text: str) -> Iterator[tuple[int, int]]:
    """Where values begin and end; they may overlap."""
    for whole in (_KEY_BLOCK, _SHAPES):
        yield from (match.span() for match in whole.finditer(text))
    for place in _PLACES:
        yield from (match.span(1) for match in place.finditer(text))
    for pattern in (_HEADER, _ELEMENT, _LOGIN):
        yield from (match.span(1) for match in pattern.finditer(text) if match[1] != REMOVED)
    for match in _PASSWORD.finditer(text):
        if _password(_value(match)):
            yield match.span(match.lastindex or 0)
    yield from (match.span(1) for match in _PASSWORD_SAID.finditer(text) if _made_up(match[1]))
    for pattern in (_KEY, _KEY_SAID, _BEARER, _AWS_SECRET):
        yield from (
            match.span(match.lastindex or 0) for match in pattern.finditer(text) if _key(_value(match))
        )


def _value(match: re.Match[str]) -> str:
    return match[match.lastindex or 0]


def _password(value: str) -> bool:
    """Whether it is one, and not the next word of a sentence."""
    plain = value.strip(".,:!?*•").lower()
    return bool(plain) and plain.split()[0] not in _SAID and not value.startswith(REMOVED)


def _made_up(value: str) -> bool:
    """Whether a word in a sentence about a password may be one: letters with digits or signs among them."""
    plain = value.strip(".,:!?*)(")
    return _MIXED.search(plain) is not None and _password(value)


def _key(value: str) -> bool:
    """Whether it is made up at random: letters and digits, or both cases, spread over many characters."""
    mixed = any(char.isdigit() for char in value) or not (value.islower() or value.isupper())
    plain = " " in value or _OURS.fullmatch(value) is not None
    return len(value) >= _SHORTEST and mixed and not plain and _spread(value[:200]) >= _SPREAD


def _spread(value: str) -> float:
    """Shannon's entropy of its characters, in bits."""
    total = len(value)
    return -sum(count / total * math.log2(count / total) for count in Counter(value).values())
