"""The embedded default's identity: a link from ``interlock login``, good once and for five minutes."""

import re
from collections.abc import Mapping
from typing import Any, Final

from contracts.digest import digest
from contracts.errors import TokenRefused
from contracts.tokens import Purpose, Verifier
from gateway.ports import SignedIn

KIND: Final = "login"
"""Of the code's claims. An API token is of another kind, and no code opens the API."""

_PRINCIPAL: Final = re.compile(r"principal:[!-~]{1,180}")
_ID: Final = re.compile(r"[A-Za-z0-9_-]{16,64}")


class LocalLogin:
    """Implements ``gateway.ports.Identity``: codes are tokens of the key of API tokens, of their own kind."""

    def __init__(self, verifier: Verifier, env: str, purpose: Purpose = Purpose.CALLERS) -> None:
        self._verifier = verifier
        self._env = env
        self._purpose = purpose

    def begin(self, *, state: str) -> str | None:  # noqa: ARG002 - the port's own parameter; a terminal begins it
        return None

    def names(self, params: Mapping[str, str]) -> str | None:
        return self._read(params)["sub"] if "code" in params else None

    async def finish(self, params: Mapping[str, str], *, state: str) -> SignedIn:  # noqa: ARG002 - the port's own parameter; the code proves all
        claims = self._read(params)
        return SignedIn(principal=claims["sub"], proof=digest(["login", claims["jti"]]))

    def _read(self, params: Mapping[str, str]) -> dict[str, Any]:
        """Raises TokenRefused."""
        claims = self._verifier.verify(self._purpose, params.get("code", ""))
        if claims.get("kind") != KIND or claims.get("env") != self._env:
            raise TokenRefused("this is no link to sign in here")
        if not _is(_PRINCIPAL, claims.get("sub")) or not _is(_ID, claims.get("jti")):
            raise TokenRefused("this link names nobody")
        return claims


def _is(pattern: re.Pattern[str], value: Any) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None
