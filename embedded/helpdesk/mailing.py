"""What a mail key may do: send a mail about a ticket to whoever asked, and nothing else.

It stands for a mail relay: it takes our key for its log and does not look at it, so the same request sent
twice is two mails, and nobody can ask it afterwards whether one was sent.
"""

import secrets
import sqlite3
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from embedded.helpdesk import mails
from embedded.helpdesk.callers import fate, helpdesk, mailer
from embedded.helpdesk.database import Database, stamp
from embedded.helpdesk.execution import Order, carry_out
from embedded.helpdesk.mails import Mail
from embedded.helpdesk.ordering import ordered
from embedded.helpdesk.shelves import TICKETS
from embedded.helpdesk.tickets import Ticket

router = APIRouter(tags=["mailing"], dependencies=[Depends(mailer)])


class Letter(BaseModel):
    """What is to be sent. To whom is the ticket's to say."""

    model_config = ConfigDict(extra="forbid", strict=True)
    #: On one line: a line break would begin another header of the mail.
    subject: Annotated[
        str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*\S[^\x00-\x1f\x7f]*$")
    ]
    body: Annotated[str, Field(min_length=1, max_length=10_000, pattern=r"\S")]


@router.post("/tickets/{ticket_id}/mails", status_code=202)
async def send_mail(ticket_id: str, body: Letter, request: Request) -> dict[str, str]:
    """Mail the ticket's requester, where the ticket still has the version of If-Match; it stays as it is."""
    parts = helpdesk(request)
    mail_id = f"M-{secrets.token_hex(6)}"

    def change(connection: sqlite3.Connection, ticket: Ticket, at: str) -> Ticket:
        mails.save(
            connection,
            Mail(
                id=mail_id,
                at=at,
                tenant=request.state.caller.tenant,
                ticket=ticket.id,
                recipient=ticket.requester["email"],
                subject=body.subject,
                body=body.body,
            ),
        )
        return ticket

    order = await ordered("send_mail", ticket_id, request, change, shelf=TICKETS, scope="mail")
    await parts.faults.strike("send_mail", fate(request))
    await run_in_threadpool(_send, parts.database, order)
    return {"id": mail_id, "ticket": ticket_id}


def _send(database: Database, order: Order[Ticket]) -> None:
    with database.writing() as connection:
        carry_out(connection, order, stamp(database.clock()))
