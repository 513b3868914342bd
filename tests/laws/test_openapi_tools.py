"""A described service under a tool file: what each operation takes, where it goes, what is refused."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import Malformed, Unknown
from contracts.tool import Catalogue, Effect, Retry, ToolSpec
from policies.arguments import check_schema, fault
from policies.schema_words import strange
from tests.laws.openapi_bank import GIVEN, TOOLS, Json, bank, written
from tools.load import LoadedTools, ToolsRefused, load_tools, load_worker_tools
from tools.openapi.binding import Binding, Endpoint
from tools.openapi.document import Document, Elsewhere
from tools.openapi.operation import Pinned, ServiceRead, ServiceWrite
from tools.openapi.retrieval import Retrieved
from tools.openapi.schema import Schemas

SEARCH = "  bank.search: {source: bank, operation: search, effect: read, credential: bank-read}\n"

Change: TypeAlias = Callable[[Json], object]


def _loaded(folder: Path, document: Json | None = None, tools: str = TOOLS) -> LoadedTools:
    return load_tools(written(folder, bank() if document is None else document, tools), GIVEN)


def _refused(folder: Path, document: Json | str | None = None, tools: str = TOOLS) -> str:
    with pytest.raises(ToolsRefused) as refusal:
        load_tools(written(folder, bank() if document is None else document, tools), GIVEN)
    return refusal.value.sentence


def _endpoint(spec: ToolSpec) -> Endpoint:
    return Binding.read(spec.binding).endpoint


def test_the_bank_of_the_interfaces_works_as_written(tmp_path: Path) -> None:
    """The example's two tools have effect, credentials, retry, target and preview as it says."""
    loaded = _loaded(tmp_path)
    send, balance = loaded.catalogue.tools["bank.send_money"], loaded.catalogue.tools["bank.get_balance"]
    assert (send.effect, send.credential, send.read_credential) == (Effect.WRITE, "bank-write", "bank-read")
    assert (send.retry, send.target, send.undo) == (
        Retry(kind="native", retention_seconds=86_400),
        "/recipient",
        None,
    )
    assert (balance.effect, balance.read_credential, balance.address) == (Effect.READ, None, "bank")
    preview = Binding.read(send.binding).preview
    assert preview is not None
    assert (preview.endpoint.path, preview.args) == ("/v1/accounts/{account}", {"account": "/recipient"})
    assert loaded.addresses == {"bank": "http://127.0.0.1:9100"}
    assert isinstance(loaded.operations["bank.send_money"], ServiceWrite)
    assert isinstance(loaded.operations["bank.get_balance"], ServiceRead)


def test_arguments_are_one_closed_object(tmp_path: Path) -> None:
    """Path, query and body make one object, without what only the service sets and without our headers."""
    loaded = _loaded(tmp_path)
    assert loaded.catalogue.tools["bank.send_money"].schema == {
        "type": "object",
        "properties": {
            "recipient": {"type": "string", "minLength": 1, "maxLength": 34},
            "amount": {"type": "integer", "minimum": 1},
            "note": {"type": "string", "maxLength": 140},
        },
        "required": ["amount", "recipient"],
        "additionalProperties": False,
    }
    assert set(loaded.catalogue.tools["bank.get_balance"].schema["properties"]) == {"account", "on", "tag"}


def test_each_argument_goes_where_the_document_says(tmp_path: Path) -> None:
    """A request holds each argument once, in its place, and nothing else."""
    specs = _loaded(tmp_path).catalogue.tools
    write = _endpoint(specs["bank.send_money"]).writing({"recipient": "DE1", "amount": 5})
    assert (write.method, write.path, write.query) == ("POST", "/v1/transfers", ())
    assert write.body == {"recipient": "DE1", "amount": 5}
    read = _endpoint(specs["bank.get_balance"]).reading({"account": "A", "tag": ["x", "y"]})
    assert (read.method, read.path, read.parts) == ("GET", "/v1/accounts/{account}/balance", {"account": "A"})
    assert (read.query, read.body) == ((("tag", "x"), ("tag", "y")), None)


