"""Recorded calls decided again under other rules: which of them would come out otherwise."""

from collections.abc import Iterable
from dataclasses import dataclass

from contracts.decision import Call, Decision, Reason, Ruling
from contracts.digest import Json
from policies.decide import decide
from policies.rule_set import RuleSet


@dataclass(frozen=True, kw_only=True)
class RecordedCall:
    """A call that was proposed, and what policy said of it then."""

    run_id: str
    action_id: str
    tenant: str
    route: str
    tool: str
    #: None: its tenant's content was forgotten.
    arguments: Json
    arguments_digest: str
    #: Of a write that was frozen; what else it is known by is the digest of its arguments.
    idempotency_key: str | None
    ruling: Ruling
    approvals: int
    at_ms: int


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """A recorded call that would be decided otherwise."""

    call: RecordedCall
    ruling: Ruling
    approvals: int
    #: What would determine it.
    rules: tuple[str, ...]

    @property
    def milder(self) -> bool:
        return _strictness(self) < _strictness(self.call)


def replay(rules: RuleSet, call: RecordedCall) -> Replayed | None:
    """The call under these rules, as of its own time; None: it would be decided as it was.

    Only rules that look at the call alone are asked: limits and breakers count what really happened.
    """
    decision = _decided(rules, call)
    if (decision.ruling, decision.approvals) == (call.ruling, call.approvals):
        return None
    return Replayed(
        call=call,
        ruling=decision.ruling,
        approvals=decision.approvals,
        rules=_rules(decision.reasons),
    )


def _decided(rules: RuleSet, call: RecordedCall) -> Decision:
    route = rules.routes.get(call.route)
    if route is None:
        reason = Reason(rule="route", text=f"there is no route {call.route}")
        return Decision(ruling=Ruling.DENY, reasons=(reason,))
    asked = Call(tool=call.tool, arguments=call.arguments)
    return decide(route, rules.catalogue, asked, now_ms=call.at_ms)


def _rules(reasons: Iterable[Reason]) -> tuple[str, ...]:
    return tuple(reason.rule for reason in reasons)


_RANK = (Ruling.ALLOW, Ruling.NEEDS_APPROVAL, Ruling.DENY)


def _strictness(one: RecordedCall | Replayed) -> tuple[int, int]:
    return _RANK.index(one.ruling), one.approvals
