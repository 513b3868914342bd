"""What writes change, and where each kind of it is kept."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypeVar

from embedded.helpdesk import purchases, tickets
from embedded.helpdesk.purchases import Purchase
from embedded.helpdesk.tickets import Ticket


class Versioned(Protocol):
    """Something that each change gives a new version."""

    @property
    def id(self) -> str: ...

    @property
    def version(self) -> int: ...

    @property
    def etag(self) -> str: ...

    def document(self) -> dict[str, Any]: ...


T = TypeVar("T", bound=Versioned)


@dataclass(frozen=True, kw_only=True)
class Shelf(Generic[T]):
    """Where things of one kind are kept, by tenant and id."""

    #: Raises Problem when this tenant has no such thing.
    load: Callable[[sqlite3.Connection, str, str], T]
    save: Callable[[sqlite3.Connection, str, T], None]


TICKETS: Final = Shelf[Ticket](load=tickets.ticket, save=tickets.save)
PURCHASES: Final = Shelf[Purchase](load=purchases.purchase, save=purchases.save)
