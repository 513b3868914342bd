"""The store: one database, two kinds of transaction.

On SQLite a write transaction takes the write lock at its start (``BEGIN IMMEDIATE``): what it has read
cannot change before it commits. On PostgreSQL it is ``SERIALIZABLE``: where what it has read has changed,
PostgreSQL refuses it and it is run again, after a pause of random length so that racers do not meet again.
A transaction that only reads sees one moment on both.

Tenants' content is opened and sealed within ``look`` and ``write``: where a key is not at hand it is fetched
outside the transaction, which holds nobody up meanwhile, and the work is run again.
"""

import asyncio
import random
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, Final, TypeVar

from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from adapters.contents import OPTION, ContentKeys, Contents
from contracts.errors import PermissionRefused, Unavailable

T = TypeVar("T")

#: As long as SQLite waits for its lock.
_PATIENCE_SECONDS: Final = 10.0
_LONGEST_PAUSE_SECONDS: Final = 0.2
_SERIALIZATION_FAILURES: Final = frozenset({"40001", "40P01"})
_UNIQUE_VIOLATION: Final = "23505"
_UNIQUE_TRIES: Final = 3
_INSUFFICIENT_PRIVILEGE: Final = "42501"
#: A process that was stopped in the middle of a transaction must not hold up the others for ever.
_POSTGRES: Final = {
    "connect_timeout": 5,
    "options": "-c lock_timeout=10s -c idle_in_transaction_session_timeout=30s",
}


class Store:
    """Connections to the store's database.

    Every transaction raises Unavailable when the database cannot be reached or stays locked, and
    PermissionRefused when this process's login may not do what it asks for.
    """

    def __init__(self, url: str, contents: ContentKeys) -> None:
        """``url`` is SQLAlchemy's: ``sqlite+aiosqlite:///…`` or ``postgresql+psycopg://…``."""
        self.sqlite = url.startswith("sqlite")
        self._contents = Contents(contents)
        self._engine = _sqlite_engine(url) if self.sqlite else _postgres_engine(url)

    async def close(self) -> None:
        await self._engine.dispose()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that only reads, and no content."""
        with _sentences():
            async with self._engine.connect() as connection:
                await connection.execution_options(**self._read_options())
                yield connection

    async def look(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Run ``work`` in one transaction that only reads; it may be run again."""

        async def once() -> T:
            async with self.read() as connection:
                await connection.execution_options(**{OPTION: self._contents})
                return await work(connection)

        return await self._contents.supplied(once)

    async def write(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Run ``work`` in one write transaction; it is run again when PostgreSQL asks for that."""
        return await self._contents.supplied(lambda: self._write(work))

    async def _write(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        began, attempt = time.monotonic(), 0
        with _sentences():
            while True:
                try:
                    return await self._once(work)
                except DBAPIError as error:
                    if not _repeatable(error, attempt) or time.monotonic() - began > _PATIENCE_SECONDS:
                        raise
                attempt += 1
                await asyncio.sleep(_pause(attempt))

    async def _once(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        async with self._engine.connect() as connection:
            await connection.execution_options(**self._write_options(), **{OPTION: self._contents})
            async with connection.begin():
                return await work(connection)

    def _read_options(self) -> dict[str, Any]:
        return {} if self.sqlite else {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}

    def _write_options(self) -> dict[str, Any]:
        return {"interlock_write": True} if self.sqlite else {"isolation_level": "SERIALIZABLE"}


@contextmanager
def _sentences() -> Iterator[None]:
    """What the driver says about the database, in a sentence of ours; what it says about our SQL stays."""
    try:
        yield
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) == _INSUFFICIENT_PRIVILEGE:
            raise PermissionRefused(
                "this process's login may not do that in the store: look at INTERLOCK_STORE,"
                " or run `interlock store migrate`"
            ) from error
        if isinstance(error, OperationalError):
            raise Unavailable(f"the store did not answer: {_brief(error)}") from error
        raise
    except (PoolTimeout, OSError) as error:
        raise Unavailable(f"the store did not answer: {_brief(error)}") from error


def _repeatable(error: DBAPIError, attempt: int) -> bool:
    """Whether PostgreSQL may answer otherwise: a key that a racer inserted is found by who looks again."""
    state = getattr(error.orig, "sqlstate", None)
    return state in _SERIALIZATION_FAILURES or (state == _UNIQUE_VIOLATION and attempt < _UNIQUE_TRIES)


def _pause(attempt: int) -> float:
    return random.uniform(0, min(0.002 * 2**attempt, _LONGEST_PAUSE_SECONDS))  # noqa: S311  jitter, no secret


def _brief(error: Exception) -> str:
    """The first line of the driver's own message: statements and parameters stay out of sentences."""
    cause = getattr(error, "orig", None) or error
    return str(cause).splitlines()[0][:200] if str(cause) else type(cause).__name__


def _postgres_engine(url: str) -> AsyncEngine:
    return create_async_engine(url, pool_pre_ping=True, connect_args=_POSTGRES)


def _sqlite_engine(url: str) -> AsyncEngine:
    engine = create_async_engine(
        url, poolclass=AsyncAdaptedQueuePool, pool_size=1, max_overflow=0, pool_timeout=30
    )
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    event.listen(engine.sync_engine, "invalidate", _end_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver must not begin transactions of its own
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _end_sqlite(connection: Any, _record: Any, _error: BaseException | None) -> None:
    """End the transaction of a caller that was cancelled, before its connection is closed.

    SQLite closes a connection for good when its last statement is gone (sqlite3_close_v2), and a cancelled
    call's traceback may hold one: until then the transaction would stay open, and keep the write lock. Who is
    cancelled once more here does not wait: the driver's thread rolls back all the same.
    """
    with suppress(asyncio.CancelledError, sqlite3.Error):
        connection.rollback()


def _begin_sqlite(connection: Any) -> None:
    write = connection.get_execution_options().get("interlock_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
