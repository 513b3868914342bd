"""The people of break-glass, as tests of a whole stack have them ask, consent, act and close over HTTP."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

import httpx

from cli import minting
from cli.state import State
from tests.passkeys import SoftPasskey

Json: TypeAlias = dict[str, Any]

OPENER: Final = "ada"
CONSENTER: Final = "grace"


@dataclass(frozen=True, kw_only=True)
class GlassDesk:
    """Ada, who opens and acts, and Grace, who consents with a device of hers."""

    state: Path
    http: httpx.AsyncClient
    device: SoftPasskey = field(repr=False)
    #: Where they ask; empty: where the stack's own process is.
    elsewhere: str = ""
    #: Who asks and acts: nobody asks more than ten times an hour.
    opener: str = OPENER

    @property
    def url(self) -> str:
        if self.elsewhere:
            return self.elsewhere
        found: Json = json.loads((self.state / "break-glass.json").read_text())
        return str(found["url"])

    @property
    def pages(self) -> str:
        """The origin of the pages: by name, as a passkey belongs to one."""
        return self.url.replace("127.0.0.1", "localhost")

    async def opened(self, *tools: str, minutes: int = 10, tenant: str = "acme") -> Json:
        """A session that was consented to."""
        asked = await self.post(
            "/v1/sessions",
            {
                "tenant": tenant,
                "tools": list(tools),
                "minutes": minutes,
                "reason": "The agents are stuck and the customer waits.",
            },
        )
        return await self.consented(asked)

    async def consented(self, asked: Json) -> Json:
        signed = self.device.sign(asked["opening_digest"], self.pages)
        return await self.post(
            f"/v1/sessions/{asked['session_id']}/consent",
            {"opening_digest": asked["opening_digest"], "assertion": signed.document()},
            by=CONSENTER,
        )

    async def proposed(self, session: Json, tool: str, arguments: Json) -> Json:
        """An act with its preview, which nobody has confirmed yet."""
        return await self.post(
            f"/v1/sessions/{session['session_id']}/acts",
            {"tool": tool, "arguments": arguments},
            headers={"Idempotency-Key": secrets.token_hex(8)},
        )

    async def confirm(self, session: Json, act: Json) -> Json:
        """How the act ended."""
        path = f"/v1/sessions/{session['session_id']}/acts/{act['act_id']}/confirm"
        return await self.post(path, {"action_digest": act["action_digest"]})

    async def said(self, session: Json, act: Json, outcome: str) -> Json:
        """What became of an act that nobody knew about, in Grace's word."""
        path = f"/v1/sessions/{session['session_id']}/acts/{act['act_id']}/outcome"
        return await self.post(path, {"outcome": outcome, "reason": "I looked at the ticket."}, by=CONSENTER)

    async def closed(self, session: Json) -> Json:
        return await self.post(f"/v1/sessions/{session['session_id']}/close", {})

    async def session(self, session: Json) -> Json:
        return await self.get(f"/v1/sessions/{session['session_id']}")

    async def report(self, session: Json) -> Json:
        return await self.get(f"/v1/sessions/{session['session_id']}/report")

    async def get(self, path: str) -> Json:
        answer = await self.http.get(self.url + path, headers=await self.authorized(self.opener))
        assert answer.is_success, answer.text
        found: Json = answer.json()
        return found

    async def post(
        self, path: str, body: Json, *, by: str = "", headers: Mapping[str, str] | None = None
    ) -> Json:
        answer = await self.ask(path, body, by=by, headers=headers)
        assert answer.is_success, answer.text
        found: Json = answer.json()
        return found

    async def ask(
        self, path: str, body: Json, *, by: str = "", headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """The answer, whatever it is."""
        own = await self.authorized(by or self.opener)
        return await self.http.post(self.url + path, json=body, headers={**own, **(headers or {})})

    async def authorized(self, name: str) -> dict[str, str]:
        token = await minting.mint(State(directory=self.state), minting.Person(principal=name))
        return {"Authorization": f"Bearer {token}"}
