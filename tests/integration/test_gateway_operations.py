"""Laws of what operators do over HTTP: switches, the audit log, the codec, and the schema of it all."""

import asyncio
import base64
from pathlib import Path

import pytest

from contracts.audit import link
from contracts.wire import Ending
from tests.integration.test_gateway_world import UI, opened, problem, until


async def test_a_switch_is_set_with_a_reason_and_audited(tmp_path: Path) -> None:
    """PUT stops, the list shows who and why, the audit has it; scopes hold slashes."""
    async with opened(tmp_path) as world:
        headers = world.operator()
        for scope in ("all", "tenant:acme", "tool:ticket.close", "route:support/close"):
            body = {"stopped": True, "reason": "looking into it"}
            answer = await world.http.put(f"/v1/switches/{scope}", json=body, headers=headers)
            assert (answer.status_code, answer.json()["scope"], answer.json()["stopped"]) == (
                200,
                scope,
                True,
            )
        shown = (await world.http.get("/v1/switches", headers=headers)).json()["switches"]
        assert [(one["actor"], one["reason"]) for one in shown] == [("op:local", "looking into it")] * 4
        audit = (await world.http.get("/v1/audit?tenant=acme", headers=headers)).json()["records"]
        assert [one["record"]["outcome"] for one in audit] == ["stopped"]


@pytest.mark.parametrize(
    ("scope", "cautioned"),
    [
        ("tool:ticket.clsoe", True),
        ("route:support/clsoe", True),
        ("tool:ticket.close", False),
        ("tenant:nobody", False),
        ("all", False),
    ],
)
async def test_a_switch_that_stops_nothing_says_so(tmp_path: Path, scope: str, cautioned: bool) -> None:
    """A misspelt tool or route is set as asked for, and the answer warns of it; lifting it does not."""
    async with opened(tmp_path) as world:
        for stopped in (True, False):
            body = {"stopped": stopped, "reason": "x"}
            answer = await world.http.put(f"/v1/switches/{scope}", json=body, headers=world.operator())
            assert answer.json()["caution"].startswith("Careful: no ") is (cautioned and stopped)


@pytest.mark.parametrize(
    ("scope", "body"),
    [
        ("everything", {"stopped": True, "reason": "x"}),
        ("tool:", {"stopped": True, "reason": "x"}),
        ("all", {"stopped": True}),
        ("all", {"stopped": True, "reason": ""}),
        ("all", {"stopped": "yes", "reason": "x"}),
        ("all", {"stopped": True, "reason": "x", "until": "2020-01-01T00:00:00Z"}),
        ("all", {"stopped": True, "reason": "x", "until": "2099-01-01T00:00:00"}),
        ("all", {"stopped": True, "reason": "x", "until": "9999-12-31T23:59:59-12:00"}),
        ("all", {"stopped": False, "reason": "x", "until": "2099-01-01T00:00:00Z"}),
    ],
)
async def test_a_switch_that_is_none_is_refused(tmp_path: Path, scope: str, body: dict[str, object]) -> None:
    """422: an unknown scope, no reason, an end that has passed or names no time zone."""
    async with opened(tmp_path) as world:
        answer = await world.http.put(f"/v1/switches/{scope}", json=body, headers=world.operator())
        assert problem(answer) == (422, "invalid-request")
        assert not await world.switches.list("dev")


async def test_a_switch_with_an_end_lifts_itself(tmp_path: Path) -> None:
    """Past ``until`` it stops nothing, and is shown so."""
    async with opened(tmp_path) as world:
        body = {"stopped": True, "reason": "x", "until": "2099-01-01T00:00:00Z"}
        put = await world.http.put("/v1/switches/all", json=body, headers=world.operator())
        assert put.json()["until"] == "2099-01-01T00:00:00.000Z"
        world.clock.at_ms = 4_080_000_000_000
        shown = (await world.http.get("/v1/switches", headers=world.operator())).json()["switches"]
        assert [one["stopped"] for one in shown] == [False]


