"""Acting: one act at a time is proposed, shown, confirmed by its digest, and carried to its end."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from activities.concluding import concluded, denied, unsent
from activities.gate import ReadGate
from breakglass.carrying import Carrying
from breakglass.hands import Hands
from breakglass.holding import Holding
from breakglass.members import Members
from breakglass.warranted import Signed, signed
from contracts.break_glass import ActSeal, SessionRecord, SessionState
from contracts.break_glass_ports import Acts, NewAct
from contracts.digest import Json, digest, exact
from contracts.errors import Conflict, Halted, Malformed, PermissionRefused, Refused, Unknown
from contracts.ledger import Conclusion
from contracts.ports import Clock
from contracts.run import ActionRecord, Outcome
from contracts.tokens import Purpose, Signer
from contracts.tool import Catalogue, ToolSpec
from contracts.toolbox import Answer
from policies.arguments import fault
from policies.people import short_name
from policies.undo import offered


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """An act as its person wants it."""

    #: The same key is the same act.
    key: str
    tool: str
    arguments: Json


@dataclass(frozen=True, kw_only=True)
class Acting:
    """Of sessions that this process holds, by their openers alone."""

    members: Members
    acts: Acts
    carrying: Carrying
    signer: Signer
    holding: Holding
    hands: Hands
    clock: Clock

    async def propose(self, principal: str, session_id: str, proposal: Proposal) -> tuple[ActionRecord, bool]:
        """The act with its preview, and whether it is new; one that cannot be has ended already.

        Raises:
            Unknown: there is no such session, or not for this person.
            PermissionRefused: it is not theirs, or was not opened for this tool.
            Malformed: the arguments are not what the tool takes.
            Conflict: it is not open, something else is in hand, or the key was used for another act.
            Unavailable: a neighbour did not answer; the same key may be sent again.
        """
        async with self.members.refusing("act", principal, session_id):
            session = await self._open(principal, session_id)
            spec = await self._spec(session, proposal)
            what = f"propose {digest([proposal.key, proposal.tool, proposal.arguments])}"
            return await self.hands.do(session_id, what, partial(self._propose, session, spec, proposal))

    async def confirm(
        self, principal: str, session_id: str, action_id: str, action_digest: str
    ) -> ActionRecord:
        """The act, once it has ended.

        Raises as ``propose`` does, and Conflict where another digest was prepared, or none.
        """
        async with self.members.refusing("act", principal, session_id):
            _, session = await self._theirs(principal, session_id)
            action = await self._shown(session, action_id, action_digest)
            if action.outcome is not None:
                return action
            await self._open(principal, session_id)
            work = partial(self._confirm, session, action_id, action_digest)
            return await self.hands.do(session_id, f"confirm {action_id}", work)

    async def settle(
        self, principal: str, session_id: str, action_id: str, *, happened: bool, reason: str
    ) -> ActionRecord:
        """Say what an act did of which nobody knows. Raises as ``confirm`` does."""
        async with self.members.refusing("act", principal, session_id):
            person, record = await self.members.visible(principal, session_id)
            if person.principal == record.opening.opener:
                raise PermissionRefused("another person than the one who acted has to say what it did")
            # Its row is enough: nothing is sent. The key that signed the session may be replaced by now.
            _check_of(session_id, action_id)
            return await self.acts.settle(
                session_id, action_id, happened=happened, actor=person.principal, reason=reason
            )

    async def of(self, session_id: str) -> Sequence[ActionRecord]:
        """All acts of a session that somebody may see, in their order."""
        return await self.acts.of(session_id)

    async def _theirs(self, principal: str, session_id: str) -> tuple[SessionRecord, Signed]:
        person, record = await self.members.visible(principal, session_id)
        if person.principal != record.opening.opener:
            raise PermissionRefused(f"only {short_name(record.opening.opener)}, who opened it, acts in it")
        return record, signed(self.carrying.verifier, record)

    async def _open(self, principal: str, session_id: str) -> Signed:
        record, found = await self._theirs(principal, session_id)
        self._check_open(record)
        if not await self.holding.acts(session_id):
            raise Conflict("it is over, or another break-glass process has this session; act there")
        return found

    def _check_open(self, record: SessionRecord) -> None:
        if record.state is not SessionState.OPEN:
            raise Conflict(f"the session is {record.state}; nothing more is done in it")
        if record.until_ms is None or self.clock.now_ms() >= record.until_ms:
            raise Conflict("the session's minutes are over; nothing more is done in it")

    async def _spec(self, session: Signed, proposal: Proposal) -> ToolSpec:
        spec = await self.carrying.spec(session, proposal.tool)
        exact(proposal.arguments)
        if wrong := fault(spec.schema, proposal.arguments):
            raise Malformed(wrong)
        return spec

    async def _propose(
        self, session: Signed, spec: ToolSpec, proposal: Proposal
    ) -> tuple[ActionRecord, bool]:
        run = session.run
        before = {one.action_id for one in await self.acts.of(run.warrant.run_id)}
        act = NewAct(
            key=digest(["act", proposal.key]),
            tool=spec.name,
            effect=spec.effect,
            arguments=proposal.arguments,
        )
        action = await self.acts.propose(run, act)
        if action.frozen is None and action.outcome is None:
            ended = await self._prepared(session, spec, action.action_id)
            if ended is not None:
                await self.carrying.actions.conclude(run, action.action_id, ended)
            action = await self.carrying.actions.get(run, action.action_id)
        return action, action.action_id not in before

    async def _prepared(self, session: Signed, spec: ToolSpec, action_id: str) -> Conclusion | None:
        """Freeze what its preview shows; or how it ends, where there is nothing to confirm."""
        try:
            return await self._frozen(session, spec, action_id)
        except (Halted, PermissionRefused) as no:
            return denied(no)
        except Refused as error:
            return unsent(Outcome.FAILED, error.sentence, ("error",))

    async def _frozen(self, session: Signed, spec: ToolSpec, action_id: str) -> Conclusion | None:
        carrying, run = self.carrying, session.run
        action = await carrying.actions.get(run, action_id)
        gate = ReadGate(partial(carrying.leaving.may_leave, run, action, spec))
        scope, started = carrying.scope(session, gate), time.monotonic()
        await gate()
        prepared = await gate.outcome(carrying.toolbox.prepare(spec, action.arguments, scope))
        if isinstance(prepared, Answer):
            return concluded(prepared, scope, started=started, credential=spec.read_credential)
        catalogue = Catalogue.read(await carrying.documents.document(run.warrant.catalogue_digest))
        undo = offered(catalogue, spec.undo, prepared.undo_arguments)
        await carrying.actions.freeze(run, action, spec, prepared, undo=undo)
        return None

    async def _shown(self, session: Signed, action_id: str, action_digest: str) -> ActionRecord:
        """Whose digest was read by the person who confirms it."""
        _check_of(session.run.warrant.run_id, action_id)
        action = await self.carrying.actions.get(session.run, action_id)
        if action.action_digest != action_digest:
            raise Conflict("this is not what was prepared; read the act again")
        return action

    async def _confirm(self, session: Signed, action_id: str, action_digest: str) -> ActionRecord:
        seal = ActSeal(
            session_id=session.run.warrant.run_id,
            action_id=action_id,
            action_digest=action_digest,
            confirmed_ms=self.clock.now_ms(),
        )
        token = self.signer.sign(Purpose.BREAK_GLASS, seal.claims())
        await self.acts.confirmed(session.run, action_id, action_digest, token)
        return await self.carrying.carry(session, action_id)


def _check_of(session_id: str, action_id: str) -> None:
    """Raises Unknown of what is no id of an act of this session; nothing else is asked for in the store."""
    step = action_id.removeprefix(f"{session_id}.").removesuffix(".0")
    if not (step.isascii() and step.isdigit()):
        raise Unknown("there is no such act in this session")
