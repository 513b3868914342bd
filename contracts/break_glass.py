"""Break-glass: a person acts around the agents, with another's consent, for minutes, in front of everyone.

What is signed here is signed by the break-glass process alone, and nothing of the agent runtime reads it
(article: "why it should be painful": manual, time-limited, loudly audited, not available to the agents).
"""

import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final, Self

from contracts import keys
from contracts.budget import Budget
from contracts.digest import Json, digest
from contracts.errors import Malformed, TokenRefused
from contracts.passkey import Assertion
from contracts.run import RunRecord
from contracts.tokens import Warrant

ROUTE: Final = "break-glass"
"""Stands in a session's rows where a run has its route. No route is called so."""
GROUP: Final = "break-glass"
"""Of the people file: who may open, consent, close and settle."""
LONGEST_MINUTES: Final = 30
CONSENT_MINUTES: Final = 15
"""For so long an opening waits for the second person."""
MOST_ASKED: Final = 10
"""Sessions that a person asks for within an hour: everybody is told of each, and a thousand hide one."""
MOST_ACTS: Final = 100
"""Of a session: everybody is told of each."""

_SESSION: Final = re.compile(r"bg_[0-9a-f]{16}")


def new_session_id() -> str:
    return f"bg_{secrets.token_hex(8)}"


def is_session(identity: str) -> bool:
    """Whether an id is a session's, and so no run's."""
    return _SESSION.fullmatch(identity) is not None


def actor_of(run: Warrant | RunRecord) -> str:
    """Whom the audit names as the one who acts: of a run ``run``, of a session its person."""
    return run.caller if run.route == ROUTE else "run"


class SessionState(StrEnum):
    """Where a session is. The last three are ends."""

    #: Opened by one person, and nobody has consented yet.
    WAITING = "waiting"
    OPEN = "open"
    #: It was open: its minutes are over, somebody closed it, or its process ended.
    CLOSED = "closed"
    #: Somebody of the group closed it before anybody consented.
    REFUSED = "refused"
    #: Nobody consented in time.
    LAPSED = "lapsed"

    @property
    def ended(self) -> bool:
        return self not in (SessionState.WAITING, SessionState.OPEN)


@dataclass(frozen=True, kw_only=True)
class Overridden:
    """A kill switch that a session goes past: this stop of it, and no later one."""

    #: ``all``, ``tool:…``, ``tenant:…`` or ``route:…``.
    scope: str
    #: Unix milliseconds of the stop.
    stopped_ms: int


@dataclass(frozen=True, kw_only=True)
class Opening:
    """What one person asks for and another consents to. Its digest is what the passkey signs."""

    session_id: str
    tenant: str
    env: str
    #: Names of writing tools of the catalogue, in alphabetical order.
    tools: tuple[str, ...]
    catalogue_digest: str
    reason: str
    minutes: int
    overrides: tuple[Overridden, ...]
    #: ``principal:…``.
    opener: str
    #: Unix milliseconds.
    asked_ms: int

    def document(self) -> Json:
        return {
            **asdict(self),
            "tools": list(self.tools),
            "overrides": [asdict(one) for one in self.overrides],
        }

    def digest(self) -> str:
        """No digest of anything else is equal: an approval's passkey consents to nothing here."""
        return digest(["break-glass opening", self.document()])

    @classmethod
    def read(cls, document: Json) -> Self:
        """Raises Malformed when the document is no opening."""
        try:
            overrides = tuple(Overridden(**one) for one in document["overrides"])
            return cls(**{**document, "tools": tuple(document["tools"]), "overrides": overrides})
        except (KeyError, TypeError) as error:
            raise Malformed(f"this is no opening of break-glass: {error}") from error


@dataclass(frozen=True, kw_only=True)
class Session:
    """An opening that was consented to: what the break-glass key signs, and every act is bound to."""

    opening: Opening
    #: Another person than the opener.
    consenter: str
    #: Of the consenter's passkey, over the opening's digest.
    assertion: Assertion
    #: Unix milliseconds.
    opened_ms: int
    #: Unix milliseconds from which nothing of it leaves any more.
    until_ms: int

    def claims(self) -> dict[str, Any]:
        return {
            "kind": "session",
            **asdict(self),
            "opening": self.opening.document(),
        }

    @classmethod
    def read(cls, claims: Mapping[str, Any]) -> Self:
        """Raises TokenRefused when it is no session's."""
        given = dict(claims)
        if given.pop("kind", None) != "session":
            raise TokenRefused("this is no session of break-glass")
        try:
            opening, assertion = Opening.read(given["opening"]), Assertion.read(given["assertion"])
            return cls(**{**given, "opening": opening, "assertion": assertion})
        except (KeyError, TypeError, Malformed) as error:
            raise TokenRefused(f"the session lacks a field: {error}") from error

    def warrant(self) -> Warrant:
        """What stands in its rows where a run has its warrant. Nobody signs it: it opens no run."""
        opening = self.opening
        return Warrant(
            run_id=opening.session_id,
            request_id=keys.request_id(
                tenant=opening.tenant, env=opening.env, caller=opening.opener, key=opening.session_id
            ),
            caller=opening.opener,
            tenant=opening.tenant,
            env=opening.env,
            route=ROUTE,
            on_behalf_of=None,
            input_digest=opening.digest(),
            policy_digest=opening.digest(),
            catalogue_digest=opening.catalogue_digest,
            budget=Budget(steps=0, seconds=0, usd="0", denials=0),
        )


@dataclass(frozen=True, kw_only=True)
class ActSeal:
    """The break-glass process's word that its person confirmed this digest for this act."""

    session_id: str
    action_id: str
    action_digest: str
    #: Unix milliseconds.
    confirmed_ms: int

    def claims(self) -> dict[str, Any]:
        return {"kind": "act", **asdict(self)}

    @classmethod
    def read(cls, claims: Mapping[str, Any]) -> Self:
        """Raises TokenRefused when it is no act's."""
        given = dict(claims)
        if given.pop("kind", None) != "act":
            raise TokenRefused("this is no act of break-glass")
        try:
            return cls(**given)
        except TypeError as error:
            raise TokenRefused(f"the act lacks a field: {error}") from error


@dataclass(frozen=True, kw_only=True)
class SessionRecord:
    """A session's row."""

    opening: Opening
    state: SessionState
    #: The signed session; None while it waits, or where it never opened.
    token: str | None
    consenter: str | None
    opened_ms: int | None
    until_ms: int | None
    ended_ms: int | None
    #: Who ended it: ``principal:…``, or ``break-glass`` of what ends by itself.
    ended_by: str | None
    ended_why: str
    #: Principals of the approvers who were skipped, and told so.
    told: tuple[str, ...]
    #: What came of it; None until it has ended, or where the tenant was forgotten.
    report: Json
    report_digest: str | None
