"""Orders and their refunds: read, and paid back to whoever paid, which nothing takes back.

To whom the money goes is the order's to say, never an argument.
"""

from typing import Annotated

from pydantic import Field

from contracts.action import Change, Prepared, Preview
from contracts.digest import Json
from contracts.toolbox import Answer
from tools.operation import PythonRead, PythonWrite, Reader
from tools.order import ORDER, Currency, Order, OrderArguments, read_order, version
from tools.outcomes import refused
from tools.reply import Reply, one_line
from tools.session import WriteRequest
from tools.shown import LINE


class RefundArguments(OrderArguments):
    """Of which order, how much, and why."""

    amount_cents: Annotated[
        int,
        Field(
            ge=1,
            le=1_000_000,
            description="How much to pay back, in whole cents: 4900 is 49.00. At most what is refundable.",
        ),
    ]
    currency: Annotated[Currency, Field(description="The currency that the order was paid in.")]
    reason: Annotated[
        str,
        Field(
            min_length=1,
            max_length=500,
            pattern=LINE,
            description="Why it is paid back, on one line. The customer sees it.",
        ),
    ]


class GetOrder(PythonRead[OrderArguments]):
    """``orders.get``."""

    version = "1"
    description = (
        "Read one order: whose it is, what was bought, what was paid, and how much of it is refunded and"
        " refundable, in cents."
    )
    arguments = OrderArguments

    async def read(self, session: Reader, arguments: OrderArguments) -> Json:
        _, order = await read_order(session, arguments.order_id)
        return {"order": order.document()}


class RefundOrder(PythonWrite[RefundArguments]):
    """``refund.create``."""

    version = "1"
    description = (
        "Propose to pay back some or all of an order to the customer who paid it. Two people review the"
        " proposal before anything is paid; a refund cannot be taken back."
    )
    arguments = RefundArguments

    async def prepare(self, session: Reader, arguments: RefundArguments) -> Prepared | Answer:
        reply, order = await read_order(session, arguments.order_id)
        doubt = _doubt(order, arguments)
        return doubt or Prepared(preview=_preview(order, arguments), version=version(reply))

    async def current(self, session: Reader, arguments: RefundArguments) -> str:
        reply, _ = await read_order(session, arguments.order_id)
        return version(reply)

    def request(self, arguments: RefundArguments) -> WriteRequest:
        return WriteRequest(
            method="POST",
            path=ORDER + "/refunds",
            parts={"order_id": arguments.order_id},
            body=arguments.model_dump(exclude={"order_id"}),
        )

    def result(self, reply: Reply) -> Json:
        """How the order stands now; not what was bought, which the model has read."""
        body = reply.document if isinstance(reply.document, dict) else {}
        names = ("id", "currency", "amount_cents", "refunded_cents", "version")
        told = {name: body[name] for name in names if name in body}
        return {"order": told} if told else reply.content()


def _doubt(order: Order, arguments: RefundArguments) -> Answer | None:
    """Why people are not asked at all: the helpdesk would refuse it."""
    if arguments.currency != order.currency:
        return refused(f"{order.id} was paid in {order.currency}, not in {arguments.currency}")
    if not order.left_cents:
        return refused(f"{order.id} is refunded in full already")
    if arguments.amount_cents > order.left_cents:
        left, asked = order.money(order.left_cents), order.money(arguments.amount_cents)
        return refused(f"{left} of {order.id} can still be refunded, not {asked}")
    return None


def _preview(order: Order, arguments: RefundArguments) -> Preview:
    amount, left = arguments.amount_cents, order.left_cents
    after = order.refunded_cents + amount
    payer, way = one_line(order.seller, 80), one_line(order.paid_with, 60)
    paid = f"the {order.money(order.amount_cents)} paid on {order.paid_on}"
    return Preview(
        target=order.named,
        changes=(
            Change(field="refunded", before=order.money(order.refunded_cents), after=order.money(after)),
            Change(field="still refundable", before=order.money(left), after=order.money(left - amount)),
            Change(field="reason", before="", after=arguments.reason),
        ),
        stakes=(
            f"{payer} pays {order.money(amount)} back to 1 customer ({order.buyer}) by {way}, of {paid};"
            " money that was paid out cannot be taken back."
        ),
        figures=(order.money(amount), "1 customer"),
    )
