"""Break-glass on its pages: the same rules as by token, nothing by a click alone, no other's sign-in."""

import json
from typing import Any

import pytest

from adapters.sessions import StoreSessions
from contracts.attempts import UNPROVEN
from contracts.tokens import Purpose
from gateway.pages.visits import session_of
from gateway.ports import SignedIn
from tests.browsing import csrf, form
from tests.integration.break_glass.glass_pages import FORM, login_code, visiting
from tests.integration.break_glass.glass_world import PAGES, GlassWorld
from tests.integration.test_gateway_world import ENV, SIGNING
from tests.laws.test_sending import LOST
from tests.passkeys import ORIGIN


async def test_a_session_on_the_pages_from_its_asking_to_its_report(life: GlassWorld) -> None:
    """Asked for, consented to, acted in and closed by forms alone; each step is what the API's would be."""
    async with visiting(life, "ada", "grace") as (ada, grace):
        asked = await ada.send(None, "", **FORM)
        assert asked.status_code == 303
        session_id = asked.headers["location"].removeprefix("/sessions/")
        session = await life.session({"session_id": session_id})
        shown = await grace.see(session)
        for part in ("The queue of Acme is stuck.", "ticket.close", "10 minutes", session["opening_digest"]):
            assert part in shown
        assert (await grace.consent(session, "grace")).status_code == 303
        assert (await ada.propose(session)).status_code == 303
        assert life.target.sends == 0
        assert (await ada.confirm(session)).status_code == 303
        assert life.target.sends == 1
        assert (await grace.send(session, "close", reason="Done.")).status_code == 303
        after = await grace.see(session)
        for part in ("Closed", "Done.", "ticket.reopen", "The whole report", "principal:joan"):
            assert part in after
        assert (await life.session(session))["acts"][0]["outcome"] == "succeeded"
        assert await life.refused() == []


@pytest.mark.parametrize("target", ["", "T-2", "yes", "acme"])
async def test_a_click_alone_sends_nothing(life: GlassWorld, target: str) -> None:
    """Whoever confirms has typed the target that is shown; what was shown stays there to be confirmed."""
    session = await life.opened()
    async with visiting(life, "ada") as (ada,):
        await ada.propose(session)
        answer = await ada.confirm(session, target)
        assert (answer.status_code, "nothing was sent" in answer.text) == (422, True)
        assert life.target.sends == 0
        assert (await ada.confirm(session)).status_code == 303


async def test_another_digest_than_the_one_shown_sends_nothing(life: GlassWorld) -> None:
    """The form names what its reader saw: an act that was prepared anew is read anew."""
    session = await life.opened()
    async with visiting(life, "ada") as (ada,):
        await ada.propose(session)
        answer = await ada.confirm(session, action_digest=f"sha256:{'0' * 64}")
        assert (answer.status_code, life.target.sends) == (409, 0)


async def test_a_proposal_that_is_sent_twice_is_one_act(life: GlassWorld) -> None:
    """A double click on the form is the same act: its key was drawn with the page."""
    session = await life.opened()
    async with visiting(life, "ada") as (ada,):
        fields = {"tool": "ticket.close", "arguments": '{"ticket_id": "T-1"}', "key": "0" * 32}
        for _ in range(2):
            assert (await ada.send(session, "acts", **fields)).status_code == 303
        assert len((await life.session(session))["acts"]) == 1
        assert (await ada.send(session, "acts", **fields | {"key": "mine"})).status_code == 422


@pytest.mark.parametrize(
    "arguments", ["", "{", "[]", '{"ticket_id": "T-1", "ticket_id": "T-2"}', '{"ticket_id": NaN}', '"T-1"']
)
async def test_arguments_are_read_as_strictly_as_a_body(life: GlassWorld, arguments: str) -> None:
    """No object, a key twice, what is no JSON: refused with a sentence, and the text stays in the form."""
    session = await life.opened()
    async with visiting(life, "ada") as (ada,):
        answer = await ada.propose(session, arguments)
        assert (answer.status_code, 'role="alert"' in answer.text) == (422, True)
        assert arguments.replace('"', "&#34;") in answer.text
        assert (await life.session(session))["acts"] == []


async def test_consent_on_the_page_takes_a_passkey_of_another_person(life: GlassWorld) -> None:
    """Not the opener's, not without a signature, not over another digest or for the gateway's pages."""
    session = (await life.ask()).json()
    digest = session["opening_digest"]
    elsewhere = json.dumps(SIGNING["grace"].sign(digest, ORIGIN).document())
    other = json.dumps(SIGNING["grace"].sign(f"sha256:{'0' * 64}", PAGES).document())
    theirs = json.dumps(SIGNING["ada"].sign(digest, PAGES).document())
    async with visiting(life, "ada", "grace") as (ada, grace):
        assert (await ada.consent(session, "ada")).status_code == 403
        for assertion in (elsewhere, other, theirs):
            assert (await grace.consent(session, "grace", assertion=assertion)).status_code == 403
        for nothing in ("", "{}", "null", "[" * 3_000):
            assert (await grace.consent(session, "grace", assertion=nothing)).status_code == 422
        assert (await life.session(session))["state"] == "waiting"
        assert len(await life.refused()) == 4
        assert 'data-sign="localhost"' in await grace.see(session)
        assert 'data-sign="' not in await ada.see(session)