def test_a_catalogue_with_bindings_is_the_same_after_its_way_through_the_store(tmp_path: Path) -> None:
    """What was pinned reads back to the same digest, and to the same calls."""
    catalogue = _loaded(tmp_path).catalogue
    again = Catalogue.read(json.loads(json.dumps(catalogue.document())))
    assert again.digest() == catalogue.digest()
    for name, spec in catalogue.tools.items():
        assert Binding.read(again.tools[name].binding) == Binding.read(spec.binding)


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        (lambda d: d["paths"]["/transfers"]["post"].update(summary="Other words."), False),
        (lambda d: d["info"].update(version="2"), False),
        (lambda d: d["components"]["schemas"]["Amount"].update(minimum=2), True),
        (lambda d: d.update(servers=[{"url": "/v2"}]), True),
        (lambda d: d["paths"].update({"/payments": d["paths"].pop("/transfers")}), True),
    ],
)
def test_a_new_contract_is_a_new_version(tmp_path: Path, change: Change, differs: bool) -> None:
    """Approvals are for the call and its arguments as they were; other words alone are the same call."""
    before = _loaded(tmp_path).catalogue.tools["bank.send_money"].version
    document = bank()
    change(document)
    assert (_loaded(tmp_path, document).catalogue.tools["bank.send_money"].version != before) is differs


def test_a_worker_needs_no_document(tmp_path: Path) -> None:
    """The tool file alone, and the pinned spec, make the same tool as the document did."""
    spec = _loaded(tmp_path).catalogue.tools["bank.send_money"]
    (tmp_path / "bank.json").unlink()
    worker = load_worker_tools(tmp_path / "tools.yaml", GIVEN)
    pinned = worker.operations["bank.send_money"]
    assert isinstance(pinned, Pinned)
    assert pinned.operation(spec).schema == spec.schema
    assert (worker.addresses, worker.credentials) == (
        {"bank": "http://127.0.0.1:9100"},
        ("bank-read", "bank-write"),
    )


@pytest.mark.parametrize(
    "change",
    [
        {"effect": "read"},
        {"credential": "other"},
        {"address": "helpdesk"},
        {"endpoint": {"operation": "close_account"}},
        {"endpoint": {"method": "GET"}},
        {"preview": None},
        {"retry": {"kind": "none", "retention_seconds": 0}},
    ],
)
def test_a_worker_believes_its_own_file(tmp_path: Path, change: dict[str, Any]) -> None:
    """A catalogue that classifies a tool otherwise than the worker's own file calls nothing."""
    spec = _loaded(tmp_path).catalogue.tools["bank.send_money"].document()
    bound = {name: change[name] for name in ("endpoint", "preview") if name in change}
    if "endpoint" in bound:
        bound["endpoint"] = spec["binding"]["endpoint"] | bound["endpoint"]
    spec |= {name: value for name, value in change.items() if name not in bound}
    forged = ToolSpec.read(spec | {"binding": spec["binding"] | bound})
    pinned = load_worker_tools(tmp_path / "tools.yaml", GIVEN).operations["bank.send_money"]
    assert isinstance(pinned, Pinned)
    with pytest.raises(Unknown, match=r"speaks otherwise of bank\.send_money"):
        pinned.operation(forged)


