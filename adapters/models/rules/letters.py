"""Answers to customers, from a ticket and the article that is about it."""

from dataclasses import dataclass
from typing import Final

from adapters.models.rules.reading import Article, Ticket
from adapters.models.rules.words import line

_REGARDS: Final = "Kind regards,\nSupport"


@dataclass(frozen=True, kw_only=True)
class Letter:
    """A mail that could be sent: plain lines, with nothing of the ticket's text in it but its subject."""

    subject: str
    body: str
    #: Why it says what it says, in half a sentence.
    because: str

    def arguments(self, ticket: Ticket) -> dict[str, str]:
        return {"ticket_id": ticket.id, "subject": self.subject, "body": self.body}


def letter(ticket: Ticket, article: Article | None) -> Letter:
    """Thanks, an apology, the article's answer, or word that somebody looks into it."""
    if ticket.confirmed:
        again = f" Should it come back, our article {article.named} says what to do." if article else ""
        says, because = "thank you for telling us that it works." + again, "the customer says that it works"
    elif ticket.in_vain:
        says = "we are sorry that this did not help. A colleague looks into it and comes back to you."
        because = "the customer says that help was in vain"
    elif article is None:
        says = "thank you for writing to us. A colleague looks into it and comes back to you."
        because = "no article of the knowledge base covers it"
    else:
        says, because = _answer(article), f"{article.named} covers it"
    name = line(ticket.name, 80)
    greeting = f"Hello {name}," if name else "Hello,"
    return Letter(subject=_subject(ticket), body=f"{greeting}\n\n{says}\n\n{_REGARDS}", because=because)


def _answer(article: Article) -> str:
    snippet = line(article.snippet, 600)
    return (
        f"this is what helps:\n\n{snippet or article.named}\n\n"
        f"You find the whole of it in our article {article.named}."
        " If it does not help, please answer this mail."
    )


def _subject(ticket: Ticket) -> str:
    return f"Re: {line(ticket.subject, 140) or f'your ticket {ticket.id}'}"
