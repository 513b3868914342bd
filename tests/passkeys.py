"""A software authenticator: real signatures, and every lie that a test wants told."""

import hashlib
import json
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from typing import Any, Final, Self

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from webauthn.helpers import encode_cbor

from contracts.passkey import Assertion, Passkey

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40
ORIGIN: Final = "http://localhost:7710"


@dataclass(frozen=True, kw_only=True)
class SoftPasskey:
    """One credential with its private key."""

    name: str
    host: str
    key: EllipticCurvePrivateKey

    @classmethod
    def create(cls, name: str = "laptop", host: str = "localhost") -> Self:
        return cls(name=name, host=host, key=generate_private_key(SECP256R1()))

    @property
    def credential_id(self) -> bytes:
        return hashlib.sha256(self._cose()).digest()[:20]

    @property
    def passkey(self) -> Passkey:
        """As the people file names it."""
        return Passkey(
            credential_id=encoded(self.credential_id), public_key=encoded(self._cose()), name=self.name
        )

    def sign(
        self,
        action_digest: str,
        origin: str = ORIGIN,
        *,
        host: str | None = None,
        flags: int = PRESENT | VERIFIED,
        **client: Any,
    ) -> Assertion:
        """``client``: fields of the client data that are other than a browser's."""
        raw = bytes.fromhex(action_digest.removeprefix("sha256:"))
        seen = _client("webauthn.get", raw, origin, client)
        data = self._data(host, flags)
        signature = self.key.sign(data + hashlib.sha256(seen).digest(), ECDSA(hashes.SHA256()))
        return Assertion(
            credential_id=encoded(self.credential_id),
            authenticator_data=encoded(data),
            client_data=encoded(seen),
            signature=encoded(signature),
        )

    def register(
        self, challenge: bytes, origin: str = ORIGIN, *, flags: int = PRESENT | VERIFIED, **client: Any
    ) -> dict[str, str]:
        """What ``navigator.credentials.create`` gives, with no attestation."""
        made = len(self.credential_id).to_bytes(2, "big") + self.credential_id + self._cose()
        data = self._data(None, flags | ATTESTED) + bytes(16) + made
        return {
            "credential_id": encoded(self.credential_id),
            "client_data": encoded(_client("webauthn.create", challenge, origin, client)),
            "attestation": encoded(encode_cbor({"fmt": "none", "attStmt": {}, "authData": data})),
        }

    def _data(self, host: str | None, flags: int) -> bytes:
        return hashlib.sha256((host or self.host).encode()).digest() + bytes([flags]) + bytes(4)

    def _cose(self) -> bytes:
        """EC2, ES256, P-256 (RFC 9053, section 7.1.1)."""
        point = self.key.public_key().public_numbers()
        x, y = (number.to_bytes(32, "big") for number in (point.x, point.y))
        return encode_cbor({1: 2, 3: -7, -1: 1, -2: x, -3: y})


def encoded(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode()


def _client(kind: str, challenge: bytes, origin: str, changed: dict[str, Any]) -> bytes:
    seen = {"type": kind, "challenge": encoded(challenge), "origin": origin, "crossOrigin": False}
    return json.dumps({**seen, **changed}).encode()
