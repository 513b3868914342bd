"""A tool file is classified completely, or nothing of it is loaded."""

from contextlib import nullcontext
from pathlib import Path

import pytest

import tools
from contracts.errors import Malformed
from contracts.tool import Catalogue, Effect, Retry
from policies.arguments import fault
from tools.load import ToolsRefused, load_tools, load_worker_tools

SHIPPED = Path(tools.__file__).with_name("helpdesk.yaml")

HEAD = """\
sources:
  helpdesk: {python: "tools.catalogue:HELPDESK"}
tools:
  tickets.get: {source: helpdesk, operation: tickets.get, effect: read, credential: ticketing-read}
"""

WEB = """\
sources:
  web: {python: "tools.web:WEB"}
tools:
  http.get: {source: web, operation: get, effect: read, reaches: url}
"""

CLOSE = """\
  ticket.close:
    source: helpdesk
    operation: ticket.close
    effect: write
    credential: ticketing-write
    retry: {native: {key_retention: 24h}}
    target: /ticket_id
    preview: {operation: tickets.get}
"""


def _refused(tmp_path: Path, text: str) -> str:
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(ToolsRefused) as refusal:
        load_tools(file)
    return refusal.value.sentence


NATIVE = Retry(kind="native", retention_seconds=86_400)
SAYS = {
    "ticket.update": ("ticketing-write", Retry(kind="lookup"), "ticket.update"),
    "ticket.close": ("ticketing-write", NATIVE, "ticket.reopen"),
    "ticket.reopen": ("ticketing-write", NATIVE, "ticket.close"),
    "email.send": ("mail-write", Retry(kind="none"), None),
}


@pytest.mark.parametrize(
    ("text", "line", "kind"),
    [
        (HEAD.replace("  helpdesk:", "  break-glass:", 1), 2, "source"),
        (HEAD.replace("  tickets.get:", "  break_glass.get:", 1), 4, "tool"),
        (HEAD.replace("  tickets.get:", "  tickets.break_glass:", 1), 4, "tool"),
    ],
)
def test_nothing_is_called_like_break_glass(tmp_path: Path, text: str, line: int, kind: str) -> None:
    """No tool or source has a name of it: what names one is an attempt wherever it comes."""
    assert f"mine.yaml:{line}: a {kind} cannot be called" in _refused(tmp_path, text)


def test_the_shipped_file_says_what_each_tool_may_do() -> None:
    """The helpdesk's tools load with their effect, credentials, retry, target and undo; a draft is a read."""
    loaded = load_tools(SHIPPED)
    specs = loaded.catalogue.tools
    reads = dict.fromkeys(
        ("kb.search", "tickets.search", "tickets.get", "customers.get", "email.draft"), "ticketing-read"
    ) | {"orders.get": "refunds-read", "http.get": ""}
    assert set(loaded.operations) == set(specs) == {*reads, *SAYS, "refund.create"}
    assert {name for name, spec in specs.items() if spec.effect is Effect.READ} == set(reads)
    assert {name: specs[name].credential for name in reads} == reads
    assert {name: spec.reaches for name, spec in specs.items() if spec.reaches} == {"http.get": "/url"}
    for name, (credential, retry, undo) in SAYS.items():
        spec = specs[name]
        assert (spec.effect, spec.credential, spec.retry, spec.undo) == (
            Effect.WRITE,
            credential,
            retry,
            undo,
        )
        assert (spec.address, spec.target, spec.read_credential) == (
            "helpdesk",
            "/ticket_id",
            "ticketing-read",
        )


def test_the_shipped_refund_is_destructive_and_nothing_takes_it_back() -> None:
    """Credentials of its own, one effect for one key, bound to its order, and no undo."""
    spec = load_tools(SHIPPED).catalogue.tools["refund.create"]
    assert (spec.effect, spec.retry, spec.undo) == (Effect.DESTRUCTIVE, NATIVE, None)
    assert (spec.credential, spec.read_credential) == ("refunds-write", "refunds-read")
    assert spec.target == "/order_id"


