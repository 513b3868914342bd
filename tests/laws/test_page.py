"""Laws of a page as text: what people would see, in time that grows with its length, whatever it holds."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.html_text import html_text
from tools.page import is_text, page


def test_a_page_is_what_people_see() -> None:
    """Headings and paragraphs are lines, links show their address; scripts, styles and comments are gone."""
    whole = (
        "<!DOCTYPE html><html><head><title>A &amp; B</title><style>p {}</style></head><body><h1>Head</h1>"
        "<p>Go <a class=x href='/b?c=1&amp;d=2'>there</a>, 1 < 2.<!-- <p>hidden -->"
        "<SCRIPT>alert('</p>')</SCRIPT>"
        "<br>End &lt;b&gt;.<template>no</template></body></html>"
    )
    assert html_text(whole) == ("A & B", "Head\nGo there (/b?c=1&d=2), 1 < 2.\nEnd <b>.")


@pytest.mark.parametrize(
    "piece",
    ["<!--", "<", "<a ", "<a href=", "<script>", "</title", "<title>", "&", "&#", "<!", "<?", "\n ", "<p>"],
)
def test_no_page_takes_long(piece: str) -> None:
    """A megabyte of anything unclosed is read in one pass: a parser that starts over takes minutes on it."""
    begun = time.thread_time()
    html_text(piece * (1_000_000 // len(piece)))
    assert time.thread_time() - begun < 2


@given(
    body=st.binary(max_size=300), kind=st.sampled_from(["text/html", "text/plain; charset=zlib", "text/x"])
)
def test_any_bytes_are_a_page(body: bytes, kind: str) -> None:
    """No bytes and no charset raise, and no control character or sign that turns text comes through."""
    text = page("https://docs.example.com/", kind, body).text
    assert all(sign in "\n\t" or sign.isprintable() for sign in text)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("text/html; charset=utf-8", True),
        ("TEXT/PLAIN", True),
        ("application/json", True),
        ("application/problem+json", True),
        ("application/atom+xml", True),
        ("application/octet-stream", False),
        ("image/svg", False),
        ("application/pdf", False),
        ("", False),
        ("text", False),
    ],
)
def test_only_text_is_read(kind: str, text: bool) -> None:
    """Text, JSON and XML are read; everything else is not."""
    assert is_text(kind) is text
