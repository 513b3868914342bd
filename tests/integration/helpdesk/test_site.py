"""The embedded documentation: public pages of its own host, beside a helpdesk that asks for keys."""

import httpx
import pytest

from tests.integration.helpdesk.served import Served, problem_of

HOST = {"Host": "docs.interlock.test"}


def get(desk: Served, path: str, **headers: str) -> httpx.Response:
    return httpx.get(f"{desk.address}{path}", headers=headers, timeout=10)


def test_the_documentation_lists_its_pages(desk: Served) -> None:
    """Every article and every page that was written by hand is listed, and each of the listed is there."""
    listed = get(desk, "/docs/", **HOST).text
    for name, words in (
        ("KB-1001", "auth token expired"),
        ("KB-2001", "<p>"),
        ("status-codes", "Retry-After"),
    ):
        assert f'href="/docs/{name}"' in listed
        answer = get(desk, f"/docs/{name}", **HOST)
        assert (answer.status_code, words in answer.text) == (200, True)
        assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    "path", ["/", "/docs", "/docs/KB-9", "/docs/../tickets", "/tickets", "/control/faults"]
)
def test_the_documentation_s_host_shows_nothing_else(desk: Served, path: str) -> None:
    """Neither what is not there nor anything of the helpdesk answers under that host."""
    assert get(desk, path, **HOST).status_code == 404


def test_it_can_only_be_read(desk: Served) -> None:
    """Any other method is refused."""
    assert httpx.post(f"{desk.address}/docs/", headers=HOST, timeout=10).status_code == 405


def test_the_helpdesk_stays_behind_its_door(desk: Served) -> None:
    """Under any other host the same paths ask for a key."""
    problem_of(get(desk, "/docs/"), 401, "unauthenticated")
