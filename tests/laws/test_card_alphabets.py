"""Laws of look-alike letters: marked where they may pass for others, and not where people just write."""

import pytest

from policies.alphabets import mixed

A, ACME = "\u0430", "\u0430\u0441\u043c\u0435"


@pytest.mark.parametrize(
    "text",
    [
        f"p{A}ypal",
        f"T-1 “p{A}ssword”",
        f"T-18421 {A}",
        "\u0420\u0410\u0423",
        f"x{ACME}",
        "\u03bfnly",
        "\u0422-18421 “Password”",
        "\uff41cme",
        "\U0001d41acme and more",
        "\u13aacme",
        "\u13aa\u13df",
    ],
)
def test_letters_that_may_pass_for_others_are_marked(text: str) -> None:
    """One foreign letter in a word, or a whole word of letters that look Latin."""
    assert mixed(text)


@pytest.mark.parametrize(
    "text",
    [
        "T-18421 “Password reset loops”",
        "T-18421 “Сброс пароля”",  # noqa: RUF001 - Russian is what is meant
        "Иван Smith",
        "Größe 5 µs, Nº 2, Ελλάδα",
        "iPhoneのケース",
        "LG전자",
        "T-1 “שלום”",
        "مرحبا acme",
        "😀 → 12",
        "",
    ],
)
def test_people_may_write_in_their_own_alphabet(text: str) -> None:
    """A whole word of another alphabet with letters of its own, and scripts that look like no other."""
    assert not mixed(text)
