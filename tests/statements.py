"""Compiled statements, shared by the engines of a test process: each test has its own for the same SQL."""

from typing import Any, TypeAlias

from sqlalchemy import Connection, Engine, event

_Key: TypeAlias = tuple[Any, ...]


class _OfEachDialect(dict[_Key, Any]):
    """SQLAlchemy asks by an engine's own dialect first; here all dialects of one kind are one."""

    def get(self, key: _Key, default: Any = None) -> Any:
        return super().get(_common(key), default)

    def __setitem__(self, key: _Key, compiled: Any) -> None:
        super().__setitem__(_common(key), compiled)


def _common(key: _Key) -> _Key:
    dialect, *statement = key
    return (type(dialect), *statement)


_COMPILED = _OfEachDialect()


def share() -> None:
    """From now on, for every engine of this process."""
    event.listen(Engine, "engine_connect", _shared)


def _shared(connection: Connection) -> None:
    connection.execution_options(compiled_cache=_COMPILED)
