"""The claim of an act: one transaction between a person's confirmation and the write."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.ledger import StoreLedger
from adapters.run_entry import RunEntry
from adapters.session_leaving import SessionLeaving
from contracts.break_glass import GROUP, Overridden
from contracts.errors import Halted, PermissionRefused
from contracts.ledger import Claim
from contracts.run import Outcome
from contracts.tokens import Purpose
from policies.people import People
from tests.integration.break_glass.books.sessions import DONE, MINUTES, PEOPLE, SIGNER, Act, Glass, seal
from tests.integration.test_gateway_world import CLOSE, ENV, person, route


async def test_a_confirmed_act_is_claimed_in_its_persons_name(glass: Glass) -> None:
    """The audit names the opener as who acts, and both people as who let it; nothing is said to a model."""
    act = await glass.confirmed(await glass.open())
    claim = await act.claim()
    assert (claim.say, claim.fence) == ("send", 1)
    await act.settle(claim)
    (attempt,), (result,) = await glass.audited("attempt"), await glass.audited("result")
    assert (attempt["actor"], result["actor"]) == ("principal:ada", "principal:ada")
    assert attempt["approvers"] == ["principal:ada", "principal:grace"]
    assert attempt["credential_scope"] == "dev/acme/ticketing-write"
    assert (result["outcome"], result["run_id"]) == ("succeeded", act.run.warrant.run_id)
    async with glass.world.store.read() as connection:
        assert (await connection.exec_driver_sql("SELECT count(*) FROM messages")).scalar_one() == 0


async def test_an_acts_end_is_announced_with_what_changed_and_how_to_undo_it(glass: Glass) -> None:
    """Who, tool, target, before and after, outcome, undo and key, sealed as the tenant's."""
    act = await glass.confirmed(await glass.open())
    await act.settle(await act.claim())
    (alert,) = [one for one in await glass.alerts() if "succeeded" in one.title]
    assert alert.title == "Break-glass on acme: succeeded: Ada, ticket.close on T-1"
    assert (alert.tenant, alert.actor) == ("acme", "principal:ada")
    assert {"T-1 is closed.", "Changed status: open → closed"} <= set(alert.lines)
    assert any('ticket.reopen {"ticket_id":"T-1"}' in line for line in alert.lines)
    assert f"Idempotency key: {act.frozen.idempotency_key}" in alert.lines


async def test_the_passkey_that_consented_is_one_of_the_consenters_still(glass: Glass) -> None:
    """Taken out of the people file in the middle of a session, it lets nothing more in."""
    act = await glass.confirmed(await glass.open())
    lost = tuple(
        replace(one, passkeys=()) if one.principal == "principal:grace" else one for one in PEOPLE.people
    )
    people = People(people=lost).document()
    await glass.world.documents.publish(ENV, "people", "people", people, actor="op:test")
    assert _no(await act.claim()) == ("session.passkey",)


async def test_what_nobody_confirmed_is_not_claimed(glass: Glass) -> None:
    """No seal, one of another act, other bytes or another session, or of another key lets nothing in."""
    run = await glass.open()
    frozen = await glass.frozen(run)
    act = Act(glass=glass, run=run, frozen=frozen)
    assert _no(await act.claim()) == ("act.unconfirmed",)
    others = (
        seal(frozen, action_id="other"),
        seal(frozen, action_digest="sha256:" + "0" * 64),
        seal(frozen, session_id="bg_" + "0" * 16),
        glass.world.signer.sign(Purpose.GRANT, {"kind": "act"}),
        SIGNER.sign(Purpose.BREAK_GLASS, glass.session(glass.opening()).claims()),
        "nothing",
    )
    for token in others:
        await glass.actions.seal(run, frozen, token)
        assert _no(await act.claim()) == ("act.unconfirmed",)
    await glass.actions.seal(run, frozen, seal(frozen))
    assert (await act.claim()).say == "send"


async def test_a_digest_that_was_written_over_lets_no_other_bytes_in(glass: Glass) -> None:
    """Who writes the table makes nobody's word of it: the seal is over the bytes that were shown."""
    act = await glass.confirmed(await glass.open())
    other = {"ticket_id": "T-9"}
    digest = act.request(arguments=other).action_digest
    await _write(glass, f"UPDATE actions SET action_digest = '{digest}'")
    assert _no(await act.claim(arguments=other)) == ("act.unconfirmed",)