def test_a_tools_names_are_pinned(tmp_path: Path) -> None:
    """Pointers at people's names go into the catalogue, with and without their slash; others are refused."""
    file = tmp_path / "mine.yaml"
    named = HEAD.replace("ticketing-read}", "ticketing-read, names: [/who/*/name, from]}")
    file.write_text(named)
    assert load_tools(file).catalogue.tools["tickets.get"].names == ("/who/*/name", "/from")
    assert "names" in _refused(tmp_path, named.replace("/who/*/name", "/"))


def test_a_catalogue_is_the_same_after_its_way_through_the_store() -> None:
    """What was pinned reads back to the same digest."""
    catalogue = load_tools(SHIPPED).catalogue
    assert Catalogue.read(catalogue.document()).digest() == catalogue.digest()


@pytest.mark.parametrize(
    ("change", "line", "said"),
    [
        (("effect: write", "effect: read"), 8, "the operation is a write, the file says `effect: read`"),
        (("    effect: write\n", ""), 5, "`tools.ticket.close.effect` is missing"),
        (("    credential: ticketing-write\n", ""), 5, "`tools.ticket.close.credential` is missing"),
        (("    target: /ticket_id\n", ""), 5, "`tools.ticket.close.target` is missing"),
        (("    preview: {operation: tickets.get}\n", ""), 5, "`tools.ticket.close.preview` is missing"),
        (("effect: write", "effect: harmless"), 8, "takes 'read', 'write' or 'destructive'"),
        (("target: /ticket_id", "target: /reasons"), 11, "no required text or integer"),
        (("target: /ticket_id", "target: /resolution_article"), 11, "no required text or integer"),
        (("operation: ticket.close", "operation: ticket.clos"), 7, "did you mean `ticket.close`?"),
        (("source: helpdesk\n    op", "source: desk\n    op"), 6, "there is no source `desk`"),
        (("operation: tickets.get}\n", "operation: tickets.read}\n"), 12, "no tool of this file reads"),
        (("operation: tickets.get}", "operation: tickets.get, args: {a: /b}}"), 12, "remove `args`"),
        (("credential: ticketing-write", "credential: ../globex"), 9, "credential` should"),
        (("key_retention: 24h", "key_retention: forever"), 10, "is no duration"),
        (("retry: {native: {key_retention: 24h}}", "retry: {lookup: kb.search}"), 10, "belong together"),
        (("    target:", "    undo: ticket.reopen\n    target:"), 11, "there is no tool `ticket.reopen`"),
        (
            ("    target:", "    undo: ticket.close\n    target:"),
            11,
            "is undone by `ticket.reopen` of helpdesk",
        ),
        (("    target:", "    undo: tickets.get\n    target:"), 11, "is a read, which undoes nothing"),
        (("    target:", "    undo: {tool: ticket.close, args: {}}\n    target:"), 11, "remove `args`"),
        (("    target:", "    undo: {args: {}}\n    target:"), 11, "undo.tool` is missing"),
        (
            ("operation: ticket.close", "operation: email.send\n    undo: email.send"),
            8,
            "its code knows no undo",
        ),
        (("    target:", "    efect: write\n    target:"), 11, "did you mean `effect`?"),
        (("    target:", "    effect: read\n    target:"), 11, "stands twice"),
        (("    target:", "    timeout: 5h\n    target:"), 11, "timeout` should"),
        (("    target:", "    names: [/customer/name]\n    target:"), 11, "`names` belongs to reads"),
        (("    target:", "    reaches: /url\n    target:"), 11, "`/url` is no text among the arguments"),
        (("    target:", "    reaches: reasn\n    target:"), 11, "did you mean `/reason`?"),
        (("    target:", "    reaches: [reason]\n    target:"), 11, "reaches` should"),
    ],
)
def test_a_mistake_is_named_with_its_line(
    tmp_path: Path, change: tuple[str, str], line: int, said: str
) -> None:
    """Each mistake is a sentence that starts with file and line."""
    assert change[0] in HEAD + CLOSE
    tools_part = CLOSE.replace(*change)
    sentence = _refused(tmp_path, HEAD + tools_part)
    assert f"mine.yaml:{line}: " in sentence
    assert said in sentence


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ('{openapi: "http://127.0.0.1:1/openapi.json"}', "could not be fetched from http://127.0.0.1:1"),
        ('{openapi: "ftp://127.0.0.1/openapi.json"}', "is an http or https URL, or a path"),
        ('{openapi: "http://user:planted@127.0.0.1/"}', "no plain http or https URL"),
        ("{openapi: nowhere.json}", "set INTERLOCK_ADDRESS_HELPDESK to its base URL"),
        ("{mcp: {command: [x]}}", "`mcp` sources are not supported by this version"),
        ('{python: "os"}', "is written module:ATTRIBUTE"),
        ('{python: "os:environ"}', "is no mapping of operation names to tools"),
        ('{python: "tools.nothing:X"}', "cannot be imported"),
        ('{python: "tools.catalogue:NOTHING"}', "is no mapping of operation names to tools"),
        ('{python: "../evil:X"}', "is written module:ATTRIBUTE"),
        ("{}", "names one of `python`, `openapi` and `mcp`"),
        ('{python: "tools.catalogue:HELPDESK", openapi: "http://h/"}', "names one of"),
        ("{pyhton: x}", "did you mean `python`?"),
    ],
)
def test_a_source_that_cannot_be_used_is_refused(tmp_path: Path, source: str, said: str) -> None:
    """A source is a mapping in an importable module, or a document that can be had."""
    sentence = _refused(tmp_path, HEAD.replace('{python: "tools.catalogue:HELPDESK"}', source))
    assert "mine.yaml:2: " in sentence
    assert said in sentence
    assert "planted" not in sentence


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    """Nobody fixes a tool file one run at a time."""
    text = HEAD.replace("effect: read, ", "") + CLOSE.replace("write\n", "writes\n", 1) + "more: 1\n"
    sentence = _refused(tmp_path, text)
    assert [line for line in (4, 8, 13) if f"mine.yaml:{line}: " in sentence] == [4, 8, 13]


