"""Why: the chain from a run's request to its writes, put together from the rows and the audit records."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fastapi import APIRouter

from contracts.approval import Answer, ApprovalRecord
from contracts.audit import ChainedRecord
from contracts.digest import digest_bytes
from contracts.run import ActionRecord, RunRecord, UndoRecord
from contracts.tokens import Purpose, Warrant
from gateway.parts import Given, Parts
from gateway.ports import AuditQuery
from gateway.problems import answers
from gateway.runs import Visible, undone
from gateway.views import action_view, run_head
from gateway.why_shapes import (
    Proof,
    WhyAction,
    WhyAnswer,
    WhyAttempt,
    WhyClick,
    WhyDecision,
    WhyPolicy,
    WhyQuestion,
    WhyReason,
    WhyRequest,
    WhyShape,
    WhyShown,
    WhyState,
)
from policies.times import maybe_time, time_of

router: Final = APIRouter(tags=["runs"])

SHOWN: Final = 4_000
"""Characters of a write's answer that are shown."""

_PAGE: Final = 500

Places = Mapping[str, tuple[str, int]]


@router.get("/v1/runs/{run_id}/why", summary="Read why a run did what it did", responses=answers(404))
async def why_run(run: Visible, parts: Given) -> WhyShape:
    """Digests and sizes of what was read; of a write, what was shown and what its target answered."""
    records = await _records(parts, run)
    actions = await parts.actions.of_run(run.run_id)
    asked = sorted({name for one in records if (name := one.record["approval_id"]) is not None})
    known = Known(
        records=_by_action(records),
        approvals={name: await parts.approvals.get(name) for name in asked},
        answers=await parts.answers.of_run(run.run_id),
        rules=await parts.sources.places(run.policy_digest),
        tools=await parts.sources.places(run.catalogue_digest),
        undos=await undone(parts, run.run_id, actions),
    )
    return WhyShape(
        run=run_head(run),
        request=_request(parts, run),
        policy=WhyPolicy(
            route=run.route, policy_digest=run.policy_digest, catalogue_digest=run.catalogue_digest
        ),
        states=tuple(_state(one) for one in records if one.record["kind"] == "run"),
        actions=tuple(known.action(number, action) for number, action in enumerate(actions, start=1)),
    )


async def _records(parts: Parts, run: RunRecord) -> list[ChainedRecord]:
    """Every record of the run, in the order of the chain."""
    found: list[ChainedRecord] = []
    while True:
        query = AuditQuery(
            tenant=run.tenant,
            env=run.env,
            run_id=run.run_id,
            tool=None,
            routes=None,
            since_ms=None,
            after=found[-1].seq if found else 0,
            limit=_PAGE,
        )
        page = await parts.audit.page(query)
        found += page
        if len(page) < _PAGE:
            return found


def _by_action(records: Sequence[ChainedRecord]) -> Mapping[tuple[str, str], Sequence[ChainedRecord]]:
    found: dict[tuple[str, str], list[ChainedRecord]] = {}
    for one in records:
        found.setdefault((one.record["action_id"] or "", one.record["kind"]), []).append(one)
    return found


def _request(parts: Parts, run: RunRecord) -> WhyRequest:
    # The warrant's word: the input itself may be forgotten.
    warrant = Warrant.read(parts.verifier.verify(Purpose.WARRANT, run.warrant))
    return WhyRequest(
        at=time_of(run.created_ms),
        caller=run.caller,
        on_behalf_of=run.on_behalf_of,
        request_id=run.request_id,
        input_digest=warrant.input_digest,
        execution=run.first_execution,
    )


def _state(chained: ChainedRecord) -> WhyState:
    record = chained.record
    return WhyState(
        **_about(chained), outcome=record["outcome"], actor=record["actor"], reason=chained.reason
    )


def _about(chained: ChainedRecord) -> dict[str, Any]:
    """When it was, and what proves it."""
    return {
        "at": time_of(chained.record["at_ms"]),
        "proof": Proof(seq=chained.seq, hash=chained.hash),
    }


