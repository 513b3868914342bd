"""Everything the workspace remembers, in one SQLite file, so that a restart loses no message."""

import fcntl
import json
import secrets
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from embedded.slack.checks import Json

RESPONSE_USES = 5
RESPONSE_SECONDS = 30 * 60

_SCHEMA = """
CREATE TABLE IF NOT EXISTS messages (
  ts TEXT PRIMARY KEY, channel TEXT NOT NULL, thread_ts TEXT, doc TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS messages_by_channel ON messages (channel, ts);
CREATE TABLE IF NOT EXISTS revisions (
  n INTEGER PRIMARY KEY AUTOINCREMENT, ts TEXT NOT NULL, doc TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS ephemerals (
  ts TEXT PRIMARY KEY, channel TEXT NOT NULL, user TEXT NOT NULL, dismissed INTEGER NOT NULL DEFAULT 0,
  doc TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS responses (
  id TEXT PRIMARY KEY, channel TEXT NOT NULL, ts TEXT NOT NULL, user TEXT NOT NULL,
  ephemeral INTEGER NOT NULL, expires REAL NOT NULL, uses INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS views (
  id TEXT PRIMARY KEY, user TEXT NOT NULL, open INTEGER NOT NULL DEFAULT 1, doc TEXT NOT NULL);
"""


class StoreError(Exception):
    """The database file cannot be used; the message is one sentence."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a response_url stands for."""

    channel: str
    ts: str
    user: str
    ephemeral: bool


