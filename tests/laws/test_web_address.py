"""Laws of reading an address: one reading, and what two readers could take differently is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import Malformed
from policies.web_address import LONGEST, follow, read_address

BASE = "https://docs.example.com"


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("https://docs.example.com", "https://docs.example.com/"),
        ("HTTPS://Docs.Example.COM/Faq", "https://docs.example.com/Faq"),
        ("https://docs.example.com:443/a", "https://docs.example.com/a"),
        ("http://docs.example.com:8080/a?b=c&d=", "http://docs.example.com:8080/a?b=c&d="),
        ("https://docs.example.com/caf%C3%A9/a%20b#part-2", "https://docs.example.com/caf%C3%A9/a%20b"),
        ("https://xn--bcher-kva.example/x", "https://xn--bcher-kva.example/x"),
        ("www.example.com/x", "www.example.com/x"),
        ("www.example.com:8443", "www.example.com:8443/"),
    ],
)
def test_a_plain_address_is_read_as_it_is_written(text: str, read: str) -> None:
    """Path and query stay byte for byte; scheme and host are put in lower case, and a fragment is dropped."""
    assert str(read_address(text)) == read


STRANGE = [
    # Who is meant
    "https://docs.example.com@evil.test/",
    "https://user:pass@docs.example.com/",
    "https://docs.example.com%40evil.test/",
    "https://evil.test\\@docs.example.com/",
    "https://docs.example.com\\.evil.test/",
    "https://docs.example.com#@evil.test/",
    "https://docs.example.com/#@evil.test/",
    "https://docs.example.com?.evil.test/",
    "https://docs.example.com;evil.test/",
    "https://docs.example.com,evil.test/",
    # Numbers
    "http://127.0.0.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0177.0.0.1/",
    "http://0x7f.1/",
    "http://127.1/",
    "http://[::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[fe80::1%25eth0]/",
    "http://%31%32%37.0.0.1/",
    "http://docs.example.127/",
    "http://docs.example.0x7f/",
    # Names
    "http://localhost/",
    "http://docs.example.com./",
    "http://docs..example.com/",
    "http://.docs.example.com/",
    "http://-docs.example.com/",
    "http://docs_.example.com/",
    "http://döcs.example.com/",
    "http://docs.example\u3002com/",
    "http://\uff44ocs.example.com/",
    "http://do\u0441s.example.com/",
    "http://docs.ex%61mple.com/",
    f"http://{'a' * 64}.example.com/",
    f"http://{'a.' * 126}example/",
    "http:///docs.example.com/",
    "//docs.example.com/",
    "https:docs.example.com/",
    "https:/docs.example.com/",
    # Ports
    "https://docs.example.com:/",
    "https://docs.example.com:0/",
    "https://docs.example.com:080/",
    "https://docs.example.com:65536/",
    "https://docs.example.com:443:80/",
    "https://docs.example.com:+443/",
    # Schemes
    "ftp://docs.example.com/",
    "file:///etc/passwd",
    "gopher://docs.example.com/",
    "javascript:alert(1)",
    "data:text/html,hello",
    "://docs.example.com/",
    # Characters
    "",
    " https://docs.example.com/",
    "https://docs.example.com/ ",
    "https://docs.example.com/a b",
    "https://docs.exa\tmple.com/",
    "https://docs.example.com/\r\nHost: evil.test",
    "https://docs.example.com/\x00",
    "https://docs.example.com/\u202e",
    "https://docs.example.com/a\\b",
    "https://docs.example.com/<b>",
    "https://docs.example.com/%",
    "https://docs.example.com/%zz",
    # Paths
    "https://docs.example.com/public/../private",
    "https://docs.example.com/public/..",
    "https://docs.example.com/public/./x",
    "https://docs.example.com//evil.test/",
    "https://docs.example.com/public//x",
    "https://docs.example.com/public/..;/private",
    "https://docs.example.com/public;x=1",
    "https://docs.example.com/public/%2e%2e/private",
    "https://docs.example.com/public/.%2E/private",
    "https://docs.example.com/public/x%2f..%2fprivate",
    "https://docs.example.com/public/x%5cprivate",
    "https://docs.example.com/public/%252e%252e/private",
    "https://docs.example.com/public/%c0%ae%c0%ae/private",
    "https://docs.example.com/public/%E2%80%A5/private",
    "https://docs.example.com/public/x%EF%BC%8Fprivate",
    "https://docs.example.com/x%0d%0aHost:%20evil.test",
    "https://docs.example.com/x%00.html",
    # Queries
    "https://docs.example.com/?",
    "https://docs.example.com/?=x",
    "https://docs.example.com/?a=1&a=2",
    "https://docs.example.com/?a=1;b=2",
    "https://docs.example.com/?a=1&&b=2",
    "https://docs.example.com/?a%5b%5d=1",
    "https://docs.example.com/?a=%0d%0aX:1",
    f"https://docs.example.com/{'a' * LONGEST}",
]


@pytest.mark.parametrize("text", STRANGE)
def test_what_could_be_read_in_two_ways_is_refused(text: str) -> None:
    """Each is refused with a sentence that repeats nothing of it."""
    with pytest.raises(Malformed) as refused:
        read_address(text)
    assert "evil" not in refused.value.sentence


@given(text=st.text(st.sampled_from("htps:/\\@.%2eE0fF;?#&=a[]xX1 \t"), max_size=30) | st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    """Nothing but Malformed comes out, and whatever is read reads the same once more."""
    try:
        address = read_address(text)
    except Malformed:
        return
    assert read_address(str(address)) == address
    assert "/../" not in address.path
    assert not set("@[]%") & set(address.host)


@pytest.mark.parametrize(
    ("location", "leads"),
    [
        ("/b", f"{BASE}/b"),
        ("b?c=1", f"{BASE}/dir/b?c=1"),
        ("?c=1", f"{BASE}/dir/a?c=1"),
        ("//other.example.com/b", "https://other.example.com/b"),
        ("http://other.example.com/b#c", "http://other.example.com/b"),
    ],
)
def test_a_redirect_leads_where_every_reader_says(location: str, leads: str) -> None:
    """A relative, a host-relative and a whole address are read against the page that sent them."""
    assert str(follow(read_address(f"{BASE}/dir/a"), location)) == leads


@pytest.mark.parametrize(
    "location",
    ["", "#a", "../b", "./b", "///b.example", "javascript:x", "ftp://b.example/", "b:c", "\\\\b.example"],
)
def test_a_strange_redirect_leads_nowhere(location: str) -> None:
    """What is no plain http or https address, or would climb, is refused."""
    with pytest.raises(Malformed):
        follow(read_address(f"{BASE}/dir/a"), location)
