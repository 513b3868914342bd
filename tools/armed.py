"""A write with its credential in hand."""

import logging
from collections.abc import Awaitable
from dataclasses import replace
from typing import Any, TypeVar

from contracts.digest import Json
from contracts.errors import Halted, Malformed, PermissionRefused, Refused, Unavailable
from contracts.run import Outcome
from contracts.toolbox import Answer, Gate
from policies.attempts import mentioned
from tools.operation import Reader, WriteOperation
from tools.outcomes import failed, unknown
from tools.reply import Reply, Stopped
from tools.scrub import Scrubber
from tools.session import Line, ReadRequest, ReadSession, WriteSession

T = TypeVar("T")

log = logging.getLogger(__name__)


class ArmedWrite:
    """Implements ``contracts.toolbox.Armed``. Not stored, not passed on: it lives for one attempt."""

    def __init__(
        self,
        *,
        version: str,
        session: WriteSession,
        operation: WriteOperation[Any],
        reader: Line | None,
        key: str,
        name: str,
        scrubber: Scrubber,
    ) -> None:
        self.version = version
        self._session, self._operation, self._reader = session, operation, reader
        self._key, self._name, self._scrubber = key, name, scrubber

    async def send(self, gate: Gate) -> Answer:
        """Send the frozen bytes with the key. Raises nothing: what is not settled is unknown."""
        try:
            result = await self._session.send(gate)
        except (Halted, PermissionRefused, Unavailable) as error:
            # Only the gate raises these, before the first byte.
            return replace(failed(error.sentence), held=True)
        except Exception as error:  # noqa: BLE001, RUF100 - whatever broke, the request may have left
            log.error("sending %s broke off: %s", self._name, type(error).__name__)
            return unknown(f"sending {self._name} broke off ({type(error).__name__})")
        if not isinstance(result, Reply):
            return result
        return replace(self._done(result), rules=mentioned(result.content()))

    async def find(self) -> Answer | None:
        """What the target did under the key, asked with the read credential; None where it did nothing.

        Raises:
            Refused: the target cannot be asked, or answered something else.
            Unavailable: not now.
        """
        found = await asked(self._operation.find(reading(self._reader, self._name), self._key))
        return None if found is None else self._succeeded(found)

    def _done(self, reply: Reply) -> Answer:
        try:
            return self._succeeded(self._operation.result(reply))
        except Exception as error:  # noqa: BLE001, RUF100 - it has happened; a tool's mistake must not deny it
            log.error("the result of %s could not be told: %s", self._name, type(error).__name__)
            return self._succeeded(reply.content())

    def _succeeded(self, content: Json) -> Answer:
        text = f"{self._name} was done"
        return Answer(outcome=Outcome.SUCCEEDED, content=self._scrubber.result(content), text=text)


def reading(line: Line | None, name: str) -> Reader:
    """A session that reads, or one that refuses to where nothing was named to read with."""
    return Unread(name) if line is None else ReadSession(line)


class Unread:
    """Implements ``tools.operation.Reader`` for a write whose target nothing reads."""

    def __init__(self, name: str) -> None:
        self._sentence = f"the catalogue names no credential to read with before {name}"

    async def get(self, path: str, **_: Any) -> Reply:  # noqa: ARG002 - it is asked nothing
        raise Malformed(self._sentence)

    async def ask(self, request: ReadRequest) -> Reply:  # noqa: ARG002 - as above
        raise Malformed(self._sentence)

    async def seek(self, request: ReadRequest) -> Reply | None:  # noqa: ARG002 - as above
        raise Malformed(self._sentence)


async def asked(question: Awaitable[T]) -> T:
    """A read that only a good answer helps; raises Unavailable or Refused with the sentence of any other."""
    try:
        return await question
    except Stopped as stopped:
        answer = stopped.answer
    raise (Unavailable if answer.transient else Refused)(answer.text)
