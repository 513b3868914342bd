"""The helpdesk's own control interface."""

from typing import Any

import httpx

CONTROL = "tok-control-31bb"


async def control(url: str, method: str, path: str, body: object = None) -> Any:
    async with httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {CONTROL}"}) as client:
        answer = await client.request(method, f"/control{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json()
