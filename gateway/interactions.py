"""What Slack sends when a person acts, as far as we read it, and which of our buttons was pressed."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from contracts.approval import Answer
from gateway.parts import SlackApp
from gateway.problems import Problem, ProblemType

ANSWERS: Final = {
    "interlock.approve": Answer.APPROVE,
    "interlock.deny": Answer.DENY,
    "interlock.withdraw": Answer.WITHDRAW,
    "interlock.did": Answer.IT_DID,
    "interlock.did_not": Answer.IT_DID_NOT,
    "interlock.stop": Answer.STOP,
}
"""Our buttons that answer, by ``action_id``; the click of a link button answers nothing."""

_VALUE: Final = re.compile(r"(apr_[0-9a-f]{1,36})\|(sha256:[0-9a-f]{64})")
_ID: Final = r"^[A-Z0-9]{1,40}$"


class _Heard(BaseModel):
    """A part of Slack's payload: what we read of it; Slack sends more, and may add to it."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)


class _Team(_Heard):
    id: str = Field(pattern=_ID)


class _User(_Heard):
    id: str = Field(pattern=_ID)
    #: The person's own workspace, which is another one in a shared channel.
    team_id: str | None = Field(default=None, pattern=_ID)


class _Channel(_Heard):
    id: str = Field(pattern=_ID)


class _Container(_Heard):
    channel_id: str | None = None
    message_ts: str | None = Field(default=None, pattern=r"^[0-9]{1,12}\.[0-9]{1,6}$")


class _Action(_Heard):
    action_id: str
    value: str = ""


class _Field(_Heard):
    value: str | None = None


class _State(_Heard):
    #: By the block's and then the element's id.
    values: dict[str, dict[str, _Field]] = {}


class _View(_Heard):
    app_id: str | None = None
    callback_id: str = ""
    private_metadata: str = ""
    state: _State = _State()


class Interaction(_Heard):
    """A person pressed something, or sent a form off."""

    type: str
    api_app_id: str
    team: _Team
    user: _User
    channel: _Channel | None = None
    container: _Container = _Container()
    actions: tuple[_Action, ...] = ()
    response_url: str | None = None
    trigger_id: str = Field(default="", max_length=500)
    view: _View | None = None

    @property
    def slack_name(self) -> str:
        """Who it was, where the people file knows nobody."""
        return f"slack:{self.home}/{self.user.id}"

    @property
    def slack_user(self) -> str:
        return self.user.id

    @property
    def home(self) -> str:
        """The person's own workspace."""
        return self.user.team_id or self.team.id

    def comes_from(self, app: SlackApp) -> bool:
        """Whether workspace and app are the configured ones, and so is the channel or whose form it is."""
        if (self.team.id, self.api_app_id) != (app.team, app.app):
            return False
        if self.type == "view_submission":
            return self.view is not None and self.view.app_id == app.app
        channel = self.channel.id if self.channel else None
        return (channel, self.container.channel_id) == (app.channel, app.channel)


@dataclass(frozen=True, kw_only=True)
class Press:
    """One of our buttons, as it was pressed."""

    approval_id: str
    action_digest: str
    answer: Answer


def read_interaction(body: bytes) -> Interaction:
    """The payload of a form body. Raises Problem where it is none."""
    try:
        form = parse_qs(body.decode("ascii"), strict_parsing=True, max_num_fields=4)
        (payload,) = form["payload"]
        return Interaction.model_validate_json(payload)
    except (ValidationError, ValueError, KeyError) as error:
        raise Problem(ProblemType.MALFORMED, "this is no interaction of Slack's", field="payload") from error


def read_press(heard: Interaction) -> Press | None:
    """The button of ours that was pressed; None: none was. Raises Problem where its value is none of ours."""
    pressed = [action for action in heard.actions if action.action_id in ANSWERS]
    if heard.type != "block_actions" or not pressed:
        return None
    found = _VALUE.fullmatch(pressed[0].value)
    if len(pressed) > 1 or found is None:
        raise Problem(ProblemType.MALFORMED, "this button carries no action of ours", field="payload")
    return Press(approval_id=found[1], action_digest=found[2], answer=ANSWERS[pressed[0].action_id])
