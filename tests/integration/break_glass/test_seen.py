"""What everybody sees of a session on the agents' side: a banner on each page, and what operators read."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.browsing import Browser
from tests.integration.break_glass.glass_world import REASON, GlassWorld, glass
from tests.integration.pages_world import browser, login_code, with_pages
from tests.integration.test_gateway_world import problem


@pytest.fixture
async def seen(store_url: str) -> AsyncIterator[GlassWorld]:
    async with glass(store_url) as found:
        yield found


async def _signed_in(world: GlassWorld, name: str) -> Browser:
    one = browser(with_pages(world.world))
    assert (await one.sign_in(login_code(world.world, name))).status_code == 303
    return one


async def test_every_page_says_that_a_session_is_open(seen: GlassWorld) -> None:
    """To everybody who is signed in, of whatever tenant, on every page: who, for whom, until when and why."""
    linus = await _signed_in(seen, "linus")
    paths = ("/approvals", "/passkeys", "/approvals/apr_1", "/nothing")
    asked = (await seen.ask()).json()
    for path in paths:
        assert "Break-glass is open" not in (await linus.see(path)).text, "it only waits"
    await seen.consent(asked)
    for path in paths[:3]:
        shown = (await linus.see(path)).text
        assert "Break-glass is open for acme" in shown, path
        assert "Ada acts around the agents, and Grace consented" in shown
        assert REASON in shown
    seen.passed(minutes=10)
    assert "Break-glass is open" not in (await linus.see("/approvals")).text, "its minute is over"
    await linus.http.aclose()


async def test_nobody_who_is_not_signed_in_is_told(seen: GlassWorld) -> None:
    """What is done to a tenant is no stranger's business."""
    await seen.opened()
    stranger = browser(with_pages(seen.world))
    for path in ("/sign-in", "/approvals"):
        assert "Break-glass" not in (await stranger.see(path)).text
    await stranger.http.aclose()


async def test_a_reason_is_shown_as_text(seen: GlassWorld) -> None:
    """Whatever is written into it."""
    await seen.opened(reason="<script>alert(1)</script> and more")
    ada = await _signed_in(seen, "ada")
    shown = (await ada.see("/approvals")).text
    assert "<script>alert" not in shown
    assert "&lt;script&gt;alert" in shown
    await ada.http.aclose()


async def test_operators_read_sessions_and_their_reports(seen: GlassWorld) -> None:
    """As its own process tells it, and the report; of their tenants alone, and nothing can be done to it."""
    session = await seen.opened()
    act = (await seen.propose(session)).json()
    await seen.confirm(session, act)
    ended = (await seen.close(session)).json()
    told = (await _get(seen, f"/v1/break-glass/{session['session_id']}")).json()
    assert told == {name: value for name, value in ended.items() if name != "acts"} | {
        "report": await seen.report(session)
    }
    listed = (await _get(seen, "/v1/break-glass")).json()["sessions"]
    assert listed == [told]
    assert (await _get(seen, "/v1/break-glass", tenant="globex")).json() == {"sessions": []}
    elsewhere = await _get(seen, f"/v1/break-glass/{session['session_id']}", tenant="globex")
    assert problem(elsewhere) == (404, "not-found")
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        for path in ("/v1/break-glass", f"/v1/break-glass/{session['session_id']}"):
            answer = await seen.world.http.request(method, path, headers=seen.world.operator(), json={})
            assert answer.status_code in (403, 405), (method, path)


@pytest.mark.parametrize("kind", ["caller", "approver"])
async def test_nobody_else_reads_them(seen: GlassWorld, kind: str) -> None:
    """Neither a service nor an approver."""
    session = await seen.opened()
    for path in ("/v1/break-glass", f"/v1/break-glass/{session['session_id']}"):
        answer = await seen.world.http.get(path, headers=getattr(seen.world, kind)())
        assert problem(answer) == (403, "forbidden")


async def test_an_open_session_is_no_run_of_the_gateway(seen: GlassWorld) -> None:
    """By its id nothing of it is read, cancelled or undone; and no list has it."""
    session = await seen.opened()
    await seen.propose(session)
    for path in [path for path in seen.world.app.openapi()["paths"] if "{run_id}" in path]:
        at = path.format(run_id=session["session_id"])
        for who in (seen.world.caller(), seen.world.operator()):
            for answer in (
                await seen.world.http.get(at, headers=who),
                await seen.world.http.post(at, headers=who, json={"reason": "x"}),
            ):
                assert answer.status_code in (403, 404, 405), at
    runs = (await seen.world.http.get("/v1/runs", headers=seen.world.caller())).json()["runs"]
    assert session["session_id"] not in {one["run_id"] for one in runs}
    assert (await seen.session(session))["state"] == "open"


async def _get(seen: GlassWorld, path: str, tenant: str = "*") -> httpx.Response:
    return await seen.world.http.get(path, headers=seen.world.operator(tenant))
