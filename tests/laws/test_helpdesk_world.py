"""The helpdesk's world: the same each time, tenants apart, and worth reading before one acts."""

import re
from functools import cache

from embedded.helpdesk.knowledge import search
from embedded.helpdesk.seed import World, world

#: What resolves scores at least the one, what merely shares a word less than the other.
_RESOLVES, _CHANCE = 0.45, 0.35


@cache
def _world() -> World:
    return world()


def test_the_world_is_the_same_each_time() -> None:
    """Two first starts begin with the same tickets, articles and customers."""
    assert world() == world()


def test_the_world_has_three_tenants_with_enough_to_do() -> None:
    """Three tenants, some hundred tickets, about a hundred articles, about forty customers and orders."""
    made = _world()
    assert list(made.tickets) == ["acme", "globex", "initech"]
    assert sum(map(len, made.tickets.values())) == 189
    assert sum(map(len, made.articles.values())) == 102
    assert sum(map(len, made.customers.values())) == 42
    assert sum(map(len, made.orders.values())) == 42


def test_ids_belong_to_one_tenant() -> None:
    """No ticket, article, customer or order id is used twice, so an id never means two things."""
    made = _world()
    for by_tenant in (made.tickets, made.articles, made.customers, made.orders):
        ids = [one.id for some in by_tenant.values() for one in some]
        assert len(set(ids)) == len(ids)


def test_the_demonstrated_ticket_is_acmes_and_ready_to_close() -> None:
    """T-18421 is an open ticket of acme about an expired token whose customer confirmed the fix."""
    ticket = next(one for one in _world().tickets["acme"] if one.id == "T-18421")
    assert ticket.status == "open"
    assert "token expired" in ticket.subject
    assert ticket.conversation[-1]["author"] == ticket.requester["name"]
    assert "login works again" in ticket.conversation[-1]["text"]


def test_the_search_finds_the_article_that_resolves_a_ticket() -> None:
    """For each ticket with a resolving article, searching its subject ranks that one first."""
    made = _world()
    for tenant, tickets in made.tickets.items():
        for ticket in tickets:
            resolving = made.resolving.get((tenant, made.themes[ticket.id]))
            if resolving:
                best = search(made.articles[tenant], ticket.subject)[0]
                assert best.article.id == resolving, ticket.subject
                assert best.score >= _RESOLVES, ticket.subject


def test_the_search_scores_a_ticket_without_an_article_low() -> None:
    """For each ticket that no article resolves, what a search of its subject finds scores below the gap."""
    made = _world()
    unresolved = 0
    for tenant, tickets in made.tickets.items():
        for ticket in tickets:
            if (tenant, made.themes[ticket.id]) not in made.resolving:
                unresolved += 1
                hits = search(made.articles[tenant], ticket.subject)
                assert not hits or hits[0].score < _CHANCE, ticket.subject
    assert unresolved >= 15


def test_a_score_lies_between_nothing_and_one() -> None:
    """Whatever is asked, even an article's own title over and over, a score is above 0 and at most 1."""
    stock = _world().articles["acme"]
    for query in (
        stock[0].title * 20,
        "password",
        "zebra \x00 \U0001f600",
        "the and of",
        "'; DROP TABLE articles",
    ):
        assert all(0 <= hit.score <= 1 for hit in search(stock, query))


def test_each_tenants_tickets_differ_in_what_they_ask_for() -> None:
    """Every tenant has tickets at each stage, injections among them, and personal data among them."""
    for tickets in _world().tickets.values():
        assert {one.status for one in tickets} == {"open", "pending", "closed"}
        text = [f"{one.subject} {one.body}" for one in tickets]
        assert (
            sum(
                bool(re.search("(?i)ignore (the rules|previous)|system:|close all|PS\\.|API key", t))
                for t in text
            )
            >= 3
        )
        assert (
            sum(bool(re.search(r"@\w+\.example|4111 1111|5555 5555|\+1 202|\+49|DE89", t)) for t in text) >= 3
        )
        assert sum(not one.conversation for one in tickets) >= 3


def test_no_placeholder_is_left_in_the_texts() -> None:
    """Every text names the tenant's own product, none the place where it goes."""
    made = _world()
    for tenant in made.tickets:
        assert "{product}" not in repr(made.tickets[tenant]) + repr(made.articles[tenant])
        assert "{host}" not in repr(made.tickets[tenant]) + repr(made.articles[tenant])


def test_the_orders_are_their_tenants_customers_and_add_up() -> None:
    """Each is of its tenant's customer, costs what its items cost, and was refunded what its refunds say."""
    made = _world()
    for tenant, orders in made.orders.items():
        names = {customer.id: customer.name for customer in made.customers[tenant]}
        for order in orders:
            assert names[order.customer_id] == order.customer
            assert order.amount_cents == sum(one["quantity"] * one["unit_cents"] for one in order.items) > 0
            assert order.refunded_cents == sum(one["amount_cents"] for one in order.refunds)
        assert {order.currency for order in orders} == {"EUR", "USD"}
        left = {(order.refunded_cents > 0) + (order.refunded_cents == order.amount_cents) for order in orders}
        assert left == {0, 1, 2}, "untouched, refunded in part, and refunded in full"


def test_each_tenant_has_tickets_that_ask_for_refunds() -> None:
    """They come after all composed ones, are open, and name an order of their tenant's."""
    made = _world()
    for tenant, tickets in made.tickets.items():
        asking = [one for one in tickets if made.themes[one.id] == "refund"]
        assert asking == tickets[60:]
        orders = {order.id for order in made.orders[tenant]}
        for one in asking:
            assert one.status == "open"
            named = set(re.findall(r"O-[0-9]+", f"{one.subject} {one.body}"))
            assert len(named) == 1
            assert named <= orders
