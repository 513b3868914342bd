"""What each answer of a target means."""

import re
import socket
from dataclasses import replace
from typing import Any

import pytest

from contracts.attempts import Found
from contracts.errors import Malformed, Refused, Unavailable, Unknown
from contracts.run import Outcome
from contracts.toolbox import Answer
from contracts.transcript import RESULT_LIMIT
from tests.gates import open_gate
from tests.integration.toolbox.box import CLOSE, SPECS, arm_close, close_frozen, spec_of, toolbox
from tests.integration.toolbox.hostile import (
    TICKET,
    Behaviour,
    Hostile,
    disconnect,
    drip,
    flood,
    garbage,
    half,
    hang,
    said,
    serving,
)
from tests.integration.toolbox.vault import SCOPE
from tests.laws.test_attempts import VALUES

WRITE_ROWS = [
    pytest.param(said(201, TICKET), Outcome.SUCCEEDED, False, id="201"),
    pytest.param(said(204, raw=b""), Outcome.SUCCEEDED, False, id="204 without a body"),
    pytest.param(said(200, raw=b"done", kind="text/plain"), Outcome.SUCCEEDED, False, id="200 with text"),
    pytest.param(said(200, raw=b"\xff\x00", kind="x/y"), Outcome.SUCCEEDED, False, id="200 with bytes"),
    pytest.param(said(303, raw=b"", Location="/tickets"), Outcome.UNKNOWN, False, id="303 redirect"),
    pytest.param(said(400, {"title": "No"}), Outcome.REFUSED, False, id="400"),
    pytest.param(said(401), Outcome.FAILED, False, id="401"),
    pytest.param(said(403), Outcome.FAILED, False, id="403"),
    pytest.param(said(404), Outcome.REFUSED, False, id="404"),
    pytest.param(said(408), Outcome.UNKNOWN, False, id="408"),
    pytest.param(said(409, {"type": "x:already-closed"}), Outcome.REFUSED, False, id="409 conflict"),
    pytest.param(said(409, {"type": "urn:x:in-flight"}), Outcome.UNKNOWN, False, id="409 in flight"),
    pytest.param(said(412), Outcome.REFUSED, False, id="412 version"),
    pytest.param(said(425), Outcome.UNKNOWN, False, id="425"),
    pytest.param(said(429), Outcome.FAILED, True, id="429"),
    pytest.param(said(500), Outcome.UNKNOWN, False, id="500"),
    pytest.param(said(503), Outcome.UNKNOWN, False, id="503"),
    pytest.param(disconnect, Outcome.UNKNOWN, False, id="disconnected"),
    pytest.param(half, Outcome.UNKNOWN, False, id="broken off in the body"),
    pytest.param(garbage, Outcome.UNKNOWN, False, id="no HTTP"),
    pytest.param(flood, Outcome.UNKNOWN, False, id="oversize"),
    pytest.param(hang, Outcome.UNKNOWN, False, id="no answer in time"),
    pytest.param(drip, Outcome.UNKNOWN, False, id="never done"),
]


@pytest.mark.parametrize(("behaviour", "outcome", "transient"), WRITE_ROWS)
async def test_a_write_that_may_have_happened_is_unknown(
    hostile: Hostile, behaviour: Behaviour, outcome: Outcome, transient: bool
) -> None:
    """Each row of the table, over the wire; one request leaves, whatever comes back."""
    hostile.write = behaviour
    armed = await arm_close(hostile.url, timeout=1 if behaviour in (hang, drip) else 20)
    answer = await armed.send(open_gate)
    assert (answer.outcome, answer.transient) == (outcome, transient), answer.text
    assert len(hostile.writes) == 1
    assert len(answer.content.encode()) <= RESULT_LIMIT


