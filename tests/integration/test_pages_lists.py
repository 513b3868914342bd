"""Laws of the list of what waits for me, and of making a passkey that is in force only when others say so."""

import re
from base64 import urlsafe_b64decode
from dataclasses import replace
from html import unescape
from pathlib import Path

from policies.people_file import read_people
from policies.source import read_source
from tests.browsing import csrf
from tests.integration.pages_world import browsing
from tests.integration.test_gateway_world import TERMS, Asking
from tests.passkeys import PRESENT, VERIFIED, SoftPasskey

LAPTOP = SoftPasskey.create()


def order(text: str, *ids: str) -> list[str]:
    """These ids in the order in which the page has them first."""
    return sorted((one for one in ids if one in text), key=text.index)


async def test_what_waits_for_me_is_what_i_may_decide_the_soonest_first(tmp_path: Path) -> None:
    """Not my own run's, not another tenant's; what never ends comes last."""
    async with browsing(tmp_path, "ada", "grace", "mallory") as (world, (ada, grace, mallory)):
        late = (await world.asked()).approval_id
        never = Asking(terms=replace(TERMS, deadline_ms=None))
        open_end = (await world.asked_about(never, key="k-2")).approval_id
        hurry = Asking(terms=replace(TERMS, deadline_ms=30_000))
        soon = (await world.asked_about(hurry, key="k-3")).approval_id
        own = (await world.asked(key="k-4", on_behalf_of="user:ada")).approval_id
        other = (await world.asked(world.caller("globex"), key="k-5")).approval_id
        everything = (late, open_end, soon, own, other)
        ada_sees, grace_sees = (await ada.see("/approvals")).text, (await grace.see("/approvals")).text
        assert order(ada_sees, *everything) in ([soon, late, other, open_end], [soon, other, late, open_end])
        assert set(order(grace_sees, *everything)) == {soon, late, open_end, own}
        assert "Nothing waits for you" in (await mallory.see("/approvals")).text


async def test_what_i_decided_stands_beside_it(tmp_path: Path) -> None:
    """It leaves the one list for the other, and nobody else's."""
    async with browsing(tmp_path, "ada", "grace") as (world, (ada, grace)):
        approval = await world.asked_about(Asking(needed=2))
        await ada.decide(approval, "approve")
        waiting, _, decided = (await ada.see("/approvals")).text.partition("What you decided lately")
        assert (approval.approval_id in waiting, approval.approval_id in decided) == (False, True)
        waiting, _, decided = (await grace.see("/approvals")).text.partition("What you decided lately")
        assert (approval.approval_id in waiting, approval.approval_id in decided) == (True, False)


async def test_a_new_passkey_is_lines_for_the_people_file_and_nothing_more(tmp_path: Path) -> None:
    """They read as a people file; until somebody publishes them the passkey is nobody's."""
    async with browsing(tmp_path, "ada") as (world, (ada,)):
        shown = await ada.see("/passkeys")
        made = LAPTOP.register(_challenge(shown.text))
        answer = await ada.send("/passkeys", made | {"csrf": csrf(shown), "name": "Ada's laptop"})
        found = re.search(r'<code id="lines">(.*?)</code>', answer.text, re.DOTALL)
        assert found is not None
        file = tmp_path / "people.yaml"
        file.write_text(unescape(found[1]))
        source, unread = read_source(file, "people.yaml")
        assert source is not None
        people, problems = read_people(source)
        assert unread + problems == []
        assert people.people[0].passkeys == (replace(LAPTOP.passkey, name="Ada's laptop"),)
        in_force = await world.parts.in_force.people()
        assert [one.passkeys for one in in_force.people] == [()] * len(in_force.people)
        assert "names no passkey of yours" in (await ada.see("/passkeys")).text


async def test_what_no_device_made_here_and_now_gives_no_lines(tmp_path: Path) -> None:
    """Another session's challenge, an unverified user, a name that is markup, a form that is not ours."""
    async with browsing(tmp_path, "ada", "grace") as (_, (ada, grace)):
        mine, theirs = await ada.see("/passkeys"), await grace.see("/passkeys")
        good = LAPTOP.register(_challenge(mine.text)) | {"csrf": csrf(mine), "name": "laptop"}
        sent = {
            "another's challenge": good | LAPTOP.register(_challenge(theirs.text)),
            "not verified": good | LAPTOP.register(_challenge(mine.text), flags=PRESENT),
            "not present": good | LAPTOP.register(_challenge(mine.text), flags=VERIFIED),
            "markup": good | {"name": '"><script>'},
            "no name": good | {"name": " "},
            "two lines": good | {"name": "a\n    tenants: [globex]"},
            "nothing": {"csrf": csrf(mine), "name": "laptop"},
        }
        answers = {name: await ada.send("/passkeys", fields) for name, fields in sent.items()}
        assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(sent, 422)
        assert not [answer for answer in answers.values() if 'id="lines"' in answer.text]
        assert (await ada.send("/passkeys", good | {"csrf": "0" * 64})).status_code == 403


def _challenge(text: str) -> bytes:
    found = re.search(r'data-challenge="([\w-]+)"', text)
    assert found is not None
    return urlsafe_b64decode(found[1] + "=")
