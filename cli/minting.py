"""Tokens and links to sign in, minted with the local operator's own key; never for production."""

import re
import secrets
import time
from dataclasses import dataclass
from typing import Any, Final

from adapters.keys import AwsIdentity, KeyRing, PrivateKeys
from adapters.tokens import JwtSigner
from cli.state import State
from contracts.errors import Malformed, PermissionRefused
from contracts.tokens import Purpose
from policies.people import full_principal

LONGEST_SECONDS: Final = 86_400
HOUR: Final = 3_600
LOGIN_SECONDS: Final = 300
"""For which a link to sign in is good, once."""
_NAME: Final = re.compile(r"[!-~]{1,180}")
_SUBJECT: Final = re.compile(r"[a-z]+:[!-~]{1,180}")
_TENANT: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_ENV: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")


@dataclass(frozen=True, kw_only=True)
class Ask:
    """Whose token it is to be, and how far it reaches."""

    #: ``caller``, ``approver`` or ``operator``.
    kind: str
    subject: str
    #: None: of approvers, those of the people file. ``*``: all, of an operator.
    tenant: str | None
    routes: tuple[str, ...]
    env: str = "dev"
    #: Seconds.
    ttl: int = HOUR
    #: Of a caller's: the subject for whom it acts (RFC 8693, section 4.1); None: for nobody.
    acts_for: str | None = None

    @property
    def purpose(self) -> Purpose:
        return Purpose.CALLERS

    def claims(self, now: int) -> dict[str, Any]:
        """What the gateway reads (``gateway.auth``). Raises Malformed, PermissionRefused."""
        self._check()
        who: dict[str, Any] = {"sub": self.subject}
        if self.acts_for is not None:
            who = {"sub": self.acts_for, "act": who}
        return {
            "kind": self.kind,
            **who,
            "tenant": self.tenant,
            "env": self.env,
            "routes": list(self.routes),
            "exp": now + self.ttl,
        }

    def _check(self) -> None:
        _check_whose(self.subject, self.env)
        if self.acts_for is not None and not _SUBJECT.fullmatch(self.acts_for):
            raise Malformed(f"{self.acts_for!r} is no subject; write one like user:u-1042")
        if self.tenant not in (None, "*") and not _TENANT.fullmatch(self.tenant or ""):
            raise Malformed(f"{self.tenant!r} is no tenant")
        if not self.routes:
            raise Malformed("a token names at least one route; `*` is all of them")
        _check_ttl(self.ttl)


@dataclass(frozen=True, kw_only=True)
class Login:
    """Whose link to sign in on the pages it is to be: a kind of its own, which opens no call of the API."""

    #: ``ada`` or ``principal:ada``.
    principal: str
    env: str = "dev"
    #: ``CALLERS`` for the gateway's pages, ``BREAK_GLASS_LOGIN`` for those of break-glass: a key each.
    purpose: Purpose = Purpose.CALLERS

    @property
    def subject(self) -> str:
        return full_principal(self.principal)

    def claims(self, now: int) -> dict[str, Any]:
        """What those pages read (``gateway.pages.local_login``). Raises Malformed, PermissionRefused."""
        _check_whose(self.subject, self.env)
        return {
            "kind": "login",
            "sub": self.subject,
            "env": self.env,
            "exp": now + LOGIN_SECONDS,
            "jti": secrets.token_urlsafe(18),
        }


@dataclass(frozen=True, kw_only=True)
class Person:
    """Who somebody is to the break-glass process; what they may do there, the people file says."""

    #: ``ada`` or ``principal:ada``.
    principal: str
    env: str = "dev"
    #: Seconds.
    ttl: int = HOUR

    @property
    def purpose(self) -> Purpose:
        return Purpose.BREAK_GLASS_LOGIN

    @property
    def subject(self) -> str:
        return full_principal(self.principal)

    def claims(self, now: int) -> dict[str, Any]:
        """Raises Malformed, PermissionRefused."""
        _check_whose(self.subject, self.env)
        _check_ttl(self.ttl)
        return {
            "kind": "person",
            "sub": self.subject,
            "env": self.env,
            "exp": now + self.ttl,
            "jti": secrets.token_urlsafe(18),
        }


def _check_ttl(ttl: int) -> None:
    if not 0 < ttl <= LONGEST_SECONDS:
        raise Malformed(f"a token lives between 1 and {LONGEST_SECONDS} seconds")


def _check_whose(subject: str, env: str) -> None:
    if env == "prod":
        raise PermissionRefused("tokens for prod are issued by your identity provider, not by this command")
    if not _ENV.fullmatch(env):
        raise Malformed(f"{env!r} is no name of an environment")
    if not _NAME.fullmatch(subject.partition(":")[2]):
        raise Malformed("a token's name is printable ASCII without spaces, 180 characters at most")


def caller(name: str, tenant: str, *routes: str) -> Ask:
    return Ask(kind="caller", subject=f"svc:{name}", tenant=tenant, routes=routes)


def operator(name: str = "local") -> Ask:
    return Ask(kind="operator", subject=f"op:{name}", tenant="*", routes=("*",))


def approver(principal: str) -> Ask:
    """``principal``: ``ada`` or ``principal:ada``."""
    return Ask(kind="approver", subject=full_principal(principal), tenant=None, routes=("*",))


async def mint(state: State, ask: Ask | Login | Person) -> str:
    """A signed token.

    Raises:
        InterlockError: it may not be minted, or the key cannot be had.
    """
    claims = ask.claims(int(time.time()))
    ring = KeyRing.load(state.keyring if ask.purpose.of_agents else state.break_glass_keyring)
    keys = PrivateKeys(AwsIdentity.load(state.identity), ask.env, ring)
    return JwtSigner([await keys.signing_key(ask.purpose)]).sign(ask.purpose, claims)
