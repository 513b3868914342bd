"""What a person is told whose request did not work: a page with one sentence, whatever went wrong."""

from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from contracts.errors import InterlockError
from gateway.problems import Problem, of_error

HEADINGS: Final = {
    400: "That could not be read",
    401: "You are not signed in",
    403: "That is not allowed",
    404: "There is nothing here",
    405: "That cannot be done here",
    409: "It stands otherwise already",
    410: "The time for it has passed",
    413: "That is too long",
    415: "That could not be read",
    421: "These pages have another address",
    422: "That is not possible",
    500: "Something failed",
    503: "Something does not answer",
}
"""By HTTP status."""


class Fault(Exception):
    """Ends a request with a page that says why."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


def absent() -> Fault:
    """The same for what there is not and for what is not this person's to see."""
    return Fault(404, "There is no such page, or it is not for you.")


def fault_of(error: Exception) -> Fault | None:
    """The fault that an error is; None: it is a mistake of ours."""
    match error:
        case Fault():
            return error
        case Problem():
            return Fault(error.status, f"{error}")
        case InterlockError():
            return Fault(of_error(error).status, error.sentence)
        case ClientDisconnect():
            return Fault(400, "The form broke off; send it once more.")
        case HTTPException(status_code=403):
            return Fault(403, f"{error.detail}.".capitalize())
        case HTTPException(status_code=404):
            return absent()
        case HTTPException(status_code=405):
            return Fault(405, "This address is only to be looked at, or only to send a form to.")
    return None
