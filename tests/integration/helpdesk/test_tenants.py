"""Who may: tenants and keys apart."""

import httpx
import pytest

from tests.integration.helpdesk.served import Served, problem_of


@pytest.mark.parametrize("path", ["/tickets/T-18421", "/writes?key=k", "/control/writes", "/no-such-path"])
@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer nobody"}, {"Authorization": "Basic YTpi"}])
def test_a_stranger_learns_nothing(desk: Served, path: str, header: dict[str, str]) -> None:
    """Without a known key every path but health answers the same 401."""
    answer = httpx.get(desk.address + path, headers=header)
    problem_of(answer, 401, "unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert httpx.get(desk.address + "/healthz").json() == {"status": "ok"}


def test_another_tenants_ticket_does_not_exist(desk: Served) -> None:
    """Reading or writing another tenant's ticket answers exactly as for one that nobody has."""
    with desk.as_("globex-read") as reader, desk.as_("globex-write") as writer:
        for path in ("/tickets/T-18421", "/articles/KB-1001", "/customers/C-1001"):
            foreign, nowhere = reader.get(path), reader.get(path[:-3] + "999")
            problem_of(foreign, 404, "not-found")
            assert foreign.json()["detail"] == nowhere.json()["detail"]
        for match in ("*", '"3"', '"99"'):
            answer = writer.post(
                "/tickets/T-18421/close", json={"reason": "Mine."}, headers={"If-Match": match}
            )
            problem_of(answer, 404, "not-found")
    with desk.as_("acme-read") as client:
        assert client.get("/tickets/T-18421").json()["status"] == "open"


def test_lists_and_searches_stay_within_the_tenant(desk: Served) -> None:
    """No listing, search or query parameter of globex's key shows anything of acme's."""
    with desk.as_("globex-read") as globex, desk.as_("acme-read") as acme:
        for path, part in (
            ("/tickets?tenant=acme&limit=100", "tickets"),
            ("/articles?tenant=acme&limit=100", "articles"),
        ):
            theirs = {one["id"] for one in globex.get(path).json()[part]}
            ours = {one["id"] for one in acme.get(path).json()[part]}
            assert theirs
            assert ours
            assert not theirs & ours


def test_a_read_key_does_not_write(desk: Served, ticket: str) -> None:
    """A read key's close is refused and changes nothing."""
    problem_of(desk.close(ticket, who="acme-read"), 403, "wrong-scope")
    problem_of(desk.close(ticket, who="acme-read", json={}), 403, "wrong-scope")
    with desk.as_("acme-read") as client:
        assert client.get(f"/tickets/{ticket}").json()["status"] == "open"


@pytest.mark.parametrize(
    "path", ["/tickets", "/tickets/T-18421", "/articles", "/customers/C-1001", "/writes?key=k"]
)
def test_a_write_key_does_not_read(desk: Served, path: str) -> None:
    """A write key reads nothing, not even its own tenant's."""
    with desk.as_("acme-write") as client:
        problem_of(client.get(path), 403, "wrong-scope")


def test_the_control_key_and_the_tenants_keys_are_not_for_each_other(desk: Served) -> None:
    """A tenant's key does not control; the control key is no tenant's."""
    with desk.as_("acme-write") as tenant, desk.as_("control") as control:
        problem_of(tenant.get("/control/writes"), 403, "wrong-scope")
        problem_of(tenant.put("/control/faults", json={"operation": "*", "mode": "slow"}), 403, "wrong-scope")
        problem_of(control.get("/tickets/T-18421"), 403, "wrong-scope")
        problem_of(
            control.post("/tickets/T-18421/close", json={"reason": "x"}, headers={"If-Match": "*"}),
            403,
            "wrong-scope",
        )