@dataclass(frozen=True, kw_only=True)
class Known:
    """What is known of a run's actions."""

    #: By action id and kind.
    records: Mapping[tuple[str, str], Sequence[ChainedRecord]]
    approvals: Mapping[str, ApprovalRecord]
    #: By action id.
    answers: Mapping[str, str]
    #: Places of the route's rules, and of the catalogue's tools.
    rules: Places
    tools: Places
    #: Those that stand, by action id.
    undos: Mapping[str, UndoRecord]

    def action(self, number: int, action: ActionRecord) -> WhyAction:
        approval = self.approvals.get(action.approval_id or "")
        return WhyAction(
            number=number,
            action=action_view(action, approval, self.undos.get(action.action_id)),
            words=action.words,
            decision=next((self._decision(action, one) for one in self._of(action, "decision")), None),
            shown=_shown(action),
            questions=tuple(self._questions(action)),
            attempts=tuple(_attempt(one) for one in self._of(action, "attempt")),
            answers=tuple(self._answers(action)),
        )

    def _of(self, action: ActionRecord, kind: str) -> Sequence[ChainedRecord]:
        return self.records.get((action.action_id, kind), ())

    def _decision(self, action: ActionRecord, chained: ChainedRecord) -> WhyDecision:
        return WhyDecision.model_validate(
            {
                **_about(chained),
                "ruling": chained.record["outcome"],
                "approvals": action.approvals,
                "reasons": tuple(self._reason(action, reason) for reason in action.reasons),
            }
        )

    def _reason(self, action: ActionRecord, reason: Mapping[str, str]) -> WhyReason:
        """A rule of the catalogue stands in the tool file, every other in the route's."""
        rule = reason["rule"]
        if rule.startswith("catalogue"):
            place = self.tools.get(action.tool)
        else:
            place = self.rules.get(rule) or self.rules.get("allow_tools") or self.rules.get("")
        file, line = place or (None, None)
        return WhyReason(rule=rule, text=reason["text"], file=file, line=line)

    def _questions(self, action: ActionRecord) -> Iterator[WhyQuestion]:
        """Each time that people were asked, with the clicks on that question."""
        records = self._of(action, "approval")
        for chained in records:
            if chained.record["outcome"] == "asked":
                approval = self.approvals[chained.record["approval_id"]]
                clicks = tuple(_click(one, approval) for one in records if _clicked(one, approval))
                yield _question(chained, approval, clicks)

    def _answers(self, action: ActionRecord) -> Iterator[WhyAnswer]:
        records = self._of(action, "result")
        for place, chained in enumerate(records, start=1):
            content = self.answers.get(action.action_id) if place == len(records) else None
            yield _answer(action, chained, content)


def _question(chained: ChainedRecord, approval: ApprovalRecord, clicks: tuple[WhyClick, ...]) -> WhyQuestion:
    return WhyQuestion.model_validate(
        {
            **_about(chained),
            "approval_id": approval.approval_id,
            "kind": approval.kind,
            "group": approval.group,
            "needed": approval.needed,
            "deadline": maybe_time(approval.deadline_ms),
            "state": approval.state,
            "decided_at": maybe_time(approval.decided_ms),
            "clicks": clicks,
        }
    )


def _answer(action: ActionRecord, chained: ChainedRecord, content: str | None) -> WhyAnswer:
    record, data = chained.record, None if content is None else content.encode()
    # What was not frozen was never sent: its answer, if there is one, is something that was read.
    shown = content[:SHOWN] if content is not None and action.action_digest is not None else None
    return WhyAnswer.model_validate(
        {
            **_about(chained),
            "outcome": record["outcome"],
            "text": chained.reason,
            "duration_ms": record["duration_ms"] or 0,
            "credential_scope": record["credential_scope"],
            "content": shown,
            "content_digest": None if data is None else digest_bytes(data),
            "content_bytes": None if data is None else len(data),
        }
    )


def _shown(action: ActionRecord) -> WhyShown | None:
    if action.frozen is None or action.action_digest is None:
        return None
    return WhyShown(action_digest=action.action_digest, frozen=action.frozen)


def _clicked(chained: ChainedRecord, approval: ApprovalRecord) -> bool:
    """Whether this is a person's answer to that question; the run's own records of it are none."""
    record = chained.record
    counts = record["outcome"] in _ANSWERS or record["outcome"].startswith("refused:")
    return bool(record["approval_id"] == approval.approval_id and counts)


_ANSWERS: Final = frozenset(Answer)


def _click(chained: ChainedRecord, approval: ApprovalRecord) -> WhyClick:
    record = chained.record
    # The desk writes an answer, or ``refused:WHY``; and ``WAY`` or ``WAY: what they said``.
    word, _, refusal = record["outcome"].partition(":")
    way, _, said = chained.reason.partition(": ")
    return WhyClick.model_validate(
        {
            **_about(chained),
            "who": record["actor"],
            "answer": None if refusal else word,
            "refusal": refusal or None,
            "way": way,
            "reason": said,
            "after": max(record["at_ms"] - approval.requested_ms, 0) / 1_000,
        }
    )


def _attempt(chained: ChainedRecord) -> WhyAttempt:
    record = chained.record
    return WhyAttempt(
        **_about(chained),
        outcome=record["outcome"],
        credential_scope=record["credential_scope"],
        approvers=tuple(record["approvers"]),
    )
