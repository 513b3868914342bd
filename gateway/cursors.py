"""Opaque cursors: where a list goes on. They carry a place and no right: every page is authorised anew."""

import base64
import binascii
import json
import re
from typing import Any, Final

from gateway.problems import Problem, ProblemType

_LARGEST: Final = 2**53 - 1
_ID: Final = re.compile(r"[a-z0-9_]{1,40}")
_LETTER: Final = re.compile(r"[a-z]+:[a-z0-9_]{1,64}")


def after_place(at_ms: int, identity: str) -> str:
    return _written([at_ms, identity])


def read_place(cursor: str | None) -> tuple[int, str] | None:
    """The time and id of the last run or approval seen. Raises Problem."""
    match _read(cursor):
        case None:
            return None
        case [int(at_ms), str(identity)] if _place(at_ms) and _ID.fullmatch(identity):
            return at_ms, identity
    raise _refused()


def after_record(seq: int) -> str:
    return _written([seq])


def read_record(cursor: str | None) -> int:
    """The place of the last record seen; 0: none yet. Raises Problem."""
    match _read(cursor):
        case None:
            return 0
        case [int(seq)] if _place(seq):
            return seq
    raise _refused()


def after_letter(outbox_id: str) -> str:
    return _written([outbox_id])


def read_letter(cursor: str | None) -> str:
    """The id of the last letter seen; empty: none yet. Raises Problem."""
    match _read(cursor):
        case None:
            return ""
        case [str(outbox_id)] if _LETTER.fullmatch(outbox_id):
            return outbox_id
    raise _refused()


def _place(number: int) -> bool:
    return not isinstance(number, bool) and 0 <= number <= _LARGEST


def _written(place: list[int | str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(place, separators=(",", ":")).encode()).rstrip(b"=").decode()


def _read(cursor: str | None) -> Any:
    if cursor is None:
        return None
    try:
        return (
            json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
            or ()
        )
    except (binascii.Error, ValueError, RecursionError) as error:
        raise _refused() from error


def _refused() -> Problem:
    return Problem(ProblemType.INVALID, "this is no cursor of this list; start without one", field="cursor")
