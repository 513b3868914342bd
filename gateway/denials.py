"""A denial in Slack: the form that asks why, and what comes back with it."""

import unicodedata
from dataclasses import dataclass
from typing import Any, Final

import structlog

from contracts.approval import ApprovalRecord
from contracts.denial import CALLBACK, LONGEST, REASON, DenialForm
from contracts.errors import InterlockError, Malformed
from gateway.asides import tell
from gateway.background import cause
from gateway.interactions import Interaction
from gateway.parts import SlackApp
from gateway.problems import Problem, ProblemType

LOG: Final = structlog.get_logger("gateway.slack")


@dataclass(frozen=True, kw_only=True)
class Denial:
    """The form as it was sent off."""

    form: DenialForm
    reason: str


def read_denial(heard: Interaction) -> Denial | None:
    """What the form says; None: no form was sent off.

    Raises:
        Problem: it is none of ours. An empty answer would close it, as if it had counted.
    """
    if heard.type != "view_submission":
        return None
    try:
        if heard.view is None or heard.view.callback_id != CALLBACK:
            raise Malformed("this is no form of ours")
        form = DenialForm.read(heard.view.private_metadata)
    except Malformed as error:
        raise Problem(ProblemType.MALFORMED, error.sentence, field="payload") from error
    field = heard.view.state.values.get(REASON, {}).get(REASON)
    said = field.value if field else None
    return Denial(form=form, reason=(said or "").replace("\r\n", "\n").strip())


def unfit(reason: str) -> str | None:
    """Why this is no reason to deny with, in a sentence; None: it is one."""
    if not reason:
        return "Say why in a few words, so that the agent can do better; nothing changed."
    if len(reason) > LONGEST:
        return f"This has {len(reason):,} characters, and {LONGEST:,} are allowed; nothing changed."
    control = next(
        (char for char in reason if unicodedata.category(char) == "Cc" and char not in "\n\t"), None
    )
    if control is not None:
        return f"This holds a control character (U+{ord(control):04X}): write it anew; nothing changed."
    return None


def complaint(sentence: str) -> dict[str, Any]:
    """Slack's answer that leaves the form open and shows the sentence at its field."""
    return {"response_action": "errors", "errors": {REASON: sentence}}


async def ask_why(app: SlackApp, heard: Interaction, approval: ApprovalRecord, form: DenialForm) -> None:
    """Open the form. Where it does not open, the person is told how else to deny."""
    try:
        await app.forms.show(heard.trigger_id, approval, form)
    except InterlockError as error:
        LOG.warning("form not opened", user=heard.slack_name, error=cause(error))
        await tell(app, heard, _otherwise(app, form))


def _otherwise(app: SlackApp, form: DenialForm) -> str:
    """Slack may have opened it all the same and only not said so."""
    page = f", on {app.pages}/approvals/{form.approval_id}" if app.pages else ""
    return (
        "If no form opened, Slack did not take it, and nothing changed. Press Deny again, or deny"
        f'{page} or with `interlock approvals decide {form.approval_id} --deny --reason "…"`.'
    )
