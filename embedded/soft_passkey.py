"""A passkey in a file: what a fresh machine has in place of a person's device.

Its signatures are real (Web Authentication Level 2), the person behind them is only claimed: whoever reads
the file signs. It is for drills, and never for production.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from webauthn.helpers import encode_cbor

from adapters.passkeys import challenge, encoded
from contracts.errors import Malformed, Refused
from contracts.passkey import Assertion, Passkey
from embedded.aws.files import read_json, write_json

PRESENT: Final = 0x01
VERIFIED: Final = 0x04
"""Flags of authenticator data: a user was there, and the device made sure who."""

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")


@dataclass(frozen=True, kw_only=True)
class SoftPasskey:
    """One credential with its private key."""

    name: str
    #: The relying party: the host of the pages on which it signs.
    host: str
    key: EllipticCurvePrivateKey

    @classmethod
    def create(cls, name: str = "laptop", host: str = "localhost") -> Self:
        return cls(name=name, host=host, key=generate_private_key(SECP256R1()))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Raises Malformed where the file holds none; never with what it holds."""
        try:
            found: Any = read_json(path)
            key = serialization.load_pem_private_key(found["key"].encode(), password=None)
            name, host = found["name"], found["host"]
        except (KeyError, AttributeError, TypeError, ValueError) as error:
            raise Malformed(f"{path} holds no passkey of `interlock passkey make`") from error
        if not isinstance(key, EllipticCurvePrivateKey):
            raise Malformed(f"{path} holds no passkey of `interlock passkey make`")
        return cls(name=name, host=host, key=key)

    def save(self, path: Path) -> None:
        """For the owner's eyes alone. Raises Refused where there is one already: people.yaml may name it."""
        if path.exists():
            raise Refused(f"{path} is a passkey already: remove it first, and its lines from people.yaml")
        pem = self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        write_json(path, {"name": self.name, "host": self.host, "key": pem.decode()})

    @property
    def credential_id(self) -> bytes:
        return hashlib.sha256(self.cose()).digest()[:20]

    @property
    def passkey(self) -> Passkey:
        """As the people file names it."""
        return Passkey(
            credential_id=encoded(self.credential_id), public_key=encoded(self.cose()), name=self.name
        )

    def sign(self, digest: str, origin: str) -> Assertion:
        """What a device answers to the page of this origin that asks for a digest.

        Raises:
            Malformed: it is no digest.
            Refused: the page is of another host, which no device answers either.
        """
        if urlsplit(origin).hostname != self.host:
            raise Refused(f"this passkey is for pages at {self.host}, and these are at {origin}")
        seen = client_data("webauthn.get", challenge(digest), origin)
        return self.assertion(seen, self.authenticator_data(PRESENT | VERIFIED))

    def assertion(self, seen: bytes, data: bytes) -> Assertion:
        """Section 6.3.3: the signature is over the authenticator's data and the hash of the client's."""
        signature = self.key.sign(data + hashlib.sha256(seen).digest(), ECDSA(hashes.SHA256()))
        return Assertion(
            credential_id=encoded(self.credential_id),
            authenticator_data=encoded(data),
            client_data=encoded(seen),
            signature=encoded(signature),
        )

    def authenticator_data(self, flags: int, host: str | None = None) -> bytes:
        """Section 6.1; the counter stays at nought, as synchronised passkeys have it."""
        return hashlib.sha256((host or self.host).encode()).digest() + bytes([flags]) + bytes(4)

    def cose(self) -> bytes:
        """EC2, ES256, P-256 (RFC 9053, section 7.1.1)."""
        point = self.key.public_key().public_numbers()
        x, y = (number.to_bytes(32, "big") for number in (point.x, point.y))
        return encode_cbor({1: 2, 3: -7, -1: 1, -2: x, -3: y})


def client_data(kind: str, challenged: bytes, origin: str, **changed: object) -> bytes:
    """Section 5.8.1, as a browser writes it."""
    seen = {"type": kind, "challenge": encoded(challenged), "origin": origin, "crossOrigin": False}
    return json.dumps({**seen, **changed}).encode()


def place_of(state: Path, name: str) -> Path:
    """Where a state directory keeps somebody's. Raises Malformed."""
    if not _NAME.fullmatch(name):
        raise Malformed(f"{name!r} is no name for a passkey: write a principal's, such as grace")
    return state / "passkeys" / f"{name}.json"
