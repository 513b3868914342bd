"""Taking the secrets in use out of whatever leaves a session, and bounding it."""

import html
import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from typing import Final
from urllib.parse import quote, quote_plus

from contracts.digest import Json
from contracts.secret import Secret
from contracts.transcript import RESULT_LIMIT

SCRUBBED: Final = "[secret removed]"

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

    def result(self, content: Json) -> str:
        """A result for the model: JSON, or text as it is; scrubbed, and bounded by ``RESULT_LIMIT``."""
        text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
        return bounded(self.text(text))


def bounded(text: str, limit: int = RESULT_LIMIT) -> str:
    """At most ``limit`` bytes of UTF-8; what is cut is said at the end."""
    data = text.encode("utf-8", "replace")
    if len(data) <= limit:
        return data.decode()
    marker = f"\n[cut here: the result has {len(data)} bytes, and {limit} is the most that is shown]"
    return data[: max(0, limit - len(marker))].decode("utf-8", "ignore") + marker


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
