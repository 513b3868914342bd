"""Nothing that leaves a session holds a secret in use, and everything that leaves is bounded."""

import base64
import html
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.secret import Secret
from contracts.transcript import RESULT_LIMIT
from tools.reply import reply
from tools.scrub import SCRUBBED, Scrubber, bounded

SECRET = 'tok/with+odd "chars"&é-9f2c01'


def _scrubber(*values: str) -> Scrubber:
    scrubber = Scrubber()
    scrubber.know(*(Secret(value) for value in values))
    return scrubber


@pytest.mark.parametrize(
    "form",
    [
        lambda text: text,
        lambda text: f"Bearer {text}",
        lambda text: quote(text, safe=""),
        lambda text: quote(text, safe="").lower(),
        quote_plus,
        html.escape,
        lambda text: json.dumps(text),
        lambda text: text.encode().hex(),
        lambda text: base64.b64encode(text.encode()).decode(),
        lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
        lambda text: base64.b64encode(f"Bearer {text}".encode()).decode(),
        lambda text: base64.b64encode(f"user:{text}".encode()).decode(),
        lambda text: base64.b64encode(f"ab{text}cd".encode()).decode(),
    ],
)
def test_a_secret_is_scrubbed_in_its_usual_forms(form: Callable[[str], str]) -> None:
    """The exact value and its encodings are gone, wherever in a group of base64 it starts."""
    shown = _scrubber(SECRET).text(f"before {form(SECRET)} after")
    assert SCRUBBED in shown
    assert shown.startswith("before ")
    assert shown.endswith(" after")
    longest = form(SECRET)
    assert not any(longest[at : at + 16] in shown for at in range(len(longest) - 16))


@given(
    st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=12, max_size=60),
    st.binary(max_size=7),
)
def test_base64_of_any_surroundings_hides_nothing(secret: str, before: bytes) -> None:
    """Whatever stands before a secret, its base64 is scrubbed."""
    encoded = base64.b64encode(before + secret.encode()).decode()
    assert SCRUBBED in _scrubber(secret).text(encoded)


def test_escapes_do_not_carry_a_secret_through_json() -> None:
    """A body that spells the secret in escapes is scrubbed where it is parsed, names of members too."""
    spelled = "".join(f"\\u{ord(character):04x}" for character in SECRET)
    body = f'{{"{spelled}": ["{spelled}"]}}'.encode()
    made = reply(status=200, etag="", body=body, kind="", encoding="", scrubber=_scrubber(SECRET))
    assert made.document == {SCRUBBED: [SCRUBBED]}


def test_a_secret_is_scrubbed_before_the_cut() -> None:
    """A cut never leaves the first half of a secret."""
    text = "x" * (RESULT_LIMIT - 5) + SECRET
    assert SECRET[:5] not in _scrubber(SECRET).result(text)


def test_a_scrubber_shows_nothing_of_what_it_knows() -> None:
    """Whoever prints a scrubber, or its parts, sees no secret."""
    scrubber = _scrubber(SECRET)
    assert SECRET not in repr(scrubber)
    assert SECRET not in repr([getattr(scrubber, name) for name in scrubber.__slots__])


def test_an_empty_secret_scrubs_nothing() -> None:
    """A credential without a value must not strike every text."""
    assert _scrubber("").text("abc") == "abc"


@given(st.text(max_size=300), st.integers(120, 400))
def test_a_bound_holds_in_bytes(text: str, limit: int) -> None:
    """The bound counts bytes of UTF-8, and the cut says so."""
    cut = bounded(text, limit)
    assert len(cut.encode()) <= limit
    assert cut == text or "[cut here: " in cut


@pytest.mark.parametrize(
    ("body", "kind", "said"),
    [
        (b"\xff\xfe\x00binary", "image/png", "[a binary answer of 9 bytes, image/png]"),
        (b"text\0with nul", "text/plain", "[a binary answer of 13 bytes, text/plain]"),
        (b"<html>no</html>", "text/html", "<html>no</html>"),
        (b'{"cut": ', "application/json", '{"cut": '),
        (b"[NaN]", "application/json", "[NaN]"),
        (b"", "", ""),
        (b"\xff", "x\n\x00\x1b[31m", "[a binary answer of 1 bytes, x \ufffd\ufffd[31m]"),
    ],
)
def test_a_body_that_is_no_json_becomes_a_note(body: bytes, kind: str, said: str) -> None:
    """Whatever the bytes, there is a bounded text and no exception."""
    made = reply(status=200, etag="", body=body, kind=kind, encoding="", scrubber=Scrubber())
    assert (made.document, made.note) == (None, said)


@pytest.mark.parametrize("body", [b"[" * 200_000, b'{"a":' * 200_000, b"[" * 400 + b"]" * 400, b"9" * 10_000])
def test_a_body_that_would_break_a_parser_is_a_note_or_a_document(body: bytes) -> None:
    """Nesting and digits without end do not raise."""
    made = reply(status=200, etag="", body=body, kind="", encoding="", scrubber=Scrubber())
    assert len(Scrubber().result(made.content()).encode()) <= RESULT_LIMIT


def test_text_that_no_store_takes_is_mended() -> None:
    """Lone surrogates and NUL do not reach a transcript or a frozen record."""
    body = rb'{"a": "\ud800 \u0000"}'
    made = reply(status=200, etag="", body=body, kind="", encoding="", scrubber=Scrubber())
    assert made.document == {"a": "? \ufffd"}