@pytest.mark.parametrize(
    "key", ["retry: {native: {key_retention: 1h}}", "target: /ticket_id", "undo: tickets.get"]
)
def test_a_read_has_nothing_of_a_write(tmp_path: Path, key: str) -> None:
    """A key that would rule nothing is a mistake."""
    sentence = _refused(tmp_path, HEAD.replace("effect: read", f"effect: read, {key}"))
    assert "belongs to writes" in sentence


@pytest.mark.parametrize("pointer", ["/a//b", "/a*", "/**", "", "/"])
def test_a_name_stands_at_a_pointer(tmp_path: Path, pointer: str) -> None:
    """`*` is a whole part of a pointer, and a pointer begins with a slash."""
    sentence = _refused(tmp_path, HEAD.replace("effect: read", f"effect: read, names: ['{pointer}']"))
    assert "mine.yaml:4: " in sentence
    assert "names.0" in sentence


def test_a_tool_says_what_it_reaches_and_whom_it_names(tmp_path: Path) -> None:
    """The catalogue has both as the file says them, a bare argument as a pointer, and a digest that knows."""
    file = tmp_path / "mine.yaml"
    file.write_text(HEAD)
    before = load_tools(file).catalogue
    file.write_text(
        HEAD.replace(
            "effect: read", "effect: read, reaches: ticket_id, names: [/customer/name, '/hits/*/name']"
        )
    )
    spec = load_tools(file).catalogue.tools["tickets.get"]
    assert (spec.reaches, spec.names) == ("/ticket_id", ("/customer/name", "/hits/*/name"))
    assert load_tools(file).catalogue.digest() != before.digest()