@pytest.mark.parametrize(("name", "status"), [("mallory", 403), ("joan", 403), ("linus", 404), ("star", 404)])
async def test_who_is_not_of_group_and_tenant_sees_nothing(life: GlassWorld, name: str, status: int) -> None:
    """Outside the group everything is forbidden; of another tenant the session is not there."""
    session = await life.opened()
    async with visiting(life, name) as (visitor,):
        answer = await visitor.browser.see(f"/sessions/{session['session_id']}")
        assert answer.status_code == status
        assert session["reason"] not in answer.text
        assert session["session_id"] not in (await visitor.browser.see("/sessions")).text
        token = csrf(await visitor.browser.see("/passkeys"))
        closing = await visitor.browser.send(
            f"/sessions/{session['session_id']}/close", {"csrf": token, "reason": "x"}
        )
        assert closing.status_code == status
    assert (await life.session(session))["state"] == "open"


async def test_only_the_opener_acts(life: GlassWorld) -> None:
    """Who consented has no form to act with, and a form made by hand is refused and audited."""
    session = await life.opened()
    async with visiting(life, "grace") as (grace,):
        assert 'name="arguments"' not in await grace.see(session)
        fields = {"tool": "ticket.close", "arguments": '{"ticket_id": "T-1"}', "key": "0" * 32}
        assert (await grace.send(session, "acts", **fields)).status_code == 403
    assert [actor for actor, _ in await life.refused()] == ["principal:grace"]


async def test_an_unknown_act_is_settled_on_the_page_by_somebody_else(life: GlassWorld) -> None:
    """The opener has no form for it; another of the group says what they saw, with a reason."""
    session = await life.opened(tools=["ticket.mail"])
    life.target.answers = [LOST]
    act = (await life.propose(session, "ticket.mail")).json()
    assert (await life.confirm(session, act)).json()["outcome"] == "unknown"
    async with visiting(life, "ada", "grace") as (ada, grace):
        before = await ada.see(session)
        assert "Perhaps now" in before
        assert "Somebody else of the group" in before
        assert 'value="it_did"' not in before
        assert 'value="it_did"' in await grace.see(session)
        fields = {"act": act["act_id"], "outcome": "it_did"}
        assert (await grace.send(session, "outcome", **fields, reason=" ")).status_code == 422
        assert (await ada.send(session, "outcome", **fields, reason="I know.")).status_code == 403
        assert (await grace.send(session, "outcome", **fields, reason="I read it.")).status_code == 303
    assert (await life.session(session))["acts"][0]["outcome"] == "succeeded"


async def test_a_page_says_of_an_act_only_what_came_of_it(life: GlassWorld) -> None:
    """Before it is sent it is now and then; done, before and after; never sent, it has nothing to undo."""
    session = await life.opened()
    async with visiting(life, "ada") as (ada,):
        await ada.propose(session)
        proposed = await ada.see(session)
        await ada.confirm(session)
        done = await ada.see(session)
        await ada.propose(session, '{"ticket_id": "T-2"}')
        await ada.send(session, "close")
        closed = await ada.see(session)
    assert [labels in proposed for labels in (">Now<", ">Then<", "Can we undo it?")] == [True] * 3
    assert [labels in done for labels in (">Now<", ">Before<", ">After<", "Can we undo it?")] == [
        False,
        *[True] * 3,
    ]
    assert closed.count(">Was to be<") == done.count(">After<")
    assert closed.count("Can we undo it?") == 1


NO_CODES: list[dict[str, Any]] = [
    {"purpose": Purpose.CALLERS},
    {"purpose": Purpose.GRANT},
    {"purpose": Purpose.BREAK_GLASS},
    {"kind": "person"},
    {"env": "prod"},
    {"sub": "svc:demo"},
    {"jti": "short"},
    {"exp": 1},
]


@pytest.mark.parametrize("lie", NO_CODES, ids=lambda lie: "-".join(map(str, lie.values())))
async def test_no_other_token_signs_in_and_each_attempt_is_audited(life: GlassWorld, lie: Any) -> None:
    """The gateway's login codes, API tokens of a person, other keys' tokens: refused at a look and a try."""
    async with visiting(life, "") as (nobody,):
        token = csrf(await nobody.browser.see(f"/sign-in?code={login_code(life, 'ada')}"))
        assert token
        code = login_code(life, "ada", **lie)
        assert (await nobody.browser.see(f"/sign-in?code={code}")).status_code == 403
        assert (await nobody.browser.send("/sign-in", {"csrf": token, "code": code})).status_code == 403
        assert (await nobody.browser.see("/sessions")).status_code == 401
    assert [actor for actor, _ in await life.refused()] == [UNPROVEN, UNPROVEN]


