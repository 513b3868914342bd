"""The books of a round: what the target executed, what ledger, audit and run say, and whether they agree."""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.acceptance.stack_world import ENDED, Json

_NO_EFFECT: Final = frozenset({"failed", "refused", "rejected", "denied", "skipped", "expired"})
_KINDS: Final = {
    "ticket.close": "native",
    "ticket.reopen": "native",
    "ticket.update": "lookup",
    "email.send": "none",
}


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One write that a person approved, in everybody's words."""

    key: str
    kind: str
    run_id: str
    #: Times that the helpdesk executed it, by its own log.
    executed: int
    #: State of its claim; None: it was never claimed.
    ledger: str | None
    #: Outcome of its last result in the audit.
    audit: str | None
    #: Whether the audit has an attempt.
    attempted: bool
    #: Outcome by the run's document.
    run: str | None
    run_state: str
    #: How it ended, in the sentence that people are told.
    why: str
    #: Whether a question about it is asked of people, and its card was posted.
    questioned: bool

    def faults(self) -> list[str]:
        """``doubled``, ``lost`` or ``misreported``, with why."""
        found = [f"doubled: executed {self.executed} times"] if self.executed > 1 else []
        if self.run is None:
            found.append(f"lost: no outcome in a run that is {self.run_state}")
        if self.run == "succeeded" and self.executed == 0:
            found.append("lost: reported as succeeded and never executed")
        if self.run in _NO_EFFECT and self.executed:
            found.append(f"misreported: {self.run}, and it was executed")
        if self.run == "unknown" and not self.questioned:
            found.append("lost: unknown without a question that people see")
        if self.audit != self.run:
            found.append(f"misreported: the run says {self.run}, the audit {self.audit}")
        if not self._ledger_agrees():
            found.append(f"misreported: the run says {self.run}, the ledger {self.ledger}")
        if self.attempted != (self.ledger is not None):
            found.append(f"misreported: ledger {self.ledger}, attempt in the audit: {self.attempted}")
        return found

    def _ledger_agrees(self) -> bool:
        if self.ledger is None:
            return self.run in _NO_EFFECT
        # Taken back since the target had changed, and not approved anew, or not claimed anew.
        return self.ledger == self.run or (self.ledger == "failed" and self.run in _NO_EFFECT)


@dataclass(frozen=True, kw_only=True)
class Books:
    """All entries of a round, and the target's writes that no person approved."""

    entries: Sequence[Entry]
    unapproved: Sequence[str]
    #: Mails that went out, and mails in the log of writes.
    mails: tuple[int, int]
    #: Runs that neither ended nor wait for a word on what happened.
    hanging: Sequence[str]

    def faults(self) -> list[str]:
        """One line each; none: the books agree."""
        found = [
            f"{entry.key} ({entry.run_id}): {fault}" for entry in self.entries for fault in entry.faults()
        ]
        found += [f"{key}: unapproved: executed, and nobody had said yes" for key in self.unapproved]
        found += [f"lost: run {run_id} hangs" for run_id in self.hanging]
        if self.mails[0] != self.mails[1]:
            found.append(f"misreported: {self.mails[0]} mails, {self.mails[1]} in the log")
        return found

    @property
    def agreeing(self) -> int:
        return sum(not entry.faults() for entry in self.entries)


class Store:
    """The store's own tables, read beside the stack."""

    def __init__(self, state: Path) -> None:
        self._connection = sqlite3.connect(f"file:{state / 'interlock.db'}?mode=ro", uri=True, timeout=30)
        self._connection.row_factory = sqlite3.Row

    def close(self) -> None:
        self._connection.close()

    def approved(self) -> dict[str, sqlite3.Row]:
        """The actions with at least one yes of a person's, by key."""
        return self._by_key(
            "SELECT DISTINCT actions.* FROM actions JOIN approvals USING (action_id)"
            " JOIN decisions ON decisions.approval_id = approvals.approval_id"
            " WHERE approvals.kind = 'action' AND decisions.decision = 'approve'"
        )

    def claims(self) -> dict[str, sqlite3.Row]:
        return self._by_key("SELECT * FROM claims")

    def audited(self) -> tuple[dict[str, str], frozenset[str]]:
        """The last result of each key, and the keys with an attempt."""
        results, attempts = {}, set()
        for (body,) in self._connection.execute("SELECT body FROM audit ORDER BY tenant, seq"):
            record: Json = json.loads(body)
            if record["kind"] == "result":
                results[record["idempotency_key"]] = record["outcome"]
            if record["kind"] == "attempt":
                attempts.add(record["idempotency_key"])
        return results, frozenset(attempts)

    def questions(self) -> frozenset[str]:
        """The actions about which people see a question that waits for an answer."""
        rows = self._connection.execute(
            "SELECT action_id FROM approvals WHERE kind = 'reconcile' AND state = 'waiting'"
            " AND message_ts IS NOT NULL"
        )
        return frozenset(action_id for (action_id,) in rows)

    def _by_key(self, statement: str) -> dict[str, sqlite3.Row]:
        return {row["idempotency_key"]: row for row in self._connection.execute(statement)}


def compared(
    store: Store,
    *,
    log: Iterable[Mapping[str, Any]],
    mails: int,
    runs: Iterable[Json],
    clicked: Iterable[str],
    before: frozenset[str] = frozenset(),
) -> Books:
    """``log``: the helpdesk's writes. ``runs``: their documents. ``clicked``: keys that got a yes.

    ``before``: keys of the log that are not this round's.
    """
    executed: Counter[str] = Counter()
    mailed = 0
    for write in log:
        executed[str(write["idempotency_key"])] += 1
        mailed += write["operation"] == "send_mail"
    documents = list(runs)
    told = {action["idempotency_key"]: action for run in documents for action in run["actions"]}
    states = {run["run_id"]: run["state"] for run in documents}
    claims, questions, (results, attempts) = store.claims(), store.questions(), store.audited()
    entries = [
        Entry(
            key=key,
            kind=_KINDS[row["tool"]],
            run_id=row["run_id"],
            executed=executed[key],
            ledger=claims[key]["state"] if key in claims else None,
            audit=results.get(key),
            attempted=key in attempts,
            run=told[key]["outcome"] if key in told else None,
            run_state=states.get(row["run_id"], "unheard of"),
            why=row["outcome_text"],
            questioned=row["action_id"] in questions,
        )
        for key, row in store.approved().items()
        if row["run_id"] in states
    ]
    settled = ENDED | {"waiting_reconciliation"}
    return Books(
        entries=entries,
        unapproved=sorted(set(executed) - set(clicked) - before),
        mails=(mails, mailed),
        hanging=[run_id for run_id, state in states.items() if state not in settled],
    )
