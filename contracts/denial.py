"""The form in which a person in Slack says why they deny: what goes out and comes back with it."""

import json
import re
from dataclasses import asdict, dataclass
from typing import Final, Self

from contracts.errors import Malformed

CALLBACK: Final = "interlock.denial"
"""``callback_id`` of the form."""

REASON: Final = "reason"
"""``block_id`` and ``action_id`` of its one field."""

LONGEST: Final = 1_000
"""Characters of a reason."""

_SHAPES: Final = {
    "approval_id": re.compile(r"apr_[0-9a-f]{1,36}"),
    "action_digest": re.compile(r"sha256:[0-9a-f]{64}"),
    "channel": re.compile(r"[A-Z0-9]{1,40}"),
    "message_ts": re.compile(r"[0-9]{1,12}\.[0-9]{1,6}", re.ASCII),
}


@dataclass(frozen=True, kw_only=True)
class DenialForm:
    """Which action the form is about, and on which card Deny was pressed."""

    approval_id: str
    action_digest: str
    channel: str
    message_ts: str

    def metadata(self) -> str:
        """The form's ``private_metadata``, which Slack sends back as it was."""
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, metadata: str) -> Self:
        """Raises Malformed where no form of ours has such metadata."""
        try:
            found = json.loads(metadata)
            whole = all(shape.fullmatch(found[name]) for name, shape in _SHAPES.items())
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise Malformed("this form does not say which action it is about") from error
        if not whole or found.keys() != _SHAPES.keys():
            raise Malformed("this form does not say which action it is about")
        return cls(**found)
