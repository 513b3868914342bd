"""The last text after a write, whatever came of it: it is not tried again."""

from dataclasses import dataclass
from typing import Final

from adapters.models.rules.words import line
from contracts.digest import Json
from contracts.run import Outcome

REASON_LIMIT: Final = 200


@dataclass(frozen=True, kw_only=True)
class Deed:
    """A write in the words of its ending."""

    #: ``T-1 is closed``
    done: str
    #: ``T-1 was not closed``
    undone: str
    #: ``closing it``
    doing: str
    #: ``T-1 was closed``
    whether: str

    def ending(self, result: Json) -> str:
        """What came of it, from the result of its call."""
        said = line(result.get("content"), REASON_LIMIT)
        because = f" ({said})" if said and not said.startswith(("{", "[")) else ""
        endings: dict[str, str] = {
            Outcome.SUCCEEDED: f"{self.done}.",
            Outcome.REJECTED: f"{self.undone}: a person said no to {self.doing}{because}.",
            Outcome.REFUSED: f"{self.undone}: the helpdesk refused{because}.",
            Outcome.DENIED: f"{self.undone}: policy does not allow it{because}.",
            Outcome.EXPIRED: f"{self.undone}: nobody decided in time.",
            Outcome.UNKNOWN: f"It is not known whether {self.whether}; a person has to look.",
        }
        return endings.get(result.get("outcome", ""), f"{self.undone}: the attempt failed{because}.")
