"""A route: the rules that one kind of run is held to, as its file says them.

The same shape is read from a route's YAML and from its pinned document. Durations stay text (``4h``) in
both, so that a diff of two documents reads like a diff of two files.
"""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from contracts.approval import Terms
from contracts.budget import Budget
from contracts.digest import Json, digest, exact
from contracts.errors import Malformed
from contracts.transcript import Price
from policies.amounts import Deadline, Dollars, Duration, Ratio, dollars, milliseconds


def _budget(budget: Budget) -> Budget:
    if budget.steps < 1 or budget.seconds < 1 or budget.denials < 0:
        raise ValueError("budgets start at 1 step, 1 second and 0 denials")
    dollars(budget.usd)
    return budget


def _price_text(price: Any) -> Any:
    """Whole dollars may be written as integers; a float never gets through."""
    if not isinstance(price, dict):
        return price
    return {name: str(value) if type(value) is int else value for name, value in price.items()}


def _price(price: Price) -> Price:
    dollars(price.input_usd_per_mtok)
    dollars(price.output_usd_per_mtok)
    return price


Count = Annotated[int, Field(ge=1)]
Mask = Literal["email", "phone", "card", "iban", "name"]


class _Shape(BaseModel):
    """A frozen part of a route in which an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Model(_Shape):
    """Which model thinks, and what an answer may cost."""

    #: ``rules``, ``scripted``, ``openai:gpt-…``, ``anthropic:…``, ``bedrock:…``.
    name: str = Field(min_length=1)
    max_output_tokens: Count = 800
    #: For models that the price table does not know.
    price: Annotated[Annotated[Price, AfterValidator(_price)] | None, BeforeValidator(_price_text)] = None


class Total(_Shape):
    """A ceiling on the sum of an argument: an integer, or decimal text such as ``"12.50"``."""

    argument: str = Field(min_length=1)
    #: A whole number, or decimal text.
    max: Annotated[int, Field(ge=0)] | Dollars


class Limit(_Shape):
    """How often, or for how much, a tool may be called; counted where the claim is made."""

    tool: str
    per: Literal["run", "route", "tenant"]
    window: Duration
    calls: Annotated[int, Field(ge=0)] | None = None
    sum: Total | None = None

    @property
    def window_ms(self) -> int:
        return milliseconds(self.window)


class Egress(_Shape):
    """Places outside that a tool of the route may reach. What no rule names stays out of reach."""

    #: ``docs.example.com``, ``*.example.com`` (below it, not itself), with ``:8443`` where the port is not
    #: the scheme's own.
    host: str
    #: ``none``: the call may leave the scheme to the service that fetches the address.
    schemes: tuple[Literal["https", "http", "none"], ...] = ("https",)
    methods: tuple[Literal["GET", "HEAD", "POST"], ...] = ("GET",)
    #: ``/public/`` is everything below it, ``/faq`` that page alone.
    paths: tuple[str, ...] = ("/",)
    #: Names that the query may have: what is sent there leaves the house.
    query: tuple[str, ...] = ()
    #: Bytes of an answer that are read, at most.
    max_bytes: Annotated[int, Field(ge=1, le=5_000_000)] = 1_000_000


class Escalation(_Shape):
    """Who else is asked when nobody answers."""

    after: Duration
    group: str


class Approval(_Shape):
    """Whom a write asks, and for how long."""

    group: str | None = None
    deadline: Deadline = "4h"
    remind: Duration | None = None
    escalate: Escalation | None = None
    min_review_seconds: Annotated[int, Field(ge=0)] = 0

    @property
    def deadline_ms(self) -> int | None:
        """Milliseconds from the request to the deadline; None: never."""
        return None if self.deadline == "never" else milliseconds(self.deadline)

    @property
    def remind_ms(self) -> int | None:
        """Milliseconds from the request to the reminder: half of the time, where the route names none."""
        if self.remind is not None:
            return milliseconds(self.remind)
        return None if self.deadline_ms is None else self.deadline_ms // 2

    @property
    def terms(self) -> Terms:
        second = self.escalate
        return Terms(
            group=self.group or "",
            deadline_ms=self.deadline_ms,
            remind_ms=self.remind_ms,
            escalate_ms=None if second is None else milliseconds(second.after),
            escalate_to="" if second is None else second.group,
            min_review_ms=self.min_review_seconds * 1_000,
        )


class Breaker(_Shape):
    """When new runs of the route are refused, and its writes wait: any one of these within the window."""

    window: Duration
    #: Runs that ended, before their failures are weighed.
    min_runs: Count
    #: Share of them that failed.
    failure_ratio: Ratio
    #: How long it stays open before one run may try.
    open_for: Duration
    #: Denied calls; None: they do not open it.
    denials: Count | None = None
    #: Writes of which nobody knows what they did; None: they do not open it.
    unknowns: Count | None = None
    #: Dollars charged by models; None: they do not open it.
    usd: Dollars | None = None


class Audit(_Shape):
    """Whether the route is audited; it must be where the environment is prod."""

    enabled: bool = True


class RouteException(_Shape):
    """A waiver with an owner and an end."""

    tool: str
    waive: Literal["approval"]
    reason: str = Field(min_length=1)
    owner: str = Field(pattern=r"^principal:[^\s]+$")
    #: The last day on which it holds, in UTC.
    expires: date

    def holds(self, now_ms: int) -> bool:
        """Whether it holds at this Unix millisecond: through the end of its last day, UTC."""
        return datetime.fromtimestamp(now_ms // 1_000, tz=UTC).date() <= self.expires


class Route(_Shape):
    """One route, whole. Everything that it does not permit is denied."""

    #: Path of its file below ``routes``, such as ``support/close``.
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*(/[a-z0-9][a-z0-9_-]*)*$")
    description: str = ""
    model: Model
    prompt: str = ""
    #: JSON Schema of a run's input; None: any.
    input: dict[str, Any] | None = None
    allow_tools: tuple[str, ...]
    deny_tools: tuple[str, ...] = ()
    require_approval: tuple[str, ...] = ()
    #: JSON Schema by tool, on the real arguments.
    when: dict[str, dict[str, Any]] = Field(default_factory=dict)
    limits: Annotated[tuple[Limit, ...], Field(max_length=200)] = ()
    egress: Annotated[tuple[Egress, ...], Field(max_length=200)] = ()
    budgets: Annotated[Budget, AfterValidator(_budget)]
    loop: Count = 3
    #: Steps in a row that bring nothing new, after which the run stops as if in a loop.
    stall: Count = 6
    approval: Approval = Approval()
    on_denied: Literal["tell_model", "stop"] = "tell_model"
    on_expired: Literal["stop", "tell_model"] = "stop"
    on_exhausted: Literal["stop", "ask"] = "stop"
    breaker: Breaker | None = None
    #: Personal data that the model does not see.
    mask: tuple[Mask, ...] = ()
    audit: Audit = Audit()
    exceptions: tuple[RouteException, ...] = ()

    @property
    def audit_enabled(self) -> bool:
        return self.audit.enabled

    @classmethod
    def parse(cls, value: Json) -> Self:
        """A route from the keys of its file and its ``name``.

        Raises:
            ValidationError: pydantic's, with the place of each mistake.
        """
        return cls.model_validate_json(json.dumps(value), strict=True, extra="forbid")

    @classmethod
    def read(cls, document: Json) -> Self:
        """A route from its pinned document.

        Raises:
            Malformed: it is none, or it asks for something that this version does not enforce.
        """
        try:
            route = cls.parse(document)
        except (ValidationError, TypeError, ValueError) as error:
            raise Malformed(f"this is no route: {_first(error)}") from error
        for key in unenforced(route):
            raise Malformed(f"`{key}` is not enforced by this version; remove it")
        return route

    def document(self) -> Json:
        """The whole route as JSON without floats.

        Raises:
            Malformed: a schema of ``input`` or ``when`` holds a float.
        """
        document = self.model_dump(mode="json")
        exact(document)
        return document

    def digest(self) -> str:
        return digest(self.document())


def _first(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    fault = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}"


_UNENFORCED: Final[tuple[tuple[str, Callable[[Route], bool]], ...]] = (
    ("on_exhausted", lambda route: route.on_exhausted == "ask"),
)
"""What a route may say and this version would ignore: such a route is refused, never half kept."""


def unenforced(route: Route) -> tuple[str, ...]:
    """Keys of this route that this version does not enforce."""
    return tuple(key for key, asked in _UNENFORCED if asked(route))
