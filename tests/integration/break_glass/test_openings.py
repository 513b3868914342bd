"""Who may open and consent, for what: each refusal in a sentence, and on record."""

import asyncio
import secrets
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import update

from adapters.schema import runs
from contracts.attempts import UNPROVEN
from contracts.break_glass import MOST_ASKED
from contracts.digest import Json
from contracts.passkey import Assertion
from contracts.tokens import Purpose
from policies.people import People
from tests.integration.break_glass.glass_world import PAGES, PEOPLE, GlassWorld
from tests.integration.test_gateway_world import ENV, SIGNING, bearer, problem
from tests.passkeys import PRESENT, SoftPasskey


@pytest.mark.parametrize(
    ("name", "status", "said", "changed"),
    [
        ("mallory", 403, "not in the group", {}),
        ("stranger", 403, "not in the group", {}),
        ("grace", 403, "not named among the tenants", {"tenant": "globex"}),
        ("star", 403, "not named among the tenants", {}),
        ("ada", 422, "nobody stands for", {"tenant": "initech"}),
        ("ada", 422, "has no tool ticket.burn", {"tools": ["ticket.close", "ticket.burn"]}),
        ("ada", 422, "only reads", {"tools": ["tickets.get"]}),
        ("ada", 422, "name 1 to", {"tools": []}),
        ("ada", 422, "say why", {"reason": "urgent   "}),
        ("ada", 422, "one line", {"reason": "urgent, as it is\nhidden"}),
        ("ada", 422, "1 to 30 minutes", {"minutes": 0}),
        ("ada", 422, "1 to 30 minutes", {"minutes": 31}),
        ("ada", 422, "nothing is stopped by all", {"overrides": ["all"]}),
    ],
)
async def test_what_nobody_may_open_is_refused_and_audited(
    life: GlassWorld, name: str, status: int, said: str, changed: Json
) -> None:
    """In one sentence, to whoever asks; nothing is written down but that it was refused."""
    answer = await life.ask(name, **changed)
    assert (answer.status_code, said in answer.json()["detail"]) == (status, True), answer.text
    assert [(actor, said in why) for actor, why in await life.refused()] == [(f"principal:{name}", True)]
    assert (await life.get("/v1/sessions")).json() == {"sessions": []}


@pytest.mark.parametrize("name", ["ada", "grace"])
@pytest.mark.parametrize("identity", ["on_behalf_of", "caller"])
async def test_whom_an_open_run_acts_for_neither_opens_nor_consents(
    life: GlassWorld, name: str, identity: str
) -> None:
    """By any identity of theirs; it is looked at again when somebody consents."""
    session = (await life.ask()).json()
    if identity == "caller":
        await life.world.start(life.world.caller(sub=f"user:{name}"))
    else:
        await life.world.start(on_behalf_of=f"user:{name}")
    answer = await life.consent(session)
    assert problem(answer) == (403, "forbidden")
    assert "an open run of this tenant acts for" in answer.json()["detail"]
    await life.close(session)
    refused = problem(await life.ask(name))
    assert refused == (403, "forbidden")


async def test_a_run_of_another_tenant_hinders_nobody(life: GlassWorld) -> None:
    """Only that tenant's."""
    await life.world.start(life.world.caller("globex"), on_behalf_of="user:ada")
    assert (await life.ask()).status_code == 201


async def test_a_person_has_one_session_at_a_time(life: GlassWorld) -> None:
    """Asked for twice at once, one is; the next may be asked for when it has ended."""
    both = await asyncio.gather(life.ask(), life.ask())
    assert sorted(one.status_code for one in both) == [201, 409]
    session = next(one.json() for one in both if one.status_code == 201)
    await life.close(session)
    assert (await life.ask()).status_code == 201


async def test_nobody_hides_a_session_behind_a_thousand(life: GlassWorld) -> None:
    """Everybody is told of each, so a person asks for so many within an hour; then for others again."""
    for _ in range(MOST_ASKED):
        session = (await life.ask()).json()
        await life.close(session, "ada")
    assert problem(await life.ask()) == (409, "conflict")
    assert (await life.ask("grace")).status_code == 201
    life.passed(minutes=60)
    assert (await life.ask()).status_code == 201


async def test_a_run_whose_warrant_nobody_can_read_may_act_for_anybody(life: GlassWorld) -> None:
    """Then nobody of the group opens anything on its tenant, and the refusal is on record."""
    await life.world.start()
    statement = update(runs).values(warrant="none")
    await life.world.store.write(lambda connection: connection.execute(statement))
    assert problem(await life.ask()) == (403, "forbidden")
    assert "whom an open run of this tenant acts for" in (await life.refused())[-1][1]


