"""A change of policy, in words: what it does to what agents may do."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self


class Direction(StrEnum):
    """What a change does."""

    #: Something is permitted, or held to less, that was not before.
    WIDER = "wider"
    #: Something is permitted no more, or held to more.
    NARROWER = "narrower"
    #: It is another rule, and no comparison shows which of them permits more.
    SIDEWAYS = "sideways"


@dataclass(frozen=True, kw_only=True)
class Change:
    """One change."""

    direction: Direction
    #: The route; ``people`` or ``catalogue``.
    subject: str
    #: Path of the rule in its file, such as ``allow_tools`` or ``ada.groups``.
    rule: str
    #: A sentence for people.
    text: str
    #: To be read before all others: an exception, a passkey, enforcement that is switched off.
    loud: bool = False

    @property
    def may_widen(self) -> bool:
        """What cannot be compared may permit more."""
        return self.direction is not Direction.NARROWER


@dataclass(frozen=True, kw_only=True)
class Spot:
    """A place in a document, and the changes there."""

    subject: str
    rule: str = ""

    def below(self, key: str) -> Self:
        return replace(self, rule=f"{self.rule}.{key}" if self.rule else key)

    def wider(self, text: str, *, loud: bool = False) -> Change:
        return self._change(Direction.WIDER, text, loud)

    def narrower(self, text: str) -> Change:
        return self._change(Direction.NARROWER, text, loud=False)

    def sideways(self, text: str, *, loud: bool = False) -> Change:
        return self._change(Direction.SIDEWAYS, text, loud)

    def _change(self, direction: Direction, text: str, loud: bool) -> Change:
        return Change(direction=direction, subject=self.subject, rule=self.rule, text=text, loud=loud)
