"""Who looks at a page: the cookie's secret, and the person of the people file behind it.

The secret of a cookie is random and stays with the browser; the store has its digest. It says nothing until
somebody signs in, and at every sign-in it is a new one, so nobody can be led into another's session.
"""

import hashlib
import re
import secrets
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from contracts.approval import Person
from contracts.digest import digest_bytes
from contracts.ports import Clock
from gateway.in_force import InForce
from gateway.pages.faults import Fault
from gateway.pages.glass import Broken
from gateway.parts import PagesApp, Parts, parts_of
from policies.people import People, short_name

LIFE_MS: Final = 8 * 3_600_000
"""Of a session, however much it is used: a working day."""

_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{43}")


class House(Protocol):
    """What the pages of any process need of its parts."""

    @property
    def env(self) -> str: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def in_force(self) -> InForce: ...
    @property
    def pages(self) -> PagesApp | None: ...

    async def broken(self) -> tuple[Broken, ...]:
        """Sessions of break-glass that every page tells of."""
        ...


Of = TypeVar("Of", bound=House, covariant=True)
Asked = TypeVar("Asked", bound=House)


@dataclass(frozen=True, kw_only=True)
class Visit(Generic[Of]):
    """One request of one browser."""

    parts: Of
    pages: PagesApp
    people: People
    #: 256 bits, base64url.
    secret: str
    #: Whom the session names; None: nobody is signed in.
    principal: str | None
    #: That principal in the people file, as it stands now.
    person: Person | None
    #: Open sessions of break-glass, which everybody who is signed in is told of.
    broken: tuple[Broken, ...] = ()

    @property
    def session(self) -> str:
        """As the store names it; another environment's differs."""
        return session_of(self.secret, self.parts.env)

    @property
    def csrf(self) -> str:
        """What every form of this browser carries."""
        return hashlib.sha256(f"csrf:{self.secret}".encode()).hexdigest()

    @property
    def enrolment(self) -> bytes:
        """What a new passkey's authenticator is challenged with; what it answers is stored nowhere."""
        return hashlib.sha256(f"passkey:{self.secret}".encode()).digest()

    @property
    def name(self) -> str:
        return short_name(self.principal or "")

    def signed_in(self) -> Person:
        """Raises Fault where nobody is, or somebody who is not in the people file any more."""
        if self.principal is None:
            raise Fault(401, "Sign in to see what waits for you.")
        if self.person is None:
            raise Fault(403, f"{self.principal} is not in the people file, so there is nothing to decide.")
        return self.person


async def visit_of(request: Request) -> Visit[Parts]:
    """Whoever asks the gateway."""
    return await visiting(request, parts_of(request))


async def visit_at(request: Request) -> Visit[House]:
    """Whoever asks, whichever process's pages these are."""
    parts: Any = request.app.state.parts
    return await visiting(request, parts)


async def visiting(request: Request, parts: Asked) -> Visit[Asked]:
    """Whoever asks; a browser without a cookie of ours gets a secret that means nothing yet."""
    pages = parts.pages
    assert pages is not None  # noqa: S101 - gateway.pages.site asks no page where there are none
    held = request.cookies.get(cookie_name(pages), "")
    secret = held if _SECRET.fullmatch(held) else new_secret()
    principal = await pages.sessions.find(session_of(secret, parts.env)) if secret == held else None
    people = await parts.in_force.people()
    visit = Visit(
        parts=parts,
        pages=pages,
        people=people,
        secret=secret,
        principal=principal,
        person=None if principal is None else people.by_principal(principal),
        broken=() if principal is None else await parts.broken(),
    )
    request.state.visit = visit
    request.state.principal = Named(subject=principal) if principal else None
    return visit


@dataclass(frozen=True, kw_only=True)
class Named:
    """Whom a request's log line names."""

    subject: str


def new_secret() -> str:
    return secrets.token_urlsafe(32)


def session_of(secret: str, env: str) -> str:
    return digest_bytes(f"session:{env}:{secret}".encode())


def cookie_name(pages: PagesApp) -> str:
    """``__Host-``: no other host, path or plain connection may set it (RFC 6265bis, section 4.1.3.2)."""
    return f"__Host-{pages.look.cookie}" if pages.at.secure else pages.look.cookie


def give(response: Response, pages: PagesApp, secret: str) -> None:
    """Have the browser keep the secret; it comes with links from elsewhere, and with no other's forms."""
    response.set_cookie(
        cookie_name(pages),
        secret,
        max_age=LIFE_MS // 1_000,
        path="/",
        secure=pages.at.secure,
        httponly=True,
        samesite="lax",
    )


def remember(response: Response, pages: PagesApp, path: str) -> None:
    """Have the browser keep which page somebody wanted to see, until they are signed in."""
    if pages.look.wanted.fullmatch(path):
        response.set_cookie(
            _wanted(pages),
            path,
            max_age=600,
            path="/sign-in",
            secure=pages.at.secure,
            httponly=True,
            samesite="lax",
        )


def wanted(request: Request, pages: PagesApp) -> str:
    """Where to go after signing in. Whoever else sets that cookie leads to a page of ours, and no further."""
    held = request.cookies.get(_wanted(pages), "")
    return held if pages.look.wanted.fullmatch(held) else pages.look.home


def _wanted(pages: PagesApp) -> str:
    return f"{pages.look.cookie}-wanted"


def take(response: Response, pages: PagesApp) -> None:
    response.delete_cookie(
        cookie_name(pages), path="/", secure=pages.at.secure, httponly=True, samesite="lax"
    )
