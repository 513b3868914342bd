"""The world at the first start: composed from the hand-written pieces in ``world/``, the same each time."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from importlib.resources import files
from typing import Any

import yaml

from embedded.helpdesk import customers, knowledge, purchases, tickets
from embedded.helpdesk.composition import Draft, compose, filled, written
from embedded.helpdesk.customers import Customer
from embedded.helpdesk.knowledge import Article
from embedded.helpdesk.purchases import Purchase
from embedded.helpdesk.sales import sales
from embedded.helpdesk.tickets import Ticket

_COMPOSED, _REQUESTS = 60, 3
"""Tickets of a tenant that are composed, and after them those that ask for a refund, all written by hand."""
_FIRST_TICKET, _TICKET_STEP = 18001, 7
_PIECES = ("tenants", "themes", "asides", "tickets", "goods")
_ARTICLES_UPDATED = "2026-09-14T09:00:00.000Z"


@dataclass(frozen=True, kw_only=True)
class World:
    """Everything the helpdesk starts with, by tenant."""

    customers: dict[str, list[Customer]] = field(default_factory=dict)
    articles: dict[str, list[Article]] = field(default_factory=dict)
    tickets: dict[str, list[Ticket]] = field(default_factory=dict)
    orders: dict[str, list[Purchase]] = field(default_factory=dict)
    #: Ticket id to the theme that it is about.
    themes: dict[str, str] = field(default_factory=dict)
    #: Tenant and theme to the id of the article that resolves it; absent: none does.
    resolving: dict[tuple[str, str], str] = field(default_factory=dict)


def seed(connection: sqlite3.Connection) -> bool:
    """Fill an empty database; says whether it was empty. What has been changed since is left alone.

    One from before there were orders gets these, and the tickets that ask to have them refunded.
    """
    made, first = world(), _empty(connection, "tickets")
    if first:
        _save(connection, made)
    if _empty(connection, "orders"):
        _save_orders(connection, made)
    return first


def _empty(connection: sqlite3.Connection, table: str) -> bool:
    return connection.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone() is None  # noqa: S608 - a table's name from this file


def _save(connection: sqlite3.Connection, made: World) -> None:
    for tenant in made.tickets:
        for customer in made.customers[tenant]:
            customers.save(connection, tenant, customer)
        for article in made.articles[tenant]:
            knowledge.save(connection, tenant, article)
        for ticket in made.tickets[tenant][:_COMPOSED]:
            tickets.save(connection, tenant, ticket)


def _save_orders(connection: sqlite3.Connection, made: World) -> None:
    for tenant in made.tickets:
        for order in made.orders[tenant]:
            purchases.save(connection, tenant, order)
        for ticket in made.tickets[tenant][_COMPOSED:]:
            tickets.save(connection, tenant, ticket)


def world() -> World:
    made, pieces = World(), {name: _load(name) for name in _PIECES}
    for place, (tenant, about) in enumerate(pieces["tenants"].items()):
        made.customers[tenant] = list(_customers(about))
        made.articles[tenant] = list(_articles(made, tenant, about, pieces["themes"]))
        compose_one = partial(_ticket, made, pieces, tenant, place)
        made.tickets[tenant] = [compose_one(number) for number in range(_COMPOSED + _REQUESTS)]
        made.orders[tenant] = list(
            sales(
                made.customers[tenant],
                pieces["goods"][tenant],
                seller=about["product"],
                places=(place, len(pieces["tenants"])),
            )
        )
    return made


def _load(name: str) -> dict[str, Any]:
    text = files("embedded.helpdesk").joinpath("world", f"{name}.yaml").read_text("utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def _customers(about: dict[str, Any]) -> Iterator[Customer]:
    for number, one in enumerate(about["customers"], start=about["customers_from"]):
        first, _, last = one["name"].lower().partition(" ")
        yield Customer(
            id=f"C-{number}",
            name=one["name"],
            email=f"{first}.{last.replace(' ', '')}@{one['domain']}",
            phone=f"+1 202 555 01{number % 100:02d}",
            company=one["company"],
            plan=one["plan"],
            since=f"{2019 + number % 7}-{1 + number % 12:02d}-15",
        )


def _articles(made: World, tenant: str, about: dict[str, Any], themes: dict[str, Any]) -> Iterator[Article]:
    """The first article of a theme is the one that resolves it."""
    number = about["articles_from"]
    for theme, content in themes.items():
        for place, one in enumerate(content["articles"]):
            if place == 0:
                made.resolving[tenant, theme] = f"KB-{number}"
            yield Article(
                id=f"KB-{number}",
                title=one["title"],
                body=filled(one["body"], about),
                keywords=one["keywords"],
                updated_at=_ARTICLES_UPDATED,
            )
            number += 1


def _ticket(made: World, pieces: dict[str, Any], tenant: str, tenant_place: int, number: int) -> Ticket:
    place = number * len(pieces["tenants"]) + tenant_place
    ticket_id = f"T-{_FIRST_TICKET + _TICKET_STEP * place}"
    by_hand = pieces["tickets"].get(ticket_id)
    names = list(pieces["themes"])
    theme = by_hand["theme"] if by_hand else names[(number * 8 + tenant_place * 5) % len(names)]
    made.themes[ticket_id] = theme
    people = made.customers[tenant]
    draft = Draft(
        id=ticket_id,
        place=place,
        number=number,
        tenant=pieces["tenants"][tenant],
        customer=people[by_hand["customer"] if by_hand else number % len(people)],
        theme=pieces["themes"].get(theme, {}),
        article=made.resolving.get((tenant, theme)),
        asides=pieces["asides"],
    )
    return written(draft, by_hand) if by_hand else compose(draft)
