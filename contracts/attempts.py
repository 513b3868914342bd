"""Attempts: what was presented to the agent runtime and is none of its business, put on record."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

UNPROVEN: Final = "unproven"
"""The actor of what came with no proof of whose it is."""
PROVES_NOTHING: Final = "token.refused"
"""The rule of a token that proves nothing where it came."""


class Found(StrEnum):
    """What speaks of break-glass in something that was presented; the gravest first."""

    TOKEN = "token"  # noqa: S105  the word, and no secret
    SESSION = "session"
    NAME = "name"

    @property
    def words(self) -> str:
        return _WORDS[self]

    @property
    def rule(self) -> str:
        """As the audit names it."""
        return f"break-glass.{self.value}"


_WORDS: Final = {
    Found.TOKEN: "a break-glass token",
    Found.SESSION: "the id of a break-glass session",
    Found.NAME: "a name of break-glass",
}


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One of them. It says what came and where, never the value."""

    #: A ``Found``'s rule, ``token.refused`` or ``workflow.unknown``.
    rule: str
    #: One sentence, such as ``a break-glass token came as bearer token to POST /v1/runs``.
    reason: str
    #: Who it was, as far as that is proven.
    actor: str = UNPROVEN


class Attempts(Protocol):
    """Where attempts are put on record."""

    async def record(self, attempt: Attempt) -> None:
        """Audit it, in the system's chain: who is refused does not choose whose log it stands in.

        Of a flood the first ones of each minute are written down, and how many were left out.
        """
        ...
