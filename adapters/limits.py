"""Limits over windows as the store counts them: writes from their claims, reads from their admissions."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, false, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.action_rows import arguments_of
from adapters.schema import actions, claims
from contracts.action import Frozen
from contracts.digest import Json
from contracts.errors import Malformed
from contracts.run import ActionRecord
from contracts.tokens import Warrant
from policies.limits import Use, amount, comes_back, excess, reached, total, untold
from policies.route import Limit, Route

_FREE: Final = ("failed", "refused")
"""Claims that surely had no effect."""
_OPEN: Final = ("claimed", "unknown")
"""Claims that may have their effect yet: they count however long ago they were sent."""


@dataclass(frozen=True, kw_only=True)
class Counted:
    """The call that is about to leave, as limits see it."""

    writes: bool
    tool: str
    tenant: str
    env: str
    route: str
    run_id: str
    action_id: str
    arguments: Json

    @classmethod
    def of_write(cls, frozen: Frozen) -> "Counted":
        return cls(
            writes=True,
            tool=frozen.tool,
            tenant=frozen.tenant,
            env=frozen.env,
            route=frozen.route,
            run_id=frozen.run_id,
            action_id=frozen.action_id,
            arguments=frozen.arguments,
        )

    @classmethod
    def of_read(cls, run: Warrant, action: ActionRecord) -> "Counted":
        return cls(
            writes=False,
            tool=action.tool,
            tenant=run.tenant,
            env=run.env,
            route=run.route,
            run_id=run.run_id,
            action_id=action.action_id,
            arguments=action.arguments,
        )


@dataclass(frozen=True, kw_only=True)
class Exceeded:
    """A limit that says no."""

    #: ``limits[2]``: of the policy in force, or of the one that the run is pinned to.
    rule: str
    sentence: str


async def exceeded(connection: AsyncConnection, route: Route, call: Counted, now_ms: int) -> Exceeded | None:
    """The first limit of the route that this call would exceed, as this transaction counts."""
    for place, limit in enumerate(route.limits):
        if limit.tool == call.tool:
            text = await _exceeds(connection, limit, call, now_ms)
            if text is not None:
                return Exceeded(rule=f"limits[{place}]", sentence=f"limits[{place}]: {text}")
    return None


async def _exceeds(connection: AsyncConnection, limit: Limit, call: Counted, now_ms: int) -> str | None:
    try:
        added = amount(limit, call.arguments)
    except Malformed as error:
        return error.sentence
    used = _Window(connection, limit, call, now_ms)
    if limit.sum is None:
        calls = await used.calls()
        if text := reached(limit, calls, Decimal(0), added):
            missing = excess(limit, calls, Decimal(0), added)
            return f"{text}; {comes_back(await used.oldest(int(missing)), missing)}"
        return None
    uses = await used.amounts()
    if text := untold(uses):
        return f"{limit.sum.argument} of {limit.tool} is limited by its sum: {text}"
    so_far = total(use.amount or Decimal(0) for use in uses)
    text = reached(limit, len(uses), so_far, added)
    return None if text is None else f"{text}; {comes_back(uses, excess(limit, len(uses), so_far, added))}"


@dataclass(frozen=True)
class _Window:
    """What counts towards one limit now."""

    connection: AsyncConnection
    limit: Limit
    call: Counted
    now_ms: int

    async def calls(self) -> int:
        counted = await self.connection.scalar(self._select(func.count()))
        return counted or 0

    async def oldest(self, most: int) -> Sequence[Use]:
        """Those that leave the window first, and then those that do not leave by themselves."""
        found = self._select(self._at.label("at_ms"), self._open.label("open"))
        order = (self._open, self._at) if self.call.writes else (self._at,)
        rows = await self.connection.execute(found.order_by(*order).limit(most))
        return [Use(leaves_ms=self._leaves(row), amount=Decimal(1)) for row in rows]

    async def amounts(self) -> Sequence[Use]:
        columns = (actions.c.tenant, actions.c.env, actions.c.action_id, actions.c.arguments)
        rows = await self.connection.execute(
            self._select(self._at.label("at_ms"), self._open.label("open"), *columns)
        )
        return [Use(leaves_ms=self._leaves(row), amount=self._amount(row)) for row in rows]

    def _leaves(self, row: Any) -> int | None:
        return None if row.open else row.at_ms + self.limit.window_ms

    def _amount(self, row: Any) -> Decimal | None:
        try:
            return amount(self.limit, arguments_of(self.connection, row))
        except Malformed:
            return None

    @property
    def _at(self) -> ColumnElement[int]:
        return claims.c.claimed_ms if self.call.writes else actions.c.admitted_ms

    @property
    def _open(self) -> ColumnElement[bool]:
        return claims.c.state.in_(_OPEN) if self.call.writes else false()

    def _select(self, *columns: Any) -> Select[Any]:
        call, table = self.call, claims if self.call.writes else actions
        found = select(*columns).select_from(table)
        within = self._at > self.now_ms - self.limit.window_ms
        if call.writes:
            found = found.join(actions, actions.c.action_id == claims.c.action_id)
            found = found.where(claims.c.state.not_in(_FREE), or_(self._open, within))
        else:
            # Its own earlier attempt is the place that it has already.
            found = found.where(within, actions.c.action_id != call.action_id)
        found = found.where(table.c.tool == call.tool, table.c.env == call.env, table.c.tenant == call.tenant)
        match self.limit.per:
            case "run":
                return found.where(table.c.run_id == call.run_id)
            case "route":
                return found.where(table.c.route == call.route)
            case _:
                return found