async def test_nobody_consents_to_their_own(life: GlassWorld) -> None:
    """With their own passkey, over the right digest: refused."""
    session = (await life.ask()).json()
    answer = await life.consent(session, "ada")
    assert problem(answer) == (403, "forbidden")
    assert (await life.session(session))["state"] == "waiting"


def _signed(session: Json, key: SoftPasskey, **how: Any) -> Assertion:
    return key.sign(session["opening_digest"], how.pop("origin", PAGES), **how)


@pytest.mark.parametrize(
    "how",
    [
        {"origin": "http://localhost:7710"},
        {"origin": "http://localhost.evil.example:7716"},
        {"host": "evil.example"},
        {"flags": PRESENT},
        {"crossOrigin": True},
        {"type": "webauthn.create"},
    ],
)
async def test_a_signature_made_elsewhere_opens_nothing(life: GlassWorld, how: dict[str, Any]) -> None:
    """On the approvals' pages, on anybody's, without a verified user, or inside another site's page."""
    session = (await life.ask()).json()
    answer = await life.consent(session, assertion=_signed(session, SIGNING["grace"], **how))
    assert problem(answer) == (403, "forbidden")


@pytest.mark.parametrize("key", [SIGNING["ada"], SIGNING["linus"], SoftPasskey.create("unknown")])
async def test_a_passkey_of_somebody_else_opens_nothing(life: GlassWorld, key: SoftPasskey) -> None:
    """The opener's own, another member's, or nobody's."""
    session = (await life.ask()).json()
    assert problem(await life.consent(session, assertion=_signed(session, key))) == (403, "forbidden")


async def test_a_signature_over_another_digest_opens_nothing(life: GlassWorld) -> None:
    """Neither where the right digest is named beside it, nor where its own is."""
    session, other = (await life.ask()).json(), "sha256:" + "1" * 64
    signed = SIGNING["grace"].sign(other, PAGES)
    assert problem(await life.consent(session, assertion=signed)) == (403, "forbidden")
    assert problem(await life.consent(session, assertion=signed, opening_digest=other)) == (409, "conflict")


async def test_a_consent_is_worth_one_session(life: GlassWorld) -> None:
    """Replayed it opens neither the same session again nor the next one."""
    session = (await life.ask()).json()
    signed = SIGNING["grace"].sign(session["opening_digest"], PAGES)
    assert (await life.consent(session, assertion=signed)).status_code == 200
    assert problem(await life.consent(session, assertion=signed)) == (409, "conflict")
    await life.close(session)
    assert problem(await life.consent(session, assertion=signed)) == (409, "conflict")
    following = (await life.ask()).json()
    assert problem(await life.consent(following, assertion=signed)) == (403, "forbidden")


async def test_a_passkey_that_was_removed_opens_nothing(life: GlassWorld) -> None:
    """The people file in force counts, and not the one of when it was asked."""
    session = (await life.ask()).json()
    await life.publish(_without("grace", passkeys=()))
    assert problem(await life.consent(session)) == (403, "forbidden")


@pytest.mark.parametrize("name", ["ada", "grace"])
async def test_who_left_the_group_since_opens_nothing(life: GlassWorld, name: str) -> None:
    """Opener or consenter: both stand when it is consented to."""
    session = (await life.ask()).json()
    await life.publish(_without(name, groups=()))
    assert problem(await life.consent(session)) == (403, "forbidden")


async def test_who_left_the_group_acts_no_more(life: GlassWorld) -> None:
    """An open session is worth nothing to them, from that moment on."""
    session = await life.opened()
    act = (await life.propose(session)).json()
    await life.publish(_without("ada", groups=("support-leads",)))
    assert problem(await life.confirm(session, act)) == (403, "forbidden")
    assert problem(await life.propose(session, key="a-2")) == (403, "forbidden")
    assert life.target.sends == 0


async def test_a_session_of_another_tenant_is_as_absent_as_none(life: GlassWorld) -> None:
    """Nobody reads, closes, consents to or acts in it."""
    session = (await life.ask()).json()
    for answer in (
        await life.get(f"/v1/sessions/{session['session_id']}", "linus"),
        await life.consent(session, "linus"),
        await life.close(session, "linus"),
        await life.propose(session, name="linus"),
        await life.get("/v1/sessions/run_0123456789abcdef", "linus"),
    ):
        assert problem(answer) == (404, "not-found")
    assert (await life.get("/v1/sessions", "linus")).json() == {"sessions": []}
    assert len((await life.get("/v1/sessions", "grace")).json()["sessions"]) == 1
    await life.consent(session)
    await life.close(session)
    assert (await life.report(session))["refused"] == 0


async def test_whoever_is_not_of_the_group_reads_nothing_and_is_on_record(life: GlassWorld) -> None:
    """A token that holds, of somebody with no word here."""
    session = (await life.ask()).json()
    for path in ("/v1/sessions", f"/v1/sessions/{session['session_id']}"):
        assert problem(await life.get(path, "mallory")) == (403, "forbidden")
    assert [actor for actor, _ in await life.refused()] == ["principal:mallory"] * 2


