"""EdDSA JWTs (RFC 8037), a pinned key per purpose; ``typ``, ``aud`` and ``kid`` are mandatory (RFC 8725)."""

import time
from collections.abc import Sequence
from typing import Any, Final

import jwt

from adapters.keys import KeyRing, SigningKey
from contracts.errors import Refused, TokenExpired, TokenRefused
from contracts.tokens import Purpose

_EXPIRING: Final = frozenset({Purpose.CAPABILITY, Purpose.CALLERS, Purpose.BREAK_GLASS_LOGIN})
_REGISTERED: Final = frozenset({"aud", "iat", "iss", "nbf"})
_LIMIT: Final = 16_384


class JwtSigner:
    """Implements ``contracts.tokens.Signer`` with the keys that this process holds."""

    def __init__(self, keys: Sequence[SigningKey]) -> None:
        self._keys = {key.purpose: key for key in keys}

    def sign(self, purpose: Purpose, claims: dict[str, Any]) -> str:
        """Raises Refused where this process does not hold the purpose's key."""
        key = self._keys.get(purpose)
        if key is None:
            raise Refused(f"this process does not hold the {purpose.value} key")
        return jwt.encode(
            {**claims, "aud": purpose.audience, "iat": int(time.time())},
            key.private,
            algorithm="EdDSA",
            headers={"typ": purpose.typ, "kid": key.kid},
        )


class JwtVerifier:
    """Implements ``contracts.tokens.Verifier`` with the public keys of the ring."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring

    def verify(self, purpose: Purpose, token: str) -> dict[str, Any]:
        if len(token) > _LIMIT:
            raise TokenRefused(f"the {purpose.value} token is too long")
        self._check_header(purpose, token)
        required = ["aud", "iat", "exp"] if purpose in _EXPIRING else ["aud", "iat"]
        try:
            claims = jwt.decode(
                token,
                self._ring.public_key(purpose),
                algorithms=["EdDSA"],
                audience=purpose.audience,
                options={"require": required, "verify_iat": False},
            )
        except jwt.ExpiredSignatureError as error:
            raise TokenExpired(f"the {purpose.value} token has expired; get a new one") from error
        except jwt.PyJWTError as error:
            raise TokenRefused(f"the {purpose.value} token does not hold: {_why(error)}") from error
        return {name: value for name, value in claims.items() if name not in _REGISTERED}

    def _check_header(self, purpose: Purpose, token: str) -> None:
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError as error:
            raise TokenRefused(f"this is no {purpose.value} token") from error
        if header.get("typ") != purpose.typ:
            raise TokenRefused(f"this token is not for {purpose.value}")
        if purpose not in self._ring.keys or header.get("kid") != self._ring.kid(purpose):
            raise TokenRefused(f"the {purpose.value} token was signed by a key that is not trusted")


def _why(error: jwt.PyJWTError) -> str:
    match error:
        case jwt.InvalidAlgorithmError():
            return "it is not signed with EdDSA"
        case jwt.InvalidSignatureError():
            return "its signature is wrong"
        case jwt.InvalidAudienceError():
            return "it is for another audience"
        case jwt.MissingRequiredClaimError():
            return f"it has no {error.claim}"
    return "it is none, or not yet valid"
