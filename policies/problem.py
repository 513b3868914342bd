"""What is wrong with a policy directory: all of it at once, each with its place."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from contracts.errors import Refused

TOLD: Final = 200
"""Problems that a refusal says out loud."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One mistake, where it stands, and what to do about it."""

    #: Relative to the policy directory.
    file: str
    #: From 1.
    line: int
    text: str
    hint: str = ""

    def __str__(self) -> str:
        hint = f"; {self.hint}" if self.hint else ""
        return f"{self.file}:{self.line}: {self.text}{hint}"


class PolicyRefused(Refused):
    """The policy directory has mistakes; nothing of it takes effect."""

    def __init__(self, problems: Sequence[Problem], warnings: Sequence[Problem] = ()) -> None:
        self.problems = tuple(sorted(dict.fromkeys(problems), key=_place))
        #: What is no mistake, yet does nothing.
        self.warnings = tuple(sorted(dict.fromkeys(warnings), key=_place))
        super().__init__("the policies are refused:\n" + told(self.problems))


def told(problems: Sequence[Problem]) -> str:
    """One line each; of very many, the first ones."""
    rest = len(problems) - TOLD
    more = [f"and {rest} more"] if rest > 0 else []
    return "\n".join([*map(str, problems[:TOLD]), *more])


def _place(problem: Problem) -> tuple[str, int]:
    return problem.file, problem.line


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint where the word looks like a known one, else nothing."""
    close = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"did you mean `{close[0]}`?" if close else ""
