"""Faults on order: what the helpdesk is told to do wrong, kept in memory, gone at a restart."""

import asyncio
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from embedded.helpdesk.problems import Problem

Operation = Literal[
    "list_tickets",
    "get_ticket",
    "patch",
    "close",
    "reopen",
    "send_mail",
    "search_articles",
    "get_article",
    "get_customer",
    "get_writes",
    "get_order",
    "refund",
]
Mode = Literal["slow", "fail_before", "lose_answer"]


class Fault(BaseModel):
    """One fault; a newer one for the same operation and mode takes its place."""

    model_config = ConfigDict(extra="forbid")
    operation: Operation | Literal["*"]
    mode: Mode
    #: Requests that it still strikes.
    times: Annotated[int, Field(ge=1, le=100_000)] = 1
    #: Of ``slow``: how long the request lies before it is handled.
    seconds: Annotated[float, Field(ge=0, le=600)] = 0.0


@dataclass(kw_only=True)
class Fate:
    """What becomes of one request's answer; set by the faults, read by the door."""

    #: The connection is dropped in place of an answer.
    lost: bool = False


class Faults:
    """All faults on order. Lives on the event loop alone."""

    def __init__(self) -> None:
        self._faults: dict[tuple[str, str], Fault] = {}

    def order(self, fault: Fault) -> None:
        self._faults[fault.operation, fault.mode] = fault.model_copy()

    def clear(self) -> None:
        self._faults.clear()

    def listed(self) -> list[Fault]:
        return list(self._faults.values())

    async def strike(self, operation: Operation, fate: Fate) -> None:
        """Apply what is on order for this request, before it is handled; one fault of each mode at most.

        Raises:
            Problem: it is to fail before it has any effect.
        """
        if slow := self._take(operation, "slow"):
            await asyncio.sleep(slow.seconds)
        if self._take(operation, "fail_before"):
            raise Problem("unavailable", "a fault was ordered: nothing was done")
        fate.lost = self._take(operation, "lose_answer") is not None

    def _take(self, operation: Operation, mode: Mode) -> Fault | None:
        for place in ((operation, mode), ("*", mode)):
            fault = self._faults.get(place)
            if fault is not None:
                fault.times -= 1
                if fault.times <= 0:
                    del self._faults[place]
                return fault
        return None