@pytest.mark.parametrize("purpose", [one for one in Purpose if one is not Purpose.BREAK_GLASS_LOGIN])
async def test_a_token_of_any_other_purpose_opens_no_door(life: GlassWorld, purpose: Purpose) -> None:
    """Signed with its own, real key, and with this very person in it; each try is audited."""
    answer = await life.http.get("/v1/sessions", headers=bearer(life.token(purpose=purpose)))
    assert problem(answer) == (401, "unauthenticated")
    assert [actor for actor, _ in await life.refused()] == [UNPROVEN]


@pytest.mark.parametrize(
    "claims",
    [
        {"kind": "login"},
        {"kind": "caller"},
        {"kind": "operator", "sub": "op:local"},
        {"sub": "svc:demo"},
        {"sub": "user:ada"},
        {"env": "prod"},
        {"exp": 1},
        {"exp": 4_000_000_000},
        {"tenant": "acme"},
        {"jti": "short"},
    ],
)
async def test_a_login_token_is_a_person_s_and_of_this_environment(life: GlassWorld, claims: Json) -> None:
    """A page's link, a service's, another environment's, an old one, one for years: refused and audited."""
    answer = await life.http.get("/v1/sessions", headers=bearer(life.token(**claims)))
    assert problem(answer) == (401, "unauthenticated")
    assert len(await life.refused()) == 1


async def test_a_session_s_own_token_is_no_login(life: GlassWorld) -> None:
    """What tools' services see of it opens nothing here."""
    session = await life.opened()
    await life.propose(session)
    answer = await life.http.get("/v1/sessions", headers=bearer(life.target.tokens[0]))
    assert problem(answer) == (401, "unauthenticated")


async def test_only_the_schema_and_the_health_need_no_token(life: GlassWorld) -> None:
    """Every other path does, whether it exists or not."""
    assert (await life.http.get("/healthz")).json() == {"status": "ok"}
    assert (await life.http.get("/openapi.json")).status_code == 200
    for path in ("/v1/sessions", f"/v1/{secrets.token_hex(4)}", "/readyz", "/slack/interactions"):
        assert problem(await life.http.get(path)) == (401, "unauthenticated")


def _without(name: str, **changed: Any) -> People:
    """The people, with one of them changed."""
    own = f"principal:{name}"
    return People(
        people=tuple(replace(one, **changed) if one.principal == own else one for one in PEOPLE.people)
    )


async def test_a_catalogue_that_changed_since_is_not_consented_to(life: GlassWorld) -> None:
    """The tools that were asked for are not those that would be called."""
    session = (await life.ask()).json()
    tools: Json = {"tools": {}}
    await life.world.documents.publish(ENV, "catalogue", "catalogue", tools, actor="op:test")
    assert problem(await life.consent(session)) == (409, "conflict")


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"tools": ["ticket.close\u0000"]}, 422),
        ({"tenant": "acme\u0000"}, 422),
        ({"overrides": ["tool:\u0000"]}, 422),
        ({"overrides": ["everything"]}, 422),
        ({"minutes": "10"}, 422),
        ({"minutes": 10.5}, 422),
        ({"opener": "principal:grace"}, 422),
        ({"reason": "\U0001f525" * 400}, 422),
    ],
)
async def test_a_body_of_another_shape_asks_for_nothing(life: GlassWorld, changed: Json, status: int) -> None:
    """What no store would take, what nobody asks, and what would be too long to be signed."""
    answer = await life.ask(**changed)
    assert problem(answer) == (status, "invalid-request")


async def test_an_answer_longer_than_a_device_s_opens_nothing(life: GlassWorld) -> None:
    """A member's own passkey signed it: but what came of it would fit into no header."""
    session = (await life.ask()).json()
    padded = SIGNING["grace"].sign(session["opening_digest"], PAGES, padding="x" * 5_000)
    assert problem(await life.consent(session, assertion=padded)) == (403, "forbidden")
    assert (await life.session(session))["state"] == "waiting"


@pytest.mark.parametrize("act_id", ["%00", "run_1.1.0", "1", "bg_0123456789abcdef.1.0", "..%2F..%2Fhealthz"])
async def test_an_act_of_nothing_is_as_absent_as_none(life: GlassWorld, act_id: str) -> None:
    """Whatever stands in its place."""
    session = await life.opened()
    base = f"/v1/sessions/{session['session_id']}/acts/{act_id}"
    digest = {"action_digest": "sha256:" + "0" * 64}
    assert (await life.post(f"{base}/confirm", digest)).status_code == 404
    said = {"outcome": "it_did", "reason": "I looked."}
    assert (await life.post(f"{base}/outcome", said, "grace")).status_code == 404
