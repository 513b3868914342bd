"""Callers' tokens: who asks, and what the token lets them reach."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, TypeAlias
from urllib.parse import parse_qsl

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from contracts.audit import SYSTEM_TENANT
from contracts.errors import InterlockError, TokenRefused
from contracts.tokens import Purpose, Verifier
from gateway.bodies import repeated
from gateway.problems import BODY_LIMIT, Problem, ProblemType, of_error, too_large
from gateway.walls import refusal
from policies.arguments import clean
from policies.switches import Reach

OPEN: Final = frozenset(
    {
        "/healthz",
        "/readyz",
        "/openapi.json",
        "/.well-known/jwks.json",
        "/slack/interactions",
        "/slack/commands",
    }
)
"""Paths that need no token; every other does, whether it exists or not."""

_LONGEST: Final = 8_192
_LONGEST_CHAIN: Final = 8


class Kind(StrEnum):
    """What a token's holder is."""

    CALLER = "caller"
    APPROVER = "approver"
    OPERATOR = "operator"


@dataclass(frozen=True, kw_only=True)
class Principal:
    """A verified token's holder, and how far it reaches."""

    kind: Kind
    #: ``svc:demo``, ``principal:ada``, ``op:local``; of a delegated token its actor (RFC 8693, section 4.1).
    subject: str
    #: None: every tenant, of an operator; those of the people file, of an approver.
    tenant: str | None
    #: None: every route.
    routes: tuple[str, ...] | None
    #: Unix seconds at which the token runs out.
    expires: int
    #: Of a caller's delegated token: its subject, then its prior actors, the latest first.
    delegation: tuple[str, ...] = ()

    @property
    def reach(self) -> Reach:
        """Of its word on kill switches."""
        return Reach(tenants=None if self.tenant is None else (self.tenant,), routes=self.routes)

    def reaches(self, *, tenant: str, route: str) -> bool:
        return self.tenant in (None, tenant) and self.may_use(route)

    def may_use(self, route: str) -> bool:
        return self.routes is None or route in self.routes


_Subject = Annotated[str, Field(pattern=r"^[a-z]+:[!-~]{1,180}$")]


class _Actor(BaseModel):
    model_config = ConfigDict(strict=True)

    sub: _Subject
    act: "_Actor | None" = None

    def chain(self) -> tuple[str, ...]:
        return (self.sub, *(self.act.chain() if self.act else ()))


class _Claims(BaseModel):
    model_config = ConfigDict(strict=True)

    kind: Literal["caller", "approver", "operator"]
    sub: _Subject
    #: Who acts for ``sub``; nested, who acted before.
    act: _Actor | None = None
    tenant: str | None
    env: str
    routes: list[str] = Field(min_length=1)
    exp: int


_TENANT: Final = r"[a-z0-9][a-z0-9-]{0,62}"
_PREFIXES: Final = {Kind.APPROVER: "principal:", Kind.OPERATOR: "op:"}


def read_principal(claims: Mapping[str, Any], env: str) -> Principal:
    """Who verified claims name.

    Raises:
        TokenRefused: a claim is missing or none, or the token is another environment's.
    """
    try:
        found = _Claims.model_validate(dict(claims))
    except ValidationError as error:
        place = error.errors()[0]["loc"][0]
        raise TokenRefused(f"the token's claim {place} is missing or none; get a new one") from error
    if found.env != env:
        raise TokenRefused(f"the token is for another environment than {env}")
    kind = Kind(found.kind)
    if not found.sub.startswith(_PREFIXES.get(kind, "")):
        raise TokenRefused(f"the token's sub is no {kind}'s")
    actor, *prior = found.act.chain() if found.act else (found.sub,)
    if found.act and (kind is not Kind.CALLER or len(prior) >= _LONGEST_CHAIN):
        raise TokenRefused(f"only a caller acts for somebody, through {_LONGEST_CHAIN} others at most")
    routes = None if "*" in found.routes else tuple(found.routes)
    return Principal(
        kind=kind,
        subject=actor,
        tenant=_tenant(kind, found.tenant),
        routes=routes,
        expires=found.exp,
        delegation=(found.sub, *prior) if found.act else (),
    )


