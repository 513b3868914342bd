"""The edge of every activity: its capability, its heartbeats, and errors as names and sentences."""

import asyncio
from contextlib import suppress
from contextvars import ContextVar
from typing import Any, Final

from temporalio import activity
from temporalio.api.common.v1 import Payload
from temporalio.converter import DefaultPayloadConverter
from temporalio.exceptions import ApplicationError
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
)

from activities.trespass import argued, presented_wrongly, refused
from contracts import names
from contracts.attempts import Attempt, Attempts
from contracts.errors import InterlockError, TokenRefused, Unavailable
from contracts.packing import unpacked
from contracts.toolbox import Answer

_BEAT_SECONDS: Final = 2.0
_FAULTS: Final = 5
"""Attempts that an error of no name of ours is given."""
_TRIES: Final = 3
"""Attempts to read the target that are given to a fault of it which may pass."""
_PRESENTED: ContextVar[str | None] = ContextVar("interlock_capability", default=None)


def presented() -> str:
    """The capability that came in this activity's header. Raises TokenRefused where none did."""
    token = _PRESENTED.get()
    if token is None:
        raise TokenRefused("no capability was presented")
    return token


def settled(answer: Answer) -> Answer:
    """The answer of a target that was only read, unless it is worth another attempt: then Unavailable."""
    if answer.transient and activity.info().attempt < _TRIES:
        raise Unavailable(answer.text)
    return answer


class Boundary(Interceptor):
    """Put it on every worker."""

    def __init__(self, attempts: Attempts) -> None:
        self._attempts = attempts

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002  the SDK's name
        return _Boundary(next, self._attempts)


class _Boundary(ActivityInboundInterceptor):
    def __init__(self, inner: ActivityInboundInterceptor, attempts: Attempts) -> None:
        super().__init__(inner)
        self._attempts = attempts

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002  the SDK's name
        beating = asyncio.create_task(_beat())
        try:
            header = input.headers.get(names.CAPABILITY_HEADER)
            token = None if header is None else _token(header)
            if token is not None:
                _PRESENTED.set(token)
            return await self._watched(input, token)
        except InterlockError as error:
            raise ApplicationError(
                error.sentence, type=error.name, non_retryable=not error.retryable
            ) from None
        except Exception as error:
            # A fault of ours must not hang the run; its text may quote arguments, so only its kind is told.
            kind = f"{type(error).__name__} in {activity.info().activity_type}"
            tries_left = activity.info().attempt < _FAULTS
            raise ApplicationError(kind, type="InternalError", non_retryable=not tries_left) from None
        finally:
            beating.cancel()
            with suppress(asyncio.CancelledError):
                await beating

    async def _watched(self, call: ExecuteActivityInput, token: str | None) -> Any:
        """Whatever was tried is on record before it is answered."""
        wrong = presented_wrongly(token)
        attempt = wrong or argued(call)
        try:
            if wrong is not None:
                raise TokenRefused("this names break-glass, and no run has anything of it")
            return await super().execute_activity(call)
        except TokenRefused as error:
            attempt = refused(error, attempt)
            raise
        finally:
            if attempt is not None:
                await self._record(attempt)

    async def _record(self, attempt: Attempt) -> None:
        try:
            await self._attempts.record(attempt)
        except InterlockError as error:
            activity.logger.error("attempt not recorded: %s: %s", attempt.rule, error.sentence)


def _token(header: Payload) -> str:
    """As it is, or packed."""
    content = DefaultPayloadConverter().from_payload(header)
    if isinstance(content, bytes):
        return unpacked(content)
    return str(content)


async def _beat() -> None:
    while True:
        activity.heartbeat()
        await asyncio.sleep(_BEAT_SECONDS)
