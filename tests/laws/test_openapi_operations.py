"""The tools of a described service: what they read, show, send and find, whatever the service answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from contracts.action import Prepared
from contracts.digest import Json
from contracts.errors import Malformed
from contracts.tool import ToolSpec
from tests.laws.openapi_bank import GIVEN, TOOLS, bank, written
from tools.base_url import Query
from tools.load import load_tools
from tools.openapi.binding import Binding
from tools.openapi.operation import ServiceRead, ServiceWrite, build
from tools.reply import Reply
from tools.session import ReadRequest


@dataclass(kw_only=True)
class Teller:
    """Implements ``tools.operation.Reader``: says one thing, and keeps what it was asked."""

    reply: Reply | None
    asked: list[ReadRequest] = field(default_factory=list)

    async def get(
        self,
        path: str,  # noqa: ARG002 - it is never asked this way
        *,
        parts: Mapping[str, str] | None = None,  # noqa: ARG002 - as above
        query: Query | None = None,  # noqa: ARG002 - as above
    ) -> Reply:
        raise AssertionError("a described service is asked by whole requests")

    async def ask(self, request: ReadRequest) -> Reply:
        self.asked.append(request)
        assert self.reply is not None
        return self.reply

    async def seek(self, request: ReadRequest) -> Reply | None:
        self.asked.append(request)
        return self.reply


def _said(document: Json, *, etag: str = "", note: str = "", status: int = 200) -> Teller:
    return Teller(reply=Reply(status=status, etag=etag, document=document, note=note))


def _spec(folder: Path, tools: str = TOOLS, name: str = "bank.send_money") -> ToolSpec:
    return load_tools(written(folder, bank(), tools), GIVEN).catalogue.tools[name]


def _write(spec: ToolSpec) -> ServiceWrite:
    operation = build(spec, Binding.read(spec.binding))
    assert isinstance(operation, ServiceWrite)
    return operation


async def _prepared(spec: ToolSpec, teller: Teller, **arguments: Any) -> Prepared:
    write = _write(spec)
    prepared = await write.prepare(teller, write.parse({"recipient": "DE1", "amount": 5, **arguments}))
    assert isinstance(prepared, Prepared)
    return prepared


async def test_a_preview_is_what_was_read_beside_what_is_sent(tmp_path: Path) -> None:
    """Fields that stand in both are before and after; the others have no before; what was read names it."""
    resource = {
        "account": "DE1",
        "holder": "Jane\u202e Doe\n",
        "note": "Rent",
        "limits": {},
        "open": True,
    }
    teller = _said({"data": resource}, etag='"7"')
    prepared = await _prepared(_spec(tmp_path), teller, note="Food")
    shown = {change.field: (change.before, change.after) for change in prepared.preview.changes}
    assert shown == {"amount": ("", "5"), "note": ("Rent", "Food")}
    assert prepared.preview.target == "recipient DE1 (holder Jane\ufffd Doe, open true)"
    assert prepared.preview.undo.startswith("Not known")
    assert "not known here" in prepared.preview.stakes
    assert prepared.version == '"7"'
    assert [(asked.path, asked.parts) for asked in teller.asked] == [
        ("/v1/accounts/{account}", {"account": "DE1"})
    ]


@pytest.mark.parametrize(
    "document", [None, [], "text", 7, {"a": "x" * 100_000}, {f"k{n}": n for n in range(9_999)}]
)
async def test_a_preview_is_bounded_whatever_was_read(tmp_path: Path, document: Json) -> None:
    """No answer of a service makes a preview longer than a card can hold."""
    prepared = await _prepared(_spec(tmp_path), _said(document), note="y" * 140)
    whole = prepared.preview
    texts = [whole.target, whole.stakes, whole.undo, *(c.before + c.after for c in whole.changes)]
    assert sum(map(len, texts)) < 3_000


async def test_a_weak_etag_is_no_version_to_write_on(tmp_path: Path) -> None:
    """If-Match compares strongly: what looks alike is not the same (RFC 9110)."""
    assert (await _prepared(_spec(tmp_path), _said({}, etag='W/"7"'))).version == ""
    assert await _write(_spec(tmp_path)).current(_said({}, etag='"8"'), {"recipient": "DE1"}) == '"8"'


@pytest.mark.parametrize(
    "recipient", ["M\u00fcller", "a\r\nX-Evil: 1", "tab\there", " lead", "trail ", "\u202e", "x" * 35, ""]
)
def test_a_target_that_no_key_can_carry_is_refused_before_anybody_is_asked(
    tmp_path: Path, recipient: str
) -> None:
    """The target stands in the key, and the key in a header: what a header cannot carry is no target."""
    with pytest.raises(Malformed, match=r"visible ASCII|do not fit"):
        _write(_spec(tmp_path)).parse({"recipient": recipient, "amount": 5})


@pytest.mark.parametrize(
    ("document", "found"),
    [
        (None, False),
        ([], False),
        ({}, False),
        ({"transfers": []}, False),
        ({"transfers": [], "page": 1, "total": 0}, False),
        ({"transfer": None}, False),
        ({"found": False}, False),
        ([{"id": 1}], True),
        ({"transfers": [{"id": 1}], "page": 1}, True),
        ({"id": 1, "amount": 5}, True),
    ],
)
async def test_a_lookup_claims_a_write_only_where_there_is_one(
    tmp_path: Path, document: Json, found: bool
) -> None:
    """Nothing, an empty list and an empty page are no write; a thing is."""
    tools = TOOLS.replace("{native: {key_retention: 24h}}", "{lookup: find_transfer, by: key}")
    write, teller = _write(_spec(tmp_path, tools)), _said(document)
    assert write.finds
    assert (await write.find(teller, "req_1:bank.send_money:DE1") is not None) is found
    assert teller.asked[0].query == (("key", "req_1:bank.send_money:DE1"),)


async def test_a_lookup_of_nothing_there_is_none(tmp_path: Path) -> None:
    """404 means that the write is not there; a tool without a lookup cannot say so."""
    tools = TOOLS.replace("{native: {key_retention: 24h}}", "{lookup: find_transfer, by: key}")
    assert await _write(_spec(tmp_path, tools)).find(Teller(reply=None), "k") is None
    with pytest.raises(Malformed, match="cannot look a write up"):
        await _write(_spec(tmp_path)).find(Teller(reply=None), "k")


async def test_what_a_service_says_is_told_as_it_is(tmp_path: Path) -> None:
    """An empty list is an empty list; an empty answer is its status; a text is the note that it became."""
    spec = _spec(tmp_path, name="bank.get_balance")
    read = build(spec, Binding.read(spec.binding))
    assert isinstance(read, ServiceRead)
    arguments = read.parse({"account": "A", "on": "2026-10-05"})
    assert await read.read(_said([]), arguments) == []
    assert await read.read(_said(None, status=204), arguments) == {"status": 204}
    assert await read.read(_said(None, note="[a binary answer]"), arguments) == "[a binary answer]"
    with pytest.raises(Malformed, match="do not fit"):
        read.parse({"account": "A", "on": "someday"})


async def test_a_head_tells_that_a_thing_is_there(tmp_path: Path) -> None:
    """It is asked as it is described, and its answer is the status."""
    document = bank()
    path = document["paths"]["/accounts/{account}/balance"]
    path["head"] = path.pop("get")
    spec = load_tools(written(tmp_path, document), GIVEN).catalogue.tools["bank.get_balance"]
    read, teller = build(spec, Binding.read(spec.binding)), _said(None)
    assert isinstance(read, ServiceRead)
    assert await read.read(teller, {"account": "A"}) == {"status": 200}
    assert (teller.asked[0].method, read.posts) == ("HEAD", False)


async def test_an_undo_and_a_second_look_are_named(tmp_path: Path) -> None:
    """The undo tool of the file is named on the card; what was not read is not told."""
    spec = replace(_spec(tmp_path), undo="bank.take_back")
    prepared = await _prepared(spec, _said({}))
    assert prepared.preview.undo == "By bank.take_back, which has an approval of its own."
    assert prepared.preview.target == "recipient DE1"


@pytest.mark.parametrize(
    ("pointers", "undo"),
    [
        (None, {"recipient": "DE1", "amount": 5, "note": "Rent"}),
        ({"account": "/recipient"}, {"account": "DE1"}),
        ({"account": "/recipient", "why": "/note", "on": "/day"}, {"account": "DE1", "why": "Rent"}),
    ],
)
async def test_an_undo_takes_the_write_s_arguments_as_the_file_says(
    tmp_path: Path, pointers: Json, undo: Json
) -> None:
    """All of them under their own names, or each where its pointer leads; without a tool there is none."""
    spec = _spec(tmp_path)
    assert (await _prepared(spec, _said({}))).undo_arguments is None
    bound = replace(spec, undo="bank.close", binding={**spec.binding, "undo": pointers})
    assert (await _prepared(bound, _said({}), note="Rent")).undo_arguments == undo


@pytest.mark.parametrize(
    "body", [{"type": "object", "properties": {}}, {"type": "object", "additionalProperties": False}]
)
async def test_a_body_without_properties_takes_no_argument_and_is_sent_empty(
    tmp_path: Path, body: Json
) -> None:
    """A service that describes an object of nothing is asked with one, not for an argument ``body``."""
    document = bank()
    search = document["paths"]["/search"]["post"]["requestBody"]["content"]["application/json"]
    search["schema"] = body
    tools = (
        TOOLS + "  bank.search: {source: bank, operation: search, effect: read, reads_with: POST,"
        " credential: bank-read}\n"
    )
    spec = load_tools(written(tmp_path, document, tools), GIVEN).catalogue.tools["bank.search"]
    operation, teller = build(spec, Binding.read(spec.binding)), _said([])
    assert isinstance(operation, ServiceRead)
    await operation.read(teller, operation.parse({}))
    assert teller.asked[0].body == {}
    with pytest.raises(Malformed):
        operation.parse({"body": {}})
