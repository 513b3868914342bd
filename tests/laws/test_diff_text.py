"""Laws of what changed in a text: both texts stand in it, whole, whatever they are."""

from hypothesis import given
from hypothesis import strategies as st

from policies.diff_text import Kind, Piece, pieces

TEXT = st.text() | st.lists(st.sampled_from(["a", "b ", "\n", "c\n", " "]), max_size=300).map("".join)


def without(found: tuple[Piece, ...], kind: Kind) -> str:
    return "".join(piece.text for piece in found if piece.kind is not kind)


@given(TEXT, TEXT)
def test_nothing_of_either_text_is_left_out(before: str, after: str) -> None:
    """Without what was added it is the one text, without what was removed the other."""
    found = pieces(before, after)
    assert (without(found, Kind.ADDED), without(found, Kind.REMOVED)) == (before, after)
    assert all(piece.text for piece in found)


@given(TEXT)
def test_a_text_that_stays_has_no_change(text: str) -> None:
    """Equal texts are one piece, of both."""
    assert pieces(text, text) == ((Piece(kind=Kind.SAME, text=text),) if text else ())


def test_a_changed_word_is_one_word() -> None:
    """What people look for stands out from what stayed."""
    assert [(piece.kind, piece.text) for piece in pieces("pay Ada EUR 49", "pay Eve EUR 49")] == [
        (Kind.SAME, "pay "),
        (Kind.REMOVED, "Ada "),
        (Kind.ADDED, "Eve "),
        (Kind.SAME, "EUR 49"),
    ]


def test_long_texts_are_compared_by_lines_and_longer_ones_not_at_all() -> None:
    """An outsider's text costs no more than a bounded comparison."""
    lines = [f"{at} of many words\n" for at in range(150)]
    by_lines = pieces("".join(lines), "".join([*lines[:5], "another\n", *lines[6:75], *reversed(lines[75:])]))
    assert Piece(kind=Kind.ADDED, text="another\n") in by_lines
    whole = pieces("a\n" * 5_000, "b\n" * 5_000)
    assert [piece.kind for piece in whole] == [Kind.REMOVED, Kind.ADDED]
