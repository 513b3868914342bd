"""A person's passkeys. A new one is made here and shown as lines for the people file; nothing is stored.

Whoever holds the gateway enrols nobody: somebody else reviews those lines and publishes the people file.
"""

import hashlib
import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from contracts.approval import Person
from contracts.errors import Malformed
from contracts.passkey import Passkey
from gateway.pages import forms
from gateway.pages.drawing import page
from gateway.pages.telling import told
from gateway.pages.visits import House, Visit, visit_at
from policies.enrolment import lines

_NAME: Final = re.compile(r"[^\W_][\w .'-]{0,59}")
"""What people call a device: it stands in a file that somebody reviews."""


async def show(request: Request) -> Response:
    visit = await visit_at(request)
    return await _page(visit, visit.signed_in())


async def made(request: Request) -> Response:
    visit = await visit_at(request)
    person = visit.signed_in()
    fields = await forms.read(request, visit)
    try:
        passkey = _read(visit, fields)
    except Malformed as error:
        return await _page(visit, person, 422, problem=told(error))
    return await _page(visit, person, lines=lines(person.principal, passkey))


def _read(visit: Visit[House], fields: Mapping[str, str]) -> Passkey:
    name = fields.get("name", "").strip()
    if not _NAME.fullmatch(name):
        raise Malformed("a passkey's name is made of letters, digits and spaces, 60 at most")
    return visit.pages.passkeys.read(fields, challenge=visit.enrolment, name=name)


async def _page(
    visit: Visit[House], person: Person, status: int = 200, *, problem: str = "", lines: str = ""
) -> Response:
    user = hashlib.sha256(f"user:{visit.parts.env}:{person.principal}".encode()).digest()
    return await page(
        "passkeys.html",
        visit,
        status,
        person=person,
        problem=problem,
        lines=lines,
        challenge=_encoded(visit.enrolment),
        user=_encoded(user),
    )


def _encoded(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode()
