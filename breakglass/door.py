"""The door of the break-glass process: a person's login token, and nothing else that anybody signed."""

import time
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from contracts.attempts import PROVES_NOTHING, Attempt, Attempts
from contracts.errors import TokenRefused
from contracts.tokens import Purpose, Verifier

_LONGEST_SECONDS: Final = 86_400
"""Whatever the issuer says: who was let in once is asked again on another day."""
OPEN: Final = frozenset({"/healthz", "/openapi.json"})
"""Paths that need no token."""


@dataclass(frozen=True, kw_only=True)
class Holder:
    """Whose token it is. Whether they may do anything is the people file's to say, at each call."""

    #: ``principal:ada``.
    subject: str


def unproven(error: TokenRefused) -> Attempt:
    """What is put on record of a token that proves nothing here."""
    return Attempt(rule=PROVES_NOTHING, reason=f"token: {error.sentence}")


class _Claims(BaseModel):
    """A page's login link is of another kind, and no field more opens anything."""

    model_config = ConfigDict(strict=True, extra="forbid")

    kind: Literal["person"]
    sub: str = Field(pattern=r"^principal:[!-~]{1,180}$")
    env: str
    exp: int
    jti: str = Field(pattern=r"^[A-Za-z0-9_-]{16,64}$")


class Doorkeeper:
    """Knows people by their tokens, and puts every other token that somebody tries on record."""

    def __init__(self, verifier: Verifier, attempts: Attempts, env: str) -> None:
        self._verifier = verifier
        self._attempts = attempts
        self._env = env

    async def __call__(self, token: str) -> Holder:
        try:
            return self._read(self._verifier.verify(Purpose.BREAK_GLASS_LOGIN, token))
        except TokenRefused as error:
            await self._attempts.record(unproven(error))
            raise

    def _read(self, claims: dict[str, Any]) -> Holder:
        try:
            found = _Claims.model_validate(claims)
        except ValidationError as error:
            place = error.errors()[0]["loc"][0]
            raise TokenRefused(f"the token's claim {place} is missing or none; get a new one") from error
        if found.env != self._env:
            raise TokenRefused(f"the token is for another environment than {self._env}")
        if found.exp - time.time() > _LONGEST_SECONDS:
            raise TokenRefused("the token lives for more than a day; get one for minutes")
        return Holder(subject=found.sub)


_BEARER: Final = HTTPBearer(
    bearerFormat="JWT",
    auto_error=False,
    description="An EdDSA JWT from `interlock break-glass token` or your issuer.",
)


def _holder(
    request: Request, _shown: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)]
) -> Holder:
    found = request.state.principal
    assert isinstance(found, Holder)  # noqa: S101 - the door puts it there
    return found


Asker = Annotated[Holder, Depends(_holder)]
"""The person whose token came with the request."""
