"""Acts on the page of a session: proposed, confirmed by typing the target, settled where nobody knows."""

import re
from typing import Final

from pydantic import ValidationError

from breakglass.acting import Proposal
from breakglass.pages.one_session import Fields, sent
from breakglass.pages.visits import Visiting
from breakglass.shapes import ActBody, OutcomeBody
from contracts.action import Frozen
from contracts.errors import Malformed
from gateway.bodies import read
from gateway.problems import Problem

_KEY: Final = re.compile(r"[0-9a-f]{32}")
_ACT: Final = re.compile(r"[A-Za-z0-9_.]{1,80}")


async def _propose(visit: Visiting, session_id: str, fields: Fields) -> None:
    principal = visit.signed_in().principal
    await visit.parts.acting.propose(principal, session_id, _proposal(fields))


async def _confirm(visit: Visiting, session_id: str, fields: Fields) -> None:
    """Whoever confirms has typed the target: a click alone sends nothing."""
    principal, act_id = visit.signed_in().principal, _act(fields)
    await visit.parts.members.visible(principal, session_id)
    for act in await visit.parts.acting.of(session_id):
        if act.action_id == act_id and act.frozen is not None:
            _check_typed(fields, Frozen.read(act.frozen))
    await visit.parts.acting.confirm(principal, session_id, act_id, fields.get("action_digest", ""))


async def _settle(visit: Visiting, session_id: str, fields: Fields) -> None:
    said = {"outcome": fields.get("outcome"), "reason": fields.get("reason", "").strip()}
    try:
        body = OutcomeBody.model_validate(said)
    except ValidationError as error:
        raise Malformed("say how you know, in one line of 500 characters at most") from error
    principal, happened = visit.signed_in().principal, body.outcome == "it_did"
    await visit.parts.acting.settle(
        principal, session_id, _act(fields), happened=happened, reason=body.reason
    )


propose = sent("propose", _propose)
confirm = sent("confirm", _confirm)
settle = sent("settle", _settle)


def _proposal(fields: Fields) -> Proposal:
    """Read as strictly as the API reads a body. Raises Malformed."""
    key = fields.get("key", "")
    if not _KEY.fullmatch(key):
        raise Malformed("this form is not the page's own; open the page again")
    try:
        arguments = read(fields.get("arguments", "").encode())
        body = ActBody.model_validate({"tool": fields.get("tool"), "arguments": arguments})
    except Problem as error:
        raise Malformed("the arguments are no JSON object, or one with a key twice") from error
    except ValidationError as error:
        raise Malformed("choose a tool, and write its arguments as a JSON object") from error
    return Proposal(key=key, tool=body.tool, arguments=body.arguments)


def _act(fields: Fields) -> str:
    """Raises Malformed."""
    found = fields.get("act", "")
    if not _ACT.fullmatch(found):
        raise Malformed("this form names no act; open the page again")
    return found


def _check_typed(fields: Fields, frozen: Frozen) -> None:
    """Raises Malformed."""
    if fields.get("target", "").strip() != frozen.target.strip():
        raise Malformed("that is not its target, so nothing was sent")