def test_a_read_that_posts_is_believed_to_the_file_alone(tmp_path: Path) -> None:
    """POST writes, until the file's own `reads_with: POST` says that this one reads; then it may."""
    sentence = _refused(tmp_path, tools=TOOLS + SEARCH)
    assert "tools.yaml:14: " in sentence
    assert "write `reads_with: POST` if you know that it only reads" in sentence
    allowed = TOOLS + SEARCH.replace("effect: read", "effect: read, reads_with: POST")
    spec = _loaded(tmp_path, tools=allowed).catalogue.tools["bank.search"]
    assert _endpoint(spec).reading({"q": "x"}).body == {"q": "x"}
    (tmp_path / "tools.yaml").write_text(TOOLS + SEARCH)
    careful = load_worker_tools(tmp_path / "tools.yaml", GIVEN).operations["bank.search"]
    assert isinstance(careful, Pinned)
    with pytest.raises(Unknown):
        careful.operation(spec)


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("operation: send_money", "operation: send_mony", 7, "did you mean `send_money`?"),
        ("effect: write", "effect: read", 12, "`preview` belongs to writes"),
        ("operation: get_balance, effect: read", "operation: close_account, effect: read", 4, "is a DELETE"),
        ("operation: send_money", "operation: get_account", 8, "is a GET, which must not write"),
        ("target: recipient", "target: recipent", 11, "did you mean `/recipient`?"),
        ("target: recipient", "target: note", 11, "is no required text or integer"),
        ("operation: get_account,", "operation: get_acount,", 12, "did you mean `get_account`?"),
        ("operation: get_account,", "operation: close_account,", 12, "only a GET is made unasked"),
        ("{account: ", "{acount: ", 12, "takes no `acount`; did you mean `account`?"),
        ('"/recipient"', '"/receiver"', 12, "has no argument at `/receiver`"),
        ('"/recipient"', '"/note"', 12, "needs `account` from a required argument"),
        (', args: {account: "/recipient"}', "", 12, "needs `account` from a required argument"),
        ('    preview: {operation: get_account, args: {account: "/recipient"}}\n', "", 5, "`preview: none`"),
        ("{native: {key_retention: 24h}}", "{lookup: find_transfers, by: key}", 10, "did you mean"),
        ("{native: {key_retention: 24h}}", "{lookup: send_money, by: key}", 10, "only a GET"),
        ("{native: {key_retention: 24h}}", "{lookup: find_transfer}", 10, "belong together"),
        ("undo: null", "undo: bank.take_back", 13, "there is no tool `bank.take_back`"),
        ("undo: null", "reads_with: POST", 13, "`reads_with` belongs to reads"),
        ("source: bank\n", "source: bnk\n", 6, "did you mean `bank`?"),
        ("effect: read,", "effect: read, reads_with: POST,", 4, "reads with GET: remove `reads_with`"),
        ("effect: read,", "effect: read, retry: {lookup: x, by: key},", 4, "belongs to writes"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, old: str, new: str, line: int, said: str) -> None:
    """Each mistake is a sentence with file, line and, where there is one, a suggestion."""
    assert old in TOOLS
    sentence = _refused(tmp_path, tools=TOOLS.replace(old, new, 1))
    assert f"tools.yaml:{line}: " in sentence
    assert said in sentence


CLOSE = (
    "  bank.close: {source: bank, operation: close_account, effect: destructive, credential: bank-write,"
    " target: account, preview: none}\n"
)


@pytest.mark.parametrize(
    ("undo", "said"),
    [
        ("bank.get_balance", "is a read, which undoes nothing"),
        ("bank.close", "`bank.close` takes no `recipient`"),
        ("{tool: bank.close, args: {acount: /recipient}}", "did you mean `account`?"),
        ("{tool: bank.close, args: {account: /receiver}}", "has no argument at `/receiver`"),
        ("{tool: bank.close, args: {account: /note}}", "needs `account` from a required argument"),
        ("{tool: bank.close, args: {}}", "needs `account` from a required argument"),
        ("{tol: bank.close}", "did you mean `tool`?"),
    ],
)
def test_an_undo_that_could_not_be_called_is_named_with_its_line(
    tmp_path: Path, undo: str, said: str
) -> None:
    """It must be a write whose arguments the write that it undoes always has."""
    sentence = _refused(tmp_path, tools=TOOLS.replace("undo: null", f"undo: {undo}") + CLOSE)
    assert "tools.yaml:13: " in sentence
    assert said in sentence


def test_an_undo_is_pinned_with_its_arguments_and_a_worker_believes_its_own_file(tmp_path: Path) -> None:
    """Name and pointers are part of the catalogue; a tool without an undo keeps the version that it had."""
    text = TOOLS.replace("undo: null", "undo: {tool: bank.close, args: {account: recipient}}") + CLOSE
    plain = _loaded(tmp_path).catalogue.tools["bank.send_money"]
    spec = _loaded(tmp_path, tools=text).catalogue.tools["bank.send_money"]
    assert (spec.undo, spec.binding["undo"]) == ("bank.close", {"account": "/recipient"})
    assert "undo" not in plain.binding
    pinned = load_worker_tools(tmp_path / "tools.yaml", GIVEN).operations["bank.send_money"]
    assert isinstance(pinned, Pinned)
    assert pinned.operation(spec)
    for forged in (plain, replace(spec, undo="bank.send_money"), replace(spec, binding=plain.binding)):
        with pytest.raises(Unknown, match="speaks otherwise"):
            pinned.operation(forged)


