"""Forms as browsers send them: bounded, strict, no field twice, and only from our own pages."""

import hmac
from collections.abc import Mapping
from email.message import Message
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request

from gateway.bodies import repeated
from gateway.pages.faults import Fault
from gateway.pages.visits import House, Visit

LIMIT: Final = 65_536
"""Bytes of a form: a passkey's answer and a reason, percent-encoded."""

_FIELDS: Final = 12


async def read(request: Request, visit: Visit[House]) -> Mapping[str, str]:
    """The fields of a form that this visitor was shown.

    Raises:
        Fault: it is no form, or no page of ours sent it for them.
    """
    _check_origin(request, visit)
    if not _is_form(request.headers.getlist("content-type")):
        raise Fault(415, "This address takes a form from these pages and nothing else.")
    fields = _fields(await _body(request))
    if not hmac.compare_digest(fields.get("csrf", "").encode(), visit.csrf.encode()):
        raise Fault(403, "This form is not from your session. Open the page again and decide there.")
    return fields


def _check_origin(request: Request, visit: Visit[House]) -> None:
    """Of the two headers with which browsers say which site sends it, one at least; each must say ours.

    ``Origin: null`` is somebody's sandbox. Scripts of other sites can set neither header.
    """
    origins = request.headers.getlist("origin")
    sites = request.headers.getlist("sec-fetch-site")
    ours = set(origins) <= {visit.pages.at.origin} and set(sites) <= {"same-origin"}
    if not ours or not (origins or sites):
        raise Fault(403, "Another site sent this form, so it does not count.")


def _is_form(types: list[str]) -> bool:
    message = Message()
    message["content-type"] = types[0] if len(types) == 1 else ""
    return message.get_content_type() == "application/x-www-form-urlencoded"


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LIMIT:
            raise Fault(413, f"A form is at most {LIMIT} bytes long; shorten the reason.")
    return bytes(body)


def _fields(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=_FIELDS,
        )
    except ValueError as error:
        raise Fault(400, "This is no form that a browser sends.") from error
    if repeated(name for name, _ in pairs) is not None:
        raise Fault(400, "A field of this form is there twice.")
    return dict(pairs)
