"""The tools that ship in Python: each operation's name and its code. A tool file says how to use them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tools.knowledge import SearchArticles
from tools.operation import Operation
from tools.tickets import CloseTicket, GetTicket

HELPDESK: Final[Mapping[str, Operation]] = MappingProxyType(
    {"kb.search": SearchArticles(), "tickets.get": GetTicket(), "ticket.close": CloseTicket()}
)
"""What ``helpdesk: {python: "tools.catalogue:HELPDESK"}`` names."""
