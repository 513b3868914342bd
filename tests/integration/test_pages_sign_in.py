"""Laws of the pages' sessions: who gets one, what it is worth, when it ends, and whose forms count."""

import re
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from adapters import schema
from contracts.approval import ApprovalRecord, ApprovalState
from contracts.tokens import Purpose
from gateway.app import create
from gateway.ports import ApprovalQuery
from policies.people import People
from tests.browsing import Browser, csrf
from tests.integration.pages_world import FORM, browser, browsing, login_code, with_pages
from tests.integration.test_gateway_world import ENV, PAGES, PEOPLE, Approvals, World, bearer, opened

HOUR = 3_600_000


async def rows(world: World) -> list[Any]:
    async with world.store.read() as connection:
        return list(await connection.execute(select(schema.sessions)))


async def test_looking_at_a_link_uses_nothing_up(store_url: str) -> None:
    """A preview's GET leaves the code good; its form signs in once, and never again."""
    async with opened(store_url) as world:
        app, code = with_pages(world), login_code(world)
        ada, thief = browser(app), browser(app)
        for _ in range(3):
            shown = await thief.see(f"/sign-in?code={code}")
            assert (shown.status_code, "Sign in as Ada" in shown.text) == (200, True)
        assert (await ada.sign_in(code)).headers["location"] == "/approvals"
        assert (await ada.see("/approvals")).status_code == 200
        again = await thief.sign_in(code)
        assert (again.status_code, "used before" in again.text) == (403, True)
        assert (await thief.see("/approvals")).status_code == 401
        for one in (ada, thief):
            await one.http.aclose()


async def test_signing_in_leads_back_to_the_approval_that_was_opened(tmp_path: Path) -> None:
    """From a card's link to its page; to nowhere else, whatever a cookie says."""
    async with opened(tmp_path) as world:
        ada, page = browser(with_pages(world)), "/approvals/apr_0123"
        assert (await ada.see(page)).status_code == 401
        assert (await ada.sign_in(login_code(world))).headers["location"] == page
        for lie in ("//evil.example", "/approvals/apr_0/../../x", "https://evil.example/approvals/apr_0"):
            ada.http.cookies.delete("interlock-wanted")
            ada.http.cookies.set("interlock-wanted", lie)
            assert (await ada.sign_in(login_code(world))).headers["location"] == "/approvals"
        await ada.http.aclose()


NO_CODES: list[dict[str, Any]] = [
    {"kind": "approver", "tenant": None, "routes": ["*"]},
    {"env": "prod"},
    {"sub": "svc:demo"},
    {"sub": "principal:"},
    {"sub": 1},
    {"jti": None},
    {"jti": "short"},
    {"exp": 1},
]


async def test_what_is_no_login_code_signs_nobody_in(tmp_path: Path) -> None:
    """An approver's API token, another environment's code, nobody's, one without an id, an old one."""
    async with browsing(tmp_path) as (world, _):
        ada = browser(with_pages(world))
        token = await _token(ada, world)
        for changed in NO_CODES:
            code = login_code(world, **changed)
            assert (await ada.see(f"/sign-in?code={code}")).status_code == 403, changed
            assert (await ada.send("/sign-in", {"csrf": token, "code": code})).status_code == 403, changed
        assert await rows(world) == []
        await ada.http.aclose()


async def _token(ada: Browser, world: World) -> str:
    """The form's token, from a page that has a form."""
    return csrf(await ada.see(f"/sign-in?code={login_code(world)}"))


async def test_a_code_of_another_key_signs_nobody_in(tmp_path: Path) -> None:
    """Keys are pinned by purpose here too."""
    async with browsing(tmp_path) as (world, _):
        ada = browser(with_pages(world))
        claims = {"kind": "login", "sub": "principal:ada", "env": ENV, "jti": "j" * 24}
        for purpose in set(Purpose) - {Purpose.CALLERS}:
            code = world.signer.sign(purpose, claims | {"exp": int(time.time()) + 60})
            assert (await ada.see(f"/sign-in?code={code}")).status_code == 403
        await ada.http.aclose()


