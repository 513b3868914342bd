"""What came back from a tool's service, made harmless: JSON, a bounded text, or a note on what it was."""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError

from contracts.digest import Json
from contracts.run import Outcome
from contracts.toolbox import Answer
from policies.arguments import clean
from tools.scrub import Scrubber, bounded

BODY_LIMIT: Final = 5_000_000
"""Bytes of one answer that are read; a longer one is refused."""

_SENTENCE: Final = 300
"""Characters that a sentence repeats of what a service said."""

M = TypeVar("M", bound=BaseModel)


class Broken(StrEnum):
    """Why there is no answer."""

    #: No byte of the request left.
    UNSENT = "could not be reached"
    SLOW = "did not answer in time"
    LOST = "broke off without a whole answer"
    OVERSIZE = f"answered more than {BODY_LIMIT} bytes"


class Stopped(Exception):
    """The call ends here, with this answer: it carries it out of a tool's code."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.text)
        self.answer = answer


@dataclass(frozen=True, kw_only=True)
class Reply:
    """A whole answer, scrubbed already."""

    status: int
    #: The ``ETag`` as it was sent, quotes included; empty where there was none.
    etag: str
    #: The body as JSON; None where it is none.
    document: Json = None
    #: Of a body that is no JSON: its text, or what it is; bounded.
    note: str = ""

    def content(self) -> Json:
        """The body, whatever it is, as a result for the model."""
        return self.note if self.document is None else self.document

    def read(self, model: type[M], sentence: str) -> M:
        """The body as a record. Raises Stopped, with the sentence, when it is something else."""
        try:
            return model.model_validate(self.document)
        except ValidationError:
            pass  # outside the handler: pydantic's text repeats values, and would stay the error's context
        raise Stopped(Answer(outcome=Outcome.FAILED, content=sentence, text=sentence))

    def version(self, sentence: str) -> str:
        """The version of what was read. Raises Stopped, with the sentence, where none was named."""
        if not self.etag:
            raise Stopped(Answer(outcome=Outcome.FAILED, content=sentence, text=sentence))
        return self.etag

    @property
    def problem(self) -> str:
        """Title and detail of a problem document (RFC 9457), for a sentence; else the status."""
        body = self.document if isinstance(self.document, dict) else {}
        said = [body[name] for name in ("title", "detail") if isinstance(body.get(name), str) and body[name]]
        return one_line(": ".join(said), _SENTENCE) or f"HTTP {self.status}"

    @property
    def problem_type(self) -> str:
        body = self.document if isinstance(self.document, dict) else {}
        kind = body.get("type")
        return kind if isinstance(kind, str) else ""


def one_line(text: str, length: int) -> str:
    """Text from outside as part of a sentence or a card: no line breaks, no invisible characters, cut."""
    return clean(" ".join(text.split()), length)


def reply(*, status: int, etag: str, body: bytes, kind: str, encoding: str, scrubber: Scrubber) -> Reply:
    """Build a reply from raw bytes; never raises, whatever they are. ``kind`` is the Content-Type."""
    etag = scrubber.text(one_line(etag, 200))
    if encoding not in ("", "identity"):
        return Reply(status=status, etag=etag, note=f"[an answer of {len(body)} bytes that is compressed]")
    try:
        text = body.decode("utf-8-sig")
        document = scrubber.document(json.loads(text, parse_constant=_no_constant))
    except UnicodeDecodeError:
        return Reply(status=status, etag=etag, note=_binary(body, kind, scrubber))
    except (ValueError, RecursionError):
        note = _binary(body, kind, scrubber) if "\0" in text else bounded(scrubber.text(text))
        return Reply(status=status, etag=etag, note=note)
    return Reply(status=status, etag=etag, document=document)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _binary(body: bytes, kind: str, scrubber: Scrubber) -> str:
    return scrubber.text(
        f"[a binary answer of {len(body)} bytes, {one_line(kind, 80) or 'of no named type'}]"
    )
