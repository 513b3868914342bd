"""Signing in on these pages: a link of the break-glass login key. Whatever else is tried is audited."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from breakglass.door import unproven
from breakglass.parts import Parts, parts_of
from contracts.attempts import Attempts
from contracts.errors import TokenRefused
from contracts.tokens import Purpose, Verifier
from gateway.pages import sign_in
from gateway.pages.local_login import LocalLogin
from gateway.ports import SignedIn


class GlassLogin(LocalLogin):
    """Implements ``gateway.ports.Identity``: no token of the agents' pages or of any API is a link here."""

    def __init__(self, verifier: Verifier, attempts: Attempts, env: str) -> None:
        super().__init__(verifier, env, Purpose.BREAK_GLASS_LOGIN)
        self._attempts = attempts

    async def finish(self, params: Mapping[str, str], *, state: str) -> SignedIn:
        try:
            return await super().finish(params, state=state)
        except TokenRefused as error:
            await self._attempts.record(unproven(error))
            raise


async def ask(request: Request) -> Response:
    """The page of a link; one that does not hold is an attempt already."""
    parts: Parts = parts_of(request)
    try:
        if parts.pages is not None:
            parts.pages.identity.names(request.query_params)
    except TokenRefused as error:
        await parts.attempts.record(unproven(error))
    return await sign_in.ask(request)
