"""Mails about a ticket to whoever asked: drafted, which touches nothing, or sent, which nothing takes back.

The recipient is the ticket's requester in both, never an argument.
"""

import re
from typing import Annotated, Final

from pydantic import Field

from contracts.action import Change, Preview
from contracts.digest import Json
from tools.operation import Made, PythonRead, Reader
from tools.outcomes import refused
from tools.reply import Reply, Stopped
from tools.session import WriteRequest
from tools.shown import LINE, LINES
from tools.ticket import TICKET, Ticket, TicketArguments, read_ticket
from tools.ticket_write import TicketWrite

_ADDRESS: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,180})")
"""ASCII, without quotes, comments or spaces: what a card shows is where the mail goes."""


class MailArguments(TicketArguments):
    """About which ticket, and what to say."""

    subject: Annotated[
        str, Field(min_length=1, max_length=150, pattern=LINE, description="The subject, on one line.")
    ]
    body: Annotated[
        str,
        Field(
            min_length=1,
            max_length=2_000,
            pattern=LINES,
            description=(
                "The text, plain, as the customer is to read it. Lines are broken by \\n, with at most one"
                " empty line between two paragraphs, and without tabs."
            ),
        ),
    ]


class DraftEmail(PythonRead[MailArguments]):
    """``email.draft``."""

    version = "1"
    description = (
        "Draft a mail to the requester of a ticket. Nothing is sent or changed: the draft is handed over with"
        " the run's result."
    )
    arguments = MailArguments

    async def read(self, session: Reader, arguments: MailArguments) -> Json:
        _, ticket = await read_ticket(session, arguments.ticket_id)
        draft = {"to": _recipient(ticket), "subject": arguments.subject, "body": arguments.body}
        return Made(kind="email", content=draft, result={"draft": draft, "sent": False})


class SendEmail(TicketWrite[MailArguments]):
    """``email.send``."""

    version = "1"
    description = (
        "Propose to send a mail to the requester of a ticket. A person reviews it before anything is sent;"
        " a mail that was sent cannot be called back."
    )
    arguments = MailArguments

    def preview(self, ticket: Ticket, arguments: MailArguments) -> Preview:
        return Preview(
            target=f"a mail about {ticket.named}",
            changes=(
                Change(field="mail to", before="", after=_recipient(ticket)),
                Change(field="subject", before="", after=arguments.subject),
                Change(field="body", before="", after=arguments.body),
            ),
            stakes=(
                f"1 customer ({ticket.customer}) reads it as our word; a mail that was sent cannot be"
                " called back."
            ),
        )

    def request(self, arguments: MailArguments) -> WriteRequest:
        return WriteRequest(
            method="POST",
            path=TICKET + "/mails",
            parts={"ticket_id": arguments.ticket_id},
            body={"subject": arguments.subject, "body": arguments.body},
        )

    def result(self, reply: Reply) -> Json:
        body = reply.document if isinstance(reply.document, dict) else {}
        told = {name: body[name] for name in ("id", "ticket") if name in body}
        return {"mail": told} if told else reply.content()


def _recipient(ticket: Ticket) -> str:
    """The requester's address. Raises Stopped where that is none."""
    if not _ADDRESS.fullmatch(ticket.requester.email):
        raise Stopped(refused(f"the requester of {ticket.id} has no address that a mail can be sent to"))
    return ticket.requester.email
