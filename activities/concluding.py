"""How a call ends: what its target answered, or why it was not sent, as the books keep it."""

import time

from contracts.errors import Halted, PermissionRefused
from contracts.ledger import Conclusion
from contracts.run import Outcome
from contracts.toolbox import Answer, Scope


def concluded(
    answer: Answer, scope: Scope, *, started: float, credential: str | None, attempts: int = 0
) -> Conclusion:
    """``started``: the monotonic moment from which its duration counts."""
    return Conclusion(
        outcome=answer.outcome,
        content=answer.content,
        text=answer.text,
        duration_ms=int((time.monotonic() - started) * 1000),
        attempts=attempts,
        credential_scope=f"{scope.env}/{scope.tenant}/{credential}" if credential else None,
        artifact=answer.artifact,
        rules=answer.rules,
    )


def unsent(outcome: Outcome, sentence: str, rules: tuple[str, ...]) -> Conclusion:
    """Of what did not reach its target."""
    return Conclusion(outcome=outcome, content=sentence, text=sentence, duration_ms=0, rules=rules)


def denied(no: PermissionRefused | Halted) -> Conclusion:
    """Of a call that was let through when it was proposed, and is denied by now."""
    return unsent(Outcome.DENIED, no.sentence, no.rules or ("error",))