async def test_a_stop_is_not_cut_short_by_another(tmp_path: Path) -> None:
    """Two people stop at once: the later end stands, one without an end stays, and lifting lifts."""
    async with opened(tmp_path) as world:
        operator = world.operator()
        soon, later = "2098-01-01T00:00:00.000Z", "2099-01-01T00:00:00.000Z"

        async def stop(**more: object) -> object:
            body = {"stopped": True, "reason": "Now.", **more}
            answer = await world.http.put("/v1/switches/all", json=body, headers=operator)
            assert answer.status_code == 200, answer.text
            return answer.json()["until"]

        assert await stop(until=later) == later
        assert await stop(until=soon) == later
        assert await stop() is None
        assert await stop(until=soon) is None
        lifted = {"stopped": False, "reason": "Over."}
        await world.http.put("/v1/switches/all", json=lifted, headers=operator)
        assert await stop(until=soon) == soon


async def test_an_operator_of_one_tenant_stops_that_tenant_alone(tmp_path: Path) -> None:
    """Neither everything, nor what tenants share, nor another tenant, whose switches are not even seen."""
    async with opened(tmp_path) as world:
        body = {"stopped": True, "reason": "x"}
        mine = world.operator("acme")
        for scope in ("all", "tenant:globex", "tool:ticket.close", "route:support/close"):
            answer = await world.http.put(f"/v1/switches/{scope}", json=body, headers=mine)
            assert problem(answer) == (403, "forbidden")
        assert (await world.http.put("/v1/switches/tenant:acme", json=body, headers=mine)).status_code == 200
        shown = await world.http.get("/v1/switches", headers=world.operator("globex"))
        assert shown.json() == {"switches": []}


async def test_lifting_a_switch_resumes_every_halted_run(tmp_path: Path) -> None:
    """All that show as halted are told once, those that show as halted only after the lift too."""
    async with opened(tmp_path) as world, world.app.router.lifespan_context(world.app):
        first, second = [(await world.start(key=key)).json()["run_id"] for key in ("a", "b")]
        stop, lift = ({"stopped": stopped, "reason": "x"} for stopped in (True, False))
        await world.http.put("/v1/switches/all", json=stop, headers=world.operator())
        await world.runs.halt(await world.warranted(first), "all is stopped")
        await world.http.put("/v1/switches/all", json=lift, headers=world.operator())
        await until_told(world.temporal.resumed, [first])
        await world.runs.halt(await world.warranted(second), "all is stopped")
        await world.parts.resumer.look()
        await until_told(world.temporal.resumed, [first, second])
        await world.parts.resumer.look()
        await asyncio.sleep(0.05)
        assert world.temporal.resumed == [first, second]


async def until_told(told: list[str], expected: list[str]) -> None:
    """Wait until these runs were told."""

    async def all_told() -> bool:
        return told == expected

    await until(all_told)


async def test_the_audit_is_read_in_the_order_of_its_chain(tmp_path: Path) -> None:
    """Every page continues the chain, and a reader can compute each hash again."""
    async with opened(tmp_path) as world:
        for number in range(105):
            await world.start(key=f"k-{number}")
        headers = world.operator()
        first = (await world.http.get("/v1/audit?tenant=acme", headers=headers)).json()
        path = f"/v1/audit?tenant=acme&cursor={first['cursor']}"
        second = (await world.http.get(path, headers=headers)).json()
        records = first["records"] + second["records"]
        assert [one["seq"] for one in records] == list(range(1, 106))
        assert all(link(one["previous"], one["record"]) == one["hash"] for one in records)
        assert second["cursor"] is None


async def test_the_audit_filters_by_run_and_by_tenant_of_the_token(tmp_path: Path) -> None:
    """A run leads to its tenant's chain; a tenant's operator reads no other's; naming nothing is refused."""
    async with opened(tmp_path) as world:
        run_id = (await world.start()).json()["run_id"]
        await world.start(key="k-2")
        await world.start(world.caller("globex"))
        mine = (await world.http.get(f"/v1/audit?run_id={run_id}", headers=world.operator())).json()
        assert [one["record"]["run_id"] for one in mine["records"]] == [run_id]
        both = (await world.http.get("/v1/audit", headers=world.operator("acme"))).json()["records"]
        assert len(both) == 2
        late = await world.http.get("/v1/audit?since=2099-01-01T00:00:00Z", headers=world.operator("acme"))
        assert late.json()["records"] == []
        foreign = await world.http.get(f"/v1/audit?run_id={run_id}", headers=world.operator("globex"))
        assert foreign.json()["records"] == []
        theirs = await world.http.get("/v1/audit?tenant=globex", headers=world.operator("acme"))
        assert problem(theirs) == (403, "forbidden")
        assert problem(await world.http.get("/v1/audit", headers=world.operator())) == (
            422,
            "invalid-request",
        )


