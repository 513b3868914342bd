"""A bank that nothing of the shipped code knows: a real HTTP server with ten operations and a log of its own.

It says what it does in OpenAPI 3.1 at ``/openapi.json``, tells tenants apart by their tokens alone, and can
be told to lose its next answer to a write after the write was done.
"""

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

Json = dict[str, Any]

TENANTS: Final = ("acme", "umbra")
KEPT: Final = "X-Bank-Key"
"""The header in which umbra's writing credential travels: the others are bearer tokens."""


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One request, as it came."""

    operation: str
    #: Whose token it was, and what that token may: ``read`` or ``write``.
    tenant: str
    scope: str
    request_id: str
    capability: str
    key: str
    if_match: str
    at: float
    #: Whether something was done that had not been done under this key.
    effect: bool


@dataclass(kw_only=True)
class Bank:
    """What the bank knows, and what it was asked."""

    #: (tenant, scope) by token.
    tokens: dict[str, tuple[str, str]]
    accounts: dict[tuple[str, str], Json] = field(default_factory=dict)
    #: Answers by (tenant, key), of operations that deduplicate.
    answered: dict[tuple[str, str], Json] = field(default_factory=dict)
    orders: list[Json] = field(default_factory=list)
    visits: list[Visit] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    #: Operations whose next answer gets lost.
    losing: set[str] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        for tenant in TENANTS:
            for number in ("A-1", "A-2"):
                holder = f"{tenant.title()} Ltd"
                self.accounts[tenant, number] = {
                    "account": number,
                    "holder": holder,
                    "alias": "Main",
                    "balance": 900,
                    "version": 1,
                }

    def effects(self, operation: str, request_id: str) -> int:
        """How often an operation had its effect for a run."""
        return sum(v.effect for v in self.visits if (v.operation, v.request_id) == (operation, request_id))

    def of(self, request_id: str) -> list[Visit]:
        return [visit for visit in self.visits if visit.request_id == request_id]


@contextmanager
def serving(bank: Bank) -> Iterator[str]:
    """The bank on a free port of loopback; its base URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Counter", (_Counter,), {"bank": bank}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Answered(Exception):
    """Ends a request with a problem document."""

    def __init__(self, status: int, title: str) -> None:
        super().__init__(title)
        self.status, self.title = status, title


class _Counter(BaseHTTPRequestHandler):
    bank: Bank

    def log_message(self, *_: Any) -> None:
        """The log is the bank's own."""

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def do_PATCH(self) -> None:
        self._serve("PATCH")

    def _serve(self, method: str) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else {}
        if self.path == "/openapi.json":
            self._say(200, DOCUMENT)
            return
        try:
            with self.bank.lock:
                status, answer, lost = self._handled(method, body)
        except _Answered as ended:
            problem = {"title": ended.title, "status": ended.status}
            self._say(ended.status, problem, kind="application/problem+json")
            return
        if not lost:
            self._say(status, answer)
        self.close_connection = True

    def _handled(self, method: str, body: Json) -> tuple[int, Json, bool]:
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        operation, places = _found(method, url.path)
        tenant, scope = self._caller(operation)
        given = {**query, **places, **body}
        call = getattr(self, operation)
        key = self.headers.get("Idempotency-Key", "")
        before = (len(self.bank.orders), json.dumps(list(self.bank.accounts.values())))
        try:
            status, answer = call(tenant, key, given)
        finally:
            after = (len(self.bank.orders), json.dumps(list(self.bank.accounts.values())))
            self._note(operation, tenant, scope, key, effect=before != after)
        lost = operation in self.bank.losing
        self.bank.losing.discard(operation)
        return status, answer, lost

    def _caller(self, operation: str) -> tuple[str, str]:
        token = self.headers.get(KEPT) or self.headers.get("Authorization", "").removeprefix("Bearer ")
        caller = self.bank.tokens.get(token)
        if caller is None:
            self.bank.strangers.append(operation)
            raise _Answered(401, "no token that holds here")
        if (caller[1] == "write") != (operation in _WRITES):
            raise _Answered(403, f"a {caller[1]} token does not do {operation}")
        return caller

    def _note(self, operation: str, tenant: str, scope: str, key: str, *, effect: bool) -> None:
        visit = Visit(
            operation=operation,
            tenant=tenant,
            scope=scope,
            request_id=self.headers.get("Interlock-Request-Id", ""),
            capability=self.headers.get("Interlock-Capability", ""),
            key=key,
            if_match=self.headers.get("If-Match", ""),
            at=time.time(),
            effect=effect,
        )
        self.bank.visits.append(visit)

    def _say(self, status: int, answer: Json, kind: str = "application/json") -> None:
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        if "version" in answer:
            self.send_header("ETag", f'"{answer["version"]}"')
        self.end_headers()
        self.wfile.write(data)

    def _account(self, tenant: str, number: str) -> Json:
        found = self.bank.accounts.get((tenant, number))
        if found is None:
            raise _Answered(404, f"{tenant} has no account {number}")
        return found

    # The operations; each answers a status and a body

    def list_accounts(self, tenant: str, _key: str, _given: Json) -> tuple[int, Json]:
        return 200, {
            "accounts": [a["account"] for (owner, _), a in self.bank.accounts.items() if owner == tenant]
        }

    def get_account(self, tenant: str, _key: str, given: Json) -> tuple[int, Json]:
        return 200, self._account(tenant, given["account"])

    def get_balance(self, tenant: str, _key: str, given: Json) -> tuple[int, Json]:
        return 200, {"balance": self._account(tenant, given["account"])["balance"]}

    def search_payees(self, _tenant: str, _key: str, given: Json) -> tuple[int, Json]:
        return 200, {"payees": [given["name"]], "tags": given.get("tags", [])}

    def list_orders(self, tenant: str, _key: str, _given: Json) -> tuple[int, Json]:
        return 200, {"orders": [order for order in self.bank.orders if order["tenant"] == tenant]}

    def find_order(self, tenant: str, _key: str, given: Json) -> tuple[int, Json]:
        return 200, {
            "orders": [o for o in self.bank.orders if (o["tenant"], o["key"]) == (tenant, given["key"])]
        }

    def send_money(self, tenant: str, key: str, given: Json) -> tuple[int, Json]:
        """Deduplicates on the key."""
        if (tenant, key) not in self.bank.answered:
            account = self._account(tenant, given["recipient"])
            account["balance"] += given["amount"]
            account["version"] += 1
            self.bank.answered[tenant, key] = {"sent": given["amount"], "balance": account["balance"]}
        return 201, self.bank.answered[tenant, key]

    def rename_account(self, tenant: str, _key: str, given: Json) -> tuple[int, Json]:
        """Changes the version that was seen, and no other."""
        account = self._account(tenant, given["account"])
        if self.headers.get("If-Match") != f'"{account["version"]}"':
            raise _Answered(412, "the account has changed")
        account["alias"] = given["alias"]
        account["version"] += 1
        return 200, account

    def order_card(self, tenant: str, key: str, given: Json) -> tuple[int, Json]:
        """Does it again when asked again; what was done can be found by its key."""
        order = {"tenant": tenant, "key": key, "card": given["kind"], "account": given["account"]}
        self.bank.orders.append(order)
        return 201, order

    def print_statement(self, tenant: str, _key: str, given: Json) -> tuple[int, Json]:
        """Does it again when asked again, and remembers no key."""
        self.bank.orders.append({"tenant": tenant, "key": None, "statement": given["month"]})
        return 202, {"printing": given["month"]}


