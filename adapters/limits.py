"""Limits over windows, counted from the claims: what failed before any effect does not count."""

from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.action_rows import arguments_of
from adapters.schema import actions, claims
from contracts.action import Frozen
from contracts.errors import Malformed
from policies.route import Limit, Route

_FREE = ("failed", "refused")


async def exceeded(connection: AsyncConnection, route: Route, frozen: Frozen, now_ms: int) -> str | None:
    """The sentence of the first limit that this action would exceed; unknown outcomes stay counted."""
    for place, limit in enumerate(route.limits):
        if limit.tool == frozen.tool:
            text = await _exceeds(connection, limit, frozen, now_ms)
            if text is not None:
                return f"limits[{place}]: {text}"
    return None


async def _exceeds(connection: AsyncConnection, limit: Limit, frozen: Frozen, now_ms: int) -> str | None:
    statement = (
        select(actions)
        .join(claims, claims.c.action_id == actions.c.action_id)
        .where(
            claims.c.tool == frozen.tool,
            claims.c.env == frozen.env,
            claims.c.tenant == frozen.tenant,
            claims.c.first_ms > now_ms - limit.window_ms,
            claims.c.state.not_in(_FREE),
        )
    )
    if limit.per == "run":
        statement = statement.where(claims.c.run_id == frozen.run_id)
    if limit.per == "route":
        statement = statement.where(claims.c.route == frozen.route)
    rows = (await connection.execute(statement)).all()
    if limit.calls is not None and len(rows) + 1 > limit.calls:
        return f"{frozen.tool} may be called {limit.calls} times per {limit.per} in {limit.window}"
    if limit.sum is not None:
        used = [arguments_of(connection, row) for row in rows]
        total = sum(_amount(arguments, limit.sum.argument) for arguments in [*used, frozen.arguments])
        if total > Decimal(limit.sum.max):
            return f"{limit.sum.argument} may add up to {limit.sum.max} per {limit.per} in {limit.window}"
    return None


def _amount(arguments: dict[str, object], name: str) -> int:
    # Forgotten arguments have no amounts: what cannot be counted any more is not exceeded on trust.
    value = arguments.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise Malformed(f"{name} is limited by its sum, so it must be a whole number, 0 or more")
    return value
