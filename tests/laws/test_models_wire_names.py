"""Tool names on the wire: legal for every provider, and reversible."""

import re

from hypothesis import example, given
from hypothesis import strategies as st

from adapters.models.wire_names import LIMIT, WireNames, decode, encode

_LEGAL = re.compile(r"[a-zA-Z][a-zA-Z0-9_-]*")
_NAMES = st.one_of(st.text(max_size=100), st.text(alphabet=".-_xmh0aZ9", max_size=80))


@given(name=_NAMES)
@example(name="ticket.close")
@example(name="ticket--close")
@example(name="x-0a")
@example(name="x-h" + "0" * 60)
@example(name="-x2e-")
@example(name="")
def test_every_name_travels_and_comes_back(name: str) -> None:
    """A name on the wire is legal for every provider, and turns back into itself."""
    wire = encode(name)
    assert _LEGAL.fullmatch(wire)
    assert len(wire) <= LIMIT
    assert WireNames([name]).name(wire) == name


@given(one=_NAMES, other=_NAMES)
@example(one="a.b", other="a--b")
@example(one="a-b", other="a-mb")
@example(one="a.b", other="a_b")
def test_two_names_never_meet(one: str, other: str) -> None:
    """Different tools have different names on the wire."""
    assert (encode(one) == encode(other)) == (one == other)


@given(wire=st.text(max_size=80))
def test_what_no_name_travels_as_is_left_as_it_is(wire: str) -> None:
    """A name that the model made up is never taken for another tool's."""
    name = decode(wire)
    assert WireNames([]).name(wire) == (wire if name is None else name)
    assert name is None or encode(name) == wire


def test_dots_stay_readable() -> None:
    """The model sees nearly the name that people use."""
    assert encode("bank.get_balance") == "bank--get_balance"