READ_ROWS = [
    pytest.param(
        said(302, raw=b"", Location="javascript:x"), Outcome.FAILED, True, id="302 to what httpx cannot read"
    ),
    pytest.param(
        said(302, raw=b"", Location="http://127.0.0.1:1/"), Outcome.FAILED, False, id="302 redirect"
    ),
    pytest.param(said(400, {"title": "No"}), Outcome.REFUSED, False, id="400"),
    pytest.param(said(401), Outcome.FAILED, False, id="401"),
    pytest.param(said(403), Outcome.FAILED, False, id="403"),
    pytest.param(said(404), Outcome.REFUSED, False, id="404"),
    pytest.param(said(429), Outcome.FAILED, True, id="429"),
    pytest.param(said(500), Outcome.FAILED, True, id="500"),
    pytest.param(said(503), Outcome.FAILED, True, id="503"),
    pytest.param(said(200, raw=b"\x89PNG\0\xff", kind="image/png"), Outcome.FAILED, False, id="binary"),
    pytest.param(said(200, raw=b"{", kind="application/json"), Outcome.FAILED, False, id="invalid JSON"),
    pytest.param(said(200, raw=b"\xc3\x28"), Outcome.FAILED, False, id="invalid UTF-8"),
    pytest.param(said(200, {"other": 1}), Outcome.FAILED, False, id="another document"),
    pytest.param(said(200, TICKET | {"id": "T-2"}), Outcome.FAILED, False, id="another ticket"),
    pytest.param(said(200, TICKET, Content_Encoding="gzip"), Outcome.FAILED, False, id="compressed"),
    pytest.param(disconnect, Outcome.FAILED, True, id="disconnected"),
    pytest.param(half, Outcome.FAILED, True, id="broken off in the body"),
    pytest.param(garbage, Outcome.FAILED, True, id="no HTTP"),
    pytest.param(flood, Outcome.FAILED, False, id="oversize"),
    pytest.param(hang, Outcome.FAILED, True, id="no answer in time"),
    pytest.param(drip, Outcome.FAILED, True, id="never done"),
]


@pytest.mark.parametrize(("behaviour", "outcome", "transient"), READ_ROWS)
async def test_a_read_fails_with_a_sentence(
    hostile: Hostile, behaviour: Behaviour, outcome: Outcome, transient: bool
) -> None:
    """Each row of the table, over the wire; read and prepare say the same."""
    hostile.read = behaviour
    timeout = 1 if behaviour in (hang, drip) else 20
    box = toolbox(hostile.url)
    answer = await box.read(spec_of("tickets.get", timeout), {"ticket_id": "T-18421"}, SCOPE)
    prepared = await box.prepare(spec_of("ticket.close", timeout), CLOSE, SCOPE)
    assert (answer.outcome, answer.transient) == (outcome, transient), answer.text
    assert prepared == answer
    assert "\n" not in answer.text


@pytest.mark.parametrize(("behaviour", "_outcome", "transient"), READ_ROWS)
async def test_what_cannot_be_read_cannot_be_armed(
    hostile: Hostile, behaviour: Behaviour, _outcome: Outcome, transient: bool
) -> None:
    """Without the target's version nothing is sent, and the error says whether to come back."""
    box = toolbox(hostile.url)
    frozen = await close_frozen(box, CLOSE)
    hostile.read = behaviour
    spec = spec_of("ticket.close", 1 if behaviour in (hang, drip) else 20)
    with pytest.raises(Unavailable if transient else Refused):
        await box.arm(spec, frozen, SCOPE)
    assert hostile.writes == []


async def test_nothing_sent_is_failed_and_may_be_tried_again(hostile: Hostile) -> None:
    """Where no connection is made, a write failed without effect."""
    armed = await arm_close(hostile.url)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}"
        box = toolbox(nobody)
        read = await box.read(SPECS["tickets.get"], {"ticket_id": "T-1"}, SCOPE)
        with pytest.raises(Unavailable, match="could not be reached"):
            await box.arm(SPECS["ticket.close"], await close_frozen(toolbox(hostile.url), CLOSE), SCOPE)
    assert (read.outcome, read.transient) == (Outcome.FAILED, True)
    assert armed.version == '"3"'


async def test_a_server_that_goes_between_arming_and_sending_leaves_a_failed_write() -> None:
    """A refused connection at the send proves that nothing happened."""
    server = Hostile()
    async with serving(server):
        armed = await arm_close(server.url)
    answer = await armed.send(open_gate)
    assert (answer.outcome, answer.transient) == (Outcome.FAILED, True)
    assert answer.text == "the helpdesk could not be reached: nothing was sent"