async def test_no_row_of_the_store_signs_anybody_in(life: GlassWorld) -> None:
    """The gateway may write rows of sessions: one of them with this browser's digest opens nothing here."""
    async with visiting(life, "", "ada") as (nobody, ada):
        secret = "s" * 43
        nobody.browser.http.cookies.set("interlock-break-glass", secret)
        rows = StoreSessions(life.store, life.world.clock)
        proven = SignedIn(principal="principal:ada", proof="p")
        until_ms = life.world.clock.at_ms + 60_000
        await rows.open(session_of(secret, ENV), proven, until_ms=until_ms, instead_of="none")
        assert (await nobody.browser.see("/sessions")).status_code == 401
        assert (await ada.browser.see("/sessions")).status_code == 200


async def test_a_link_signs_in_once_and_a_day_s_work_ends_it(life: GlassWorld) -> None:
    """A second use is refused; the session ends by itself, and at sign-out."""
    async with visiting(life, "", "") as (ada, thief):
        code = login_code(life, "ada", exp=4_000_000_000)
        assert (await ada.browser.sign_in(code)).status_code == 303
        assert (await thief.browser.sign_in(code)).status_code == 403
        life.passed(minutes=8 * 60)
        assert (await ada.browser.see("/sessions")).status_code == 401
        assert (await ada.browser.sign_in(login_code(life, "ada"))).status_code == 303
        token = csrf(await ada.browser.see("/sessions"))
        assert (await ada.browser.send("/sign-out", {"csrf": token})).status_code == 303
        assert (await ada.browser.see("/sessions")).status_code == 401


async def test_the_cookie_is_none_of_the_gateway_s(life: GlassWorld) -> None:
    """On one host a cookie goes to every port: its name is its own, and it opens no call of the API."""
    async with visiting(life, "ada") as (ada,):
        assert set(ada.browser.http.cookies) == {"interlock-break-glass"}
        assert (await ada.browser.see("/v1/sessions")).status_code == 401


async def test_a_form_from_elsewhere_does_nothing(life: GlassWorld) -> None:
    """Another origin on this host, no origin at all, another visitor's token: the session stays as it is."""
    session = await life.opened()
    path = f"/sessions/{session['session_id']}/close"
    async with visiting(life, "ada", "grace") as (ada, grace):
        token = csrf(await ada.browser.see("/sessions"))
        gateway = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-site"}
        for headers in (gateway, {}, {"Origin": "null"}):
            assert (await ada.browser.send(path, {"csrf": token}, headers)).status_code == 403
        stolen = await grace.browser.send(path, {"csrf": token}, form(PAGES))
        assert stolen.status_code == 403
        assert (await ada.browser.see(path)).status_code == 405
    assert (await life.session(session))["state"] == "open"


async def test_what_a_person_wrote_is_no_markup(life: GlassWorld) -> None:
    """A reason and a target that spell out HTML are text, also where they are refused and shown again."""
    evil = '<script>alert("x")</script><b>'
    session = await life.opened(reason=f"A good reason {evil}")
    async with visiting(life, "ada") as (ada,):
        for shown in (await ada.see(session), (await ada.browser.see("/sessions")).text):
            assert "<script>alert" not in shown
            assert "<b>" not in shown
        again = await ada.send(None, "", **{**FORM, "reason": evil, "minutes": "99"})
        assert again.status_code == 422
        assert "<script>alert" not in again.text
        proposed = await ada.propose(session, json.dumps({"ticket_id": evil}))
        assert "<script>alert" not in proposed.text
        assert "<script>alert" not in await ada.see(session)


async def test_over_means_over_on_the_page_too(life: GlassWorld) -> None:
    """Past the minute the page has no form to act, whether or not its end was written down yet."""
    session = await life.opened()
    async with visiting(life, "ada") as (ada,):
        await ada.propose(session)
        life.passed(minutes=10)
        shown = await ada.see(session)
        assert "Its minutes are over" in shown
        assert 'name="arguments"' not in shown
        assert 'name="target"' not in shown
        assert life.target.sends == 0


@pytest.mark.parametrize(
    "changed", [{"tenant": ""}, {"tools": ""}, {"minutes": "soon"}, {"minutes": "31"}, {"reason": "short"}]
)
async def test_what_is_no_opening_is_refused_and_stays_in_the_form(life: GlassWorld, changed: Any) -> None:
    """Nothing is asked for, a sentence says why, and what was typed is still there."""
    async with visiting(life, "ada") as (ada,):
        answer = await ada.send(None, "", **{**FORM, "overrides": "tool:x", **changed})
        assert (answer.status_code, 'role="alert"' in answer.text) == (422, True)
        assert "tool:x" in answer.text
        assert "No session is open or waits" in (await ada.browser.see("/sessions")).text
