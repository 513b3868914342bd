"""Where a person's decision is taken: judged, made durable and signed in one transaction."""

import secrets
from dataclasses import replace

from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters import epoch, once
from adapters.approval_rows import approval_place, approval_record, read_approval
from adapters.audit_log import append
from adapters.contents import sealed
from adapters.letters import order
from adapters.proofs import Proofs
from adapters.schema import approvals, decisions
from adapters.standing import closed, current_people
from adapters.store import Store
from contracts.approval import (
    CONSIDERED,
    Answer,
    ApprovalKind,
    ApprovalRecord,
    ApprovalState,
    Click,
    Refusal,
    Ruled,
)
from contracts.errors import Unknown
from contracts.outbox import LetterKind
from contracts.ports import Clock
from contracts.tokens import Grant, Purpose, Signer
from policies.people import People, short_name
from policies.quorum import judge, tally
from policies.reading import FAST, hasty
from policies.refusals import sentence


class StoreDesk:
    """Implements ``contracts.ports.Desk``."""

    def __init__(self, store: Store, signer: Signer, proofs: Proofs, clock: Clock) -> None:
        self._store = store
        self._signer = signer
        self._verifier = proofs.verifier
        self._passkeys = proofs.passkeys
        self._clock = clock

    async def decide(self, click: Click, *, tenant: str | None = None, env: str | None = None) -> Ruled:
        async def work(connection: AsyncConnection) -> Ruled:
            ruled, people = await self._judged(connection, click, tenant, env)
            if ruled.approval is None or ruled.refusal is not None:
                return ruled
            return await self._accept(connection, ruled.approval, click, people)

        return await self._store.write(work)

    async def weigh(self, click: Click, *, env: str | None = None) -> Ruled:
        async def work(connection: AsyncConnection) -> Ruled:
            ruled, _ = await self._judged(connection, click, None, env)
            if ruled.approval is not None and ruled.refusal is None:
                await self._audit(connection, ruled.approval, click, CONSIDERED)
            return ruled

        return await self._store.write(work)

    async def _judged(
        self, connection: AsyncConnection, click: Click, tenant: str | None, env: str | None
    ) -> tuple[Ruled, People]:
        """Why it does not count, audited, or the approval for which it does; and the people in force."""
        nobody = People(people=())
        try:
            approval = await read_approval(connection, self._verifier, click.approval_id)
        except Unknown:
            return _absent(), nobody
        if (tenant or approval.tenant, env or approval.env) != (approval.tenant, approval.env):
            return _absent(), nobody
        people = await current_people(connection, approval.env)
        if await self._replayed(connection, click):
            told = "This click was received before; nothing changed."
            return Ruled(approval=approval, refusal=Refusal.REPEATED, sentence=told), people
        refusal = self._refusal(approval, click, people)
        if refusal is None and await self._too_late(connection, approval, click):
            refusal = Refusal.DECIDED
        if refusal is None:
            return Ruled(approval=approval, refusal=None, sentence=""), people
        await self._audit(connection, approval, click, f"refused:{refusal}")
        told = sentence(refusal, approval, click, people)
        return Ruled(approval=approval, refusal=refusal, sentence=told), people

    def _refusal(self, approval: ApprovalRecord, click: Click, people: People) -> Refusal | None:
        person = people.by_principal(click.principal)
        if refusal := judge(approval, click, person, people):
            return refusal
        if click.assertion is None or person is None:
            return None
        signed = self._passkeys.verified(click.assertion, person, approval.action_digest)
        return None if signed else Refusal.BAD_PASSKEY

    async def _too_late(self, connection: AsyncConnection, approval: ApprovalRecord, click: Click) -> bool:
        """An ended run acts no more; what an unknown write did can be said long after it."""
        if approval.kind is ApprovalKind.RECONCILE and click.answer is not Answer.STOP:
            return False
        return await closed(connection, approval.run_id) is not None

    async def _replayed(self, connection: AsyncConnection, click: Click) -> bool:
        if click.proof is None:
            return False
        return not await once.first(connection, click.proof, click.at_ms)

    async def _accept(
        self, connection: AsyncConnection, approval: ApprovalRecord, click: Click, people: People
    ) -> Ruled:
        grant = _grant(approval, click, await epoch.current(connection))
        await connection.execute(
            insert(decisions).values(
                grant_id=grant.jti,
                approval_id=grant.approval_id,
                approver=grant.approver,
                decision=grant.decision,
                token=self._signer.sign(Purpose.GRANT, grant.claims()),
                at_ms=grant.at_ms,
            )
        )
        await order(
            connection,
            LetterKind.DECISION,
            grant.jti,
            run_id=grant.run_id,
            next_ms=self._clock.now_ms(),
        )
        after = _after(approval, grant, click, people)
        place = approval_place(approval, approval.approval_id, "denial")
        await connection.execute(
            update(approvals)
            .where(approvals.c.approval_id == approval.approval_id)
            .values(
                state=after.state,
                message_ts=after.message_ts,
                decided_ms=after.decided_ms,
                denial=sealed(connection, place, after.denial),
                version=after.version,
            )
        )
        await self._audit(connection, approval, click, click.answer)
        return Ruled(approval=after, refusal=None, sentence=_accepted(after, click))

    async def _audit(
        self, connection: AsyncConnection, approval: ApprovalRecord, click: Click, outcome: str
    ) -> None:
        said = await approval_record(
            connection,
            approval,
            self._clock.now_ms(),
            actor=click.principal,
            outcome=outcome,
            approvers=(click.principal,),
            rules=(FAST,) if hasty(approval, click) else (),
            duration_ms=max(0, click.at_ms - approval.readable_ms(click.at_ms)),
            reason=f"{click.way}: {click.reason}" if click.reason else click.way,
        )
        await append(connection, said)