def test_what_reads_before_a_write_has_a_credential_of_one_meaning(tmp_path: Path) -> None:
    """The preview's own, or that of the tool that reads it, or the one of all the source's reads."""
    other = "  bank.search: {source: bank, operation: find_transfer, effect: read, credential: other}\n"
    assert "bank-read, other could be" in _refused(tmp_path, tools=TOOLS + other)
    same = other.replace("find_transfer", "get_account")
    assert _loaded(tmp_path, tools=TOOLS + same).catalogue.tools["bank.send_money"].read_credential == "other"
    said = (TOOLS + other).replace("operation: get_account,", "operation: get_account, credential: third,")
    assert _loaded(tmp_path, tools=said).catalogue.tools["bank.send_money"].read_credential == "third"


def test_a_write_without_a_preview_says_so(tmp_path: Path) -> None:
    """`preview: none` loads, and names nothing to read with."""
    blind = TOOLS.replace('{operation: get_account, args: {account: "/recipient"}}', "none")
    spec = _loaded(tmp_path, tools=blind).catalogue.tools["bank.send_money"]
    assert spec.read_credential is None
    assert Binding.read(spec.binding).preview is None


def _send(document: Json) -> Json:
    found: Json = document["paths"]["/transfers"]["post"]
    return found


def _schema(document: Json) -> Json:
    found: Json = document["components"]["schemas"]["Transfer"]
    return found


def _parameter(name: str, place: str, **said: Any) -> Change:
    """The transfer has one more required parameter."""
    parameter = {"name": name, "in": place, "required": True, "schema": {"type": "string"}, **said}
    return lambda document: _send(document).update(parameters=[parameter])


def _media(kind: str) -> Change:
    """The transfer's body is of another kind."""

    def change(document: Json) -> None:
        content = document["components"]["requestBodies"]["Transfer"]["content"]
        content[kind] = content.pop("application/json")

    return change


def _moved(path: str) -> Change:
    """The transfers are elsewhere."""
    return lambda document: document["paths"].update({path: document["paths"].pop("/transfers")})


def _property(name: str, schema: Any) -> Change:
    """The transfer has another property."""
    return lambda document: _schema(document)["properties"].update({name: schema})


def _webhook(document: Json) -> None:
    document["webhooks"] = document.pop("paths")
    document["paths"] = {}


def _searched_by_get(document: Json) -> None:
    document["paths"]["/search"] = {"get": document["paths"]["/search"]["post"]}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d.update(openapi="2.0"), "no OpenAPI 3.0 or 3.1 document (it says `2.0`)"),
        (lambda d: d.pop("openapi"), "no OpenAPI 3.0 or 3.1 document"),
        (lambda d: d["paths"]["/search"]["post"].update(operationId="send_money"), "names 2 operations"),
        (_webhook, "is a webhook"),
        (lambda d: _send(d).update(callbacks={"x": {}}), "it calls back"),
        (_media("multipart/form-data"), "`send_money` (POST /transfers): its body is multipart/form-data"),
        (_media("application/x-www-form-urlencoded"), "only application/json is sent"),
        (_parameter("amount", "query"), "`amount` stands twice, in its query and in its body"),
        (_parameter("X-Tenant", "header"), "a header is not filled from arguments"),
        (_parameter("sid", "cookie"), "a cookie is not filled from arguments"),
        (_parameter("f", "query", schema={"type": "object"}), "has no one spelling in a query"),
        (_parameter("f", "query", style="deepObject"), "has no one spelling in a query"),
        (_parameter("f", "query", schema={"type": "array", "items": {}}), "has no one spelling"),
        (_parameter("f[x]", "query"), "is no name that a model can be given"),
        (_parameter("p", "path"), "in its path or in its parameters, but not in both"),
        (_moved("/transfers/{x}"), "in its path or in its parameters, but not in both"),
        (_moved("/../transfers"), "a path that cannot be called"),
        (_moved("/transfers?x=1"), "a path that cannot be called"),
        (_moved("/transfers/{a*}"), "a path that cannot be called"),
        (_moved("transfers"), "its path starts with no /"),
        (_property("amount", {"$ref": "http://evil.example/a.json"}), "leads out of the document"),
        (_property("amount", {"$ref": "other.json#/a"}), "leads out of the document"),
        (_property("amount", {"$ref": "#/components/schemas/Nothing"}), "leads to nothing"),
        (_property("more", {"$ref": "#/components/schemas/Transfer"}), "contains itself"),
        (_property("amount", {"$dynamicRef": "#x"}), "`$dynamicRef` in a schema is not read"),
        (_property("note", {"type": "string", "pattern": "^(?!a)"}), "cannot be enforced"),
        (_property("note", {"type": "txt"}), "cannot be enforced"),
        (_property("note", {"enum": [2**60]}), "two readers may read differently"),
        (_property("note", {"enum": ["y" * 70_000]}), "more than 65536 bytes"),
        (_property("note", {"anyOf": 1}), "is no list"),
        (_property("amount", [1]), "is no object"),
        (lambda d: _schema(d).update(properties=[1]), "no mapping of names to schemas"),
        (lambda d: _schema(d).update(required=7), "cannot be enforced"),
        (
            lambda d: d["components"]["parameters"].update(Key={"$ref": "#/components/parameters/Key"}),
            "leads in a circle",
        ),
        (_searched_by_get, "it reads with a body"),
        (lambda d: d.update(servers=[{"nourl": 1}]), "a server of the document has no URL"),
        (lambda d: d.update(servers=[{"url": "http://[::"}]), "a server of the document has no URL"),
    ],
)
def test_what_is_not_done_is_a_sentence(tmp_path: Path, change: Change, said: str) -> None:
    """An operation that asks for something else is refused with file, line and operation."""
    document = bank()
    change(document)
    search = SEARCH.replace("effect: read", "effect: read, reads_with: POST")
    sentence = _refused(tmp_path, document, TOOLS + search)
    assert "tools.yaml:" in sentence
    assert said in sentence


