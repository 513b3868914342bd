"""One order, as the helpdesk answers it and as a card names it."""

from typing import Annotated, Any, Final, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

from contracts.digest import Json
from tools.operation import Arguments, Reader
from tools.outcomes import failed
from tools.reply import Reply, Stopped, one_line

_NO_ORDER: Final = "the helpdesk's answer holds no order"
_OTHER_ORDER: Final = "the helpdesk answered with another order than the one that was asked for"
_NO_VERSION: Final = "the helpdesk named no version of the order, so a refund of it cannot be made safely"

ORDER: Final = "/orders/{order_id}"

Currency: TypeAlias = Literal["EUR", "USD"]
_Cents: TypeAlias = Annotated[int, Field(ge=0, le=10**12)]


class OrderArguments(Arguments):
    """Which order."""

    order_id: Annotated[
        str, Field(pattern=r"^O-[0-9]{1,9}$", description="Id of the order, such as O-10231.")
    ]


class Order(BaseModel):
    """An order that was paid. Amounts are whole cents: nothing is coerced to one."""

    model_config = ConfigDict(strict=True)

    id: str
    customer_id: str
    #: The customer's name.
    customer: str
    #: Who was paid, and pays back.
    seller: str
    items: list[dict[str, Any]]
    currency: Currency
    amount_cents: _Cents
    refunded_cents: _Cents
    paid_at: Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T")]
    #: Where a refund goes.
    paid_with: str

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if self.refunded_cents > self.amount_cents:
            raise ValueError("more was refunded than was paid")
        return self

    @property
    def left_cents(self) -> int:
        """What can still be refunded."""
        return self.amount_cents - self.refunded_cents

    def document(self) -> Json:
        """What the model reads of it."""
        return {**self.model_dump(), "refundable_cents": self.left_cents}

    def money(self, cents: int) -> str:
        """``EUR 1,234.50``, for a card."""
        return f"{self.currency} {cents // 100:,}.{cents % 100:02d}"

    @property
    def named(self) -> str:
        """Id and whose it is, for a card."""
        return f"order {self.id} of {self.buyer}"

    @property
    def paid_on(self) -> str:
        """The day, for a card."""
        return self.paid_at[:10]

    @property
    def buyer(self) -> str:
        """The customer's name, for a card."""
        return one_line(self.customer, 80)


async def read_order(session: Reader, order_id: str) -> tuple[Reply, Order]:
    """The order that was asked for. Raises Stopped: a card must not show one and refund another."""
    reply = await session.get(ORDER, parts={"order_id": order_id})
    order = reply.read(Order, _NO_ORDER)
    if order.id != order_id:
        raise Stopped(failed(_OTHER_ORDER))
    return reply, order


def version(reply: Reply) -> str:
    """The version of the order that was read. Raises Stopped where none was named."""
    return reply.version(_NO_VERSION)
