"""Problem documents (RFC 9457): every refusal of the gateway, with its type from one list."""

from enum import StrEnum
from typing import Any, Final

from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from contracts.approval import Refusal
from contracts.errors import (
    BreakerOpen,
    Conflict,
    Halted,
    InterlockError,
    Malformed,
    PermissionRefused,
    TokenRefused,
    Unavailable,
    Unknown,
)

MEDIA_TYPE: Final = "application/problem+json"


class ProblemType(StrEnum):
    """Every ``type`` that the gateway answers with."""

    MALFORMED = "urn:interlock:problem:malformed-request"
    IDEMPOTENCY_KEY = "urn:interlock:problem:idempotency-key"
    UNAUTHENTICATED = "urn:interlock:problem:unauthenticated"
    FORBIDDEN = "urn:interlock:problem:forbidden"
    NOT_FOUND = "urn:interlock:problem:not-found"
    METHOD = "urn:interlock:problem:method-not-allowed"
    CONFLICT = "urn:interlock:problem:conflict"
    LATE = "urn:interlock:problem:too-late"
    TOO_LARGE = "urn:interlock:problem:body-too-large"
    MEDIA_TYPE = "urn:interlock:problem:unsupported-media-type"
    INVALID = "urn:interlock:problem:invalid-request"
    INPUT = "urn:interlock:problem:input-refused"
    BUDGET = "urn:interlock:problem:budget-wider"
    KEY_REUSED = "urn:interlock:problem:idempotency-key-reused"
    POLICY = "urn:interlock:problem:policy-denied"
    OTHER_ACTION = "urn:interlock:problem:other-action"
    INTERNAL = "urn:interlock:problem:internal-error"
    UNAVAILABLE = "urn:interlock:problem:unavailable"
    BREAKER_OPEN = "urn:interlock:problem:breaker-open"


KINDS: Final[dict[ProblemType, tuple[int, str]]] = {
    ProblemType.MALFORMED: (400, "The request is malformed"),
    ProblemType.IDEMPOTENCY_KEY: (400, "The Idempotency-Key is missing or none"),
    ProblemType.UNAUTHENTICATED: (401, "No token that holds here"),
    ProblemType.FORBIDDEN: (403, "Not with this token"),
    ProblemType.NOT_FOUND: (404, "There is no such thing"),
    ProblemType.METHOD: (405, "The method is not allowed here"),
    ProblemType.CONFLICT: (409, "It stands otherwise already"),
    ProblemType.LATE: (410, "The time for it has passed"),
    ProblemType.TOO_LARGE: (413, "The body is too large"),
    ProblemType.MEDIA_TYPE: (415, "The body is not in JSON"),
    ProblemType.INVALID: (422, "The request is invalid"),
    ProblemType.INPUT: (422, "The input is not what the route takes"),
    ProblemType.BUDGET: (422, "A budget may only be narrower than the route's"),
    ProblemType.KEY_REUSED: (422, "The Idempotency-Key was used for another request"),
    ProblemType.POLICY: (403, "The route's policy does not allow it"),
    ProblemType.OTHER_ACTION: (422, "This answers another action"),
    ProblemType.INTERNAL: (500, "The gateway failed"),
    ProblemType.UNAVAILABLE: (503, "A part that is needed does not answer"),
    ProblemType.BREAKER_OPEN: (503, "The route's circuit breaker is open"),
}
"""HTTP status and title by type."""


class ProblemDocument(BaseModel):
    """An RFC 9457 problem document."""

    model_config = ConfigDict(title="Problem", extra="forbid")

    type: ProblemType
    title: str
    status: int
    #: One sentence: what was wrong and what to do.
    detail: str
    #: JSON pointer into the body, or the name of the header or parameter, where one is to blame.
    field: str | None = Field(default=None)
    #: Of a decision that did not count: why, in a word.
    refusal: Refusal | None = Field(default=None)