class Store:
    """One connection on the event loop's thread: each call is one short transaction on a local file."""

    def __init__(self, path: Path) -> None:
        """Open or create the file and hold it alone. Raises StoreError."""
        try:
            self._lock = Path(f"{path}.lock").open("a")  # noqa: SIM115  held for the store's life
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._lock.close()
            raise StoreError(
                f"Another Slack stand-in already uses {path}: stop it or choose another --db."
            ) from error
        except OSError as error:
            raise StoreError(f"The database {path} cannot be opened: {error}.") from error
        try:
            self._db = sqlite3.connect(path, isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.executescript(_SCHEMA)
        except sqlite3.Error as error:
            self._lock.close()
            raise StoreError(f"The database {path} cannot be used: {error}.") from error
        #: Grows with every change; the page asks by it whether there is anything new.
        self.version = 0
        self._last_ts = max(self._newest("messages"), self._newest("ephemerals"))

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()
        self._lock.close()

    def next_ts(self) -> str:
        """A message's name: seconds with six decimals, never given twice."""
        micros = max(time.time_ns() // 1000, self._last_ts + 1)
        self._last_ts = micros
        return f"{micros // 1_000_000}.{micros % 1_000_000:06d}"

    def empty(self) -> None:
        """Forget everything but the last message's name."""
        for table in ("messages", "revisions", "ephemerals", "responses", "views"):
            self._write(f"DELETE FROM {table}")  # noqa: S608  our own table names

    # Messages

    def add_message(self, doc: Json) -> None:
        """Keep a message; its doc names channel, ts and, for a reply, thread_ts."""
        self._write(
            "INSERT INTO messages VALUES (?, ?, ?, ?)",
            doc["ts"],
            doc["channel"],
            doc.get("thread_ts"),
            json.dumps(doc),
        )

    def message(self, channel: str, ts: str) -> Json | None:
        """One message as it stands now."""
        rows = self._docs("SELECT doc FROM messages WHERE channel = ? AND ts = ?", channel, ts)
        return rows[0] if rows else None

    def replace_message(self, doc: Json) -> None:
        """Put the doc in its message's place and keep the earlier one as a revision."""
        self._write(
            "INSERT INTO revisions (ts, doc) SELECT ts, doc FROM messages WHERE ts = ?",
            doc["ts"],
        )
        self._write("UPDATE messages SET doc = ? WHERE ts = ?", json.dumps(doc), doc["ts"])

    def delete_message(self, channel: str, ts: str) -> None:
        """Take a message away; its revision stays."""
        self._write("INSERT INTO revisions (ts, doc) SELECT ts, doc FROM messages WHERE ts = ?", ts)
        self._write("DELETE FROM messages WHERE channel = ? AND ts = ?", channel, ts)

    def revisions(self, ts: str) -> list[Json]:
        """Earlier states of a message, newest first."""
        return self._docs("SELECT doc FROM revisions WHERE ts = ? ORDER BY n DESC", ts)

    def history(
        self, channel: str, *, oldest: str, latest: str, with_oldest: bool, with_latest: bool, limit: int
    ) -> list[Json]:
        """Messages that are not replies, newest first, between two times."""
        after, before = ">=" if with_oldest else ">", "<=" if with_latest else "<"
        return self._docs(
            f"SELECT doc FROM messages WHERE channel = ? AND ts {after} ? AND ts {before} ? "  # noqa: S608  operators only
            "AND (thread_ts IS NULL OR thread_ts = ts) ORDER BY ts DESC LIMIT ?",
            channel,
            oldest,
            latest,
            limit,
        )

    def replies(self, channel: str, ts: str) -> list[Json]:
        """A thread's replies, oldest first, without its parent."""
        return self._docs(
            "SELECT doc FROM messages WHERE channel = ? AND thread_ts = ? AND ts <> thread_ts ORDER BY ts",
            channel,
            ts,
        )

    def messages(self, channel: str | None = None) -> list[Json]:
        """Every message, replies too, oldest first."""
        return self._docs(
            "SELECT doc FROM messages WHERE ? IS NULL OR channel = ? ORDER BY ts", channel, channel
        )

    # Ephemeral messages

    def add_ephemeral(self, doc: Json, *, user: str) -> None:
        """Keep a message that only this user sees."""
        self._write(
            "INSERT INTO ephemerals (ts, channel, user, doc) VALUES (?, ?, ?, ?)",
            doc["ts"],
            doc["channel"],
            user,
            json.dumps(doc),
        )

    def ephemerals(self, *, user: str | None = None, dismissed: bool = True) -> list[Json]:
        """Ephemeral messages of one user or of all, oldest first, each with its `user_shown_to`."""
        rows = self._db.execute(
            "SELECT user, doc FROM ephemerals WHERE (? IS NULL OR user = ?) AND dismissed <= ? ORDER BY ts",
            (user, user, int(dismissed)),
        )
        return [json.loads(doc) | {"user_shown_to": owner} for owner, doc in rows]

    def ephemeral(self, ts: str, *, user: str) -> Json | None:
        """One ephemeral message, for the user that it is for."""
        rows = self._docs("SELECT doc FROM ephemerals WHERE ts = ? AND user = ?", ts, user)
        return rows[0] if rows else None

    def replace_ephemeral(self, doc: Json, *, user: str) -> None:
        """Put the doc in the place of the ephemeral message of its ts."""
        self._write(
            "UPDATE ephemerals SET doc = ? WHERE ts = ? AND user = ?", json.dumps(doc), doc["ts"], user
        )

    def dismiss(self, ts: str, *, user: str) -> None:
        """Hide an ephemeral message from then on."""
        self._write("UPDATE ephemerals SET dismissed = 1 WHERE ts = ? AND user = ?", ts, user)

    # Response addresses and modals

    def mint_answer(self, answer: Answer) -> str:
        """A new response_url's unguessable id."""
        identifier = secrets.token_urlsafe(24)
        self._write(
            "INSERT INTO responses (id, channel, ts, user, ephemeral, expires) VALUES (?, ?, ?, ?, ?, ?)",
            identifier,
            answer.channel,
            answer.ts,
            answer.user,
            int(answer.ephemeral),
            time.time() + RESPONSE_SECONDS,
        )
        return identifier

    def answer(self, identifier: str) -> Answer | str:
        """What a response_url stands for, or Slack's error word."""
        row = self._db.execute(
            "SELECT channel, ts, user, ephemeral, expires, uses FROM responses WHERE id = ?", (identifier,)
        ).fetchone()
        if row is None:
            return "invalid_url"
        channel, ts, user, ephemeral, expires, uses = row
        if expires <= time.time():
            return "expired_url"
        if uses >= RESPONSE_USES:
            return "used_url"
        return Answer(channel=channel, ts=ts, user=user, ephemeral=bool(ephemeral))

    def count_answer(self, identifier: str) -> None:
        """Count one use of a response_url."""
        self._write("UPDATE responses SET uses = uses + 1 WHERE id = ?", identifier)

    def put_view(self, doc: Json, *, user: str) -> None:
        """Show a modal to the user, or another state of it."""
        self._write(
            "INSERT INTO views (id, user, doc) VALUES (?, ?, ?) "
            "ON CONFLICT (id) DO UPDATE SET doc = excluded.doc",
            doc["id"],
            user,
            json.dumps(doc),
        )

    def open_views(self, user: str | None = None) -> list[Json]:
        """Modals that are open, the one on top last."""
        rows = self._db.execute(
            "SELECT user, doc FROM views WHERE open = 1 AND (? IS NULL OR user = ?) ORDER BY rowid",
            (user, user),
        )
        return [json.loads(doc) | {"user_shown_to": owner} for owner, doc in rows]

    def close_view(self, identifier: str) -> None:
        """Close a modal."""
        self._write("UPDATE views SET open = 0 WHERE id = ?", identifier)

    def close_views(self, user: str) -> None:
        """Close every modal of that user."""
        self._write("UPDATE views SET open = 0 WHERE user = ?", user)

    def _docs(self, query: str, *values: object) -> list[Json]:
        return [json.loads(doc) for (doc,) in self._db.execute(query, _bound(values))]

    def _write(self, statement: str, *values: object) -> None:
        self._db.execute(statement, _bound(values))
        self.version += 1

    def _newest(self, table: str) -> int:
        (ts,) = self._db.execute(f"SELECT max(ts) FROM {table}").fetchone()  # noqa: S608  our own table names
        return int(str(ts).replace(".", "")) if ts else 0


def _bound(values: Sequence[object]) -> tuple[str | float | int | None, ...]:
    return tuple(value if isinstance(value, str | float | int) else None for value in values)
