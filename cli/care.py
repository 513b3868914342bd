"""``interlock approvals care``: how careful the people are who approve."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from cli import output, words
from cli.client import Reach
from cli.minting import operator
from cli.options import GatewayOption, JsonOption, StateOption, TokenOption
from contracts.errors import Malformed
from policies.amounts import milliseconds


def care(
    since: Annotated[str, typer.Option(help="How far back: 30m, 24h, up to 31d.")] = "24h",
    tenant: Annotated[str | None, typer.Option(help="Only approvals of this tenant.")] = None,
    state: StateOption = None,
    gateway: GatewayOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how people approve: how often, how fast, and how much sooner than it can be read.

    Example: interlock approvals care --since 7d
    """
    moment = _moment(since)
    client = Reach.read(state, gateway, token).client(operator())
    found = client.get("/v1/approvals/care", since=moment, tenant=tenant)
    output.document(found) if as_json else _table(found)


def _moment(since: str) -> str:
    try:
        span = milliseconds(since)
        return (datetime.now(UTC) - timedelta(milliseconds=span)).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError) as error:
        raise Malformed(f"--since: {error}") from error


def _table(found: dict[str, Any]) -> None:
    rows = [
        (
            one["principal"],
            one["approved"],
            one["denied"],
            one["withdrawn"],
            "" if one["share_approved"] is None else f"{one['share_approved']:.0%}",
            _span(one["median_seconds"]),
            _span(one["fastest_seconds"]),
            one["busiest_hour"],
            one["fast"],
        )
        for one in found["people"]
    ]
    counts = ("approved", "denied", "taken back", "share approved")
    columns = ("person", *counts, "median", "fastest", "most an hour", "unread")
    output.table(f"How people approved since {words.minute(found['since'])} UTC", columns, rows)


def _span(seconds: float | None) -> str:
    return "" if seconds is None else words.duration(seconds)