def test_an_optional_parameter_that_cannot_be_sent_is_no_argument(tmp_path: Path) -> None:
    """Headers, cookies, objects and names that no model can be given are left out where they may be."""
    document = bank()
    _send(document)["parameters"] = [
        {"name": "X-Trace", "in": "header", "schema": {"type": "string"}},
        {"name": "sid", "in": "cookie", "schema": {"type": "string"}},
        {"name": "filter", "in": "query", "style": "deepObject", "schema": {"type": "object"}},
        {"name": "page[size]", "in": "query", "schema": {"type": "integer"}},
        {"name": "ids", "in": "query", "explode": False, "schema": {"type": "array", "items": {}}},
        {"name": "dry", "in": "query", "schema": {"type": "boolean"}},
    ]
    schema = _loaded(tmp_path, document).catalogue.tools["bank.send_money"].schema
    assert set(schema["properties"]) == {"recipient", "amount", "note", "dry"}


def test_a_body_that_is_no_plain_object_is_one_argument(tmp_path: Path) -> None:
    """A list, a choice or a free mapping stands under `body`, and is sent as it is."""
    for schema in (
        {"type": "array", "items": {"type": "string"}},
        {"oneOf": [{"type": "object"}, {"type": "null"}]},
        {"type": "object", "additionalProperties": {"type": "string"}},
        {"type": "object", "properties": {"q": {}}, "minProperties": 1},
    ):
        document = bank()
        document["paths"]["/search"]["post"]["requestBody"]["content"]["application/json"]["schema"] = schema
        search = SEARCH.replace("effect: read", "effect: read, reads_with: POST")
        spec = _loaded(tmp_path, document, TOOLS + search).catalogue.tools["bank.search"]
        assert spec.schema["properties"] == {"body": schema}
        assert _endpoint(spec).reading({"body": ["x"]}).body == ["x"]


def test_a_body_of_several_objects_is_one_object(tmp_path: Path) -> None:
    """What `allOf` puts together is flattened, unless two parts speak of one name."""
    document = bank()
    transfer = _schema(document)
    base: Json = {"type": "object", "required": ["purpose"], "properties": {"purpose": {"type": "string"}}}
    document["components"]["schemas"] |= {"Base": base, "Plain": transfer}
    document["components"]["schemas"]["Transfer"] = {
        "allOf": [{"$ref": "#/components/schemas/Base"}, {"$ref": "#/components/schemas/Plain"}]
    }
    schema = _loaded(tmp_path, document).catalogue.tools["bank.send_money"].schema
    assert schema["required"] == ["amount", "purpose", "recipient"]
    base["properties"]["note"] = {"type": "string"}
    assert "`/recipient` is no required text or integer" in _refused(tmp_path, document)