@pytest.mark.parametrize(("late_ms", "said"), [(-1, "send"), (0, "refused")])
async def test_nothing_leaves_past_the_minute(glass: Glass, late_ms: int, said: str) -> None:
    """The clock decides at the claim, whoever prepared in time and whether or not anybody swept."""
    act = await glass.confirmed(await glass.open())
    glass.world.clock.at_ms += MINUTES * 60_000 + late_ms
    assert (await act.claim()).say == said


async def test_a_row_that_was_stretched_lasts_no_longer(glass: Glass) -> None:
    """Who writes the table does not lengthen a session: its signed end counts."""
    act = await glass.confirmed(await glass.open())
    glass.world.clock.at_ms += MINUTES * 60_000
    await _write(glass, "UPDATE openings SET until_ms = 9999999999999")
    assert (await act.claim()).outcome is Outcome.SKIPPED


@pytest.mark.parametrize("forged", ["none", "agents", "others"])
async def test_a_row_that_break_glass_did_not_sign_opens_nothing(glass: Glass, forged: str) -> None:
    """With the table, and every key of the agents' in hand, there is no session; another's token is none."""
    run = await glass.open()
    act = await glass.confirmed(run)
    other = glass.session(glass.opening(tools=("ticket.close", "ticket.purge")))
    tokens = {
        "none": "",
        "agents": glass.world.signer.sign(Purpose.WARRANT, other.claims()),
        "others": SIGNER.sign(Purpose.BREAK_GLASS, other.claims()),
    }
    await _write(glass, f"UPDATE openings SET token = '{tokens[forged]}'")
    claim = await act.claim()
    assert (claim.say, claim.sentence) == ("refused", "nobody opened such a session of break-glass")


async def test_a_closed_session_claims_nothing(glass: Glass) -> None:
    """A close between confirming and claiming wins."""
    act = await glass.confirmed(await glass.open())
    await glass.close(act.run)
    assert (await act.claim()).say == "refused"


async def test_a_tool_that_the_opening_does_not_name_is_not_claimed(glass: Glass) -> None:
    """Neither by its own name, nor by another tool's specification."""
    act = await glass.confirmed(await glass.open(tools=("ticket.reopen",)))
    assert _no(await act.claim()) == ("session.tools",)


async def test_a_named_tool_is_claimed_by_its_own_specification(glass: Glass) -> None:
    """The retry rules and the credential of another tool are not this one's."""
    act = await glass.confirmed(await glass.open())
    act.spec = replace(CLOSE, name="ticket.purge")
    assert _no(await act.claim()) == ("session.tools",)


@pytest.mark.parametrize("left", ["ada", "grace"])
async def test_both_people_are_of_the_group_at_the_claim(glass: Glass, left: str) -> None:
    """Whoever was taken out of the group, or stands for the tenant no more, acts and consents no more."""
    act = await glass.confirmed(await glass.open())
    for changed in (person(left), person(left, groups=(GROUP,), tenants=("globex", "*"))):
        others = (one for one in PEOPLE.people if one.principal != f"principal:{left}")
        people = People(people=(changed, *others))
        await glass.world.documents.publish(ENV, "people", "people", people.document(), actor="op:test")
        assert _no(await act.claim()) == ("session.people",)


@pytest.mark.parametrize("scope", ["all", "tool:ticket.close", "tenant:acme", "route:break-glass"])
async def test_kill_switches_hold(glass: Glass, scope: str) -> None:
    """What is stopped is stopped for people too, until it is lifted."""
    act = await glass.confirmed(await glass.open())
    await glass.switch(scope)
    claim = await act.claim()
    assert (claim.say, claim.rules) == ("halted", (f"switch:{scope}",))
    assert "looking into it" in claim.sentence
    await glass.switch(scope, stopped=False)
    assert (await act.claim()).say == "send"


async def test_a_session_goes_past_the_stop_that_its_opening_names_and_no_other(glass: Glass) -> None:
    """The named stop holds it back no more; another scope does, and a later stop of the same one."""
    await glass.switch("tool:ticket.close")
    past = (Overridden(scope="tool:ticket.close", stopped_ms=glass.world.clock.now_ms()),)
    act = await glass.confirmed(await glass.open(overrides=past))
    await glass.switch("tenant:acme")
    assert (await act.claim()).rules == ("switch:tenant:acme",)
    await glass.switch("tenant:acme", stopped=False)
    glass.world.clock.at_ms += 1
    await glass.switch("tool:ticket.close")
    assert (await act.claim()).rules == ("switch:tool:ticket.close",)


