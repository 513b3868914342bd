"""Described tools over a real wire, as a worker that never saw the document calls them."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from contracts.credential import Credential
from contracts.errors import Malformed, Refused, Unavailable, Unknown
from contracts.run import Outcome
from contracts.secret import Secret
from contracts.toolbox import Answer
from tests.gates import open_gate
from tests.integration.toolbox.box import freeze
from tests.integration.toolbox.hostile import Hostile, said, serving
from tests.integration.toolbox.vault import CAPABILITY, SCOPE, Vault
from tests.laws.openapi_bank import GIVEN, TOOLS, bank, written
from tools.base_url import BaseUrl
from tools.load import LoadedTools, load_tools, load_worker_tools
from tools.outcomes import Service
from tools.scrub import Scrubber
from tools.session import Line, ReadRequest, ReadSession
from tools.toolbox import HttpToolbox

READ, WRITE = "tok-bank-read-11aa22", "tok-bank-write-33bb44"

MORE: Final = """\
  bank.search: {source: bank, operation: search, effect: read, reads_with: POST, credential: bank-read}
  bank.close_account:
    {source: bank, operation: close_account, effect: destructive, credential: bank-write, target: account,
     preview: none}
  bank.send_again:
    {source: bank, operation: send_money, effect: write, credential: bank-write, target: recipient,
     retry: {lookup: find_transfer, by: key}, preview: none}
