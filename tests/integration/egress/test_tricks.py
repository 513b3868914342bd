"""Laws of reaching outside, each trick against real servers that count what arrives."""

from typing import Any

import pytest

from contracts.decision import Ruling
from contracts.errors import Halted
from contracts.run import Outcome
from policies.egress import read_rules
from tests.integration.egress.net import AWAY, OPEN, PAGE, Names, Net
from tests.integration.egress.tricks import ADDRESSES, ANSWERS, BODIES, TO, D
from tests.integration.toolbox.hostile import said
from tests.integration.toolbox.vault import clean
from tools.outside import Borders, OutsideSession

#: Looks for one request: before its host is looked up, and at its first byte.
SAID_YES = 2
START = f"http://{D}/public/start"


def untouched(web: Net) -> bool:
    """Not even a connection came to the inside."""
    return not web.inside.serving


def test_there_are_sixty_tricks_and_more() -> None:
    """The tables below hold more than sixty ways."""
    assert len(ADDRESSES) + len(ANSWERS) + len(TO) + len(BODIES) > 120


async def test_an_address_of_a_trick_is_refused_everywhere(web: Net) -> None:
    """The decision denies it, the session refuses it too, no name is resolved, and nothing arrives."""
    for name, url in ADDRESSES.items():
        decision, answer = web.decided(url), await web.get(url)
        assert decision.ruling is Ruling.DENY, name
        assert decision.reasons[0].rule in ("egress", "catalogue.schema"), name
        assert answer.outcome is Outcome.FAILED, name
        assert answer.text, name
        assert (web.names.asked, web.docs.serving, untouched(web)) == ([], [], True), name


async def test_a_name_that_leads_inside_is_refused(web: Net) -> None:
    """Where any address of a permitted host is not open, nothing is sent to any of them."""
    for name, answers in ANSWERS.items():
        web.names = Names({"docs.example.com": [answers]})
        answer = await web.get(START)
        assert answer.outcome is Outcome.FAILED, name
        assert answer.text.endswith("nothing was sent"), name
        assert (web.docs.serving, untouched(web)) == ([], True), name


async def test_a_name_is_resolved_once_for_each_request(web: Net) -> None:
    """An answer that changes between check and connection changes nothing: what was checked is used."""
    web.names = Names({"docs.example.com": [[OPEN], ["127.0.0.1"]]})
    assert (await web.get(START)).outcome is Outcome.SUCCEEDED
    assert (web.names.asked, len(web.docs.requests), untouched(web)) == (["docs.example.com"], 1, True)


async def test_a_name_is_judged_anew_for_each_redirect(web: Net) -> None:
    """A host whose answer turns inward before its second page gives no second page."""
    web.names = Names({"docs.example.com": [[OPEN], ["127.0.0.1"]]})
    web.docs.paths["/public/start"] = said(302, raw=b"", Location="/public/next")
    answer = await web.get(START)
    assert answer.outcome is Outcome.FAILED
    assert (len(web.docs.requests), untouched(web)) == (1, True)


@pytest.mark.parametrize("status", [302, 307])
async def test_a_redirect_out_of_bounds_is_refused(web: Net, status: int) -> None:
    """What a redirect names is judged like any address; where it is refused, nothing is sent there."""
    web.names = Names({"inside.example.org": [["127.0.0.1"]]})
    for name, where in TO.items():
        web.docs.requests.clear()
        location = web.written(where).encode().decode("latin-1")
        web.docs.paths["/public/start"] = said(status, raw=b"", Location=location)
        answer = await web.get(START)
        assert answer.outcome is Outcome.FAILED, name
        assert answer.text, name
        assert [request.line for request in web.docs.requests] == ["GET /public/start HTTP/1.1"], name
        assert untouched(web), name


async def test_redirects_have_an_end(web: Net) -> None:
    """Five redirects are followed, and a sixth is not."""
    for at in range(7):
        web.docs.paths[f"/public/{at}"] = said(302, raw=b"", Location=f"/public/{at + 1}")
    assert "more than five times" in (await web.get(f"http://{D}/public/0")).text
    assert len(web.docs.requests) == 6
    assert (await web.get(f"http://{D}/public/2")).outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize("name", BODIES)
