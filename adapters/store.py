"""The store: one database, two kinds of transaction.

On SQLite a write transaction takes the write lock at its start (``BEGIN IMMEDIATE``): what it has read
cannot change before it commits; on PostgreSQL it is ``SERIALIZABLE`` and retried on a serialization failure.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from contracts.errors import Unavailable

T = TypeVar("T")

_TRIES = 8
_SERIALIZATION_FAILURES = frozenset({"40001", "40P01"})


class Store:
    """Connections to the store's database.

    Raises Unavailable from every transaction when the database cannot be reached or stays locked.
    """

    def __init__(self, url: str) -> None:
        """``url`` is SQLAlchemy's: ``sqlite+aiosqlite:///…`` or ``postgresql+psycopg://…``."""
        self.sqlite = url.startswith("sqlite")
        self._engine = _sqlite_engine(url) if self.sqlite else create_async_engine(url, pool_pre_ping=True)

    async def close(self) -> None:
        await self._engine.dispose()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that only reads."""
        try:
            async with self._engine.connect() as connection:
                yield connection
        except (OperationalError, PoolTimeout, OSError) as error:
            raise Unavailable(f"the store did not answer: {_brief(error)}") from error

    async def write(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Run ``work`` in one write transaction; it is run again when PostgreSQL asks for that."""
        for attempt in range(_TRIES):
            try:
                async with self._engine.connect() as connection:
                    await connection.execution_options(**self._write_options())
                    async with connection.begin():
                        return await work(connection)
            except DBAPIError as error:
                if _repeatable(error) and attempt < _TRIES - 1:
                    continue
                if isinstance(error, OperationalError):
                    raise Unavailable(f"the store did not answer: {_brief(error)}") from error
                raise
            except (PoolTimeout, OSError) as error:
                raise Unavailable(f"the store did not answer: {_brief(error)}") from error
        raise AssertionError("unreachable")

    def _write_options(self) -> dict[str, Any]:
        return {"interlock_write": True} if self.sqlite else {"isolation_level": "SERIALIZABLE"}


def _repeatable(error: DBAPIError) -> bool:
    return getattr(error.orig, "sqlstate", None) in _SERIALIZATION_FAILURES


def _brief(error: Exception) -> str:
    """The first line of the driver's own message: statements and parameters stay out of sentences."""
    cause = getattr(error, "orig", None) or error
    return str(cause).splitlines()[0][:200] if str(cause) else type(cause).__name__


def _sqlite_engine(url: str) -> AsyncEngine:
    engine = create_async_engine(
        url, poolclass=AsyncAdaptedQueuePool, pool_size=1, max_overflow=0, pool_timeout=30
    )
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver must not begin transactions of its own
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Any) -> None:
    write = connection.get_execution_options().get("interlock_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