def _absent() -> Ruled:
    return Ruled(approval=None, refusal=Refusal.NOT_FOUND, sentence="There is no such approval.")


def _grant(approval: ApprovalRecord, click: Click, store_epoch: str) -> Grant:
    return Grant(
        jti=f"gr_{secrets.token_hex(12)}",
        approval_id=approval.approval_id,
        action_digest=approval.action_digest,
        run_id=approval.run_id,
        tenant=approval.tenant,
        env=approval.env,
        approver=click.principal,
        decision=click.answer,
        way=click.way,
        at_ms=click.at_ms,
        epoch=store_epoch,
        assertion=click.assertion,
    )


def _after(approval: ApprovalRecord, grant: Grant, click: Click, people: People) -> ApprovalRecord:
    """The approval with this decision; within its transaction nobody else changes it."""
    decided = replace(approval, grants=(*approval.grants, grant))
    state = _state(decided, click, people)
    return replace(
        decided,
        state=state,
        # The card's first click may be here before Slack's answer to the post is written down.
        message_ts=approval.message_ts or click.message_ts,
        decided_ms=None if state is ApprovalState.WAITING else click.at_ms,
        denial=click.reason if click.answer is Answer.DENY else approval.denial,
        version=approval.version + 1,
    )


def _state(approval: ApprovalRecord, click: Click, people: People) -> ApprovalState:
    """The state after this decision; withdrawing the last needed approval makes it wait again."""
    match click.answer:
        case Answer.IT_DID | Answer.IT_DID_NOT:
            return ApprovalState.SETTLED
        case Answer.WITHDRAW | Answer.STOP:
            return ApprovalState.WAITING
        case _:
            return tally(approval, people)


_SETTLING = {
    Answer.IT_DID: "It happened,",
    Answer.IT_DID_NOT: "It did not happen, and nothing repeats it,",
    Answer.STOP: "The run stops; whether it happened can still be said,",
}


def _accepted(approval: ApprovalRecord, click: Click) -> str:
    name = short_name(click.principal)
    if click.answer in _SETTLING:
        return f"{_SETTLING[click.answer]} says {name}."
    match approval.state:
        case ApprovalState.APPROVED:
            return f"Approved by {name}; it is being carried out."
        case ApprovalState.DENIED:
            return f"Denied by {name}; nothing will be written."
        case _ if click.answer is Answer.WITHDRAW:
            return f"{name} withdrew the approval; nothing will be written."
        case _:
            return f"Approved by {name}; {approval.needed} people are needed."