def encoded(text: bytes, encoding: bytes = b"binary/encrypted") -> dict[str, object]:
    """A payload as the Web UI sends it."""
    return {
        "metadata": {"encoding": base64.b64encode(encoding).decode()},
        "data": base64.b64encode(text[::-1]).decode(),
    }


async def test_the_codec_decodes_for_operators_and_blanks_tokens(tmp_path: Path) -> None:
    """What is decoded is readable; a token in it has no signature left, and the length stays."""
    async with opened(tmp_path) as world:
        token = world.token(kind="caller")
        text = f'{{"warrant":"{token}","note":"hello"}}'.encode()
        answer = await world.http.post(
            "/codec/decode", json={"payloads": [encoded(text)]}, headers=world.operator()
        )
        shown = base64.b64decode(answer.json()["payloads"][0]["data"])
        assert b"hello" in shown
        assert token.rsplit(".", 1)[1].encode() not in shown
        assert len(shown) == len(text)


async def test_the_codec_is_for_operators_of_everything(tmp_path: Path) -> None:
    """A payload does not say whose it is, so a tenant's operator decodes none; rubbish is 422."""
    async with opened(tmp_path) as world:
        body = {"payloads": [encoded(b"x")]}
        tenant = await world.http.post("/codec/decode", json=body, headers=world.operator("acme"))
        assert problem(tenant) == (403, "forbidden")
        for bad in (encoded(b"x", b"json/plain"), {"data": "*"}, {"metadata": {"encoding": "*"}}):
            answer = await world.http.post(
                "/codec/decode", json={"payloads": [bad]}, headers=world.operator()
            )
            assert problem(answer) == (422, "invalid-request")


async def test_only_the_web_ui_may_call_the_codec_from_a_browser(tmp_path: Path) -> None:
    """Its origin gets the CORS headers, on this path alone; every other origin gets none."""
    async with opened(tmp_path) as world:
        ask = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
        for origin, path, allowed in (
            (UI, "/codec/decode", UI),
            ("http://evil.example", "/codec/decode", None),
            (UI, "/v1/runs", None),
        ):
            answer = await world.http.options(path, headers={"Origin": origin, **ask})
            assert answer.headers.get("access-control-allow-origin") == allowed


async def test_an_operator_reads_and_cancels_any_tenant_s_run(tmp_path: Path) -> None:
    """Within the token's tenant, or everywhere for ``*``."""
    async with opened(tmp_path) as world:
        run_id = (await world.start()).json()["run_id"]
        assert (await world.http.get(f"/v1/runs/{run_id}", headers=world.operator())).status_code == 200
        assert (
            await world.http.get(f"/v1/runs/{run_id}", headers=world.operator("globex"))
        ).status_code == 404
        cancelled = await world.http.post(
            f"/v1/runs/{run_id}/cancel", json={"reason": "x"}, headers=world.operator("acme")
        )
        assert cancelled.status_code == 202
        await world.runs.end(await world.warranted(run_id), Ending(state="cancelled"))


async def test_the_schema_lists_every_type_of_problem_for_every_call(tmp_path: Path) -> None:
    """Each protected call names its token, its refusals as problem documents, and no other error shape."""
    async with opened(tmp_path) as world:
        schema = (await world.http.get("/openapi.json")).json()
        assert "HTTPValidationError" not in schema["components"]["schemas"]
        assert len(schema["components"]["schemas"]["ProblemType"]["enum"]) > 10
        for path, calls in schema["paths"].items():
            for call in calls.values():
                errors = {status: body for status, body in call["responses"].items() if int(status) >= 400}
                assert "500" in errors
                if path.startswith(("/v1/", "/codec")):
                    assert call["security"] == [{"HTTPBearer": []}]
                    assert {"401", "403", "422", "503"} <= set(errors)
        start = schema["paths"]["/v1/runs"]["post"]
        key = next(one for one in start["parameters"] if one["name"] == "Idempotency-Key")
        assert key["required"] is True
        assert {"200", "202"} <= set(start["responses"])
        assert "/v1/switches/{scope}" in schema["paths"]