@pytest.mark.parametrize(
    "ticket_id", ["../T-1", "%2e%2e", "T-1/close", "T-1?x=1", "T-1#", "..", "T-1\r\nHost: evil"]
)
async def test_an_argument_that_climbs_sends_nothing(hostile: Hostile, ticket_id: str) -> None:
    """Read, prepare and arm refuse it before any request, in a sentence without the value."""
    box = toolbox(hostile.url)
    frozen = await close_frozen(box, CLOSE)
    hostile.requests.clear()
    read = await box.read(SPECS["tickets.get"], {"ticket_id": ticket_id}, SCOPE)
    prepared = await box.prepare(SPECS["ticket.close"], CLOSE | {"ticket_id": ticket_id}, SCOPE)
    with pytest.raises(Malformed):
        await box.arm(
            SPECS["ticket.close"], replace(frozen, arguments=CLOSE | {"ticket_id": ticket_id}), SCOPE
        )
    assert isinstance(prepared, Answer)
    assert read.outcome is prepared.outcome is Outcome.FAILED
    assert hostile.requests == []
    assert ticket_id not in read.text


async def test_a_long_result_is_cut_and_says_so(hostile: Hostile) -> None:
    """A transcript gets at most its bound in bytes of UTF-8."""
    hostile.read = said(200, TICKET | {"body": "é" * 40_000}, ETag='"3"')
    answer = await toolbox(hostile.url).read(SPECS["tickets.get"], {"ticket_id": "T-18421"}, SCOPE)
    assert answer.outcome is Outcome.SUCCEEDED
    assert len(answer.content.encode()) <= RESULT_LIMIT
    assert re.search(
        r"\[cut here: the result has \d+ bytes, and 32768 is the most that is shown\]$", answer.content
    )


@pytest.mark.parametrize("value", VALUES.values(), ids=list(VALUES))
async def test_an_answer_that_speaks_of_break_glass_is_noted(hostile: Hostile, value: str) -> None:
    """Of a read and of a write: the audit notes it, and a token is taken out as any credential is."""
    told = TICKET | {"body": value}
    hostile.read = said(200, told, ETag='"3"')
    hostile.write = said(200, told | {"status": "closed", "version": 4})
    read = await toolbox(hostile.url).read(SPECS["tickets.get"], {"ticket_id": "T-18421"}, SCOPE)
    written = await (await arm_close(hostile.url)).send(open_gate)
    assert read.rules == written.rules == ("break-glass.mentioned",)
    assert VALUES[Found.TOKEN] not in read.content + written.content


async def test_a_tool_that_this_worker_does_not_have_is_unknown(hostile: Hostile) -> None:
    """Another version, another kind of tool or another address is no tool of this worker."""
    box = toolbox(hostile.url)
    arguments = {"ticket_id": "T-1"}
    for spec in (
        replace(SPECS["tickets.get"], version="2"),
        replace(SPECS["tickets.get"], name="tickets.list"),
        replace(SPECS["tickets.get"], address="bank"),
        SPECS["ticket.close"],
    ):
        with pytest.raises(Unknown):
            await box.read(spec, arguments, SCOPE)
    with pytest.raises(Unknown):
        await box.prepare(SPECS["tickets.get"], arguments, SCOPE)
    assert hostile.requests == []


@pytest.mark.parametrize(
    "found",
    [
        {
            "writes": [
                {
                    "idempotency_key": "another",
                    "operation": "close",
                    "ticket": "T-1",
                    "at": "",
                    "version_after": 1,
                }
            ]
        },
        {"writes": []},
    ],
)
async def test_a_lookup_believes_its_own_key_only(hostile: Hostile, found: dict[str, Any]) -> None:
    """A write under another key is nobody's answer to ours."""
    armed = await arm_close(hostile.url)
    hostile.read = said(200, found)
    assert await armed.find() is None


@pytest.mark.parametrize(
    ("behaviour", "error"), [(said(200, []), Refused), (said(404), Refused), (said(503), Unavailable)]
)
async def test_a_lookup_that_fails_does_not_say_that_nothing_happened(
    hostile: Hostile, behaviour: Behaviour, error: type[Exception]
) -> None:
    """None means that the target was asked and had done nothing."""
    armed = await arm_close(hostile.url)
    hostile.read = behaviour
    with pytest.raises(error):
        await armed.find()