@pytest.mark.parametrize(
    ("old", "new", "good", "bad"),
    [
        (
            {"type": "integer", "minimum": 1, "exclusiveMinimum": True},
            {"type": "integer", "exclusiveMinimum": 1},
            2,
            1,
        ),
        (
            {"type": "integer", "maximum": 9, "exclusiveMaximum": False},
            {"type": "integer", "maximum": 9},
            9,
            10,
        ),
        (
            {"type": "string", "nullable": True, "maxLength": 2},
            {"type": ["string", "null"], "maxLength": 2},
            None,
            "abc",
        ),
        ({"type": "string", "example": "x", "xml": {}, "x-y": 1}, {"type": "string"}, "x", 1),
        (
            {"$ref": "#/components/schemas/Note", "maxLength": 1},
            {"type": "string", "maxLength": 3},
            "abc",
            "abcd",
        ),
    ],
)
def test_words_of_3_0_become_those_of_json_schema(
    tmp_path: Path, old: Json, new: Json, good: object, bad: object
) -> None:
    """Null beside a type, bounds that a flag makes strict, and references beside which nothing counts."""
    document = bank() | {"openapi": "3.0.3"}
    document["components"]["schemas"]["Note"] = {"type": "string", "maxLength": 3}
    _schema(document)["properties"]["note"] = old
    schema = _loaded(tmp_path, document).catalogue.tools["bank.send_money"].schema
    assert schema["properties"]["note"] == new
    for value, fits in ((good, True), (bad, False)):
        wrong = fault(schema, {"recipient": "DE1", "amount": 1, "note": value})
        assert (wrong is None) is fits


def test_what_stands_beside_a_reference_counts_in_3_1(tmp_path: Path) -> None:
    """In 3.1 both hold; words alone replace words."""
    document = bank()
    document["components"]["schemas"]["Note"] = {"type": "string", "description": "Theirs."}
    properties = _schema(document)["properties"]
    properties["note"] = {"$ref": "#/components/schemas/Note", "maxLength": 1}
    properties["memo"] = {"$ref": "#/components/schemas/Note", "description": "Ours."}
    found = _loaded(tmp_path, document).catalogue.tools["bank.send_money"].schema["properties"]
    note = {"type": "string", "description": "Theirs."}
    assert found["note"] == {"allOf": [note, {"maxLength": 1}]}
    assert found["memo"] == {"type": "string", "description": "Ours."}


def test_yaml_says_the_same_as_json(tmp_path: Path) -> None:
    """A document in YAML, its numeric keys and its `no` included, makes the same catalogue."""
    document = bank()
    document["paths"]["/transfers"]["post"]["responses"] = {"200": {"description": "Done."}}
    _schema(document)["properties"]["note"] |= {"enum": ["no", "yes", "2026-10-05", "010"]}
    before = _loaded(tmp_path, document).catalogue.digest()
    text = yaml.safe_dump(json.loads(json.dumps(document))).replace("'200'", "200")
    for quoted in ("'no'", "'yes'", "'2026-10-05'"):
        assert quoted in text
        text = text.replace(quoted, quoted[1:-1])
    assert load_tools(written(tmp_path, text), GIVEN).catalogue.digest() == before


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "nothing",
        "{",
        '{"openapi": "3.1.0", "openapi": "3.1.0"}',
        '{"openapi": NaN}',
        "\0",
        "a: &x [1]\nb: *x",
        "!!python/object/apply:os.system [true]",
        "[" * 100_000,
        "openapi: 3.1.0\n" * 2,
        '{"openapi": "3.1.0"}',
        '{"openapi": "3.1.0", "paths": 7}',
        '{"openapi": "3.1.0", "paths": {"/a": 7}}',
    ],
)
def test_bytes_that_are_no_document_are_a_sentence(tmp_path: Path, text: str) -> None:
    """Whatever the bytes, the answer is a problem at the tool file's line."""
    assert "tools.yaml:" in _refused(tmp_path, text)


_HOST: Final = {"variables": {"host": {"default": "h.example"}}}


