"""What walks the entry points of the agent runtime: values of break-glass, places for them, and the books."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

import httpx
from sqlalchemy import func, select

from adapters.attempts import StoreAttempts
from adapters.audit_log import AuditQuery
from adapters.schema import claims, openings, runs
from contracts.audit import SYSTEM_TENANT
from contracts.digest import Json
from gateway.app import Gateway, create
from tests.integration.test_gateway_world import ENV, SIGNING_SECRET, World, signed_form

FILLER: Final = "x"


@dataclass(frozen=True, kw_only=True)
class Try:
    """One value at one place of one call."""

    method: str
    #: With its parameters filled in.
    path: str
    place: str
    headers: dict[str, str] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    json: Json = None
    form: dict[str, str] | None = None

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.place}"


def tries(schema: Json, value: str) -> Iterator[Try]:
    """The value at every place of every call that an OpenAPI document names, and at some that it does not."""
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            yield from _of_call(schema, method.upper(), path, operation, value)


def _of_call(schema: Json, method: str, path: str, operation: Json, value: str) -> Iterator[Try]:
    parameters = operation.get("parameters", [])
    named = [one["name"] for one in parameters if one["in"] == "path"]
    filled = path.format(**dict.fromkeys(named, FILLER))
    media = {} if "requestBody" not in operation else operation["requestBody"]["content"]
    body: dict[str, Any] = {"json": {}} if "application/json" in media else {}
    for name in named:
        at = path.format(**{**dict.fromkeys(named, FILLER), name: value})
        yield Try(method=method, path=at, place="path", **body)
    queries = [one["name"] for one in parameters if one["in"] == "query"]
    for name in [*queries, "unknown"]:
        yield Try(method=method, path=filled, place="query", params={name: value}, **body)
    yield Try(method=method, path=filled, place="query key", params={"break_glass": "1"}, **body)
    headers = [one["name"] for one in parameters if one["in"] == "header"]
    for name in [*headers, "Cookie", "Interlock-Capability"]:
        yield Try(method=method, path=filled, place="header", headers={name: value}, **body)
    yield Try(
        method=method,
        path=filled,
        place="bearer token",
        headers={"Authorization": f"Bearer {value}"},
        **body,
    )
    for kind, content in media.items():
        for one in _bodies(schema, content["schema"], value):
            given = {"form": one} if "form" in kind else {"json": one}
            yield Try(method=method, path=filled, place="body", **given)


def _bodies(schema: Json, shape: Json, value: str) -> Iterator[dict[str, Any]]:
    while "$ref" in shape:
        shape = schema["components"]["schemas"][shape["$ref"].rpartition("/")[2]]
    known = dict.fromkeys(shape["properties"], FILLER)
    for name in known:
        yield {**known, name: value}
    yield {**known, "unknown": value}
    yield {**known, "break_glass": FILLER}
    first = next(iter(known))
    if first != "payload":
        yield {**known, first: f'{{"deeper": ["{value}"]}}'}


@dataclass
class Walker:
    """A gateway's world with its books open, and no bound on what is written of attempts."""

    world: World
    app: Gateway = field(init=False)
    #: What was read of the audit so far.
    seen: list[Json] = field(default_factory=list)
    read: int = 0

    def __post_init__(self) -> None:
        gateway = self.world.stores["gateway"]
        endless = StoreAttempts(gateway, self.world.clock, ENV, a_minute=100_000)
        self.app = create(replace(self.world.parts, attempts=endless))
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=self.app), base_url="http://127.0.0.1"
        )

    async def sent(self, one: Try, who: dict[str, str]) -> httpx.Response:
        headers = {**who, **one.headers}
        if one.form is None:
            return await self.http.request(
                one.method, one.path, params=one.params, headers=headers, json=one.json
            )
        body, proof = signed_form(one.form, at_ms=self.world.clock.now_ms(), secret=SIGNING_SECRET)
        return await self.http.request(
            one.method, one.path, params=one.params, headers={**headers, **proof}, content=body
        )

    async def attempts(self) -> list[Json]:
        """The records of attempts so far."""
        while more := await self.world.audit.kept(AuditQuery(tenant=SYSTEM_TENANT, after=self.read)):
            self.read = more[-1].seq
            self.seen += [one.record for one in more if one.record["kind"] == "break_glass"]
        return self.seen

    async def books(self) -> tuple[int, ...]:
        """How many openings, runs and claims there are."""
        async with self.world.store.read() as connection:
            counted = [
                await connection.scalar(select(func.count()).select_from(table))
                for table in (openings, runs, claims)
            ]
        return tuple(one or 0 for one in counted)
