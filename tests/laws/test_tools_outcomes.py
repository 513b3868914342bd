"""What an answer means: each row of the table by name."""

import json

import pytest

from contracts.run import Outcome
from contracts.toolbox import Answer
from tools.outcomes import Service, of_read, of_write
from tools.reply import Broken, Reply

SERVICE = Service(address="helpdesk", credential="dev/acme/ticketing-read")
IN_FLIGHT = {"type": "urn:helpdesk:problem:in-flight", "title": "In flight"}
CONFLICT = {
    "type": "urn:helpdesk:problem:already-closed",
    "title": "Closed",
    "detail": "T-1 is already closed",
}


def _reply(status: int, document: object = None) -> Reply:
    return Reply(status=status, etag="", document=document)


@pytest.mark.parametrize(
    ("result", "outcome", "transient"),
    [
        pytest.param(Broken.UNSENT, Outcome.FAILED, True, id="nothing was sent"),
        pytest.param(Broken.SLOW, Outcome.UNKNOWN, False, id="no answer in time"),
        pytest.param(Broken.LOST, Outcome.UNKNOWN, False, id="disconnected"),
        pytest.param(Broken.OVERSIZE, Outcome.UNKNOWN, False, id="oversize"),
        pytest.param(_reply(300), Outcome.UNKNOWN, False, id="300"),
        pytest.param(_reply(303), Outcome.UNKNOWN, False, id="303 see other"),
        pytest.param(_reply(307), Outcome.UNKNOWN, False, id="307 redirect"),
        pytest.param(_reply(400), Outcome.REFUSED, False, id="400"),
        pytest.param(_reply(401), Outcome.FAILED, False, id="401"),
        pytest.param(_reply(403), Outcome.FAILED, False, id="403"),
        pytest.param(_reply(404), Outcome.REFUSED, False, id="404"),
        pytest.param(_reply(408), Outcome.UNKNOWN, False, id="408 request time-out"),
        pytest.param(_reply(409, CONFLICT), Outcome.REFUSED, False, id="409 conflict"),
        pytest.param(_reply(409, IN_FLIGHT), Outcome.UNKNOWN, False, id="409 in flight"),
        pytest.param(_reply(412), Outcome.REFUSED, False, id="412 version"),
        pytest.param(_reply(422), Outcome.REFUSED, False, id="422 key reused"),
        pytest.param(_reply(425), Outcome.UNKNOWN, False, id="425 too early"),
        pytest.param(_reply(428), Outcome.REFUSED, False, id="428 condition"),
        pytest.param(_reply(429), Outcome.FAILED, True, id="429 too many"),
        pytest.param(_reply(500), Outcome.UNKNOWN, False, id="500"),
        pytest.param(_reply(503), Outcome.UNKNOWN, False, id="503"),
        pytest.param(_reply(599), Outcome.UNKNOWN, False, id="599"),
        pytest.param(_reply(999), Outcome.UNKNOWN, False, id="no status there is"),
    ],
)
def test_a_write_is_unknown_unless_the_answer_settles_it(
    result: Reply | Broken, outcome: Outcome, transient: bool
) -> None:
    """Only what proves that nothing happened is failed or refused."""
    answer = of_write(result, SERVICE)
    assert isinstance(answer, Answer)
    assert (answer.outcome, answer.transient) == (outcome, transient)
    assert answer.changed == (isinstance(result, Reply) and result.status == 412)


@pytest.mark.parametrize(
    ("result", "outcome", "transient"),
    [
        pytest.param(Broken.UNSENT, Outcome.FAILED, True, id="nothing was sent"),
        pytest.param(Broken.SLOW, Outcome.FAILED, True, id="no answer in time"),
        pytest.param(Broken.LOST, Outcome.FAILED, True, id="disconnected"),
        pytest.param(Broken.OVERSIZE, Outcome.FAILED, False, id="oversize"),
        pytest.param(_reply(302), Outcome.FAILED, False, id="302 redirect"),
        pytest.param(_reply(401), Outcome.FAILED, False, id="401"),
        pytest.param(_reply(403), Outcome.FAILED, False, id="403"),
        pytest.param(_reply(404), Outcome.REFUSED, False, id="404"),
        pytest.param(_reply(429), Outcome.FAILED, True, id="429 too many"),
        pytest.param(_reply(500), Outcome.FAILED, True, id="500"),
        pytest.param(_reply(503), Outcome.FAILED, True, id="503"),
    ],
)
def test_a_read_is_never_unknown(result: Reply | Broken, outcome: Outcome, transient: bool) -> None:
    """A read has no effect: it is refused, or failed, and says whether asking again may help."""
    answer = of_read(result, SERVICE)
    assert isinstance(answer, Answer)
    assert (answer.outcome, answer.transient) == (outcome, transient)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_2xx_is_a_good_reply(status: int) -> None:
    """A good reply is passed on as it is."""
    reply = _reply(status)
    assert of_read(reply, SERVICE) is reply
    assert of_write(reply, SERVICE) is reply


def test_a_refusal_speaks_the_problems_words() -> None:
    """Title and detail of the problem document are the sentence."""
    answer = of_write(_reply(409, CONFLICT), SERVICE)
    assert isinstance(answer, Answer)
    assert answer.text == "the helpdesk refused: Closed: T-1 is already closed"


def test_a_refused_credential_is_named_by_its_scope() -> None:
    """Whoever reads the sentence knows which secret to look at."""
    answer = of_read(_reply(401), SERVICE)
    assert isinstance(answer, Answer)
    assert answer.text == "the helpdesk refused our credential dev/acme/ticketing-read"


@pytest.mark.parametrize(
    "document", [None, [], "x", {"title": 1}, {"title": "a\nb\u202e" + "x" * 9999}, {"type": []}]
)
def test_a_hostile_problem_document_stays_one_bounded_line(document: object) -> None:
    """Whatever a service calls its problem, the sentence is short and has no control characters."""
    answer = of_write(_reply(409, document), SERVICE)
    assert isinstance(answer, Answer)
    assert len(answer.text) < 400
    assert answer.text.isprintable()
    json.dumps(answer.content)
