"""The store's tables, the same on SQLite and PostgreSQL. Times are Unix milliseconds."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()


def _ms(name: str, *, nullable: bool = True) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable)


documents = Table(
    "documents",
    metadata,
    Column("digest", String(71), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("name", String(200), nullable=False),
    Column("body", Text, nullable=False),
)

published = Table(
    "published",
    metadata,
    Column("env", String(63), primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("name", String(200), primary_key=True),
    Column("digest", ForeignKey("documents.digest"), nullable=False),
    Column("actor", String(200), nullable=False),
    _ms("at_ms", nullable=False),
)

rule_places = Table(
    "rule_places",
    metadata,
    #: Digest of a published document.
    Column("subject", String(71), primary_key=True),
    #: File and line by rule, as it was published last.
    Column("body", Text, nullable=False),
)

runs = Table(
    "runs",
    metadata,
    Column("run_id", String(40), primary_key=True),
    Column("request_id", String(16), nullable=False),
    Column("tenant", String(63), nullable=False),
    Column("env", String(63), nullable=False),
    Column("caller", String(200), nullable=False),
    Column("start_hash", String(71), nullable=False, unique=True),
    Column("body_digest", String(71), nullable=False),
    Column("route", String(200), nullable=False),
    Column("on_behalf_of", String(200)),
    Column("policy_digest", String(71), nullable=False),
    Column("catalogue_digest", String(71), nullable=False),
    Column("warrant", Text, nullable=False),
    Column("input", Text, nullable=False),
    Column("budget", Text, nullable=False),
    Column("state", String(24), nullable=False),
    Column("stop_reason", String(24)),
    Column("first_execution", String(40)),
    Column("cancel_reason", Text),
    _ms("created_ms", nullable=False),
    _ms("started_ms"),
    _ms("ended_ms"),
    Column("result", Text),
    Column("steps", Integer, nullable=False, default=0),
    Column("denials", Integer, nullable=False, default=0),
    Column("spent_usd", String(40), nullable=False, default="0"),
    Column("spent_ms", BigInteger, nullable=False, default=0),
    Column("version", Integer, nullable=False, default=1),
    #: The earlier run that it undoes, as its warrant says.
    Column("undoes", String(40)),
    UniqueConstraint("tenant", "env", "request_id"),
    Index("runs_by_time", "tenant", "env", "created_ms"),
    Index("runs_by_state", "state"),
    Index("runs_by_end", "route", "ended_ms"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("attempt_id", String(160), primary_key=True),
    Column("run_id", ForeignKey("runs.run_id"), nullable=False, index=True),
    Column("step", Integer, nullable=False),
    #: While it is open the worst case, then what was charged.
    Column("usd", String(40), nullable=False),
    Column("limit_ms", BigInteger, nullable=False),
    Column("open", Boolean, nullable=False),
    _ms("started_ms", nullable=False),
    Index("attempts_by_time", "started_ms"),
)

turns = Table(
    "turns",
    metadata,
    Column("run_id", ForeignKey("runs.run_id"), primary_key=True),
    Column("step", Integer, primary_key=True),
    Column("body", Text, nullable=False),
)

messages = Table(
    "messages",
    metadata,
    Column("run_id", ForeignKey("runs.run_id"), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("role", String(16), nullable=False),
    Column("action_id", String(80)),
    Column("body", Text, nullable=False),
)

actions = Table(
    "actions",
    metadata,
    Column("action_id", String(80), primary_key=True),
    Column("run_id", ForeignKey("runs.run_id"), nullable=False, index=True),
    Column("tenant", String(63), nullable=False),
    Column("env", String(63), nullable=False),
    Column("route", String(200), nullable=False),
    Column("step", Integer, nullable=False),
    Column("place", Integer, nullable=False),
    Column("tool", String(200), nullable=False),
    Column("effect", String(16), nullable=False),
    Column("decision", String(16), nullable=False),
    Column("reasons", Text, nullable=False),
    Column("approvals", Integer, nullable=False),
    Column("arguments", Text, nullable=False),
    Column("arguments_digest", String(71), nullable=False),
    Column("words", Text, nullable=False),
    Column("call_id", String(200), nullable=False),
    Column("target", Text),
    Column("ordinal", Integer),
    Column("frozen", Text),
    Column("seal", Text),
    Column("action_digest", String(71)),
    Column("idempotency_key", Text),
    Column("key_hash", String(71), unique=True),
    Column("approval_id", String(40)),
    Column("reconciliation_id", String(40)),
    Column("attempts", Integer, nullable=False, default=0),
    Column("outcome", String(16)),
    Column("outcome_text", Text, nullable=False, default=""),
    Column("duration_ms", BigInteger, nullable=False, default=0),
    #: What a read made for the run's result.
    Column("artifact", Text),
    _ms("created_ms", nullable=False),
    #: Of a read: when it was last let out. That is what its limits count.
    _ms("admitted_ms"),
    Index("actions_by_use", "tool", "admitted_ms"),
    Index("actions_by_route", "route", "created_ms"),
)

undos = Table(
    "undos",
    metadata,
    #: The run that undoes, and the place of this action among those that it undoes.
    Column("run_id", ForeignKey("runs.run_id"), primary_key=True),
    Column("place", Integer, primary_key=True),
    #: The action that is undone.
    Column("action_id", ForeignKey("actions.action_id"), nullable=False, index=True),
    #: The action by which the run undoes it, once it has one.
    Column("by_action", String(80), nullable=False),
)

approvals = Table(
    "approvals",
    metadata,
    Column("approval_id", String(40), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("run_id", ForeignKey("runs.run_id"), nullable=False, index=True),
    Column("action_id", ForeignKey("actions.action_id"), nullable=False),
    Column("tenant", String(63), nullable=False),
    Column("env", String(63), nullable=False),
    Column("route", String(200), nullable=False),
    Column("state", String(16), nullable=False),
    Column("action_digest", String(71), nullable=False),
    Column("needed", Integer, nullable=False),
    Column("approvers", String(200), nullable=False),
    Column("caller", String(200), nullable=False),
    Column("on_behalf_of", String(200)),
    _ms("requested_ms", nullable=False),
    _ms("deadline_ms"),
    _ms("decided_ms"),
    Column("channel", String(40)),
    Column("message_ts", String(40)),
    Column("claimed", Boolean, nullable=False, default=False),
    Column("denial", Text, nullable=False, default=""),
    Column("question", Text, nullable=False, default=""),
    Column("version", Integer, nullable=False, default=1),
    _ms("remind_ms"),
    _ms("escalate_ms"),
    Column("escalate_to", String(200), nullable=False, default=""),
    Column("min_review_ms", BigInteger, nullable=False, default=0),
    #: When the card first stood in Slack.
    _ms("shown_ms"),
    Index("approvals_by_state", "state", "tenant"),
    Index("approvals_by_route", "route", "requested_ms"),
    UniqueConstraint("action_id", "kind", "action_digest", name="one_question_each"),
)

decisions = Table(
    "decisions",
    metadata,
    Column("grant_id", String(40), primary_key=True),
    Column("approval_id", ForeignKey("approvals.approval_id"), nullable=False, index=True),
    Column("approver", String(200), nullable=False),
    Column("decision", String(16), nullable=False),
    Column("token", Text, nullable=False),
    _ms("at_ms", nullable=False),
    UniqueConstraint("approval_id", "approver", "decision"),
    Index("decisions_by_time", "at_ms"),
)

sessions = Table(
    "sessions",
    metadata,
    #: Digest of the cookie, which nobody can make from it.
    Column("session", String(71), primary_key=True),
    Column("principal", String(200), nullable=False),
    _ms("at_ms", nullable=False),
    _ms("until_ms", nullable=False),
)

clicks = Table(
    "clicks",
    metadata,
    Column("proof", String(71), primary_key=True),
    _ms("at_ms", nullable=False),
)

claims = Table(
    "claims",
    metadata,
    Column("key_hash", String(71), primary_key=True),
    Column("idempotency_key", Text, nullable=False),
    Column("tenant", String(63), nullable=False),
    Column("env", String(63), nullable=False),
    Column("route", String(200), nullable=False),
    Column("run_id", ForeignKey("runs.run_id"), nullable=False),
    Column("action_id", ForeignKey("actions.action_id"), nullable=False),
    Column("action_digest", String(71), nullable=False),
    Column("tool", String(200), nullable=False),
    Column("address", String(200), nullable=False),
    Column("target", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("fence", Integer, nullable=False),
    #: Of the store when it was claimed.
    Column("epoch", String(40), nullable=False, default=""),
    Column("holder", String(200), nullable=False),
    _ms("claimed_ms", nullable=False),
    _ms("first_ms", nullable=False),
    #: Until when nobody takes it over.
    Column("lease_ms", BigInteger, nullable=False, default=0),
    _ms("settled_ms"),
    Column("result", Text),
    Index("claims_by_target", "tenant", "env", "address", "target", "state"),
    Index("claims_by_use", "tool", "claimed_ms"),
    Index("claims_by_state", "state"),
)

consumed = Table(
    "consumed",
    metadata,
    Column("grant_id", String(40), primary_key=True),
    Column("action_digest", String(71), nullable=False),
    _ms("at_ms", nullable=False),
)

switches = Table(
    "switches",
    metadata,
    Column("env", String(63), primary_key=True),
    Column("scope", String(300), primary_key=True),
    Column("stopped", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    Column("actor", String(200), nullable=False),
    _ms("at_ms", nullable=False),
    #: When it last stopped anything; grants up to then are void.
    _ms("stopped_ms"),
    _ms("until_ms"),
)

breakers = Table(
    "breakers",
    metadata,
    Column("env", String(63), primary_key=True),
    Column("route", String(200), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("actor", String(200), nullable=False),
    _ms("at_ms", nullable=False),
    _ms("until_ms"),
    Column("probe_run", String(40)),
    #: What happened before does not count.
    _ms("since_ms", nullable=False),
)

alerts = Table(
    "alerts",
    metadata,
    Column("alert_id", String(40), primary_key=True),
    Column("env", String(63), nullable=False),
    Column("severity", String(16), nullable=False),
    Column("title", Text, nullable=False),
    #: A JSON list of sentences.
    Column("lines", Text, nullable=False),
    Column("actor", String(200), nullable=False),
    _ms("at_ms", nullable=False),
    #: Whose key seals title and lines; null: they are nobody's content.
    Column("tenant", String(63)),
    #: Slack user id of the one whom it is for; null: the channel.
    Column("whom", String(40)),
)

openings = Table(
    "openings",
    metadata,
    #: Id of the session; the run's row of the same id is there once it was opened.
    Column("session_id", String(40), primary_key=True),
    Column("tenant", String(63), nullable=False),
    Column("env", String(63), nullable=False),
    Column("opener", String(200), nullable=False),
    #: JSON, as the passkey signed its digest.
    Column("opening", Text, nullable=False),
    Column("opening_digest", String(71), nullable=False),
    Column("state", String(16), nullable=False),
    Column("token", Text),
    Column("consenter", String(200)),
    _ms("asked_ms", nullable=False),
    _ms("opened_ms"),
    _ms("until_ms"),
    _ms("ended_ms"),
    Column("ended_by", String(200)),
    Column("ended_why", Text, nullable=False, default=""),
    #: A JSON list of principals.
    Column("told", Text, nullable=False, default="[]"),
    #: JSON, sealed under the tenant's key.
    Column("report", Text),
    Column("report_digest", String(71)),
    #: The process that acts in it, and when it last said that it lives.
    Column("holder", String(40)),
    _ms("held_ms"),
    #: Calls on it that were not let through.
    Column("refused", Integer, nullable=False, default=0),
    Index("openings_by_state", "env", "state"),
    Index("openings_by_time", "env", "asked_ms"),
)

epochs = Table(
    "epochs",
    metadata,
    Column("place", Integer, primary_key=True),
    Column("name", String(40), nullable=False),
    Column("actor", String(200), nullable=False),
    _ms("at_ms", nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    Column("outbox_id", String(80), primary_key=True),
    Column("kind", String(16), nullable=False, index=True),
    #: Null of an alert.
    Column("run_id", ForeignKey("runs.run_id")),
    #: Of an alert: the one that it brings.
    Column("alert_id", ForeignKey("alerts.alert_id"), unique=True),
    #: Of a card. Its letter stays; any other is deleted when it has arrived.
    Column("approval_id", ForeignKey("approvals.approval_id"), unique=True),
    Column("done_version", Integer, nullable=False, default=0),
    Column("attempts", Integer, nullable=False, default=0),
    #: Set while a post is under way whose fate is not known yet.
    Column("posting", Boolean, nullable=False, default=False),
    Column("dead", Boolean, nullable=False, default=False),
    Column("error", Text, nullable=False, default=""),
    _ms("next_ms", nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("tenant", String(63), primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("env", String(63), nullable=False),
    Column("run_id", String(40), index=True),
    Column("tool", String(200)),
    Column("route", String(200)),
    Column("body", Text, nullable=False),
    Column("previous", String(71), nullable=False),
    Column("hash", String(71), nullable=False),
    _ms("at_ms", nullable=False),
)

audit_tips = Table(
    "audit_tips",
    metadata,
    Column("tenant", String(63), primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("hash", String(71), nullable=False),
)

audit_heads = Table(
    "audit_heads",
    metadata,
    Column("tenant", String(63), primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("hash", String(71), nullable=False),
    Column("token", Text, nullable=False),
    Column("anchored", Boolean, nullable=False, default=False),
    _ms("at_ms", nullable=False),
)
