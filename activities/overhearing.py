"""Put on record what a run overheard: words of ours alone, whoever calls."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from temporalio import activity

from activities.trespass import workflow_named
from contracts import names
from contracts.attempts import Attempt, Attempts, Found
from contracts.errors import Malformed
from contracts.wire import Overheard

_WAYS: Final = ("signal", "update", "start")
_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    **{what.value: (what.rule, what.words) for what in Found},
    "unknown": ("workflow.unknown", "a workflow of no known type"),
}
"""Rule and words of what may be overheard."""


@dataclass(frozen=True, kw_only=True)
class Overhearing:
    """The broker's activity for what is said in Temporal and speaks of break-glass.

    It asks for no warrant: what is started without one is what it is for.
    """

    attempts: Attempts

    @activity.defn(name=names.OVERHEARD)
    async def overheard(self, heard: Overheard) -> None:
        if heard.what not in _WORDS or heard.way not in _WAYS:
            raise Malformed("a run overhears nothing of that kind")
        rule, words = _WORDS[heard.what]
        reason = f"{words} came by {heard.way} to {workflow_named(activity.info().workflow_id)}"
        await self.attempts.record(Attempt(rule=rule, reason=reason))
