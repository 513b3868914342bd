"""Whether a request comes from Slack: its ``v0`` signature.

The rule is Slack's ("Verifying requests from Slack"): HMAC-SHA256 over ``v0:TIMESTAMP:BODY``, at most 300
seconds away. slack_sdk computes and compares it; what makes slack_sdk raise is refused here first.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Final

from slack_sdk.signature import Clock, SignatureVerifier

from contracts.errors import TokenRefused
from contracts.secret import Secret

SECONDS: Final = 300
"""By which the time of a request may be off."""

_TIMESTAMP: Final = "x-slack-request-timestamp"
_SIGNATURE: Final = "x-slack-signature"
_NUMBER: Final = re.compile(r"[0-9]{1,12}", re.ASCII)
_V0: Final = re.compile(r"v0=[0-9a-f]{64}", re.ASCII)


class _At(Clock):
    """The moment at which the request is judged."""

    def __init__(self, now_s: float) -> None:
        self._now_s = now_s

    def now(self) -> float:
        return self._now_s


def verify(signing_secret: Secret, headers: Mapping[str, str], body: bytes, now_s: float) -> None:
    """Accept a request that Slack signed within 300 s of ``now_s`` (Unix seconds).

    Raises:
        TokenRefused: a header is missing, double or malformed, the time is off, or the signature is wrong.
    """
    timestamp, signature = _only(headers, _TIMESTAMP, _NUMBER), _only(headers, _SIGNATURE, _V0)
    if abs(now_s - int(timestamp)) > SECONDS:
        raise TokenRefused(
            "this Slack request is more than 5 minutes old or ahead: check this machine's clock"
        )
    if not _signed(signing_secret, timestamp, signature, body, now_s):
        raise TokenRefused("this request is not signed with the app's signing secret")


def proof(headers: Mapping[str, str]) -> str:
    """``sha256:`` and 64 hex digits over the signature, under which a click counts once.

    Raises:
        TokenRefused: there is no single well-formed signature.
    """
    signature = _only(headers, _SIGNATURE, _V0)
    return "sha256:" + hashlib.sha256(signature.encode()).hexdigest()


def _signed(secret: Secret, timestamp: str, signature: str, body: bytes, now_s: float) -> bool:
    if not secret.reveal().strip():
        raise TokenRefused("no signing secret is configured, so no Slack request can be accepted")
    verifier = SignatureVerifier(secret.reveal(), clock=_At(now_s))
    try:
        return verifier.is_valid(body=body, timestamp=timestamp, signature=signature)
    except UnicodeDecodeError:
        return False  # slack_sdk decodes the body, and Slack never sends one that is not UTF-8


def _only(headers: Mapping[str, str], name: str, shape: re.Pattern[str]) -> str:
    """The header's one value: of two, a proxy and we might read different ones."""
    values = [value for key, value in headers.items() if key.lower() == name]
    if len(values) != 1:
        raise TokenRefused(f"this request has {len(values) or 'no'} {name} headers where Slack sends one")
    if not shape.fullmatch(values[0]):
        raise TokenRefused(f"the {name} header of this request is not as Slack writes it")
    return values[0]
