"""What Slack sends, before anybody reads it: signed with the app's secret, and just now."""

from dataclasses import dataclass
from typing import Final

import structlog
from fastapi import Request

from contracts.errors import TokenRefused
from gateway.parts import Parts
from gateway.problems import of_error
from gateway.walls import Tried, tried

LOG: Final = structlog.get_logger("gateway.slack")


@dataclass(frozen=True, kw_only=True)
class Signed:
    """A request of Slack's."""

    body: bytes
    at_ms: int
    #: Under which it counts once.
    proof: str
    #: What of it speaks of break-glass.
    tried: Tried


async def verified(request: Request, parts: Parts) -> Signed:
    """Raises Problem where it is not signed by Slack for this app, just now."""
    at_ms = parts.clock.now_ms()
    body = await request.body()
    try:
        parts.slack.signature.verify(request.headers, body, at_ms // 1_000)
        proof = parts.slack.signature.proof(request.headers)
    except TokenRefused as error:
        LOG.warning("slack request refused", error=error.sentence)
        raise of_error(error) from error
    return Signed(body=body, at_ms=at_ms, proof=proof, tried=tried(request.scope))