def _tenant(kind: Kind, tenant: str | None) -> str | None:
    if kind is Kind.OPERATOR and tenant == "*":
        return None
    if kind is Kind.APPROVER and tenant is None:
        return None
    # Who was called like the chain of what belongs to no tenant would read it, and write into it.
    if tenant is None or tenant in ("", "*", SYSTEM_TENANT):
        raise TokenRefused(f"the token names no tenant that a {kind}'s may")
    return tenant


def bearer(headers: Headers) -> str:
    """The bearer token of a request. Raises TokenRefused where there is not exactly one."""
    given = headers.getlist("authorization")
    if not given:
        raise TokenRefused("this call needs a token: send Authorization: Bearer …")
    if len(given) > 1:
        raise TokenRefused("send one Authorization header, not several")
    scheme, _, token = given[0].partition(" ")
    if scheme.lower() != "bearer" or not 0 < len(token) <= _LONGEST:
        raise TokenRefused("the Authorization header holds no bearer token; send Authorization: Bearer …")
    return token


Who: TypeAlias = Callable[[str], Awaitable[Any]]
"""Whom a bearer token names; it raises InterlockError, TokenRefused where it names nobody here."""


async def known(verifier: Verifier, env: str, token: str) -> Principal:
    """The principal of a caller's token. Raises TokenRefused."""
    return read_principal(verifier.verify(Purpose.CALLERS, token), env)


class Door:
    """ASGI middleware: nothing of a request is read before its sender is known and its length bounded."""

    def __init__(self, app: ASGIApp, *, who: Who, open_to_all: Collection[str] = OPEN) -> None:
        self._app = app
        self._who = who
        self._open = open_to_all

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        problem = await self._problem(scope, Headers(scope=scope))
        if problem is not None:
            await problem.response()(scope, receive, send)
        else:
            await self._app(scope, _bounded(receive), send)

    async def _problem(self, scope: Scope, headers: Headers) -> Problem | None:
        open_to_all = scope["path"] in self._open
        if not open_to_all:
            try:
                scope.setdefault("state", {})["principal"] = await self._who(bearer(headers))
            except TokenRefused as error:
                return Problem(ProblemType.UNAUTHENTICATED, error.sentence, field="Authorization")
            except InterlockError as error:
                return of_error(error)
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length[:20]) > BODY_LIMIT:
            return too_large()
        if not open_to_all and (twice := _repeated(scope["query_string"])):
            return twice
        return refusal(scope)


def _repeated(query: bytes) -> Problem | None:
    """The problem of a parameter that is there twice: which of them counts is never a matter of order."""
    twice = repeated(name for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True))
    if twice is None:
        return None
    shown = clean(twice, 80)
    return Problem(ProblemType.INVALID, f"{shown} is there twice; send it once", field=shown)


def _bounded(receive: Receive) -> Receive:
    """The same body, until it gets longer than it may: a stream says no length beforehand."""
    read = 0

    async def bounded() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > BODY_LIMIT:
            # FastAPI passes this kind on from where it reads; of others it makes a 400.
            raise HTTPException(413)
        return message

    return bounded


_BEARER: Final = HTTPBearer(
    bearerFormat="JWT", auto_error=False, description="An EdDSA JWT from `interlock token` or your issuer."
)


class Allowed:
    """A dependency: the request's principal, where it is of these kinds."""

    def __init__(self, *kinds: Kind) -> None:
        self._kinds = kinds

    def __call__(
        self,
        request: Request,
        _shown: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)],
    ) -> Principal:
        principal = request.state.principal
        if not isinstance(principal, Principal) or principal.kind not in self._kinds:
            names = " or ".join(f"{kind}'s" for kind in self._kinds)
            raise Problem(ProblemType.FORBIDDEN, f"this call takes an {names} token".replace("an c", "a c"))
        return principal


Caller = Annotated[Principal, Depends(Allowed(Kind.CALLER))]
Reader = Annotated[Principal, Depends(Allowed(Kind.CALLER, Kind.OPERATOR))]
Approver = Annotated[Principal, Depends(Allowed(Kind.APPROVER))]
Judge = Annotated[Principal, Depends(Allowed(Kind.APPROVER, Kind.OPERATOR))]
Operator = Annotated[Principal, Depends(Allowed(Kind.OPERATOR))]
