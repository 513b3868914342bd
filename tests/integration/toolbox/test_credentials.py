"""Which credential leaves, in which header, and where it must not show."""

import asyncio
import base64
import json
import logging
import traceback

import pytest

from contracts.action import Prepared
from contracts.errors import Refused, Unavailable
from contracts.run import Outcome
from tests.gates import open_gate
from tests.integration.toolbox.box import CLOSE, SPECS, arm_close, close_frozen, spec_of, toolbox
from tests.integration.toolbox.hostile import (
    TICKET,
    Behaviour,
    Hostile,
    Request,
    disconnect,
    garbage,
    hang,
    said,
    serving,
)
from tests.integration.toolbox.vault import (
    CAPABILITY,
    PLANTED,
    READ_TOKEN,
    SCOPE,
    WRITE_TOKEN,
    Vault,
    clean,
    own_vault,
)


async def test_a_write_carries_exactly_its_key_version_and_credential(hostile: Hostile) -> None:
    """The frozen arguments leave once, under the frozen key and version, with the write credential alone."""
    armed = await arm_close(hostile.url)
    assert armed.version == '"3"'
    answer = await armed.send(open_gate)
    assert answer.outcome is Outcome.SUCCEEDED
    assert json.loads(answer.content) == {
        "ticket": {"id": "T-18421", "status": "closed", "priority": "high", "tags": ["login"], "version": 4}
    }
    (sent,) = hostile.writes
    assert sent.line == "POST /tickets/T-18421/close HTTP/1.1"
    assert json.loads(sent.body) == {"reason": CLOSE["reason"], "resolution_article": "KB-12"}
    assert sent.all("Authorization") == [f"Bearer {WRITE_TOKEN}"]
    assert sent.all("Idempotency-Key") == ["req_9f2c01ab77e3:ticket.close:T-18421"]
    assert sent.all("If-Match") == ['"3"']
    assert sent.all("Interlock-Capability") == [CAPABILITY]
    assert sent.all("Interlock-Request-Id") == ["req_9f2c01ab77e3"]


async def test_a_read_carries_the_read_credential_and_no_key(hostile: Hostile) -> None:
    """A read never touches the write secret, and has neither key nor condition."""
    vault = own_vault()
    answer = await toolbox(hostile.url, vault).read(SPECS["tickets.get"], {"ticket_id": "T-18421"}, SCOPE)
    assert answer.outcome is Outcome.SUCCEEDED
    assert json.loads(answer.content)["ticket"].keys() == {
        *("id", "subject", "body", "status", "priority", "tags", "customer_id", "requester", "version"),
        "conversation",
    }
    (sent,) = hostile.requests
    assert vault.asked == ["ticketing-read"]
    assert sent.all("Authorization") == [f"Bearer {READ_TOKEN}"]
    assert (sent.all("Idempotency-Key"), sent.all("If-Match"), sent.body) == ([], [], b"")
    assert sent.all("Interlock-Capability") == [CAPABILITY]
    assert sent.all("Accept-Encoding") == ["identity"]


async def test_a_credential_may_name_its_header(hostile: Hostile) -> None:
    """A secret of the kind ``header`` is sent under its own name."""
    vault = Vault({"ticketing-read": READ_TOKEN}, header="X-Api-Key")
    await toolbox(hostile.url, vault).read(SPECS["tickets.get"], {"ticket_id": "T-1"}, SCOPE)
    assert hostile.requests[0].all("X-Api-Key") == [READ_TOKEN]
    assert hostile.requests[0].all("Authorization") == []


@pytest.mark.parametrize(
    "header", ["Host", "idempotency-key", "Interlock-Capability", "If-Match", "a b", "x\r\ny", ""]
)
async def test_a_credential_cannot_take_one_of_our_headers(hostile: Hostile, header: str) -> None:
    """A secret that names a header of ours, or none that exists, ends in a sentence and sends nothing."""
    vault = Vault({"ticketing-read": READ_TOKEN}, header=header)
    answer = await toolbox(hostile.url, vault).read(SPECS["tickets.get"], {"ticket_id": "T-1"}, SCOPE)
    assert answer.outcome is Outcome.FAILED
    assert "dev/acme/ticketing-read names a header that it may not set" in answer.text
    assert hostile.requests == []


@pytest.mark.parametrize(
    "token", [READ_TOKEN + "\n", READ_TOKEN + "\r\nX: y", READ_TOKEN + "é", "\ud800" + READ_TOKEN]
)
async def test_a_token_that_no_header_carries_is_named_and_not_shown(hostile: Hostile, token: str) -> None:
    """A secret with a line break sends nothing, and its sentence holds the name only."""
    vault = Vault({"ticketing-read": token})
    answer = await toolbox(hostile.url, vault).read(SPECS["tickets.get"], {"ticket_id": "T-1"}, SCOPE)
    assert answer.outcome is Outcome.FAILED
    assert "the credential dev/acme/ticketing-read holds characters that no header carries" in answer.text
    assert hostile.requests == []
    clean(answer)


