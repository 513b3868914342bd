"""Laws of outside text as people see it: what does not show is spelled out, what shows stays."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.visible import visible

HIDING = ("Cc", "Cf", "Cs", "Zl", "Zp")


@given(st.text(st.characters(exclude_categories=[])))
def test_nothing_hides(text: str) -> None:
    """No control, no mark of direction, no blank that is wider than it seems."""
    seen = visible(text)
    assert not [char for char in seen if char != "\n" and unicodedata.category(char) in HIDING]
    assert "     " not in seen


@pytest.mark.parametrize(
    "text", ["", "T-18421 “Password reset loops”", "שלום עולם", "naïve\ntwo lines", "日本"]
)
def test_what_shows_stays(text: str) -> None:
    """Words of any script, and their lines."""
    assert visible(text) == text