async def test_a_login_code_opens_no_call_of_the_api(tmp_path: Path) -> None:
    """Nor does a session's cookie: the API takes tokens, the pages sessions."""
    async with browsing(tmp_path, "ada") as (world, (ada,)):
        headers = bearer(login_code(world))
        assert (await world.http.get("/v1/approvals", headers=headers)).status_code == 401
        assert (await ada.see("/v1/approvals")).status_code == 401
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=with_pages(world)), base_url=PAGES
        ) as nobody:
            assert (await nobody.get("/approvals", headers=world.approver())).status_code == 401


async def test_a_stranger_to_the_people_file_is_told_so(tmp_path: Path) -> None:
    """Before and after the form."""
    async with browsing(tmp_path) as (world, _):
        eve = browser(with_pages(world))
        code = login_code(world, "eve")
        shown = await eve.see(f"/sign-in?code={code}")
        assert (shown.status_code, "not in the people file" in shown.text) == (403, True)
        token = await _token(eve, world)
        assert (await eve.send("/sign-in", {"csrf": token, "code": code})).status_code == 403
        assert await rows(world) == []
        await eve.http.aclose()


async def test_who_leaves_the_people_file_sees_nothing_more(tmp_path: Path) -> None:
    """At the next request, however new the session."""
    async with browsing(tmp_path, "ada", "grace") as (world, (ada, grace)):
        approval = await world.asked()
        people = People(people=tuple(one for one in PEOPLE.people if one.principal != "principal:ada"))
        await world.documents.publish(ENV, "people", "people", people.document(), actor="op:test")
        for path in ("/approvals", f"/approvals/{approval.approval_id}", "/passkeys"):
            assert (await ada.see(path)).status_code == 403
            assert (await grace.see(path)).status_code == 200
        assert (await ada.decide(approval, "approve")).status_code == 403
        assert not (await world.approvals.get(approval.approval_id)).grants


async def test_a_session_ends_after_a_day_s_work_and_at_sign_out(store_url: str) -> None:
    """Eight hours, whatever was done in them; met after that it is gone. Signing out ends it at once."""
    async with browsing(store_url, "ada", "grace") as (world, (ada, grace)):
        kept = dict(grace.http.cookies)
        shown = await grace.see("/approvals")
        assert (await grace.send("/sign-out", {"csrf": csrf(shown)})).headers["location"] == "/sign-in"
        assert not dict(grace.http.cookies)
        grace.http.cookies.update(kept)
        assert (await grace.see("/approvals")).status_code == 401
        world.clock.at_ms += 8 * HOUR - 1
        assert (await ada.see("/approvals")).status_code == 200
        world.clock.at_ms += 1
        assert (await ada.see("/approvals")).status_code == 401
        assert await rows(world) == []


async def test_the_store_has_no_cookie(tmp_path: Path) -> None:
    """Whoever reads the table cannot sign in with it."""
    async with browsing(tmp_path, "ada") as (world, (ada,)):
        (secret,), (row,) = dict(ada.http.cookies).values(), await rows(world)
        assert (len(secret), row.principal) == (43, "principal:ada")
        assert secret not in str(row)


async def test_signing_in_begins_a_new_secret(tmp_path: Path) -> None:
    """A cookie that somebody planted is worth nothing afterwards, nor is the session of before."""
    async with browsing(tmp_path) as (world, _):
        app = with_pages(world)
        victim, planted = browser(app), "A" * 43
        victim.http.cookies.set("interlock", planted, domain="localhost.local")
        await victim.http.get("/sign-in")
        assert (await victim.sign_in(login_code(world, "grace"))).status_code == 303
        first = victim.http.cookies["interlock"]
        assert (await victim.sign_in(login_code(world, "ada"))).status_code == 303
        assert [row.principal for row in await rows(world)] == ["principal:ada"]
        for old in (planted, first):
            attacker = browser(app)
            attacker.http.cookies.set("interlock", old, domain="localhost.local")
            assert (await attacker.see("/approvals")).status_code == 401
            await attacker.http.aclose()
        await victim.http.aclose()


@pytest.mark.parametrize(
    ("url", "name", "secure"),
    [(PAGES, "interlock", False), ("https://interlock.example", "__Host-interlock", True)],
)
async def test_the_cookie_is_the_browser_s_alone(tmp_path: Path, url: str, name: str, secure: bool) -> None:
    """No script reads it, no other site's form carries it, and over TLS nobody else may set it."""
    async with browsing(tmp_path) as (world, _):
        ada = browser(with_pages(world, url), url)
        given = (await ada.see("/sign-in")).headers["set-cookie"]
        assert given.startswith(f"{name}=")
        assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(given.split("; "))
        assert ("Secure" in given.split("; "), "Domain" in given) == (secure, False)
        await ada.http.aclose()


