"""Tickets and articles as they are read, page by page and by search."""

import pytest

from tests.integration.helpdesk.served import Served, problem_of


def test_a_ticket_carries_its_version_as_a_strong_etag(desk: Served) -> None:
    """The ETag of a ticket is its version in quotes."""
    with desk.as_("acme-read") as client:
        answer = client.get("/tickets/T-18421")
    assert answer.headers["etag"] == f'"{answer.json()["version"]}"'


def test_pages_together_are_the_list(desk: Served) -> None:
    """Following the cursor shows each ticket once, and ends."""
    seen: list[str] = []
    cursor: str | None = ""
    with desk.as_("globex-read") as client:
        while cursor is not None:
            page = client.get("/tickets", params={"limit": 7, "cursor": cursor}).json()
            seen += [one["id"] for one in page["tickets"]]
            cursor = page["cursor"]
    assert len(seen) == len(set(seen)) == 63


def test_filters_narrow_the_list(desk: Served) -> None:
    """Status, customer and words each hold for every ticket that is listed."""
    with desk.as_("globex-read") as client:
        closed = client.get("/tickets", params={"status": "closed", "limit": 100}).json()["tickets"]
        words = client.get("/tickets", params={"q": "CSV export", "limit": 100}).json()["tickets"]
        theirs = client.get("/tickets", params={"customer_id": "C-2001", "limit": 100}).json()["tickets"]
    assert closed
    assert {one["status"] for one in closed} == {"closed"}
    assert words
    assert all("export" in one["tags"] for one in words)
    assert {one["customer_id"] for one in theirs} == {"C-2001"}


def test_the_search_ranks_and_shows_why(desk: Served) -> None:
    """Hits come best first, each with a score and a sentence of the article."""
    with desk.as_("acme-read") as client:
        hits = client.get("/articles", params={"q": "password reset token expired", "limit": 5}).json()[
            "articles"
        ]
        article = client.get(f"/articles/{hits[0]['id']}").json()
    assert [hit["score"] for hit in hits] == sorted((hit["score"] for hit in hits), reverse=True)
    assert "expired" in hits[0]["title"]
    assert hits[0]["snippet"] in article["body"]


@pytest.mark.parametrize(
    "path",
    [
        "/tickets?limit=0",
        "/tickets?limit=x",
        "/tickets?status=lost",
        "/tickets?cursor='--",
        "/writes",
        "/writes?key=",
    ],
)
def test_a_bad_query_is_a_problem_with_its_place(desk: Served, path: str) -> None:
    """Each invalid parameter is named in a 422 problem."""
    with desk.as_("acme-read") as client:
        assert problem_of(client.get(path), 422, "invalid-request")["errors"][0]["where"].startswith("query.")
