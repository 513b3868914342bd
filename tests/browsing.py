"""A person's browser without a screen: it keeps cookies, and sends the forms of the gateway's pages."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import httpx

from contracts.passkey import Assertion
from tests.passkeys import ORIGIN


class Asked(Protocol):
    """An approval, as far as its page's form names it."""

    @property
    def approval_id(self) -> str: ...

    @property
    def action_digest(self) -> str: ...


def form(origin: str) -> dict[str, str]:
    """What a browser says of itself when a page of this origin sends a form there."""
    return {"Origin": origin, "Sec-Fetch-Site": "same-origin"}


@dataclass(frozen=True, kw_only=True)
class Browser:
    """A person's browser: it keeps cookies, and fills in the forms that it was shown."""

    http: httpx.AsyncClient
    origin: str = ORIGIN

    async def see(self, path: str) -> httpx.Response:
        return await self.http.get(path)

    async def send(
        self, path: str, fields: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        sent = form(self.origin) if headers is None else headers
        return await self.http.post(path, data=dict(fields), headers=dict(sent))

    async def sign_in(self, code: str) -> httpx.Response:
        shown = await self.see(f"/sign-in?code={code}")
        return await self.send("/sign-in", {"csrf": csrf(shown), "code": code})

    async def decide(
        self,
        approval: Asked,
        decision: str | None,
        headers: Mapping[str, str] | None = None,
        **changed: Any,
    ) -> httpx.Response:
        shown = await self.see(f"/approvals/{approval.approval_id}")
        fields = {"csrf": csrf(shown), "action_digest": approval.action_digest, "decision": decision}
        return await self.send(
            f"/approvals/{approval.approval_id}/decision",
            {name: value for name, value in (fields | changed).items() if value is not None},
            headers,
        )


def csrf(shown: httpx.Response) -> str:
    found = re.search(r'name="csrf" value="([0-9a-f]{64})"', shown.text)
    return found[1] if found else ""


def signed(assertion: Assertion) -> str:
    """As the page's script sends it."""
    return json.dumps(assertion.document())
