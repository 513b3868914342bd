"""A token that travels with every call is packed; what comes out is the token or nothing."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.plays import capability
from contracts.errors import TokenRefused
from contracts.packing import packed, unpacked


def test_a_capability_is_packed_to_less_than_half_and_comes_out_the_same() -> None:
    """Byte for byte: its signature is over them."""
    token = capability()
    content = packed(token)
    assert content is not None
    assert len(content) < len(token) / 2
    assert unpacked(content) == token


@given(st.text())
def test_what_would_not_come_out_the_same_is_not_packed(text: str) -> None:
    """Whatever is presented arrives as it was, packed or not."""
    content = packed(text)
    assert content is None or unpacked(content) == text


@given(st.binary())
def test_bytes_that_are_no_packed_token_are_refused(content: bytes) -> None:
    """A header is anybody's who can start a workflow: nothing but a refusal comes of it."""
    with pytest.raises(TokenRefused):
        unpacked(content)


def test_a_small_header_does_not_unpack_to_a_large_token() -> None:
    """A bomb is refused before it fills the memory."""
    with pytest.raises(TokenRefused):
        unpacked(zlib.compress(bytes(100_000_000)))