"""


@pytest.fixture
async def hostile() -> AsyncIterator[Hostile]:
    server = Hostile(read=said(200, {"account": "DE1", "note": "Rent"}, ETag='"7"'))
    async with serving(server):
        yield server


@pytest.fixture
def loaded(tmp_path: Path) -> LoadedTools:
    """Published from the document, which then is gone."""
    found = load_tools(written(tmp_path, bank(), TOOLS + MORE), GIVEN)
    (tmp_path / "bank.json").unlink()
    return found


def _box(folder: Path, hostile: Hostile, addresses: Mapping[str, str] | None = None) -> HttpToolbox:
    given = {"INTERLOCK_ADDRESS_BANK": hostile.url} if addresses is None else addresses
    worker = load_worker_tools(folder / "tools.yaml", given)
    return HttpToolbox(worker.operations, Vault({"bank-read": READ, "bank-write": WRITE}), worker.addresses)


async def test_a_described_write_leaves_as_it_was_frozen(
    tmp_path: Path, hostile: Hostile, loaded: LoadedTools
) -> None:
    """The document's path, the body's properties, key, version and the write credential: nothing else."""
    box, spec = _box(tmp_path, hostile), loaded.catalogue.tools["bank.send_money"]
    frozen = await freeze(box, spec, {"recipient": "DE1", "amount": 5, "note": "Food"}, "DE1")
    armed = await box.arm(spec, frozen, SCOPE)
    assert armed.version == frozen.target_version == '"7"'
    assert (await armed.send(open_gate)).outcome is Outcome.SUCCEEDED
    (sent,) = hostile.writes
    assert sent.line == "POST /v1/transfers HTTP/1.1"
    assert json.loads(sent.body) == {"recipient": "DE1", "amount": 5, "note": "Food"}
    assert sent.all("Idempotency-Key") == [frozen.idempotency_key]
    assert (sent.all("If-Match"), sent.all("Authorization")) == (['"7"'], [f"Bearer {WRITE}"])
    reads = [request for request in hostile.requests if request is not sent]
    assert {request.line for request in reads} == {"GET /v1/accounts/DE1 HTTP/1.1"}
    assert {request.all("Authorization")[0] for request in reads} == {f"Bearer {READ}"}


async def test_a_write_without_body_or_preview_sends_and_reads_nothing_more(
    tmp_path: Path, hostile: Hostile, loaded: LoadedTools
) -> None:
    """A DELETE leaves without a body and without a condition; before it nothing was asked."""
    box, spec = _box(tmp_path, hostile), loaded.catalogue.tools["bank.close_account"]
    armed = await box.arm(spec, await freeze(box, spec, {"account": "a/b"}, "a/b"), SCOPE)
    assert hostile.requests == []
    assert (await armed.send(open_gate)).outcome is Outcome.SUCCEEDED
    (sent,) = hostile.requests
    assert (sent.line, sent.body) == ("DELETE /v1/accounts/a%2Fb HTTP/1.1", b"")
    assert (sent.all("Content-Type"), sent.all("If-Match")) == ([], [])
    with pytest.raises(Refused):
        await armed.find()


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        (said(404, {"title": "Not here"}), None),
        (said(200, {"transfers": []}), None),
        (said(200, {"transfers": [{"id": 1}]}), Outcome.SUCCEEDED),
        (said(403, {"title": "No"}), Refused),
        (said(500, {}), Unavailable),
    ],
)
async def test_a_lookup_asks_for_the_key_with_the_read_credential(
    tmp_path: Path, hostile: Hostile, loaded: LoadedTools, behaviour: Any, expected: Any
) -> None:
    """Found, not found, or no answer that says either: only the first two are one."""
    box, spec = _box(tmp_path, hostile), loaded.catalogue.tools["bank.send_again"]
    armed = await box.arm(spec, await freeze(box, spec, {"recipient": "DE1", "amount": 5}, "DE1"), SCOPE)
    hostile.read = behaviour
    if isinstance(expected, type):
        with pytest.raises(expected):
            await armed.find()
    else:
        found = await armed.find()
        assert (found and found.outcome) == expected
    (asked,) = hostile.requests
    assert asked.line == "GET /v1/transfers?key=req_9f2c01ab77e3%3Abank.send_again%3ADE1 HTTP/1.1"
    assert asked.all("Authorization") == [f"Bearer {READ}"]


async def test_a_read_that_posts_is_a_read(tmp_path: Path, hostile: Hostile, loaded: LoadedTools) -> None:
    """It carries the read credential and no key, and its failures are those of a read."""
    box, spec = _box(tmp_path, hostile), loaded.catalogue.tools["bank.search"]
    hostile.write = said(503, {"title": "Later"}, kind="application/problem+json")
    answer = await box.read(spec, {"q": "x"}, SCOPE)
    assert isinstance(answer, Answer)
    assert (answer.outcome, answer.transient) == (Outcome.FAILED, True)
    assert answer.text == "the bank is not able to answer now: Later"
    (sent,) = hostile.requests
    assert (sent.line, json.loads(sent.body)) == ("POST /v1/search HTTP/1.1", {"q": "x"})
    assert (sent.all("Authorization"), sent.all("Idempotency-Key")) == ([f"Bearer {READ}"], [])


async def test_no_other_tool_can_post_by_reading(hostile: Hostile) -> None:
    """A session that was made for a tool which does not say that it posts refuses to, before it sends."""
    credential = Credential(
        scope="dev/acme/bank-read", header="Authorization", value=Secret(READ), token=Secret(READ)
    )
    line = Line(
        base=BaseUrl("bank", hostile.url),
        service=Service(address="bank", credential=credential.scope),
        credential=credential,
        scope=SCOPE,
        scrubber=Scrubber(),
        timeout=5,
        tls=httpx.create_ssl_context(trust_env=False),
    )
    for method, posts in (("POST", False), ("DELETE", True), ("PUT", True)):
        with pytest.raises(Malformed, match="no way to read"):
            await ReadSession(line, posts=posts).ask(ReadRequest(method=method, path="/", parts={}))
    assert hostile.requests == []


async def test_a_pinned_tool_goes_where_the_workers_own_settings_say(
    tmp_path: Path, hostile: Hostile, loaded: LoadedTools
) -> None:
    """Without an address of its own a worker sends a pinned call, and its credential, nowhere."""
    spec = loaded.catalogue.tools["bank.get_balance"]
    with pytest.raises(Unknown, match="no base URL for bank"):
        await _box(tmp_path, hostile, {}).read(spec, {"account": "A"}, SCOPE)
    forged = replace(spec, address="helpdesk")
    with pytest.raises(Unknown, match="speaks otherwise"):
        await _box(tmp_path, hostile).read(forged, {"account": "A"}, SCOPE)
    assert hostile.requests == []


async def test_a_described_services_answer_holds_no_secret(
    tmp_path: Path, hostile: Hostile, loaded: LoadedTools
) -> None:
    """What a service echoes of its caller is struck from the result, the refusal and the preview."""
    box = _box(tmp_path, hostile)
    balance, send = (loaded.catalogue.tools[name] for name in ("bank.get_balance", "bank.send_money"))
    hostile.read = said(200, {"you": [READ, CAPABILITY], "note": READ})
    answer = await box.read(balance, {"account": "A"}, SCOPE)
    prepared = await box.prepare(send, {"recipient": "DE1", "amount": 5, "note": "x"}, SCOPE)
    hostile.read = said(400, {"title": f"bad {READ}"})
    refused = await box.read(balance, {"account": "A"}, SCOPE)
    told = f"{answer} {prepared} {refused}"
    assert READ not in told
    assert CAPABILITY not in told
    assert told.count("[secret removed]") >= 4
