"""The chain of signatures: what each token says, and who may say it.

One Ed25519 key per purpose. The warrant says what the run is; the capability what it may call for the next
minutes; the frozen token what was proposed; the grant that a person decided; the head what the audit was.
"""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Protocol, Self

from contracts.budget import Budget
from contracts.errors import Malformed, TokenRefused
from contracts.passkey import Assertion


class Purpose(StrEnum):
    """What a signing key is for. A key signs for one purpose only."""

    WARRANT = "warrant"
    CAPABILITY = "capability"
    FROZEN = "frozen"
    GRANT = "grant"
    AUDIT_HEAD = "audit-head"
    CALLERS = "callers"
    #: Of the break-glass process alone: its sessions and acts.
    BREAK_GLASS = "break-glass"
    #: Of whoever says who a person is to the break-glass process.
    BREAK_GLASS_LOGIN = "break-glass-login"

    @property
    def of_agents(self) -> bool:
        """Whether the agent runtime knows its public key: it verifies nothing of break-glass."""
        return self not in (Purpose.BREAK_GLASS, Purpose.BREAK_GLASS_LOGIN)

    @property
    def typ(self) -> str:
        """The token's mandatory ``typ`` header (RFC 8725, section 3.11)."""
        return f"interlock-{self.value}+jwt"

    @property
    def audience(self) -> str:
        """The token's mandatory ``aud`` claim."""
        return f"interlock:{_AUDIENCES[self]}"


_AUDIENCES = {
    Purpose.WARRANT: "run",
    Purpose.CAPABILITY: "tools",
    Purpose.FROZEN: "approval",
    Purpose.GRANT: "act",
    Purpose.AUDIT_HEAD: "audit",
    Purpose.CALLERS: "gateway",
    Purpose.BREAK_GLASS: "break-glass",
    Purpose.BREAK_GLASS_LOGIN: "break-glass-login",
}


@dataclass(frozen=True, kw_only=True)
class Undoes:
    """What an undo run undoes, and nothing else: actions of one earlier run."""

    run_id: str
    #: Their ids, in the order in which they are undone.
    actions: tuple[str, ...]
    #: In the words of who asked for it.
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Warrant:
    """What a run is: signed by the gateway at the start, never changed."""

    run_id: str
    request_id: str
    caller: str
    tenant: str
    env: str
    route: str
    #: Subject for whom the run acts, such as ``user:u-1042``; None: a service acts for nobody.
    on_behalf_of: str | None
    input_digest: str
    policy_digest: str
    catalogue_digest: str
    budget: Budget
    #: None: the run asks a model what to do.
    undoes: Undoes | None = None
    #: Who else the run acts for, by way of somebody: subjects and prior actors of the caller's token.
    delegation: tuple[str, ...] = ()

    def claims(self) -> dict[str, Any]:
        """Without ``undoes`` and ``delegation`` where there is none: an older worker refuses such a claim."""
        return {
            name: value
            for name, value in asdict(self).items()
            if name not in ("undoes", "delegation") or value
        }

    @classmethod
    def read(cls, claims: dict[str, Any]) -> Self:
        """Raises TokenRefused when a field is missing."""
        try:
            return cls(
                **{
                    **claims,
                    "budget": Budget(**claims["budget"]),
                    "undoes": _undoes(claims.get("undoes")),
                    "delegation": tuple(claims.get("delegation", ())),
                }
            )
        except (KeyError, TypeError) as error:
            raise TokenRefused(f"the warrant lacks a field: {error}") from error


def _undoes(claim: Any) -> Undoes | None:
    return None if claim is None else Undoes(**{**claim, "actions": tuple(claim["actions"])})


@dataclass(frozen=True, kw_only=True)
class Capability:
    """What a run may call for the next minutes, bound to its warrant; a write's also to one action."""

    jti: str
    run_id: str
    tenant: str
    env: str
    route: str
    tools: tuple[str, ...]
    policy_digest: str
    warrant_digest: str
    #: Unix seconds.
    exp: int
    #: Of a write: digest of the frozen action and its idempotency key's hash.
    action_digest: str | None = None
    key_hash: str | None = None

    def claims(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value is not None}

    @classmethod
    def read(cls, claims: dict[str, Any]) -> Self:
        """Raises TokenRefused when a field is missing."""
        try:
            return cls(**{**claims, "tools": tuple(claims["tools"])})
        except (KeyError, TypeError) as error:
            raise TokenRefused(f"the capability lacks a field: {error}") from error


@dataclass(frozen=True, kw_only=True)
class Grant:
    """One person's word on one action digest; an approval needs one or more with ``approve``."""

    jti: str
    approval_id: str
    action_digest: str
    run_id: str
    tenant: str
    env: str
    approver: str
    #: A ``contracts.approval.Answer``.
    decision: str
    #: ``slack``, ``http`` or ``page``.
    way: str
    #: Unix milliseconds at which the gateway received the click.
    at_ms: int
    #: Of the store that it was given in; void in any later one.
    epoch: str = ""
    #: The passkey's signature, where one was asked for. It is worth something by itself: whoever holds the
    #: grant key cannot make it.
    assertion: Assertion | None = None

    def claims(self) -> dict[str, Any]:
        """Without ``assertion`` where there is none."""
        return {name: value for name, value in asdict(self).items() if name != "assertion" or value}

    @classmethod
    def read(cls, claims: dict[str, Any]) -> Self:
        """Raises TokenRefused when a field is missing."""
        try:
            signed = claims.get("assertion")
            return cls(**{**claims, "assertion": None if signed is None else Assertion.read(signed)})
        except (TypeError, Malformed) as error:
            raise TokenRefused(f"the grant lacks a field: {error}") from error


@dataclass(frozen=True, kw_only=True)
class FrozenSeal:
    """The tool worker's word that this digest is what it prepared for this action of this run."""

    run_id: str
    action_id: str
    action_digest: str

    def claims(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def read(cls, claims: dict[str, Any]) -> Self:
        """Raises TokenRefused when a field is missing."""
        try:
            return cls(**claims)
        except TypeError as error:
            raise TokenRefused(f"the seal lacks a field: {error}") from error


class Signer(Protocol):
    """Signs for the purposes whose private key this process holds."""

    def sign(self, purpose: Purpose, claims: dict[str, Any]) -> str:
        """A compact EdDSA JWT (RFC 8037) with the purpose's ``typ`` and ``aud``, and ``iat``."""
        ...


class Verifier(Protocol):
    """Verifies with public keys pinned by purpose."""

    def verify(self, purpose: Purpose, token: str) -> dict[str, Any]:
        """The claims less the registered ones but ``jti`` and ``exp``.

        Raises:
            TokenExpired: past its ``exp``.
            TokenRefused: anything else does not hold; the sentence says what.
        """
        ...