FORGED: dict[str, tuple[dict[str, str], dict[str, str | None], int]] = {
    "no token": (FORM, {"csrf": None}, 403),
    "an empty token": (FORM, {"csrf": ""}, 403),
    "a wrong token": (FORM, {"csrf": "0" * 64}, 403),
    "a token that is no ASCII": (FORM, {"csrf": "é" * 64}, 403),
    "another site": (FORM | {"Origin": "https://evil.example"}, {}, 403),
    "another port": (FORM | {"Origin": "http://localhost:7711"}, {}, 403),
    "a sandbox": (FORM | {"Origin": "null"}, {}, 403),
    "a sibling host": (FORM | {"Sec-Fetch-Site": "same-site"}, {}, 403),
    "cross-site": ({"Origin": PAGES, "Sec-Fetch-Site": "cross-site"}, {}, 403),
    "neither header": ({}, {}, 403),
    "a JSON body": (FORM | {"Content-Type": "application/json"}, {}, 415),
    "a plain body": (FORM | {"Content-Type": "text/plain"}, {}, 415),
    "a multipart body": (FORM | {"Content-Type": "multipart/form-data; boundary=x"}, {}, 415),
}


async def test_a_form_that_no_page_of_ours_sent_decides_nothing(tmp_path: Path) -> None:
    """With the person's own cookie, whatever else about it is wrong; nor does it sign them out."""
    async with browsing(tmp_path, "ada") as (world, (ada,)):
        approval = await world.asked()
        token = csrf(await ada.see("/approvals"))
        answered = {}
        for forgery, (headers, changed, _) in FORGED.items():
            answer = await ada.decide(approval, "approve", headers=headers, **changed)
            left = await ada.send("/sign-out", {"csrf": changed.get("csrf", token) or ""}, headers)
            answered[forgery] = (answer.status_code, left.status_code)
        assert answered == {forgery: (status, status) for forgery, (_, _, status) in FORGED.items()}
        assert await _state(world, approval) is ApprovalState.WAITING
        assert (await ada.see("/approvals")).status_code == 200


@pytest.mark.parametrize("only", ["Origin", "Sec-Fetch-Site"])
async def test_one_of_the_two_headers_is_enough(tmp_path: Path, only: str) -> None:
    """Older browsers send the one, and none sends it wrong."""
    async with browsing(tmp_path, "ada") as (world, (ada,)):
        approval = await world.asked()
        assert (await ada.decide(approval, "approve", headers={only: FORM[only]})).status_code == 303


async def test_another_s_token_is_no_token(tmp_path: Path) -> None:
    """An attacker with a session of their own has a token that works for them alone."""
    async with browsing(tmp_path, "ada", "mallory") as (world, (ada, mallory)):
        approval = await world.asked()
        theirs = csrf(await mallory.see("/approvals"))
        assert (await ada.decide(approval, "approve", csrf=theirs)).status_code == 403
        assert await _state(world, approval) is ApprovalState.WAITING


async def test_a_get_decides_nothing_and_a_field_twice_is_refused(tmp_path: Path) -> None:
    """Not even with the token in the address; and no reader has to choose between two decisions."""
    async with browsing(tmp_path, "ada") as (world, (ada,)):
        approval = await world.asked()
        path = f"/approvals/{approval.approval_id}/decision"
        token = csrf(await ada.see("/approvals"))
        query = f"csrf={token}&action_digest={approval.action_digest}&decision=approve"
        assert (await ada.see(f"{path}?{query}")).status_code == 405
        form = FORM | {"Content-Type": "application/x-www-form-urlencoded"}
        for body, status in ((f"{query}&decision=deny", 400), ("%ff=%ff", 400), ("a", 400), ("", 403)):
            assert (await ada.http.post(path, content=body, headers=form)).status_code == status
        assert (await ada.http.post(path, content="a=" + "x" * 70_000, headers=form)).status_code == 413
        assert await _state(world, approval) is ApprovalState.WAITING


