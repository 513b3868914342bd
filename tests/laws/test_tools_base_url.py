"""Whatever the arguments say, a request stays below its base URL."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import Malformed
from tools.base_url import BaseUrl

BASE = BaseUrl("helpdesk", "https://desk.example.com:8443/api/")


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("T-1", b"/api/tickets/T-1/close"),
        ("T-1/close", b"/api/tickets/T-1%2Fclose/close"),
        ("../admin", b"/api/tickets/..%2Fadmin/close"),
        ("%2e%2e", b"/api/tickets/%252e%252e/close"),
        ("a?b#c", b"/api/tickets/a%3Fb%23c/close"),
        ("@evil.example", b"/api/tickets/%40evil.example/close"),
        ("\\\\evil", b"/api/tickets/%5C%5Cevil/close"),
        ("a\r\nHost: evil", b"/api/tickets/a%0D%0AHost%3A%20evil/close"),
    ],
)
def test_an_argument_fills_one_segment(text: str, path: bytes) -> None:
    """Every character that would mean something in a URL is encoded."""
    url = BASE.url("/tickets/{ticket_id}/close", {"ticket_id": text}, {})
    assert url.raw_path == path
    assert (url.scheme, url.host, url.port) == ("https", "desk.example.com", 8443)


@pytest.mark.parametrize("text", ["", ".", ".."])
def test_a_segment_that_climbs_is_refused(text: str) -> None:
    """Dots are legal unencoded, so such a segment is refused."""
    with pytest.raises(Malformed, match="ticket_id is no name of a thing"):
        BASE.url("/tickets/{ticket_id}", {"ticket_id": text}, {})


@pytest.mark.parametrize("path", ["/a/{x}{y}/b", "/a/{x}./b", "/a/.{y}"])
def test_arguments_that_make_dots_together_are_refused(path: str) -> None:
    """A template may put two arguments, or text of its own, into one segment: neither climbs."""
    with pytest.raises(Malformed, match="is no name of a thing"):
        BASE.url(path, {"x": ".", "y": "."}, {})
    assert BASE.url(path, {"x": "1", "y": "2"}, {}).host == "desk.example.com"


@pytest.mark.parametrize("query", [(("a", "1"), ("a", "2")), [("a", "1"), ("a", "2")]])
def test_a_name_of_a_query_may_stand_twice(query: Sequence[tuple[str, str]]) -> None:
    """A list of values is a pair for each."""
    assert BASE.url("/x", {}, query).raw_path == b"/api/x?a=1&a=2"


@given(st.text(), st.text(), st.text())
def test_no_text_leaves_the_base(text: str, name: str, value: str) -> None:
    """Any text at all ends in the same origin, in one segment below the base path."""
    try:
        url = BASE.url("/tickets/{ticket_id}/close", {"ticket_id": text}, {name: value})
    except Malformed:
        assert text in ("", ".", "..")
        return
    path, _, _ = url.raw_path.partition(b"?")
    assert path.startswith(b"/api/tickets/")
    assert path.endswith(b"/close")
    assert path.count(b"/") == 4
    assert (url.host, url.port) == ("desk.example.com", 8443)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://h/",
        "h:80",
        "//h/",
        "http://",
        "http://user:planted@h/",
        "http://h/?q=1",
        "http://h/#x",
        "http://h/a/../b",
        "http://h:99999/",
        "http://[::1",
        "",
    ],
)
def test_a_base_url_is_scheme_host_port_and_path(url: str) -> None:
    """Anything else is a sentence at start-up that does not repeat it."""
    with pytest.raises(Malformed, match="the base URL of helpdesk") as refusal:
        BaseUrl("helpdesk", url)
    assert "planted" not in str(refusal.value)
