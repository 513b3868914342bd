"""The last place at which a request can be held back: its connection stands, and no byte has left."""

from dataclasses import dataclass
from typing import Final

from contracts.toolbox import Gate

_FIRST_BYTE: Final = "http11.send_request_headers.started"
"""httpcore's word that the connection stands and the first byte of the request is next."""


@dataclass
class Door:
    """The gate at the first byte: a connection may take its time, and what held before it holds no more.

    Given to httpx as a request's ``trace``. It raises what the gate raises.
    """

    gate: Gate
    #: From here on the request may have left.
    opened: bool = False

    async def __call__(self, event: str, _: object) -> None:
        if event == _FIRST_BYTE:
            await self.gate()
            self.opened = True