async def test_signing_in_by_another_site_s_form_is_refused(tmp_path: Path) -> None:
    """Nobody is put into an attacker's session: the form's token is the browser's own."""
    async with browsing(tmp_path) as (world, _):
        app = with_pages(world)
        victim, attacker = browser(app), browser(app)
        code = login_code(world, "mallory")
        theirs = csrf(await attacker.see(f"/sign-in?code={code}"))
        await victim.see("/sign-in")
        for headers in (FORM, FORM | {"Origin": "https://evil.example"}):
            answer = await victim.send("/sign-in", {"csrf": theirs, "code": code}, headers)
            assert answer.status_code == 403
        assert await rows(world) == []
        for one in (victim, attacker):
            await one.http.aclose()


async def _state(world: World, approval: ApprovalRecord) -> ApprovalState:
    return (await world.approvals.get(approval.approval_id)).state


PATHS = {
    "/approvals": 200,
    "/approvals/apr_00": 404,
    "/approvals/..%2f..%2fv1%2fruns": 404,
    "/approvals/apr_0/decision/x": 404,
    "/approvals/apr_0/decision": 405,
    "/passkeys": 200,
    "/passkeys/x": 404,
    "/sign-in": 200,
    "/sign-in?code=x": 403,
    "/sign-in?code=x&code=y": 400,
    "/sign-out": 405,
    "/static/page.css": 200,
    "/static/page.js": 200,
    "/static/..%2fsite.py": 404,
    "/static/": 404,
    "/": 303,
}
HEADERS = {
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "referrer-policy": "same-origin",
}
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}


async def test_every_answer_trusts_nobody(tmp_path: Path) -> None:
    """Refusals and files too: no frame, no inline script, nothing of others, nothing kept."""
    async with browsing(tmp_path, "ada") as (_, (ada,)):
        answers = {path: await ada.see(path) for path in PATHS}
        assert {path: answer.status_code for path, answer in answers.items()} == PATHS
        for answer in answers.values():
            policy = answer.headers["content-security-policy"].split(";")
            assert dict(one.strip().split(" ", 1) for one in policy) == POLICY
            assert {name: answer.headers[name] for name in HEADERS} == HEADERS


async def test_every_refusal_is_a_page_with_a_sentence(tmp_path: Path) -> None:
    """Never a problem document, and nothing inline that the policy would stop."""
    async with browsing(tmp_path, "ada") as (_, (ada,)):
        for path, status in PATHS.items():
            answer = await ada.see(path)
            if status == 303 or path.startswith("/static/page"):
                continue
            assert answer.headers["content-type"] == "text/html; charset=utf-8"
            assert "<h1" in answer.text
            assert not re.search(r"<script(?! src=\"/static/page.js\")|<style| style=| on\w+=", answer.text)


async def test_another_host_name_gets_no_page(tmp_path: Path) -> None:
    """A name that an attacker points at us would share its origin with their scripts; it is told ours."""
    async with browsing(tmp_path, "ada") as (world, (ada,)):
        approval = await world.asked()
        for host in ("evil.example", "127.0.0.1:7710", "localhost", "localhost:7711"):
            answer = await ada.http.get("/approvals", headers={"Host": host})
            assert (answer.status_code, f"{PAGES}/approvals" in answer.text) == (421, True)
            assert approval.approval_id not in answer.text


async def test_without_an_address_there_are_no_pages(tmp_path: Path) -> None:
    """And everything else is as it was."""
    async with opened(tmp_path) as world:
        for path in ("/", "/approvals", "/sign-in", "/static/page.js"):
            assert (await world.http.get(path)).status_code == 404
        assert (await world.http.get("/v1/approvals")).status_code == 401
        assert (await world.http.get("/healthz")).status_code == 200


class Failing(Approvals):
    """Implements ``gateway.ports.ApprovalRows``: it fails, with what nobody outside is to read."""

    async def page(self, query: ApprovalQuery) -> Sequence[ApprovalRecord]:
        raise RuntimeError(f"a secret cause in {query}")


async def test_a_mistake_of_ours_is_a_page_without_its_cause(tmp_path: Path) -> None:
    """500 and a sentence."""
    async with browsing(tmp_path, "ada") as (world, (ada,)):
        failing = Failing(world.stores["gateway"], world.verifier, world.clock)
        broken = browser(create(replace(world.parts, approvals=failing)))
        broken.http.cookies.update(ada.http.cookies)
        answer = await broken.see("/approvals")
        assert (answer.status_code, "secret cause" in answer.text, "<h1>" in answer.text) == (
            500,
            False,
            True,
        )
        await broken.http.aclose()