@pytest.mark.parametrize(
    ("servers", "path"),
    [
        ([{"url": "/v1"}], "/v1"),
        ([{"url": "v1"}], "/api/v1"),
        ([{"url": "http://h.example:80/v1/"}], "/v1"),
        ([{"url": "https://h.example/s"}, {"url": "http://h.example/p"}], "/p"),
        ([{"url": "http://{host}/v1", **_HOST}], "/v1"),
        ([], ""),
        ([{"url": "https://h.example/"}], None),
        ([{"url": "http://h.example:8080/"}], None),
        ([{"url": "http://evil.example/"}], None),
        ([{"url": "//evil.example/"}], None),
        ([{"url": "http://h.example@evil.example/"}], None),
        ([{"url": "http://h.example.evil.example/"}], None),
        ([{"url": "http://{host}.evil.example/", **_HOST}], None),
        ([{"url": "javascript:alert(1)"}], None),
    ],
)
def test_a_document_does_not_say_where_a_credential_goes(servers: list[Json], path: str | None) -> None:
    """A prefix on the document's own origin counts; another origin is refused, unless an address is given."""
    text = json.dumps(bank() | {"servers": servers})
    document = Document.read(Retrieved(text=text, url="http://h.example/api/openapi.json"))
    operation = document.operation("send_money")
    if path is not None:
        assert document.prefix(operation, None) == path
        return
    with pytest.raises(Elsewhere, match="only the configuration says where"):
        document.prefix(operation, None)
    assert "evil" not in document.prefix(operation, "http://given.example")


def test_two_sources_have_two_addresses(tmp_path: Path) -> None:
    """`my-bank` and `my_bank` would share a setting, so one of them is renamed."""
    tools = TOOLS.replace(
        "  bank: {openapi: bank.json}\n",
        "  bank: {openapi: bank.json}\n  my-bank: {openapi: bank.json}\n  my_bank: {openapi: bank.json}\n",
    )
    sentence = _refused(tmp_path, tools=tools)
    assert "tools.yaml:4: " in sentence
    assert "INTERLOCK_ADDRESS_MY_BANK" in sentence


def test_a_large_document_costs_no_more_than_its_size(tmp_path: Path) -> None:
    """References that multiply, in a chain that doubles, are refused before they are written out."""
    document = bank()
    for level in range(40):
        following = {"$ref": f"#/components/schemas/L{level + 1}"}
        document["components"]["schemas"][f"L{level}"] = {"allOf": [following, following]}
    document["components"]["schemas"]["L40"] = {"type": "string"}
    _schema(document)["properties"]["note"] = {"$ref": "#/components/schemas/L0"}
    assert "more than 2000 parts or 32 levels" in _refused(tmp_path, document)


_LEAVES: tuple[Json, ...] = (
    {"type": "string", "maxLength": 9},
    {"type": "integer", "minimum": 0, "exclusiveMinimum": True},
    {"type": "string", "nullable": True},
    {"enum": ["a", None]},
    {"$ref": "#/components/schemas/Amount"},
    {"type": "boolean", "x-internal": True},
    {"type": "number", "multipleOf": 0.5, "title": "N"},
)


def _nested(inner: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    return st.one_of(
        st.builds(lambda item: {"type": "array", "items": item}, inner),
        st.builds(lambda a: {"type": "object", "properties": {"a": a, "$ref": a}, "required": ["a"]}, inner),
        st.builds(lambda a, b: {"anyOf": [a, b]}, inner, inner),
        st.builds(lambda a, b: {"allOf": [a], "description": "d", "not": b}, inner, inner),
    )


@given(st.recursive(st.sampled_from(_LEAVES), _nested, max_leaves=8))
def test_a_converted_schema_stands_for_itself(schema: Json) -> None:
    """Whatever a 3.0 document's schema, ours is enforceable, complete, and has no word that is not ours."""
    text = json.dumps(bank() | {"openapi": "3.0.3"})
    made = Schemas(Document.read(Retrieved(text=text, url=None))).convert(schema)
    assert "#/components" not in json.dumps(made)
    assert not [said for _, said in strange(made) if "is no keyword" in said]
    check_schema(made)


_VALUE = st.one_of(st.text(), st.integers(), st.booleans(), st.lists(st.text(), max_size=3))


@given(st.dictionaries(st.sampled_from("abcdef"), _VALUE))
def test_no_argument_is_lost_or_sent_twice(arguments: Json) -> None:
    """Whatever stands in a request came from one argument, and every argument stands in it."""
    endpoint = Endpoint(operation="o", method="POST", path="/x/{a}", query=("b", "c"), body=("d", "e", "f"))
    if "a" not in arguments:
        with pytest.raises(Malformed, match="the arguments lack a"):
            endpoint.writing(arguments)
        return
    sent = endpoint.writing(arguments)
    told = {name for name, _ in sent.query} | set(sent.parts) | set(sent.body)
    assert told == {name for name in arguments if arguments[name] != [] or name in "adef"}
    assert {name: sent.body[name] for name in sent.body} == {n: arguments[n] for n in "def" if n in arguments}
    assert "a" not in sent.body
