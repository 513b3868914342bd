"""Passkeys of people (Web Authentication Level 2): what they signed, and how a new one is read.

The gateway verifies and the tool worker verifies again, each against the people file, neither on the other's
word. Whatever cannot be read does not hold.
"""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Final

from webauthn import verify_authentication_response, verify_registration_response
from webauthn.helpers import decode_credential_public_key
from webauthn.helpers.cose import COSEAlgorithmIdentifier

from contracts.approval import Person
from contracts.errors import Malformed
from contracts.passkey import Assertion, Passkey
from policies.pages import Pages

ALGORITHMS: Final = (
    COSEAlgorithmIdentifier.ECDSA_SHA_256,
    COSEAlgorithmIdentifier.EDDSA,
    COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256,
)
"""Of credentials' keys, the preferred first; a key of any other signs nothing here."""

_DIGEST: Final = re.compile(r"sha256:([0-9a-f]{64})")
_ENCODED: Final = re.compile(r"[A-Za-z0-9_-]{1,8192}")
"""Base64url; authenticators' answers take a few hundred characters."""


class WebAuthnVerifier:
    """Implements ``contracts.ports.PasskeyVerifier`` for the pages at an address; empty: nothing holds."""

    def __init__(self, pages: str) -> None:
        self._pages = Pages.at(pages)

    def verified(self, assertion: Assertion, person: Person, action_digest: str) -> bool:
        named = [one for one in person.passkeys if one.credential_id == assertion.credential_id]
        if self._pages is None or len(named) != 1:
            return False
        try:
            _check(self._pages, assertion, named[0], action_digest)
        except Exception:
            # The library lets its parsers' errors through, and the bytes are the sender's choice.
            return False
        return True


class WebAuthnReader:
    """Implements ``gateway.ports.PasskeyReader``."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def read(self, answer: Mapping[str, str], *, challenge: bytes, name: str) -> Passkey:
        try:
            made = verify_registration_response(
                credential=_credential(answer, "client_data", "attestation"),
                expected_challenge=challenge,
                expected_rp_id=self._pages.host,
                expected_origin=self._pages.origin,
                require_user_verification=True,
                supported_pub_key_algs=list(ALGORITHMS),
            )
        except Exception as error:
            # As above; and there is nothing that the sentence could add for a person.
            raise Malformed("what your device answered is no new passkey for these pages") from error
        return Passkey(
            credential_id=encoded(made.credential_id),
            public_key=encoded(made.credential_public_key),
            name=name,
        )


def challenge(action_digest: str) -> bytes:
    """What an approval's passkey signs: the digest's own 32 bytes. Raises Malformed."""
    found = _DIGEST.fullmatch(action_digest)
    if found is None:
        raise Malformed("a passkey signs an action's digest, and this is none")
    return bytes.fromhex(found[1])


def encoded(value: bytes) -> str:
    """Base64url without padding."""
    return urlsafe_b64encode(value).rstrip(b"=").decode()


def _check(pages: Pages, assertion: Assertion, passkey: Passkey, action_digest: str) -> None:
    """Raises where it does not hold.

    The sign count is not looked at: synchronised passkeys have none, and a signature that comes again says
    the same of the same action, which is decided and claimed once.
    """
    key = _decoded(passkey.public_key)
    if decode_credential_public_key(key).alg not in ALGORITHMS:
        raise Malformed("a key of this algorithm signs nothing here")
    verify_authentication_response(
        credential=_credential(assertion.document(), "client_data", "authenticator_data", "signature"),
        expected_challenge=challenge(action_digest),
        expected_rp_id=pages.host,
        expected_origin=pages.origin,
        credential_public_key=key,
        credential_current_sign_count=0,
        require_user_verification=True,
    )


_NAMES: Final = {
    "client_data": "clientDataJSON",
    "authenticator_data": "authenticatorData",
    "signature": "signature",
    "attestation": "attestationObject",
}


def _credential(answer: Mapping[str, str], *parts: str) -> dict[str, object]:
    """The answer in the library's shape. Raises Malformed, and KeyError for a part that is missing."""
    for part in (*parts, "credential_id"):
        _decoded(answer[part])
    seen = json.loads(_decoded(answer["client_data"]))
    if seen.get("crossOrigin", False) is not False or "topOrigin" in seen:
        raise Malformed("this was signed inside another site's page")
    return {
        "id": answer["credential_id"],
        "rawId": answer["credential_id"],
        "type": "public-key",
        "response": {_NAMES[part]: answer[part] for part in parts},
    }


def _decoded(text: str) -> bytes:
    """Strictly, where the library skips what is no base64url. Raises Malformed."""
    if not _ENCODED.fullmatch(text):
        raise Malformed("this is no base64url")
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
