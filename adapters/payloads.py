"""What Temporal keeps of us is encrypted: payloads, failures and headers, from the first run on.

AES-256-GCM with a random 96-bit nonce (NIST SP 800-38D); the key's id travels beside it, authenticated.
"""

import base64
import hashlib
import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from temporalio.api.common.v1 import Payload
from temporalio.converter import (
    DataConverter,
    DefaultFailureConverterWithEncodedAttributes,
    PayloadCodec,
)

from contracts.errors import Malformed
from contracts.secret import Secret

_ENCODING: Final = b"binary/encrypted"
_NONCE: Final = 12


class EncryptingCodec(PayloadCodec):
    """Encrypts whole payloads, metadata included."""

    def __init__(self, key: Secret) -> None:
        """``key`` is 32 bytes, base64url. Raises Malformed."""
        raw = base64.urlsafe_b64decode(key.reveal() + "==")
        if len(raw) != 32:
            raise Malformed("the payload key is not 32 bytes")
        self._cipher = AESGCM(raw)
        self._key_id = hashlib.sha256(b"interlock payload key" + raw).hexdigest()[:8].encode()

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [self._seal(payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Raises Malformed for what another key sealed or what was altered. Plain payloads pass."""
        return [self._open(payload) for payload in payloads]

    def _seal(self, payload: Payload) -> Payload:
        nonce = os.urandom(_NONCE)
        sealed = self._cipher.encrypt(nonce, payload.SerializeToString(), self._key_id)
        return Payload(metadata={"encoding": _ENCODING, "key-id": self._key_id}, data=nonce + sealed)

    def _open(self, payload: Payload) -> Payload:
        if payload.metadata.get("encoding") != _ENCODING:
            return payload
        if payload.metadata.get("key-id") != self._key_id:
            raise Malformed("this payload was encrypted with another key")
        try:
            plain = self._cipher.decrypt(payload.data[:_NONCE], payload.data[_NONCE:], self._key_id)
        except InvalidTag as error:
            raise Malformed("this payload was altered") from error
        return Payload.FromString(plain)


def encrypting_converter(key: Secret) -> DataConverter:
    """A data converter that encrypts payloads and the text of failures."""
    return replace(
        DataConverter.default,
        payload_codec=EncryptingCodec(key),
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )
