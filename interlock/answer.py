"""An answer about a policy: true or false, and why, so that a failed assert explains itself."""

from dataclasses import dataclass

from contracts.decision import Decision, Ruling


@dataclass(frozen=True, kw_only=True, repr=False)
class Answer:
    """Whether something holds of a tool on a route, with the decision that says so."""

    holds: bool
    decision: Decision
    #: File and line of each of the decision's reasons.
    places: tuple[tuple[str, int], ...]

    def __bool__(self) -> bool:
        return self.holds

    def __repr__(self) -> str:
        """On one line, because pytest shows it so, and the answer first, because pytest cuts its middle."""
        because = ", ".join(
            f"{reason.rule} ({file}:{line})"
            for reason, (file, line) in zip(self.decision.reasons, self.places, strict=True)
        )
        yes = "yes" if self.holds else "no"
        return f"<{yes}, {self._outcome()} by {because}: {self.decision.reasons[-1].text}>"

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules that determined it, such as ``deny_tools[0]``."""
        return tuple(reason.rule for reason in self.decision.reasons)

    def _outcome(self) -> str:
        if self.decision.ruling is not Ruling.NEEDS_APPROVAL:
            return self.decision.ruling.value
        people = self.decision.approvals
        return f"needs_approval of {people} {'person' if people == 1 else 'people'}"
