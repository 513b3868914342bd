"""The tools that ship in Python: each operation's name and its code. A tool file says how to use them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tools.closing import CloseTicket, ReopenTicket
from tools.customers import GetCustomer
from tools.knowledge import SearchArticles
from tools.mail import DraftEmail, SendEmail
from tools.operation import Operation
from tools.refunds import GetOrder, RefundOrder
from tools.tickets import GetTicket, SearchTickets
from tools.updating import UpdateTicket

HELPDESK: Final[Mapping[str, Operation]] = MappingProxyType(
    {
        "kb.search": SearchArticles(),
        "tickets.search": SearchTickets(),
        "tickets.get": GetTicket(),
        "customers.get": GetCustomer(),
        "ticket.update": UpdateTicket(),
        "ticket.close": CloseTicket(),
        "ticket.reopen": ReopenTicket(),
        "email.draft": DraftEmail(),
        "email.send": SendEmail(),
        "orders.get": GetOrder(),
        "refund.create": RefundOrder(),
    }
)
"""What ``helpdesk: {python: "tools.catalogue:HELPDESK"}`` names."""
