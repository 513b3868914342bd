"""Callers' tokens, minted with the local operator's own key; never for production."""

import re
import time
from dataclasses import dataclass
from typing import Any, Final

from adapters.keys import AwsIdentity, KeyRing, PrivateKeys
from adapters.tokens import JwtSigner
from cli.state import State
from contracts.errors import Malformed, PermissionRefused
from contracts.tokens import Purpose

LONGEST_SECONDS: Final = 86_400
HOUR: Final = 3_600
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
        if self.env == "prod":
            raise PermissionRefused(
                "tokens for prod are issued by your identity provider, not by this command"
            )
        if not _ENV.fullmatch(self.env):
            raise Malformed(f"{self.env!r} is no name of an environment")
        if not _NAME.fullmatch(self.subject.partition(":")[2]):
            raise Malformed("a token's name is printable ASCII without spaces, 180 characters at most")
        if self.acts_for is not None and not _SUBJECT.fullmatch(self.acts_for):
            raise Malformed(f"{self.acts_for!r} is no subject; write one like user:u-1042")
        if self.tenant not in (None, "*") and not _TENANT.fullmatch(self.tenant or ""):
            raise Malformed(f"{self.tenant!r} is no tenant")
        if not self.routes:
            raise Malformed("a token names at least one route; `*` is all of them")
        if not 0 < self.ttl <= LONGEST_SECONDS:
            raise Malformed(f"a token lives between 1 and {LONGEST_SECONDS} seconds")


def caller(name: str, tenant: str, *routes: str) -> Ask:
    return Ask(kind="caller", subject=f"svc:{name}", tenant=tenant, routes=routes)


def operator(name: str = "local") -> Ask:
    return Ask(kind="operator", subject=f"op:{name}", tenant="*", routes=("*",))


def approver(principal: str) -> Ask:
    """``principal``: ``ada`` or ``principal:ada``."""
    name = principal.removeprefix("principal:")
    return Ask(kind="approver", subject=f"principal:{name}", tenant=None, routes=("*",))


async def mint(state: State, ask: Ask) -> str:
    """A signed token.

    Raises:
        InterlockError: it may not be minted, or the key cannot be had.
    """
    claims = ask.claims(int(time.time()))
    ring = KeyRing.load(state.keyring)
    keys = PrivateKeys(AwsIdentity.load(state.identity), ask.env, ring)
    return JwtSigner([await keys.signing_key(Purpose.CALLERS)]).sign(Purpose.CALLERS, claims)