def test_only_a_tool_that_reaches_out_acts_without_a_credential(tmp_path: Path) -> None:
    """Without a credential a tool is refused, unless its code reads outside and the file says where from."""
    bare = HEAD.replace(", credential: ticketing-read", "")
    assert "`tools.tickets.get.credential` is missing; only a tool in Python" in _refused(tmp_path, bare)
    file = tmp_path / "mine.yaml"
    own_service = bare.replace("effect: read", "effect: read, reaches: ticket_id")
    assert "only code that reads outside acts with no `credential`" in _refused(tmp_path, own_service)
    assert "`tools.http.get.credential` is missing" in _refused(tmp_path, WEB.replace(", reaches: url", ""))
    secret = WEB.replace("reaches: url", "reaches: url, credential: web")
    assert "only code that reads outside acts with no `credential`" in _refused(tmp_path, secret)
    file.write_text(WEB)
    assert load_tools(file).catalogue.tools["http.get"].credential == ""
    assert load_worker_tools(file, {}).credentials == ()


@pytest.mark.parametrize(
    "text", ["", "- a", "tools: {}", "sources: {}\ntools: {}", "tools: *x", "\0", "a: [" * 5000]
)
def test_bytes_that_are_no_tool_file_are_a_sentence(tmp_path: Path, text: str) -> None:
    """Whatever the bytes, the answer is ToolsRefused."""
    assert "mine.yaml:1: " in _refused(tmp_path, text)


def test_a_missing_file_is_a_sentence(tmp_path: Path) -> None:
    """A path that leads nowhere is refused like any other mistake."""
    with pytest.raises(ToolsRefused, match=r"none\.yaml:1: "):
        load_tools(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    "ticket_id",
    [
        "../T-1",
        "T-1/close",
        "T-1/../T-2",
        "%2e%2e",
        "T-1%2fclose",
        "T-1\n",
        "T-",
        "T-1234567890",
        "t-1",
        "T-\uff11",
        "",
    ],
)
def test_a_ticket_id_that_climbs_is_refused_by_the_arguments(ticket_id: str) -> None:
    """Policy's own validator and the tool's code refuse the same ids."""
    loaded = load_tools(SHIPPED)
    assert fault(loaded.catalogue.tools["tickets.get"].schema, {"ticket_id": ticket_id}) is not None
    with pytest.raises(Malformed):
        loaded.operations["tickets.get"].parse({"ticket_id": ticket_id})


@pytest.mark.parametrize(
    ("arguments", "good"),
    [
        ({"ticket_id": "T-1", "reason": "Resolved by the customer."}, True),
        ({"ticket_id": "T-1", "reason": "r", "resolution_article": "KB-12"}, True),
        ({"ticket_id": "T-1", "reason": "r", "resolution_article": None}, True),
        ({"ticket_id": "T-1", "reason": "é 解決 🎉"}, True),
        ({"ticket_id": "T-1", "reason": "r", "resolution_article": "KB-1/../.."}, False),
        ({"ticket_id": "T-1", "reason": ""}, False),
        ({"ticket_id": "T-1", "reason": " "}, False),
        ({"ticket_id": "T-1", "reason": "x" * 501}, False),
        ({"ticket_id": "T-1", "reason": "one\ntwo"}, False),
        ({"ticket_id": "T-1", "reason": "turned \u202e text"}, False),
        ({"ticket_id": "T-1", "reason": "hidden\u200bspace"}, False),
        ({"ticket_id": "T-1", "reason": "r", "force": True}, False),
        ({"ticket_id": 1, "reason": "r"}, False),
        ({"ticket_id": "T-1", "reason": ["r"]}, False),
        ([], False),
    ],
)
def test_what_is_shown_is_what_is_sent(arguments: object, good: bool) -> None:
    """Arguments of a write hold nothing that a card would hide, and the two validators agree."""
    loaded = load_tools(SHIPPED)
    assert (fault(loaded.catalogue.tools["ticket.close"].schema, arguments) is None) is good
    refusal = nullcontext() if good else pytest.raises(Malformed)
    with refusal:
        loaded.operations["ticket.close"].parse(arguments)


def test_a_refusal_of_arguments_repeats_no_value() -> None:
    """What the model wrote may be anybody's secret."""
    operation = load_tools(SHIPPED).operations["ticket.close"]
    with pytest.raises(Malformed) as refusal:
        operation.parse({"ticket_id": "planted", "reason": "planted\n"})
    assert "planted" not in str(refusal.value)
    assert refusal.value.__context__ is None