async def test_an_overridden_stop_lets_the_act_leave(glass: Glass) -> None:
    """Claimed, and confirmed at the first byte, although the switch is set."""
    await glass.switch("tool:ticket.close")
    past = (Overridden(scope="tool:ticket.close", stopped_ms=glass.world.clock.now_ms()),)
    act = await glass.confirmed(await glass.open(overrides=past))
    claim = await act.claim()
    assert claim.say == "send"
    assert await glass.ledger.confirm(act.request(), claim.fence)
    glass.world.clock.at_ms += 1
    await glass.switch("tool:ticket.close")
    assert not await glass.ledger.confirm(act.request(), claim.fence)


async def test_at_its_first_byte_a_session_is_open_still(glass: Glass) -> None:
    """A claim that was made in time is not sent past the minute."""
    act = await glass.confirmed(await glass.open())
    claim = await act.claim()
    assert await glass.ledger.confirm(act.request(), claim.fence)
    glass.world.clock.at_ms += MINUTES * 60_000
    assert not await glass.ledger.confirm(act.request(), claim.fence)


@pytest.mark.parametrize("per", ["run", "route", "tenant"])
async def test_limits_of_every_route_bind_it(glass: Glass, per: str) -> None:
    """The second act within the window is refused by the limit of a route that no run of it ever took."""
    limit = {"tool": "ticket.close", "per": per, "window": "1h", "calls": 1}
    other = route("support/other", limits=[limit])
    await glass.world.documents.publish(ENV, "route", other.name, other.document(), actor="op:test")
    run = await glass.open()
    first = await glass.confirmed(run)
    await first.settle(await first.claim())
    second = await glass.confirmed(run, "k-2", target="T-2")
    claim = await second.claim()
    assert (claim.say, claim.outcome) == ("refused", Outcome.DENIED)
    assert claim.rules == ("limits[0] of support/other",)
    assert claim.sentence.startswith("support/other: ")


async def test_other_bytes_are_not_claimed(glass: Glass) -> None:
    """The confirmed bytes, and no others, under their key."""
    act = await glass.confirmed(await glass.open())
    assert (await act.claim(arguments={"ticket_id": "T-1", "reason": "other"})).say == "changed"
    await act.claim()
    assert (await act.claim("two", arguments={"ticket_id": "T-1", "reason": "other"})).say == "changed"


async def test_an_act_is_claimed_once(glass: Glass) -> None:
    """Of two at once one sends and the other waits for it; settled, both get the same end."""
    act = await glass.confirmed(await glass.open())
    both = await asyncio.gather(act.claim("one"), act.claim("two"))
    assert sorted(claim.say for claim in both) == ["send", "wait"]
    await glass.ledger.settle(act.request(), 1, DONE)
    later = await act.claim("three")
    assert later.say == "stored"
    assert later.stored is not None
    assert later.stored.outcome is Outcome.SUCCEEDED


async def test_reads_of_an_act_leave_while_its_session_is_open(glass: Glass) -> None:
    """A preview's requests leave for a named tool alone, neither under a switch nor past the minute."""
    run = await glass.open()
    action = await glass.proposed(run)
    leaving = SessionLeaving(glass.store, glass.verifier, glass.world.clock)
    await leaving.may_leave(run, action, CLOSE)
    with pytest.raises(PermissionRefused, match="not opened for ticket"):
        await leaving.may_leave(run, action, replace(CLOSE, name="ticket.purge"))
    await glass.switch("all")
    for look in (leaving.may_leave(run, action, CLOSE), leaving.not_stopped(run, CLOSE)):
        with pytest.raises(Halted):
            await look
    await glass.switch("all", stopped=False)
    glass.world.clock.at_ms += MINUTES * 60_000
    with pytest.raises(PermissionRefused):
        await leaving.may_leave(run, action, CLOSE)
    # A write past the minute is looked up yet.
    await leaving.not_stopped(run, CLOSE)


async def test_the_agents_ledger_lets_no_act_in(glass: Glass) -> None:
    """With the agents' entry an act is denied: no route is called so, and no grant is of it."""
    act = await glass.confirmed(await glass.open())
    agents = StoreLedger(glass.world.stores["tools"], RunEntry(glass.world.proofs), glass.world.clock)
    claim = await agents.claim(act.request())
    assert (claim.say, claim.rules) == ("refused", ("route.withdrawn",))


def _no(claim: Claim) -> tuple[str, ...]:
    assert claim.say == "refused"
    return claim.rules


async def _write(glass: Glass, statement: str) -> None:
    async def work(connection: AsyncConnection) -> None:
        await connection.exec_driver_sql(statement)

    await glass.world.store.write(work)
