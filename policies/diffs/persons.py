"""The people against who they were: who may approve, for whom, and by which identity."""

from collections.abc import Iterator
from functools import partial
from typing import Final

from contracts.approval import Person
from contracts.digest import Json
from policies.change import Change, Spot
from policies.diffs.keys import Compare, by_key, listed, names, said
from policies.people import People

SUBJECT: Final = "people"


def people(old: People, new: People, approving: frozenset[str]) -> Iterator[Change]:
    """``approving``: groups that may approve on a route of either rules."""
    before, after = (_by_principal(one) for one in (old, new))
    for principal in sorted({*before, *after}):
        yield from _person(before.get(principal), after.get(principal), approving)


def _by_principal(people: People) -> dict[str, Person]:
    return {person.principal: person for person in people.people}


def _person(old: Person | None, new: Person | None, approving: frozenset[str]) -> Iterator[Change]:
    person = new or old
    if person is None:
        return
    spot = Spot(subject=SUBJECT, rule=person.principal.removeprefix("principal:"))
    if new is None:
        yield spot.narrower(f"{said(person.principal)} is gone")
    elif old is None:
        yield from _joined(spot, new, approving)
    else:
        known: dict[str, Compare] = {**_PERSON, "groups": partial(_groups, approving)}
        yield from by_key(spot, _document(old), _document(new), known)


def _joined(spot: Spot, new: Person, approving: frozenset[str]) -> Iterator[Change]:
    groups = [group for group in new.groups if group in approving]
    who, whom = said(new.principal), listed(new.tenants)
    if groups:
        yield spot.wider(f"{who} is new and approves as {listed(groups)} for {whom}")
    else:
        yield spot.wider(f"{who} is new: runs for them can ask for writes")
    yield from _passkeys(spot.below("passkeys"), {}, _document(new)["passkeys"])


def _document(person: Person) -> Json:
    """With every key, and passkeys by their ids."""
    (entry,) = People(people=(person,)).document()["people"]
    keys = {key["credential_id"]: key for key in entry.get("passkeys", ())}
    return {"routes": None, "hours": None, **entry, "passkeys": keys}


def _groups(approving: frozenset[str], spot: Spot, old: Json, new: Json) -> Iterator[Change]:
    for group in new:
        if group not in old:
            text = f"is in {said(group)}"
            yield spot.wider(f"{text}, which approves") if group in approving else spot.sideways(text)
    for group in old:
        if group not in new:
            text = f"is in {said(group)} no more"
            yield spot.narrower(f"{text}, which approves") if group in approving else spot.sideways(text)


def _routes(spot: Spot, old: Json, new: Json) -> Iterator[Change]:
    """None is every route."""
    if new is None:
        yield spot.wider(f"may approve on every route, before on {listed(old)}")
    elif old is None:
        yield spot.narrower(f"may approve on {listed(new)} alone, before on every route")
    else:
        yield from names("may approve on {}", "may approve on {} no more", permits=True)(spot, old, new)


def _passkeys(spot: Spot, old: Json, new: Json) -> Iterator[Change]:
    """Whose device approves what is destructive: the change that an attacker wants most."""
    for identity, key in new.items():
        if identity not in old:
            yield spot.sideways(f"has a new passkey, {said(key.get('name') or identity)}", loud=True)
        elif old[identity] != key:
            loud = old[identity].get("public_key") != key.get("public_key")
            yield spot.sideways(f"the passkey {said(key.get('name') or identity)} is another", loud=loud)
    for identity, key in old.items():
        if identity not in new:
            yield spot.narrower(f"the passkey {said(key.get('name') or identity)} is gone")


def _in_slack(spot: Spot, old: Json, new: Json) -> Iterator[Change]:
    yield spot.sideways(f"clicks in Slack as {said(new)}, before as {said(old)}", loud=True)


def _subjects(spot: Spot, old: Json, new: Json) -> Iterator[Change]:
    """A subject more lets its runs ask for writes, and keeps this person from approving them."""
    yield spot.sideways(f"stands for {listed(new)}, before for {listed(old)}")


_PERSON: Final[dict[str, Compare]] = {
    "tenants": names("may approve for {}", "may approve for {} no more", permits=True),
    "routes": _routes,
    "passkeys": _passkeys,
    "slack_team": _in_slack,
    "slack_user": _in_slack,
    "subjects": _subjects,
}
