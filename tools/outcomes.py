"""What an answer, or the lack of one, means: whether something happened, and whether asking again may help.

A write whose request may have left and whose answer settles nothing is unknown; nothing here guesses. What
looks like a credential in a service's words is in no sentence.
"""

import re
from dataclasses import dataclass, replace
from typing import Final

from contracts.run import Outcome
from contracts.toolbox import Answer
from policies.credentials_like import without_credentials
from tools.reply import Broken, Reply

_TOO_MANY: Final = 429
_OTHER_VERSION: Final = 412
_KEY_REFUSED: Final = frozenset({401, 403})
_TRY_AGAIN: Final = frozenset({408, 425, _TOO_MANY})
_IN_FLIGHT: Final = re.compile(r"in[-_]?(flight|progress)$", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Service:
    """Whom we asked, and as whom; what the sentences name."""

    #: The source's address, such as ``helpdesk``.
    address: str
    #: ``dev/acme/ticketing-read``.
    credential: str

    def says(self, words: str) -> str:
        return f"the {self.address} {words}"

    @property
    def key_refused(self) -> Answer:
        return failed(self.says(f"refused our credential {self.credential}"))


def failed(text: str, *, transient: bool = False) -> Answer:
    """No effect happened."""
    text = without_credentials(text)
    return Answer(outcome=Outcome.FAILED, content=text, text=text, transient=transient)


def refused(text: str) -> Answer:
    """The target said no, and stays with it."""
    text = without_credentials(text)
    return Answer(outcome=Outcome.REFUSED, content=text, text=text)


def of_read(result: Reply | Broken, service: Service) -> Reply | Answer:
    """The reply where it is good (2xx), else how the read ended."""
    if isinstance(result, Broken):
        return failed(service.says(result), transient=result is not Broken.OVERSIZE)
    status = result.status
    if status in _TRY_AGAIN or status >= 500:
        return failed(service.says(f"is not able to answer now: {result.problem}"), transient=True)
    if status in _KEY_REFUSED:
        return service.key_refused
    if 400 <= status < 500:
        return refused(service.says(f"refused: {result.problem}"))
    return result if 200 <= status < 300 else failed(service.says(_astray(status)))


def of_write(result: Reply | Broken, service: Service) -> Reply | Answer:
    """The reply where the write succeeded (2xx), else how it ended."""
    if result is Broken.UNSENT:
        return failed(service.says(f"{result}: nothing was sent"), transient=True)
    if isinstance(result, Broken):
        return unknown(service.says(result))
    status = result.status
    if status == _TOO_MANY:
        return failed(service.says(f"did not take the request: {result.problem}"), transient=True)
    if status in _KEY_REFUSED:
        return service.key_refused
    if _in_flight(result):
        return unknown(service.says(f"has a request with this key in hand: {result.problem}"))
    if status == _OTHER_VERSION:
        text = service.says(f"has changed since it was shown: {result.problem}")
        return replace(refused(text), changed=True)
    if 400 <= status < 500 and status not in _TRY_AGAIN:
        return refused(service.says(f"refused: {result.problem}"))
    if 200 <= status < 300:
        return result
    return unknown(service.says(_astray(status) if status < 400 else f"failed: {result.problem}"))


def _in_flight(reply: Reply) -> bool:
    return reply.status == 409 and _IN_FLIGHT.search(reply.problem_type) is not None


def _astray(status: int) -> str:
    """No redirect is followed: our credential and the call belong to one origin."""
    return f"answered HTTP {status}, and redirects are not followed"


def unknown(text: str) -> Answer:
    sentence = f"{without_credentials(text)}; whether the write happened is unknown"
    return Answer(outcome=Outcome.UNKNOWN, content=sentence, text=sentence)