async def test_a_redirect_gives_our_credential_to_nobody(hostile: Hostile) -> None:
    """No second request is made, wherever the first answer points."""
    other = Hostile()
    async with serving(other):
        away = said(307, raw=b"", Location=f"{other.url}/tickets/T-18421/close")
        armed = await arm_close(hostile.url)
        hostile.read = hostile.write = away
        assert (await armed.send(open_gate)).outcome is Outcome.UNKNOWN
        read = await toolbox(hostile.url).read(SPECS["tickets.get"], {"ticket_id": "T-1"}, SCOPE)
    assert read.text == "the helpdesk answered HTTP 307, and redirects are not followed"
    assert other.requests == []


async def test_an_environments_proxy_is_not_used(hostile: Hostile, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable of the environment cannot reroute a credential."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    answer = await toolbox(hostile.url).read(SPECS["tickets.get"], {"ticket_id": "T-18421"}, SCOPE)
    assert answer.outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize("status", [200, 400, 401, 409, 429, 500, 302])
async def test_an_echoed_secret_is_scrubbed(
    hostile: Hostile, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    """A service that repeats the secrets in use in body, headers and errors gets none of them through."""
    caplog.set_level(logging.DEBUG)

    async def echo(request: Request, writer: asyncio.StreamWriter) -> None:
        token = request.all("Authorization")[0].removeprefix("Bearer ")
        known = PLANTED if request in hostile.writes else (token, CAPABILITY)
        shown = " ".join([*(value for _, value in request.headers), *known])
        encoded = " ".join(base64.b64encode(secret.encode()).decode() for secret in known)
        text = f"{shown} {encoded}"
        body = TICKET | {"subject": text, "body": text, "title": text, "detail": text, "type": text}
        body |= {"requester": {"name": text, "email": text}, text: text, "version": 4}
        await said(status, body, ETag='"3"', X_Echo=shown, Location=shown)(request, writer)

    armed = await arm_close(hostile.url)
    hostile.read = hostile.write = echo
    box = toolbox(hostile.url)
    read = await box.read(SPECS["tickets.get"], {"ticket_id": "T-18421"}, SCOPE)
    prepared = await box.prepare(SPECS["ticket.close"], CLOSE, SCOPE)
    sent = await armed.send(open_gate)
    assert len(hostile.writes) == 1
    clean(read, prepared, sent, caplog.text, *(vars(record) for record in caplog.records))
    assert status != 200 or "[secret removed]" in read.content


async def test_an_echoed_secret_in_the_version_is_scrubbed(hostile: Hostile) -> None:
    """The version goes into the frozen record, so it is scrubbed too."""
    hostile.read = said(200, TICKET, ETag=f'"{READ_TOKEN}"')
    prepared = await toolbox(hostile.url).prepare(SPECS["ticket.close"], CLOSE, SCOPE)
    assert isinstance(prepared, Prepared)
    clean(prepared)


@pytest.mark.parametrize("behaviour", [hang, disconnect, garbage, said(401), said(500)])
async def test_no_credential_is_in_a_repr_a_log_or_an_exception(
    hostile: Hostile, behaviour: Behaviour, caplog: pytest.LogCaptureFixture
) -> None:
    """Objects, records and tracebacks with their locals show no secret value."""
    caplog.set_level(logging.DEBUG)
    box = toolbox(hostile.url)
    armed = await arm_close(hostile.url, timeout=1)
    frozen = await close_frozen(box, CLOSE)
    hostile.read = hostile.write = behaviour
    answer = await armed.send(open_gate)
    with pytest.raises((Refused, Unavailable)) as failure:
        await box.arm(spec_of("ticket.close", 1), frozen, SCOPE)
    error = failure.value
    assert error.__cause__ is None
    assert error.__context__ is None
    shown = "".join(traceback.format_exception(error))
    clean(answer, repr(armed), vars(armed), armed._session, shown, caplog.text)
    slots = _slots(armed._session)
    assert any("Idempotency-Key" in slot for slot in slots)
    clean(*slots)


def _slots(session: object) -> list[str]:
    names = [name for kind in type(session).__mro__ for name in getattr(kind, "__slots__", ())]
    mangled = [f"_{kind.__name__.lstrip('_')}{name}" for kind in type(session).__mro__ for name in names]
    return [repr(getattr(session, name)) for name in (*names, *mangled) if hasattr(session, name)]
