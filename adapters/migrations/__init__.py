"""One tree of migrations, the same on SQLite and PostgreSQL."""

from collections.abc import Mapping
from pathlib import Path

from alembic import command
from alembic.config import Config
from psycopg.errors import InsufficientPrivilege
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import OperationalError, ProgrammingError

from adapters.logins import grant
from contracts.errors import PermissionRefused, Unavailable
from contracts.secret import Secret

#: Two that migrate at once do so one after the other.
_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('interlock migrate'))")


def migrate(url: str, passwords: Mapping[str, Secret] | None = None) -> None:
    """Bring a store's tables up to date, and on PostgreSQL the roles' logins; again is nothing.

    Args:
        url: the store's own.
        passwords: by role, of the logins that are let in by password.

    Raises:
        PermissionRefused: this login may not make tables or logins.
        Malformed: a password is of no role.
        Unavailable: the store did not answer.
    """
    engine = create_engine(url.replace("+aiosqlite", ""))
    try:
        with engine.begin() as connection:
            _bring_up(connection, passwords or {})
    except OperationalError as error:
        raise Unavailable(f"the store did not answer: {str(error.orig).splitlines()[0]}") from error
    except (ProgrammingError, InsufficientPrivilege) as error:
        if not isinstance(getattr(error, "orig", error), InsufficientPrivilege):
            raise
        raise PermissionRefused(
            "the login of INTERLOCK_STORE may not make tables or logins: migrate as the database's owner,"
            " with CREATEROLE, and as the same one as before"
        ) from error
    finally:
        engine.dispose()


def _bring_up(connection: Connection, passwords: Mapping[str, Secret]) -> None:
    postgres = connection.dialect.name == "postgresql"
    if postgres:
        connection.execute(_LOCK)
    command.upgrade(config(connection), "head")
    if postgres:
        grant(connection, passwords)


def config(connection: object) -> Config:
    """Alembic's configuration, for an open connection."""
    made = Config()
    made.set_main_option("script_location", str(Path(__file__).parent))
    made.attributes["connection"] = connection
    return made
