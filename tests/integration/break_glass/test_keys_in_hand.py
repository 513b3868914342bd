"""With all keys of the agents no session opens; with those of break-glass no agent run gets wider.

What the break-glass process makes of the agents' tokens is in ``test_openings.py``, what rows each login may
write in ``test_row_security.py``, and whose secret each AWS identity may read in ``test_aws.py``.
"""

from functools import partial
from typing import Any

import pytest
from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.keys import KeyRing, SigningKey, thumbprint
from adapters.schema import openings
from adapters.tokens import JwtSigner, JwtVerifier
from contracts.errors import InterlockError, TokenRefused
from contracts.tokens import Purpose
from tests.integration.break_glass.glass_world import GlassWorld, glass
from tests.integration.test_gateway_world import World, bearer

OURS = [purpose for purpose in Purpose if not purpose.of_agents]
AGENTS = [purpose for purpose in Purpose if purpose.of_agents]
ROLES = ["gateway", "agent", "broker", "tools"]


@pytest.fixture
async def world(life: GlassWorld) -> World:
    return life.world


def posing(world: World, key: Purpose, purpose: Purpose) -> JwtSigner:
    """Signs for a purpose with another one's key."""
    private = world.keys[key]
    return JwtSigner([SigningKey(kid=thumbprint(private.public_key()), purpose=purpose, private=private)])


def agents_verifier(world: World) -> JwtVerifier:
    """With the keys that the agents' ring has: none of break-glass."""
    return JwtVerifier(KeyRing(keys={purpose: world.keys[purpose].public_key() for purpose in AGENTS}))


@pytest.mark.parametrize("key", OURS)
@pytest.mark.parametrize("purpose", Purpose)
async def test_no_verifier_of_the_agents_takes_what_break_glass_signs(
    world: World, key: Purpose, purpose: Purpose
) -> None:
    """Not as its own purpose, of which they have no key, and not as any of theirs."""
    claims: dict[str, Any] = {"exp": 4_000_000_000, "kind": "operator", "sub": "op:local", "tenant": "*"}
    token = posing(world, key, purpose).sign(purpose, claims)
    with pytest.raises(TokenRefused):
        agents_verifier(world).verify(purpose, token)


@pytest.mark.parametrize("key", AGENTS)
@pytest.mark.parametrize("purpose", OURS)
async def test_the_process_takes_nothing_that_agents_keys_sign(
    life: GlassWorld, key: Purpose, purpose: Purpose
) -> None:
    """A person's login and a session of break-glass, forged with each agents' key, open nothing."""
    session = (await life.ask()).json()
    token = posing(life.world, key, purpose).sign(
        purpose,
        {"kind": "person", "sub": "principal:grace", "env": "dev", "exp": 4_000_000_000, "jti": "0" * 24},
    )
    path = f"/v1/sessions/{session['session_id']}"
    for answer in (
        await life.http.get(path, headers=bearer(token)),
        await life.http.post(f"{path}/close", headers=bearer(token), json={}),
        await life.http.post(f"{path}/acts", headers=bearer(token), json={}),
    ):
        assert answer.status_code == 401
    assert (await life.session(session))["state"] == "waiting"


@pytest.mark.parametrize("role", ROLES)
async def test_no_login_of_the_agents_writes_an_opening(postgres: Any, role: str) -> None:
    """Neither a new one, nor one that waits made into one that is open."""
    async with glass(postgres.fresh()) as life:
        session = (await life.ask()).json()
        store = life.world.stores[role]
        row = {
            "session_id": "bg_00000000000000bb",
            "tenant": "acme",
            "env": "dev",
            "opener": "principal:ada",
            "opening": "{}",
            "opening_digest": "sha256:0",
            "state": "open",
            "asked_ms": 1,
            "until_ms": 4_000_000_000_000,
        }
        opened = {"state": "open", "until_ms": 1 << 60}
        for statement in (insert(openings).values(row), update(openings).values(opened)):
            with pytest.raises(InterlockError) as refusal:
                await store.write(partial(AsyncConnection.execute, statement=statement))
            assert "permission denied" in str(refusal.value.__cause__)
        assert (await life.session(session))["state"] == "waiting"