class Problem(Exception):
    """Ends a request with a problem document."""

    def __init__(
        self,
        kind: ProblemType,
        detail: str,
        *,
        field: str | None = None,
        refusal: Refusal | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.field = field
        self.refusal = refusal
        #: Seconds; None: what its type says.
        self.retry_after = retry_after
        self.status, self.title = KINDS[kind]

    def response(self, headers: dict[str, str] | None = None) -> Response:
        document = ProblemDocument(
            type=self.kind,
            title=self.title,
            status=self.status,
            detail=str(self),
            field=self.field,
            refusal=self.refusal,
        )
        body = document.model_dump(mode="json", exclude_none=True)
        later = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        own = {**_HEADERS.get(self.kind, {}), **later, **(headers or {})}
        return JSONResponse(body, self.status, own, MEDIA_TYPE)


_HEADERS: Final = {
    ProblemType.UNAUTHENTICATED: {"WWW-Authenticate": 'Bearer realm="interlock", error="invalid_token"'},
    ProblemType.UNAVAILABLE: {"Retry-After": "2"},
}


def of_error(error: InterlockError) -> Problem:
    """The problem that an error of ours is, where no route knows better."""
    match error:
        case BreakerOpen():
            return Problem(ProblemType.BREAKER_OPEN, error.sentence, retry_after=error.retry_after)
        case Unavailable() | Halted():
            kind = ProblemType.UNAVAILABLE
        case TokenRefused():
            kind = ProblemType.UNAUTHENTICATED
        case PermissionRefused():
            kind = ProblemType.FORBIDDEN
        case Unknown():
            kind = ProblemType.NOT_FOUND
        case Conflict():
            kind = ProblemType.CONFLICT
        case Malformed():
            kind = ProblemType.INVALID
        case _:
            kind = ProblemType.INTERNAL
    return Problem(kind, error.sentence)


def internal() -> Problem:
    """What a caller learns of our own mistakes."""
    return Problem(ProblemType.INTERNAL, "the gateway failed on this request; its log names the place")


def of_http(error: HTTPException) -> Problem:
    """The problem that an answer of the framework is."""
    match error.status_code:
        case 403:
            return Problem(ProblemType.FORBIDDEN, str(error.detail))
        case 404:
            return Problem(ProblemType.NOT_FOUND, "there is no such path; /openapi.json lists them all")
        case 405:
            return Problem(ProblemType.METHOD, "this path takes other methods; the Allow header lists them")
        case 413:
            return too_large()
        case status if status >= 500:
            return internal()
    return Problem(ProblemType.MALFORMED, "the body could not be read; send JSON")


BODY_LIMIT: Final = 262_144
"""Bytes of a request's body."""


def too_large() -> Problem:
    return Problem(ProblemType.TOO_LARGE, f"the body is longer than {BODY_LIMIT} bytes; send less")


_REFUSALS: Final = {
    Refusal.LATE: ProblemType.LATE,
    Refusal.DECIDED: ProblemType.CONFLICT,
    Refusal.REPEATED: ProblemType.CONFLICT,
    Refusal.CLAIMED: ProblemType.CONFLICT,
    Refusal.OTHER_CARD: ProblemType.CONFLICT,
    Refusal.OTHER_ACTION: ProblemType.OTHER_ACTION,
    Refusal.NOT_AN_ANSWER: ProblemType.INVALID,
    Refusal.OTHER_ROUTE: ProblemType.FORBIDDEN,
    Refusal.TOO_FAST: ProblemType.FORBIDDEN,
    Refusal.NEEDS_PASSKEY: ProblemType.FORBIDDEN,
    Refusal.BAD_PASSKEY: ProblemType.FORBIDDEN,
    Refusal.STRANGER: ProblemType.FORBIDDEN,
    Refusal.NOT_IN_GROUP: ProblemType.FORBIDDEN,
    Refusal.OTHER_TENANT: ProblemType.FORBIDDEN,
    Refusal.REQUESTER: ProblemType.FORBIDDEN,
    Refusal.NOT_FOUND: ProblemType.NOT_FOUND,
}


def of_refusal(refusal: Refusal, sentence: str) -> Problem:
    """The problem that a decision which did not count is."""
    return Problem(_REFUSALS[refusal], sentence, refusal=refusal)


async def answer(_request: Request, error: Exception) -> Response:
    """FastAPI's handler of everything that is raised on purpose."""
    match error:
        case Problem():
            return error.response()
        case InterlockError():
            return of_error(error).response()
        case ClientDisconnect():
            return Problem(ProblemType.MALFORMED, "the body broke off; send it whole").response()
        case HTTPException():
            return of_http(error).response(dict(error.headers or {}))
    return internal().response()


_COMMON: Final = (401, 403, 413, 422, 500, 503)


def answers(*statuses: int, open_to_all: bool = False) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's responses of a route: problem documents with these statuses, and those of every route."""
    common = (500, 503) if open_to_all else _COMMON
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        status: {"description": _described(status), "content": content}
        for status in sorted({*statuses, *common})
    }


def _described(status: int) -> str:
    return "; ".join(title for code, title in KINDS.values() if code == status)
