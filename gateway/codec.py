"""Temporal's remote codec, decode only and for operators: what the Web UI and the CLI show of payloads.

It decodes the payloads that it is handed, which operators may read. Headers are none of its business: the
capability travels in them, and neither the Web UI nor the CLI sends headers to a codec. Where a token stands
in a payload nevertheless (a warrant is a run's input), its signature is blanked: it can be read, not used.
"""

import base64
import binascii
import re
from typing import Final

from fastapi import APIRouter
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.auth import Operator
from gateway.bodies import StrictRoute
from gateway.operator_shapes import EncodedPayload, Payloads
from gateway.parts import Given
from gateway.ports import Payload
from gateway.problems import Problem, ProblemType, answers

router: Final = APIRouter(route_class=StrictRoute, tags=["operations"])

PATH: Final = "/codec/decode"
_TOKEN: Final = re.compile(rb"(eyJ[A-Za-z0-9_-]+\.eyJ[A-Za-z0-9_-]+\.)([A-Za-z0-9_-]+)")


@router.post(PATH, summary="Decode Temporal payloads", responses=answers(400, 415))
async def decode(body: Payloads, operator: Operator, parts: Given) -> Payloads:
    if operator.tenant is not None or operator.routes is not None:
        # A payload does not say whose it is.
        raise Problem(
            ProblemType.FORBIDDEN, "payloads are decoded for operators of every tenant and route only"
        )
    decoded = await parts.codec.decode([_read(place, payload) for place, payload in enumerate(body.payloads)])
    return Payloads(payloads=[_written(payload) for payload in decoded])


def without_signatures(data: bytes) -> bytes:
    """The bytes with every token's signature blanked, at the same length."""
    return _TOKEN.sub(lambda found: found[1] + b"x" * len(found[2]), data)


def _read(place: int, payload: EncodedPayload) -> Payload:
    try:
        metadata = {name: base64.b64decode(value, validate=True) for name, value in payload.metadata.items()}
        return Payload(metadata=metadata, data=base64.b64decode(payload.data, validate=True))
    except (binascii.Error, ValueError) as error:
        field = f"/payloads/{place}"
        raise Problem(ProblemType.INVALID, f"{field} is not in base64", field=field) from error


def _written(payload: Payload) -> EncodedPayload:
    return EncodedPayload(
        metadata={name: base64.b64encode(value).decode() for name, value in payload.metadata.items()},
        data=base64.b64encode(without_signatures(payload.data)).decode(),
    )


class CodecCors:
    """ASGI middleware: lets browsers call the codec, and nothing else, from the Web UI's origin alone."""

    def __init__(self, app: ASGIApp, *, origin: str) -> None:
        self._app = app
        self._open = CORSMiddleware(
            app,
            allow_origins=(origin,),
            allow_methods=("POST",),
            allow_headers=("Authorization", "Content-Type", "X-Namespace"),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        codec = scope["type"] == "http" and scope["path"] == PATH
        await (self._open if codec else self._app)(scope, receive, send)