async def test_an_answer_of_a_trick_ends_in_a_sentence(web: Net, name: str) -> None:
    """Whatever a permitted page answers, the call ends in time, bounded, with a sentence."""
    behaviour, word = BODIES[name]
    web.docs.paths["/public/start"] = behaviour
    answer = await web.get(START, timeout=1 if word == "in time" else 10)
    assert word in (answer.content if answer.outcome is Outcome.SUCCEEDED else answer.text)
    assert len(answer.content) < 1_000
    assert untouched(web)


@pytest.mark.parametrize(
    ("url", "sites"),
    [
        ("https://docs.example.com:{false}/public/", "a certificate for another name"),
        ("https://docs.example.com:{docs}/public/", "TLS at a port that speaks none"),
        ("http://docs.example.com:{safe}/public/", "HTTP at a port that speaks TLS"),
    ],
)
async def test_a_host_that_cannot_prove_its_name_gets_no_request(web: Net, url: str, sites: str) -> None:
    """A request leaves only over TLS with the right name, where the address says https."""
    answer = await web.get(url, timeout=2)
    assert answer.outcome is Outcome.FAILED, sites
    assert not [*web.docs.requests, *web.safe.requests, *web.false.requests]
    assert untouched(web)


async def test_a_stranger_authority_is_trusted_by_nobody(web: Net) -> None:
    """A certificate that no trusted authority signed is none."""
    web.tls = type(web)().tls
    answer = await web.get("https://docs.example.com:{safe}/public/")
    assert (answer.outcome, web.safe.requests) == (Outcome.FAILED, [])


async def test_a_redirect_does_not_leave_tls_behind(web: Net) -> None:
    """A page that came over TLS leads to none that does not, though both are permitted."""
    web.safe.paths["/public/start"] = said(302, raw=b"", Location=web.written(f"http://{D}/public/"))
    answer = await web.get("https://docs.example.com:{safe}/public/start")
    assert answer.outcome is Outcome.FAILED
    assert (len(web.safe.requests), web.docs.serving) == (1, [])


async def test_every_policy_that_holds_has_to_permit_it(web: Net) -> None:
    """What the pinned rules or those in force do not permit is refused, first request or redirect."""
    narrow = [rule | {"paths": ["/faq"]} for rule in web.rules()]
    both: list[tuple[Any, ...]] = [(web.rules(), narrow), (narrow, web.rules()), (web.rules(), []), ([],)]
    for policies in both:
        assert (await web.get(START, *policies)).outcome is Outcome.FAILED
    assert web.docs.serving == []
    web.docs.paths["/faq"] = said(302, raw=b"", Location="/public/start")
    assert (await web.get(f"http://{D}/faq", web.rules(), narrow)).outcome is Outcome.FAILED
    assert [request.line for request in web.docs.requests] == ["GET /faq HTTP/1.1"]


async def test_the_stricter_bound_holds(web: Net) -> None:
    """Of two policies' sizes the smaller one is read."""
    web.docs.paths["/public/start"] = said(200, raw=b"x" * 100, kind="text/plain")
    small = web.rules(max_bytes=99)
    for policies in ((web.rules(), small), (small, web.rules())):
        assert "more than the 99 bytes" in (await web.get(START, *policies)).text


