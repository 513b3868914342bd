"""Customers, as an agent reads them: who they are. How to reach them is for the mail tools to know."""

from typing import Annotated, Final

from pydantic import BaseModel, Field

from contracts.digest import Json
from tools.operation import Arguments, PythonRead, Reader
from tools.outcomes import failed
from tools.reply import Stopped

_NO_CUSTOMER: Final = "the helpdesk's answer holds no customer"
_OTHER_CUSTOMER: Final = "the helpdesk answered with another customer than the one that was asked for"


class CustomerArguments(Arguments):
    """Which customer."""

    customer_id: Annotated[
        str, Field(pattern=r"^C-[0-9]{1,9}$", description="Id of the customer, such as C-1001.")
    ]


class _Customer(BaseModel):
    id: str
    name: str
    company: str
    plan: str
    since: str


class GetCustomer(PythonRead[CustomerArguments]):
    """``customers.get``."""

    version = "1"
    description = "Read one customer: name, company, plan, and since when."
    arguments = CustomerArguments

    async def read(self, session: Reader, arguments: CustomerArguments) -> Json:
        reply = await session.get("/customers/{customer_id}", parts={"customer_id": arguments.customer_id})
        customer = reply.read(_Customer, _NO_CUSTOMER)
        if customer.id != arguments.customer_id:
            raise Stopped(failed(_OTHER_CUSTOMER))
        return {"customer": customer.model_dump()}