_ACCOUNT: Final = r"(?P<account>[^/]+)"
_OPERATIONS: Final = (
    ("list_accounts", "GET", "/v1/accounts"),
    ("get_account", "GET", f"/v1/accounts/{_ACCOUNT}"),
    ("get_balance", "GET", f"/v1/accounts/{_ACCOUNT}/balance"),
    ("list_orders", "GET", "/v1/orders"),
    ("find_order", "GET", "/v1/orders/by-key"),
    ("search_payees", "POST", "/v1/payees/search"),
    ("send_money", "POST", "/v1/transfers"),
    ("rename_account", "PATCH", f"/v1/accounts/{_ACCOUNT}"),
    ("order_card", "POST", f"/v1/accounts/{_ACCOUNT}/cards"),
    ("print_statement", "POST", f"/v1/accounts/{_ACCOUNT}/statements"),
)
_WRITES: Final = frozenset({"send_money", "rename_account", "order_card", "print_statement"})


def _found(method: str, path: str) -> tuple[str, Json]:
    for operation, verb, pattern in _OPERATIONS:
        found = re.fullmatch(pattern, path)
        if verb == method and found is not None:
            return operation, found.groupdict()
    raise _Answered(404, f"nothing at {method} {path}")


def _text(name: str, place: str) -> Json:
    return {"name": name, "in": place, "required": True, "schema": {"$ref": "#/components/schemas/Id"}}


def _takes(**properties: Json) -> Json:
    schema = {"type": "object", "properties": properties, "required": [n for n in properties if n != "tags"]}
    return {"required": True, "content": {"application/json": {"schema": schema}}}


_WORD: Final = {"type": "string", "maxLength": 60}
_OF: Final = [{"$ref": "#/components/parameters/Account"}]

DOCUMENT: Final[Json] = {
    "openapi": "3.1.0",
    "info": {"title": "Bank", "version": "1"},
    "servers": [{"url": "/v1"}],
    "paths": {
        "/accounts": {"get": {"operationId": "list_accounts"}},
        "/accounts/{account}": {
            "parameters": _OF,
            "get": {"operationId": "get_account", "summary": "One account."},
            "patch": {"operationId": "rename_account", "requestBody": _takes(alias=_WORD)},
        },
        "/accounts/{account}/balance": {"get": {"operationId": "get_balance", "parameters": _OF}},
        "/accounts/{account}/cards": {
            "post": {"operationId": "order_card", "parameters": _OF, "requestBody": _takes(kind=_WORD)}
        },
        "/accounts/{account}/statements": {
            "post": {"operationId": "print_statement", "parameters": _OF, "requestBody": _takes(month=_WORD)}
        },
        "/orders": {"get": {"operationId": "list_orders"}},
        "/orders/by-key": {"get": {"operationId": "find_order", "parameters": [_text("key", "query")]}},
        "/payees/search": {
            "post": {
                "operationId": "search_payees",
                "requestBody": _takes(name=_WORD, tags={"type": "array", "items": _WORD}),
            }
        },
        "/transfers": {
            "post": {
                "operationId": "send_money",
                "summary": "Send money to an account.",
                "parameters": [_text("Idempotency-Key", "header")],
                "requestBody": _takes(
                    recipient={"$ref": "#/components/schemas/Id"}, amount={"type": "integer", "minimum": 1}
                ),
            }
        },
    },
    "components": {
        "parameters": {"Account": _text("account", "path")},
        "schemas": {"Id": {"type": "string", "minLength": 1, "maxLength": 200}},
    },
}
