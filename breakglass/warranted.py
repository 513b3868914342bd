"""A session as its acts are carried out: from its signed token, and never from its row alone."""

from dataclasses import asdict, dataclass

from contracts.break_glass import Session, SessionRecord
from contracts.budget import Spend
from contracts.digest import digest_bytes
from contracts.errors import Conflict, TokenRefused
from contracts.run import RunRecord, RunState, WarrantedRun
from contracts.tokens import Purpose, Verifier


@dataclass(frozen=True, kw_only=True)
class Signed:
    """A session whose signature holds."""

    session: Session
    token: str
    run: WarrantedRun


def signed(verifier: Verifier, record: SessionRecord) -> Signed:
    """Raises Conflict where it never opened, and TokenRefused where its row is not what was signed."""
    if record.token is None:
        raise Conflict(f"it is {record.state}, and was never open")
    session = Session.read(verifier.verify(Purpose.BREAK_GLASS, record.token))
    told = (record.opening, record.consenter, record.opened_ms, record.until_ms)
    if told != (session.opening, session.consenter, session.opened_ms, session.until_ms):
        raise TokenRefused("the session's row does not say what was signed")
    return Signed(session=session, token=record.token, run=_run(session, record.token))


def _run(session: Session, token: str) -> WarrantedRun:
    warrant = session.warrant()
    record = RunRecord(
        run_id=warrant.run_id,
        request_id=warrant.request_id,
        tenant=warrant.tenant,
        env=warrant.env,
        route=warrant.route,
        caller=warrant.caller,
        on_behalf_of=None,
        policy_digest=warrant.policy_digest,
        catalogue_digest=warrant.catalogue_digest,
        warrant=token,
        input=None,
        state=RunState.RUNNING,
        stop_reason=None,
        first_execution=None,
        cancel_reason=None,
        budget=asdict(warrant.budget),
        spend=Spend(),
        created_ms=session.opening.asked_ms,
        started_ms=session.opened_ms,
        ended_ms=None,
        result=None,
        version=0,
    )
    return WarrantedRun(warrant=warrant, warrant_digest=digest_bytes(token.encode()), record=record)
