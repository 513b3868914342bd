"""Break-glass: who may ask for a session and consent to it, for what, and who is told. Pure rules.

A rule comes to a sentence, which is why not; None: it does not object.
"""

import json
from collections.abc import Collection, Iterable
from typing import Final

from contracts.approval import Person
from contracts.break_glass import CONSENT_MINUTES, GROUP, LONGEST_MINUTES, Opening
from contracts.tool import Catalogue
from policies.people import EVERY_TENANT, People, short_name
from policies.route import Route

SHORTEST_REASON: Final = 10
LONGEST_REASON: Final = 500
MOST_TOOLS: Final = 20
LONGEST_OPENING: Final = 3_000
"""Characters of its JSON."""

_MINUTE_MS: Final = 60_000


def lapses_ms(opening: Opening) -> int:
    """From when on nobody consents to it any more."""
    return opening.asked_ms + CONSENT_MINUTES * _MINUTE_MS


def until_ms(opening: Opening, opened_ms: int) -> int:
    """From when on nothing of it leaves any more."""
    return opened_ms + opening.minutes * _MINUTE_MS


def tenants_of(person: Person) -> tuple[str, ...]:
    """By name: who stands for every tenant stands for none here."""
    return tuple(name for name in person.tenants if name != EVERY_TENANT)


def outside(person: Person, tenant: str) -> str | None:
    """Why this person has no word on break-glass for that tenant."""
    name = short_name(person.principal)
    if GROUP not in person.groups:
        return f"{name} is not in the group {GROUP}"
    if tenant not in tenants_of(person):
        return f"{tenant} is not named among the tenants of {name}"
    return None


def subject_of_a_run(person: Person, acted_for: Collection[str]) -> str | None:
    """Why this person may neither open nor consent: an open run of the tenant acts for them."""
    if {person.principal, *person.subjects}.isdisjoint(acted_for):
        return None
    return f"an open run of this tenant acts for {short_name(person.principal)}"


def unfit(opening: Opening, catalogue: Catalogue, people: People) -> str | None:
    """Why an opening is none that anybody may consent to, whoever asks for it."""
    return (
        _unfit_reason(opening.reason)
        or _unfit_minutes(opening.minutes)
        or _unfit_tools(opening.tools, catalogue)
        or (None if opening.tenant in people.tenants() else f"nobody stands for a tenant {opening.tenant}")
        or _unfit_length(opening)
    )


def _unfit_reason(reason: str) -> str | None:
    if len(reason.strip()) < SHORTEST_REASON:
        return f"say why, in {SHORTEST_REASON} characters or more"
    if len(reason) > LONGEST_REASON:
        return f"say why in {LONGEST_REASON} characters at most"
    return None if reason.isprintable() else "say why in one line of text"


def _unfit_minutes(minutes: int) -> str | None:
    if 1 <= minutes <= LONGEST_MINUTES:
        return None
    return f"a session is open for 1 to {LONGEST_MINUTES} minutes"


def _unfit_tools(tools: Collection[str], catalogue: Catalogue) -> str | None:
    if not 1 <= len(tools) <= MOST_TOOLS:
        return f"name 1 to {MOST_TOOLS} tools"
    for name in tools:
        spec = catalogue.tools.get(name)
        if spec is None:
            return f"the catalogue in force has no tool {name}"
        if not spec.effect.writes:
            return f"{name} only reads: nobody needs break-glass for it"
    return None


def _unfit_length(opening: Opening) -> str | None:
    """It is signed, and travels in a header of every request to a tool's service."""
    if len(json.dumps(opening.document())) <= LONGEST_OPENING:
        return None
    return "it is too long to be signed; name fewer tools and switches, in fewer words"


def inconsent(opening: Opening, person: Person, now_ms: int) -> str | None:
    """Why this person's consent to it does not count, its signature aside."""
    if person.principal == opening.opener:
        return "another person than the opener has to consent"
    if now_ms >= lapses_ms(opening):
        return f"nobody consented within {CONSENT_MINUTES} minutes; it has to be asked for again"
    return None


def skipped(opening: Opening, consenter: str, routes: Iterable[Route], people: People) -> tuple[str, ...]:
    """Principals of everybody who would be asked, on some route, before one of these tools writes.

    Of those whom Slack knows: nobody else is asked there, or can be told there.
    """
    found = {
        person.principal
        for route in routes
        if _allows(route, opening.tools)
        for person in people.people
        if person.slack_user and _asked(route, person, opening.tenant)
    }
    return tuple(sorted(found - {opening.opener, consenter}))


def _allows(route: Route, tools: Iterable[str]) -> bool:
    return any(name in route.allow_tools and name not in route.deny_tools for name in tools)


def _asked(route: Route, person: Person, tenant: str) -> bool:
    terms = route.approval.terms
    groups = {terms.group, terms.escalate_to} - {""}
    here = person.routes is None or route.name in person.routes
    return here and tenant in person.tenants and not groups.isdisjoint(person.groups)
