"""Consent on the page of a session, with a passkey; and its end by hand."""

from pydantic import ValidationError

from breakglass.pages.one_session import Fields, sent
from breakglass.pages.visits import Visiting
from breakglass.shapes import AssertionBody, CloseBody
from contracts.errors import Malformed


async def _consent(visit: Visiting, session_id: str, fields: Fields) -> None:
    try:
        signed = AssertionBody.model_validate_json(fields.get("assertion", "")).assertion()
    except ValidationError as error:
        raise Malformed("no passkey signed this form, so nobody has consented") from error
    principal, digest = visit.signed_in().principal, fields.get("opening_digest", "")
    await visit.parts.openings.consent(principal, session_id, digest, signed)


async def _close(visit: Visiting, session_id: str, fields: Fields) -> None:
    try:
        body = CloseBody.model_validate({"reason": fields.get("reason", "").strip() or None})
    except ValidationError as error:
        raise Malformed("a reason is one line, of 500 characters at most") from error
    await visit.parts.ending.close(visit.signed_in().principal, session_id, body.reason or "")


consent = sent("consent", _consent)
close = sent("close", _close)
