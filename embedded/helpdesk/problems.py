"""Problem documents (RFC 9457): every refusal of the helpdesk, with its type."""

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.responses import Response

#: Type of a problem (after ``urn:helpdesk:problem:``) to its HTTP status and title.
PROBLEMS: dict[str, tuple[int, str]] = {
    "malformed-request": (400, "The request is malformed"),
    "key-required": (400, "A refund needs an Idempotency-Key"),
    "unauthenticated": (401, "No known key"),
    "wrong-scope": (403, "The key has another scope"),
    "not-found": (404, "There is no such thing"),
    "method-not-allowed": (405, "The method is not allowed here"),
    "already-closed": (409, "The ticket is already closed"),
    "not-closed": (409, "The ticket is not closed"),
    "not-refundable": (409, "The order cannot be refunded like that"),
    "in-flight": (409, "A request with this key is in flight"),
    "length-required": (411, "A body needs a Content-Length"),
    "version-mismatch": (412, "It has changed"),
    "body-too-large": (413, "The body is too large"),
    "invalid-request": (422, "The request is invalid"),
    "key-reused": (422, "The key was used for another request"),
    "condition-required": (428, "A write needs If-Match"),
    "internal-error": (500, "The helpdesk failed"),
    "unavailable": (503, "The helpdesk is unavailable"),
}

_BY_STATUS = {404: "not-found", 405: "method-not-allowed"}


class Problem(Exception):
    """A refusal: its type from the list above and one sentence; further members go into the document."""

    def __init__(
        self, kind: str, detail: str, *, headers: dict[str, str] | None = None, **members: Any
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.status, self.title = PROBLEMS[kind]
        self.headers = headers or {}
        self.members = members

    def document(self, instance: str) -> dict[str, Any]:
        return {
            "type": f"urn:helpdesk:problem:{self.kind}",
            "title": self.title,
            "status": self.status,
            "detail": str(self),
            "instance": instance,
            **self.members,
        }

    def response(self, instance: str) -> Response:
        document = self.document(instance)
        return JSONResponse(document, self.status, self.headers, media_type="application/problem+json")


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101 - registered for Problem alone
    return error.response(request.url.path)


async def _invalid(request: Request, error: Exception) -> Response:
    """The places and messages of what did not validate; never the values, which may be anybody's secret."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it alone
    errors = [
        {"where": ".".join(str(part) for part in one["loc"]), "message": str(one["msg"])}
        for one in error.errors()
    ]
    detail = "; ".join(f"{one['where']}: {one['message']}" for one in errors)
    return Problem("invalid-request", detail, errors=errors).response(request.url.path)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it alone
    kind = _BY_STATUS.get(error.status_code, "malformed-request")
    headers = dict(error.headers or {})
    return Problem(kind, f"{request.method} {request.url.path}: {error.detail}", headers=headers).response(
        request.url.path
    )


async def _internal(request: Request, _error: Exception) -> Response:
    return Problem("internal-error", "see the helpdesk's log for the cause").response(request.url.path)


def answer_with_problems(app: FastAPI) -> None:
    """Make every error of the app a problem document."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _internal)
