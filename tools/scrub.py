"""Taking the secrets in use, and what looks like one, out of whatever leaves a session, and bounding it."""

import html
import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from typing import Final
from urllib.parse import quote, quote_plus

from contracts.digest import Json
from contracts.secret import Secret
from contracts.transcript import RESULT_LIMIT
from policies.credentials_like import without_credentials

SCRUBBED: Final = "[secret removed]"

_LOOKED_AT: Final = 4 * RESULT_LIMIT
"""Characters of a result that are looked through, so that a service's megabytes do not hold up its worker."""
_SHORTEST: Final = 8
"""Characters that a derived form has at least: a shorter one would strike innocent text."""


class Scrubber:
    """Knows the secrets of one call; the exact values and their usual encodings become ``SCRUBBED``."""

    __slots__ = ("_forms",)

    def __init__(self) -> None:
        # Secrets, not texts: a debugger or a traceback with locals shows this list.
        self._forms: tuple[Secret, ...] = ()

    def know(self, *secrets: Secret) -> None:
        known = {form.reveal() for form in self._forms}
        for secret in secrets:
            known.update(_forms(secret.reveal()))
        self._forms = tuple(Secret(form) for form in sorted(known, key=len, reverse=True))

    def text(self, text: str) -> str:
        for form in self._forms:
            text = text.replace(form.reveal(), SCRUBBED)
        return text

    def document(self, value: Json) -> Json:
        """The same JSON value with every text in it scrubbed, names too, and every text encodable as UTF-8.

        Raises:
            RecursionError: it is nested deeper than the interpreter goes.
        """
        if isinstance(value, str):
            return self.text(_encodable(value))
        if isinstance(value, dict):
            return {self.document(name): self.document(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [self.document(inner) for inner in value]
        return value

    def told(self, value: Json) -> Json:
        """As ``document``, without what looks like a credential: for what is told, not what is sent on."""
        return _told(self.document(value))

    def result(self, content: Json) -> str:
        """A result for the model: JSON, or text as it is; scrubbed, and bounded by ``RESULT_LIMIT``.

        What looks like a credential is taken out before the cut, so that half of one is not shown either.
        """
        text = self.text(content if isinstance(content, str) else json.dumps(content, ensure_ascii=False))
        shown = without_credentials(text[:_LOOKED_AT])
        if len(text) <= _LOOKED_AT:
            return bounded(shown)
        return bounded(shown[:-RESULT_LIMIT], size=len(text.encode("utf-8", "replace")))


def bounded(text: str, limit: int = RESULT_LIMIT, *, size: int = 0) -> str:
    """At most ``limit`` bytes of UTF-8; what is cut is said at the end.

    ``size``: bytes of the whole, where the text is its beginning.
    """
    data = text.encode("utf-8", "replace")
    if max(len(data), size) <= limit:
        return data.decode()
    marker = (
        f"\n[cut here: the result has {max(len(data), size)} bytes, and {limit} is the most that is shown]"
    )
    return data[: max(0, limit - len(marker))].decode("utf-8", "ignore") + marker


def _told(value: Json) -> Json:
    if isinstance(value, str):
        return without_credentials(value)
    if isinstance(value, dict):
        return {name: _told(inner) for name, inner in value.items()}
    return [_told(inner) for inner in value] if isinstance(value, list) else value


def _encodable(text: str) -> str:
    """Without what stores and canonical JSON refuse: lone surrogates and NUL."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")


def _forms(value: str) -> Iterator[str]:
    if not value:
        return
    yield value
    data = value.encode("utf-8", "surrogatepass")
    plain = quote(data, safe="")
    derived = [plain, plain.lower(), quote_plus(data), html.escape(value), json.dumps(value)[1:-1]]
    derived += [data.hex(), data.hex().upper(), *_base64(data, b64encode), *_base64(data, urlsafe_b64encode)]
    yield from (form for form in derived if len(form) >= _SHORTEST)


def _base64(data: bytes, encode: Callable[[bytes], bytes]) -> Iterator[str]:
    """The characters that the value decides, at each of the three places where it may start in a group."""
    for before, first in ((0, 0), (1, 2), (2, 3)):
        whole = encode(b"\0" * before + data).decode()
        yield whole[first : (before + len(data)) * 4 // 3]