async def test_nothing_of_ours_goes_along(web: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    """No capability, credential, cookie, proxy or netrc: a page learns its own address and that we asked."""
    monkeypatch.setenv("http_proxy", web.written("http://127.0.0.1:{docs}"))
    monkeypatch.setenv("ALL_PROXY", web.written("http://127.0.0.1:{docs}"))
    web.docs.paths["/public/start"] = said(302, raw=b"", Location="/public/next", Set_Cookie="a=b")
    assert (await web.get(START)).outcome is Outcome.SUCCEEDED
    assert untouched(web)
    for request in web.docs.requests:
        clean(request)
        assert sorted(name.lower() for name, _ in request.headers) == [
            "accept",
            "accept-encoding",
            "connection",
            "host",
            "user-agent",
        ]
        assert request.all("host") == [web.written(D)]


async def test_one_s_own_host_is_where_the_settings_say(web: Net) -> None:
    """A host of the settings is found there alone, resolved by nobody; every other host stays judged."""
    web.own = {"docs.example.com": web.written("127.0.0.1:{docs}")}
    assert (await web.get(START)).outcome is Outcome.SUCCEEDED
    assert (len(web.inside.requests), web.names.asked, web.docs.serving) == (1, [], [])
    web.names = Names({"a.example.org": [["127.0.0.1"]]})
    assert (await web.get("http://a.example.org:{docs}/public/")).outcome is Outcome.FAILED
    assert len(web.inside.serving) == 1


async def test_an_address_that_is_away_is_passed_over(web: Net) -> None:
    """Of several open addresses the next is tried where nothing answers at one."""
    web.names = Names({"docs.example.com": [[AWAY, OPEN]]})
    assert (await web.get(START)).outcome is Outcome.SUCCEEDED


async def test_a_gate_that_says_no_holds_each_request_back(web: Net) -> None:
    """The gate is asked before each request's first byte, a redirect's too; what it raises comes out."""
    web.docs.paths["/public/start"] = said(302, raw=b"", Location="/public/next")
    asked = 0

    async def once() -> None:
        nonlocal asked
        asked += 1
        if asked > SAID_YES:
            raise Halted("stopped")

    rules = read_rules(web.rules())
    session = OutsideSession(Borders(policies=[rules], gate=once, timeout=5), web.places(), web.tls)
    with pytest.raises(Halted):
        await session.fetch(web.written(START))
    assert [request.line for request in web.docs.requests] == ["GET /public/start HTTP/1.1"]


HONEST = [
    pytest.param(f"http://{D}/public/start", "Hello.", id="a page"),
    pytest.param(f"http://{D}/public/?q=a%20b", "Hello.", id="a query"),
    pytest.param(f"http://{D}/faq#part-2", "Hello.", id="a fragment"),
    pytest.param("http://a.b.example.org:{docs}/faq", "Hello.", id="below a wildcard"),
    pytest.param("https://docs.example.com:{safe}/public/", "Hello.", id="TLS"),
    pytest.param(f"http://{D}/public/json", '{\\"a\\": 1}', id="JSON"),
    pytest.param(f"http://{D}/public/latin", "caf\u00e9", id="another charset"),
    pytest.param(f"http://{D}/public/moved", "Hello.", id="a redirect within"),
    pytest.param(f"http://{D}/public/safer", "Hello.", id="a redirect to TLS"),
    pytest.param(f"http://{D}/public/links", "there (/faq) now", id="links and scripts"),
    pytest.param(f"http://{D}/public/long", "cut here", id="a long text"),
]


@pytest.mark.parametrize(("url", "word"), HONEST)
async def test_what_the_rules_permit_is_read(web: Net, url: str, word: str) -> None:
    """A permitted page comes back as text, from exactly what was asked."""
    script = b"<script>alert('no')</script><p>Go <a href='/faq'>there</a> now"
    web.docs.paths |= {
        "/public/json": said(200, {"a": 1}),
        "/public/latin": said(200, raw=b"caf\xe9", kind="text/plain; charset=ISO-8859-1"),
        "/public/moved": said(301, raw=b"", Location=web.written("http://x.example.org:{docs}/faq")),
        "/public/safer": said(308, raw=b"", Location=web.written("https://docs.example.com:{safe}/faq")),
        "/public/links": said(200, raw=script, kind="text/html"),
        "/public/long": said(200, raw=b'"\n' * 100_000, kind="text/plain"),
        "/faq": PAGE,
    }
    answer = await web.get(url)
    assert answer.outcome is Outcome.SUCCEEDED, answer.text
    assert word in answer.content
    assert "alert" not in answer.content
    assert web.decided(url).ruling is Ruling.ALLOW
