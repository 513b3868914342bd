"""From a request to a warrant: what a caller asks for, held against the route. Pure but for the run's id."""

import json
import secrets
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

from contracts import keys
from contracts.budget import Budget
from contracts.digest import digest
from contracts.errors import Malformed
from contracts.tokens import Warrant
from gateway.asked import BudgetBody, StartBody
from gateway.auth import Principal
from gateway.problems import Problem, ProblemType
from policies.arguments import fault
from policies.route import Route

_SCRIPT: Final = frozenset({"script", "final"})


@dataclass(frozen=True, kw_only=True)
class Start:
    """A request to start a run, as its sender and body identify it."""

    caller: Principal
    tenant: str
    env: str
    key: str
    body: StartBody

    @property
    def on_behalf_of(self) -> str | None:
        """Whom the body names; else the subject of a delegated token."""
        return self.body.on_behalf_of or next(iter(self.caller.delegation), None)

    @property
    def delegation(self) -> tuple[str, ...]:
        """Who else is behind it: nobody of them gets to approve by being left out of the body."""
        return tuple(name for name in self.caller.delegation if name != self.on_behalf_of)

    @property
    def start_hash(self) -> str:
        """Under which the run is unique while it is kept."""
        return keys.start_hash(tenant=self.tenant, env=self.env, caller=self.caller.subject, key=self.key)

    @property
    def request_id(self) -> str:
        return keys.request_id(tenant=self.tenant, env=self.env, caller=self.caller.subject, key=self.key)

    @property
    def body_digest(self) -> str:
        """Of the body in one form: key order, spacing and spelled-out nulls are no difference.

        Raises:
            Problem: the input has no canonical form.
        """
        body = self.body
        budgets = body.budgets.model_dump(exclude_none=True) if body.budgets else {}
        whole: dict[str, Any] = {
            "route": body.route,
            "input": body.input,
            "on_behalf_of": self.on_behalf_of,
            "budgets": budgets,
        }
        if self.delegation:
            whole["delegation"] = list(self.delegation)
        try:
            # Lone surrogates are legal in JSON's grammar and are no text.
            json.dumps(whole, ensure_ascii=False).encode()
            return digest(whole)
        except (Malformed, ValueError, RecursionError) as error:
            sentence = (
                f"the input: {error.sentence}"
                if isinstance(error, Malformed)
                else "the input holds a lone surrogate, which is no text"
            )
            raise Problem(ProblemType.INPUT, sentence, field="/input") from error


def warrant(start: Start, *, route: Route, policy_digest: str, catalogue_digest: str) -> Warrant:
    """What the run will be.

    Raises:
        Problem: the input is not what the route takes, or a budget is wider than the route's.
    """
    check_input(route, start.body.input, start.env)
    return Warrant(
        run_id=f"run_{secrets.token_hex(12)}",
        request_id=start.request_id,
        caller=start.caller.subject,
        tenant=start.tenant,
        env=start.env,
        route=route.name,
        on_behalf_of=start.on_behalf_of,
        delegation=start.delegation,
        input_digest=digest(start.body.input),
        policy_digest=policy_digest,
        catalogue_digest=catalogue_digest,
        budget=narrowed(route.budgets, start.body.budgets),
    )


def check_input(route: Route, value: dict[str, Any], env: str) -> None:
    """Raises Problem where the input does not fit the route's schema, or a script comes where none may."""
    scripted = route.model.name == "scripted"
    if scripted and env == "prod":
        raise Problem(ProblemType.FORBIDDEN, "the scripted model is refused where the environment is prod")
    own = {name: inner for name, inner in value.items() if not (scripted and name in _SCRIPT)}
    for part, schema in ((own, route.input or {}), (value, {})):
        sentence = fault(schema, part)
        if sentence is not None:
            raise Problem(ProblemType.INPUT, f"the input does not fit: {sentence}", field=_field(sentence))


def _field(sentence: str) -> str:
    """The pointer that a sentence of ``policies.arguments`` starts with, below the body's ``input``."""
    pointer = sentence.partition(": ")[0]
    return f"/input{pointer.rstrip('/')}" if pointer.startswith("/") and " " not in pointer else "/input"


def narrowed(ceiling: Budget, asked: BudgetBody | None) -> Budget:
    """The route's budget with what the caller narrowed. Raises Problem where something would widen it."""
    wanted = asked.model_dump(exclude_none=True) if asked else {}
    for name, value in wanted.items():
        most = getattr(ceiling, name)
        if Decimal(value) > Decimal(most):
            raise Problem(
                ProblemType.BUDGET,
                f"{name} may be at most {most} on this route",
                field=f"/budgets/{name}",
            )
    return replace(ceiling, **wanted)
