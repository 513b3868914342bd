"""What a person is told on a page: a sentence with a capital and a full stop."""

from contracts.errors import InterlockError


def told(error: InterlockError) -> str:
    sentence = error.sentence
    return f"{sentence[:1].upper()}{sentence[1:]}{'' if sentence.endswith('.') else '.'}"
