"""``people.yaml`` as people, with the place of each mistake."""

from collections.abc import Iterator
from typing import Annotated, Any, Final
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from contracts.approval import Hours, Person
from contracts.passkey import Passkey
from policies.people import People, full_principal
from policies.problem import Problem, did_you_mean
from policies.reserved import reserved
from policies.source import Place, Source


class SlackEntry(BaseModel):
    """A Slack user: ids, since names are mutable."""

    model_config = ConfigDict(extra="forbid", strict=True)

    team: str = Field(pattern=r"^T[A-Z0-9]+$")
    user: str = Field(pattern=r"^[UW][A-Z0-9]+$")


_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEK: Final[list[Any]] = list(_DAYS)
_CLOCK: Final = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
_BASE64URL: Final = r"^[A-Za-z0-9_-]{16,2000}$"


def _day(name: str) -> str:
    if name not in _DAYS:
        raise ValueError(f"`{name[:20]}` is no day; write one of {', '.join(_DAYS)}")
    return name


def _zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"`{name[:40]}` is no time zone; write one like Europe/Berlin")
    return name


class HoursEntry(BaseModel):
    """When a person is at work."""

    model_config = ConfigDict(extra="forbid", strict=True)

    days: list[Annotated[str, AfterValidator(_day), Field(json_schema_extra={"enum": _WEEK})]] = Field(
        min_length=1
    )
    start: str = Field(pattern=_CLOCK, alias="from")
    until: str = Field(pattern=_CLOCK, alias="to")
    zone: Annotated[str, AfterValidator(_zone)]


class PasskeyEntry(BaseModel):
    """A device that signs approvals of destructive actions."""

    model_config = ConfigDict(extra="forbid", strict=True)

    id: str = Field(pattern=_BASE64URL)
    public_key: str = Field(pattern=_BASE64URL)
    name: str = Field(default="", max_length=80)


class PersonEntry(BaseModel):
    """Who may approve, and for whom."""

    model_config = ConfigDict(extra="forbid", strict=True)

    slack: SlackEntry | None = None
    subjects: list[str] = Field(default_factory=list)
    groups: list[str] = Field(default_factory=list)
    tenants: list[str] = Field(default_factory=list)
    routes: list[str] | None = None
    hours: HoursEntry | None = None
    passkeys: list[PasskeyEntry] = Field(default_factory=list)


_KEYS: Final = (
    *PersonEntry.model_fields,
    *SlackEntry.model_fields,
    *("days", "from", "to", "zone"),
    *PasskeyEntry.model_fields,
)
_ENTRY: Final = TypeAdapter(PersonEntry)


def read_people(source: Source) -> tuple[People, list[Problem]]:
    """The people whose entries are sound, and what is wrong with the others."""
    value = source.value
    if not isinstance(value, dict) or not isinstance(value.get("people"), dict):
        return People(people=()), [
            source.problem((), "people.yaml holds one key, `people`, with the people in it")
        ]
    problems = [
        source.problem((key,), f"`{key}` is no key of people.yaml", did_you_mean(key, ["people"]))
        for key in value
        if key != "people"
    ]
    claimed: dict[str, Place] = {}
    people = []
    for name, body in value["people"].items():
        entry = _entry(source, name, body, problems)
        if entry is not None:
            person = _person(name, entry)
            problems += _claims(source, name, person, claimed)
            people.append(person)
    return People(people=tuple(people)), problems


def _entry(source: Source, name: str, body: Any, problems: list[Problem]) -> PersonEntry | None:
    place: Place = ("people", name)
    if not name.removeprefix("principal:").strip() or any(character.isspace() for character in name):
        problems.append(source.problem(place, f"`{name}` is no principal", "write one like principal:ada"))
    problems += reserved(source, place, "principal", name)
    try:
        entry = _ENTRY.validate_python({} if body is None else body)
    except ValidationError as error:
        problems += [_problem(source, place, fault["loc"], fault["msg"]) for fault in error.errors()]
        return None
    problems += _check(source, place, entry)
    return entry


def _check(source: Source, place: Place, entry: PersonEntry) -> Iterator[Problem]:
    if entry.hours is not None and entry.hours.start >= entry.hours.until:
        text = f"the hours end at {entry.hours.until}, before they begin at {entry.hours.start}"
        yield source.problem((*place, "hours"), text, "hours over midnight are two people's")
    for key, kind in (("subjects", "subject"), ("tenants", "tenant")):
        for at, name in enumerate(getattr(entry, key)):
            yield from reserved(source, (*place, key, at), kind, name)


def _problem(source: Source, place: Place, loc: Place, message: str) -> Problem:
    inner = (*place, *loc)
    key = str(loc[-1]) if loc else ""
    hint = did_you_mean(key, _KEYS) if message.startswith("Extra inputs") else ""
    text = (
        "is no key of a person" if message.startswith("Extra inputs") else message.replace("Input", "it", 1)
    )
    return source.problem(inner, f"`{'.'.join(map(str, inner))}`: {text}", hint)


def _person(name: str, entry: PersonEntry) -> Person:
    return Person(
        principal=full_principal(name),
        slack_team=entry.slack.team if entry.slack else None,
        slack_user=entry.slack.user if entry.slack else None,
        subjects=tuple(entry.subjects),
        groups=tuple(entry.groups),
        tenants=tuple(entry.tenants),
        routes=None if entry.routes is None else tuple(entry.routes),
        hours=None if entry.hours is None else _hours(entry.hours),
        passkeys=tuple(
            Passkey(credential_id=one.id, public_key=one.public_key, name=one.name) for one in entry.passkeys
        ),
    )


def _hours(hours: HoursEntry) -> Hours:
    return Hours(
        days=tuple(sorted({_DAYS.index(day) for day in hours.days})),
        start=_minutes(hours.start),
        until=_minutes(hours.until),
        zone=hours.zone,
    )


def _minutes(clock: str) -> int:
    hour, _, minute = clock.partition(":")
    return int(hour) * 60 + int(minute)


def _claims(source: Source, name: str, person: Person, claimed: dict[str, Place]) -> list[Problem]:
    """Identities of this person that somebody else has already."""
    place: Place = ("people", name)
    identities: dict[str, Place] = {person.principal: place}
    if person.slack_user:
        identities[f"{person.slack_team}/{person.slack_user}"] = (*place, "slack")
    for at, subject in enumerate(person.subjects):
        identities[subject] = (*place, "subjects", at)
    for at, passkey in enumerate(person.passkeys):
        identities[f"passkey {passkey.credential_id}"] = (*place, "passkeys", at)
    problems = []
    for identity, where in identities.items():
        first = claimed.setdefault(identity, where)
        if first != where:
            text = f"`{identity}` belongs to `{first[1]}` already; one identity names one person"
            problems.append(source.problem(where, text, f"first in line {source.line(first)}"))
    return problems
